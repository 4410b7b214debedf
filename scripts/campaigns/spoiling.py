"""Ways to spoil a store whose checksums stay right, each drawn from a seed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from campaigns.remade import EVENTS, Packed, Piece, events_in, nested_heads

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from campaigns.remade import Remade

_DEPTH: Final = 200_000
# How often a value is of another type then.
_OTHER_TYPE: Final = 0.1
# How often a field is added that no release knows.
_LATER_FIELD: Final = 0.8
# In which field of an event its line is, and lines that are none of any event's own.
_LINE: Final = 5
_LINES: Final = (
    b"{}", b"", b'{"event_type":"purchase", "timestamp":"2017-02-30 11:33:01", "id": "1"}',
    b'{"event_type":"unfriend", "timestamp":"1999-06-13 11:33:01", "id1": "me", "id2": "you"}',
)  # fmt: skip
# Fields of which only one value is right, whatever else stands in a store.
_CERTAIN: Final = {
    *((tag, 2) for tag in EVENTS),
    *(("stream", 1), ("decision", 1), ("written", 1), ("observed", 1), ("finding", 1)),
    *(("digest", place) for place in (1, 3, 4)),
}
_INTEGERS: Final = (
    0, 1, -1, 2, 7, 1_000, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 10**19, 2**64 - 1,
    -(2**63),
)  # fmt: skip
_TEXTS: Final = (
    "", "1", "x" * 70_000, "\x1b[2J\x07", "a\nb", "\u202e", "\u2028", "\0", '"', "\\", "\ud800",
    "batch", "stream", "observations", "csv", "jsonl", "../../x", "-", "purchase", "rejected",
    "0000-01-01 00:00:00", "2017-02-30 00:00:00", "2017-06-13 11:33:01.50", "2017-06-13T11:33:01",
    "9999-12-31 23:59:59.999", "0001-01-01 00:00:00", "2017-06-13 24:00:00", "2017-06-13",
    "2017-06-13 11:33:01." + "9" * 400, "\uff12017-06-13 11:33:01",
)  # fmt: skip
_BYTES: Final = (
    b"", b"{}", b"\xff\xfe", b"a\nb", b"\xef\xbb\xbf", bytes(32), bytes(31), b"}" * 3_000,
    b'{"D":"1", "T":"2"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "16.83"}',
    b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "1"}',
)  # fmt: skip
# Invalid UTF-8, and half a surrogate pair.
_NO_TEXTS: Final = (b"\xa4\xff\xfe\x80a", b"\xa3\xed\xa0\x80")
_PACKED: Final = (
    b"\x91" * _DEPTH + b"\xc0", b"\x81\xa1a" * _DEPTH + b"\xc0",
    # Lengths beyond the end, no msgpack at all, an extension, a fraction.
    *_NO_TEXTS, b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xc1", b"\xc7\x01\x05a",
    b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\xd6\xff\x00\x00\x00\x00",
)  # fmt: skip
_RECORDS: Final[tuple[list[Any], ...]] = (
    ["purchase", "2017-06-13 11:33:01", 1, "1", 168_300, None],
    ["befriend", "2017-06-13 11:33:01", 1, "1", "1", None],
    ["unfriend", "2017-06-13 11:33:01", 1, "1", "2", None],
    ["rejected", "batch", 1, "not-json", "expected", b"{"],
    ["rejected", "stream", 1, "line-too-long", "expected", b"{", 20_000_000, bytes(32)],
    ["lines", "batch", 1], ["lines", "stream", 1], ["lines", "observations", 1],
    ["end", "batch", 1, True], ["end", "stream", 9, False], ["end", "observations", 3, True],
    ["stream", 1], ["decision", 1, True, 2, 2_910, 2_146], ["written", 100], ["gap", 3, 1_000],
    ["digest", 1, bytes(32), 1, [0] * 8], ["digest", 1, bytes(32), 1, [0] * 6],
    ["observed", 1, ["2020-01-01 00:00:00"], ["A"], None],
    ["observed", 1, ["2020-01-01 00:00:00", "2019-01-01 00:00:00"], ["A", "B"], ["x", "y"]],
    [
        "finding", 1,
        ["interval", 0, 1, "2020-01-01 00:00:00", "2020-01-01 00:00:30", 2, ["A", "B"], ""],
    ],
    ["unknown", 1], [], ["purchase"], ["lines", "batch", 1, "a later field", [1, {"a": [2]}]],
)  # fmt: skip


class Change(NamedTuple):
    """What was changed."""

    told: str
    """In words."""
    certain: bool = False
    """Whether no run and no repair writes what is there then."""


def spoil(store: Remade, drawn: random.Random, other: Remade) -> list[Change]:
    """Change ``store`` in one to three ways; ``other`` is of the other kind."""
    done = []
    for _ in range(drawn.choice([1, 1, 1, 2, 3])):
        way = drawn.choices(list(_WAYS), list(_WAYS.values()))[0]
        told, certain = way(store, drawn, other)
        done.append(Change(f"{way.__name__.strip('_').replace('_', ' ')} {told}", certain))
    return done


def _value(drawn: random.Random, value: Any) -> Any:
    """Return something else than ``value``, mostly of its type."""
    if drawn.random() < _OTHER_TYPE:
        return drawn.choice([None, True, False, [], {}, *map(Packed, _PACKED)])
    changes: dict[type, Callable[[], Any]] = {
        bool: lambda: not value,
        int: lambda: drawn.choice(_few(drawn, [value - 1, value + 1], [2 * value, *_INTEGERS])),
        str: lambda: drawn.choice(
            _few(
                drawn,
                [value + "0", value[:-1], value + "1"],
                [*map(Packed, _NO_TEXTS * 3), *_TEXTS],
            )
        ),
        bytes: lambda: drawn.choice([value[:-1], value + b"x", value + b"\n", *_BYTES]),
        list: lambda: _list(drawn, value),
        dict: lambda: _map(drawn, value),
    }
    change = changes.get(type(value))
    if change is not None:
        return change()
    return drawn.choice([0, "x", b"x", [], {}, *_BYTES, *map(Packed, _PACKED)])


def _few(drawn: random.Random, near: list[Any], others: list[Any]) -> list[Any]:
    """Return values of which one is to be chosen: half of the time those ``near`` the old one."""
    return near if drawn.random() < 0.5 else others


def _list(drawn: random.Random, value: list[Any]) -> list[Any]:
    changed = list(value)
    how = drawn.randrange(6)
    place = drawn.randrange(len(changed) + 1)
    if how == 0 or not changed:
        changed.insert(place, drawn.choice([0, "x", *changed]))
    elif how == 1:
        del changed[place - 1]
    elif how == 2:
        changed.reverse()
    elif how == 3:
        changed *= drawn.choice([0, 2])
    else:
        changed[place - 1] = _value(drawn, changed[place - 1])
    return changed


def _map(drawn: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    changed = dict(value)
    name = drawn.choice([*changed, "later"])
    if drawn.random() < 0.15:
        changed.pop(name, None)
    else:
        changed[name] = _value(drawn, changed.get(name))
    return changed


def _piece(store: Remade, drawn: random.Random) -> Piece:
    if not store.pieces:
        store.pieces.append(Piece([]))
    return drawn.choice(store.pieces)


def _change_a_field(store: Remade, drawn: random.Random, _: Remade) -> Change:
    """Change a field, of each type of record as often as of any other."""
    kinds: dict[str, list[list[Any]]] = {}
    for piece in store.pieces:
        for record in piece.records:
            if isinstance(record, list) and record:
                kinds.setdefault(str(record[0]), []).append(record)
    if not kinds:
        return Change("")
    kind = drawn.choice(sorted(kinds))
    record = drawn.choice(kinds[kind])
    place = drawn.randrange(len(record))
    if place == 0 and drawn.random() < _LATER_FIELD:
        record.append(_value(drawn, None))
        return Change(f"behind the last of {kind}")
    before = record[place]
    record[place] = _value(drawn, before)
    certain = (kind, place) in _CERTAIN and record[place] not in (before, 0)
    return Change(f"{place} of {kind}: {before!r:.200} to {record[place]!r:.200}", certain)


def _change_the_header(store: Remade, drawn: random.Random, other: Remade) -> Change:
    how = drawn.choice(["version", "all", *["field"] * 18])
    if how == "version":
        store.version = _value(drawn, store.version)
    elif how == "all":
        store.header = drawn.choice([other.header, None, [], *map(Packed, _PACKED)])
    else:
        store.header = _value(drawn, store.header)
    return Change(how, certain=_is_impossible(store.header))


def _is_impossible(header: Any) -> bool:
    """Tell whether numbers stand in a header that no run writes."""
    if not isinstance(header, dict):
        return True
    search = header.get("intervals")
    numbers = [header.get("flagged")]
    if isinstance(search, dict):
        numbers += [search.get("threshold"), search.get("lateness"), search.get("distinct_min")]
    return any(isinstance(number, int) and number < 0 for number in numbers)


def _drop_a_record(store: Remade, drawn: random.Random, _: Remade) -> Change:
    records = _piece(store, drawn).records
    return Change(str(records.pop(drawn.randrange(len(records)))[:1]) if records else "")


def _double_a_record(store: Remade, drawn: random.Random, _: Remade) -> Change:
    records = _piece(store, drawn).records
    if not records:
        return Change("")
    chosen = drawn.choice(records)
    records.insert(drawn.randrange(len(records) + 1), copy.deepcopy(chosen))
    return Change(str(chosen[:1]))


def _move_a_record(store: Remade, drawn: random.Random, _: Remade) -> Change:
    records = _piece(store, drawn).records
    if not records:
        return Change("")
    moved = records.pop(drawn.randrange(len(records)))
    target = _piece(store, drawn).records
    target.insert(drawn.randrange(len(target) + 1), moved)
    return Change(str(moved[:1]))


def _add_a_record(store: Remade, drawn: random.Random, other: Remade) -> Change:
    borrowed = [record for piece in other.pieces for record in piece.records]
    new: Any = copy.deepcopy(drawn.choice([*_RECORDS, *_RECORDS, *borrowed]))
    if isinstance(new, list) and len(new) > 1 and drawn.random() < 0.5:
        _number(new, store, drawn)
    records = _piece(store, drawn).records
    records.insert(drawn.randrange(len(records) + 1), new)
    return Change(str(new[:1]))


def _number(record: list[Any], store: Remade, drawn: random.Random) -> None:
    """Let a record be about an event that there is."""
    numbers = [event[2] for event in _events(store)]
    if numbers:
        record[2 if record[0] in EVENTS else 1] = drawn.choice(numbers)


def _change_a_count(store: Remade, drawn: random.Random, _: Remade) -> Change:
    piece = _piece(store, drawn)
    right = events_in(piece.records)
    piece.events = drawn.choice([0, 1, 2, 3, len(piece.records), 2**32 - 1])
    return Change(f"{right} to {piece.events}", certain=piece.events != right)


def _change_a_body(store: Remade, drawn: random.Random, _: Remade) -> Change:
    piece = _piece(store, drawn)
    piece.body = drawn.choice([b"", b"\x00", b"\x91\x90", b"\x91\xc0", *_PACKED])
    return Change("", certain=True)


def _move_a_frame(store: Remade, drawn: random.Random, _: Remade) -> Change:
    pieces = store.pieces
    moved = _piece(store, drawn)
    how = drawn.choice(["drop", "double", "move", "split", "join"])
    place = pieces.index(moved)
    if how in ("drop", "move", "join"):
        del pieces[place]
    if how == "double":
        moved = copy.deepcopy(moved)
    if how in ("double", "move"):
        pieces.insert(drawn.randrange(len(pieces) + 1), moved)
    elif how == "split":
        cut = drawn.randrange(len(moved.records) + 1)
        pieces.insert(place + 1, Piece(moved.records[cut:]))
        del moved.records[cut:]
    elif how == "join" and pieces:
        pieces[place - 1].records += moved.records
    return Change(how)


def _number_events_anew(store: Remade, drawn: random.Random, _: Remade) -> Change:
    """Let event numbers go back, be all the same, or leave some out."""
    events = _events(store)
    step = drawn.choice([-1, 0, 2])
    for number, event in enumerate(events, 1):
        event[2] = number * step if step > 0 else max(1, (len(events) - number) * -step)
    return Change(f"{len(events)}", certain=len(events) > 1)


def _keep_the_line_of_another(store: Remade, drawn: random.Random, _: Remade) -> Change:
    events = [event for event in _events(store) if len(event) > _LINE]
    if not events:
        return Change("")
    drawn.choice(events)[_LINE] = drawn.choice(_LINES)
    return Change("", certain=True)


def _events(store: Remade) -> list[list[Any]]:
    return [
        record
        for piece in store.pieces
        for record in piece.records
        if isinstance(record, list) and len(record) > 2 and record[0] in EVENTS
    ]


def _add_a_tail(store: Remade, drawn: random.Random, other: Remade) -> Change:
    store.tail = drawn.choice(
        [bytes(100), b"\x99\xa5frame" * 50, nested_heads(2_000), other.data(), b"\xff" * 3_000]
    )
    return Change("")


_WAYS: Final[dict[Callable[[Remade, random.Random, Remade], Change], int]] = {
    _change_a_field: 12,
    _change_the_header: 4,
    _drop_a_record: 2,
    _double_a_record: 2,
    _move_a_record: 2,
    _add_a_record: 4,
    _change_a_count: 2,
    _change_a_body: 1,
    _move_a_frame: 2,
    _number_events_anew: 1,
    _keep_the_line_of_another: 1,
    _add_a_tail: 1,
}
"""What is done, and how often."""
