"""Ways to spoil a store whose checksums stay right, each drawn from a seed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from campaigns.remade import Packed, Piece, events_in, nested_heads
from campaigns.values import PACKED, RECORDS, STYLES, other_value

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from campaigns.remade import Remade

# How often a field is added that no release knows.
_LATER_FIELD: Final = 0.8
# Where in a record of events the lines are that are kept, and lines that are none of any
# event's own.
_KEPT: Final = 6
_LINES: Final = (
    b"{}", b"", b'{"event_type":"purchase", "timestamp":"2017-02-30 11:33:01", "id": "1"}',
    b'{"event_type":"unfriend", "timestamp":"1999-06-13 11:33:01", "id1": "me", "id2": "you"}',
)  # fmt: skip
# Fields of which only one value is right, whatever else stands in a store.
_CERTAIN: Final = {
    *(("stream", 1), ("decision", 1), ("written", 1), ("finding", 1), ("run", 1)),
    *(("digest", place) for place in (1, 3, 4)),
}
# Where the columns of a record are, and those of which the number of entries is certain.
_COLUMNS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "events": {
        "times": (1, 0), "places": (1, 1), "steps": (1, 2), "counts": (1, 3),
        "friendships": (2,), "names": (3, 0), "codes": (3, 1), "unit": (4,), "amounts": (5,),
        "kept": (6,), "lines": (7,), "style": (8,),
    },
    "observed": {
        "times": (1, 0), "places": (1, 1), "steps": (1, 2), "counts": (1, 3),
        "names": (2, 0), "codes": (2, 1), "keys": (3, 0), "codes of keys": (3, 1),
    },
}  # fmt: skip
_COUNTED: Final = {
    *("times", "steps", "friendships", "names", "codes", "amounts", "kept", "lines", "keys"),
    "codes of keys",
}


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
        record.append(other_value(drawn, None))
        return Change(f"behind the last of {kind}")
    before = record[place]
    record[place] = other_value(drawn, before)
    certain = (kind, place) in _CERTAIN and record[place] not in (before, 0)
    return Change(f"{place} of {kind}: {before!r:.200} to {record[place]!r:.200}", certain)


def _change_the_header(store: Remade, drawn: random.Random, other: Remade) -> Change:
    how = drawn.choice(["version", "all", *["field"] * 18])
    if how == "version":
        store.version = other_value(drawn, store.version)
    elif how == "all":
        store.header = drawn.choice([other.header, None, [], *map(Packed, PACKED)])
    else:
        store.header = other_value(drawn, store.header)
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
    new: Any = copy.deepcopy(drawn.choice([*RECORDS, *RECORDS, *borrowed]))
    if isinstance(new, list) and len(new) > 1 and drawn.random() < 0.5:
        _number(new, store, drawn)
    records = _piece(store, drawn).records
    records.insert(drawn.randrange(len(records) + 1), new)
    return Change(str(new[:1]))


def _number(record: list[Any], store: Remade, drawn: random.Random) -> None:
    """Let a record be about an event that there is."""
    events = sum(events_in(piece.records) for piece in store.pieces)
    if events and isinstance(record[1], int):
        record[1] = drawn.randint(1, events)


def _change_a_count(store: Remade, drawn: random.Random, _: Remade) -> Change:
    piece = _piece(store, drawn)
    right = events_in(piece.records)
    piece.events = drawn.choice([0, 1, 2, 3, len(piece.records), 2**32 - 1])
    return Change(f"{right} to {piece.events}", certain=piece.events != right)


def _change_a_body(store: Remade, drawn: random.Random, _: Remade) -> Change:
    piece = _piece(store, drawn)
    piece.body = drawn.choice([b"", b"\x00", b"\x91\x90", b"\x91\xc0", *PACKED])
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


def _change_a_column(store: Remade, drawn: random.Random, _: Remade) -> Change:
    """Change an entry of a column, or how many there are."""
    runs = _runs(store)
    if not runs:
        return Change("")
    record = drawn.choice(runs)
    name, path = drawn.choice(sorted(_COLUMNS[record[0]].items()))
    holder: Any = record
    for place in path[:-1]:
        holder = holder[place] if isinstance(holder, list) and len(holder) > place else None
    if not isinstance(holder, list) or len(holder) <= path[-1]:
        return Change("")
    column = holder[path[-1]]
    told = f"{name} of {record[0]}"
    if name == "style":
        holder[path[-1]] = drawn.choice([*STYLES, other_value(drawn, column)])
        return Change(f"{told}: {holder[path[-1]]!r:.200}")
    if not isinstance(column, list):
        holder[path[-1]] = other_value(drawn, column)
        return Change(f"{told}: {column!r} to {holder[path[-1]]!r:.200}")
    how = drawn.choice(["drop", "add", "double", "change", "swap"])
    if how == "add" or not column:
        near = column or [0, "x", b"x"]
        column.insert(drawn.randrange(len(column) + 1), other_value(drawn, drawn.choice(near)))
        how = "add"
    elif how == "drop":
        del column[drawn.randrange(len(column))]
    elif how == "double":
        column *= 2
    elif how == "change":
        place = drawn.randrange(len(column))
        column[place] = other_value(drawn, column[place])
    else:
        drawn.shuffle(column)
    counted = how in ("add", "drop", "double") and name in _COUNTED
    return Change(f"{how} in {told}", certain=counted)


def _number_decisions_anew(store: Remade, drawn: random.Random, _: Remade) -> Change:
    """Let the numbers of what was decided or found go back, or be all the same."""
    decided = [
        record
        for piece in store.pieces
        for record in piece.records
        if isinstance(record, list) and len(record) > 1 and record[0] == "decision"
    ]
    step = drawn.choice([-1, 0])
    for number, record in enumerate(decided, 1):
        record[1] = (len(decided) - number) * -step + 1
    return Change(f"{len(decided)}", certain=len(decided) > 1)


def _keep_the_line_of_another(store: Remade, drawn: random.Random, _: Remade) -> Change:
    runs = [run for run in _runs(store) if run[0] == "events" and len(run) > _KEPT + 1]
    if not runs:
        return Change("")
    run = drawn.choice(runs)
    line = drawn.choice(_LINES)
    kept, lines = run[_KEPT : _KEPT + 2]
    if not (isinstance(kept, list) and isinstance(lines, list)):
        return Change("")
    if lines:
        lines[drawn.randrange(len(lines))] = line
    else:
        kept.append(0)
        lines.append(line)
    return Change("", certain=True)


def _runs(store: Remade) -> list[list[Any]]:
    """Return the records of events, whichever they are."""
    return [
        record
        for piece in store.pieces
        for record in piece.records
        if isinstance(record, list) and record and record[0] in _COLUMNS
    ]


def _add_a_tail(store: Remade, drawn: random.Random, other: Remade) -> Change:
    store.tail = drawn.choice(
        [bytes(100), b"\x99\xa5frame" * 50, nested_heads(2_000), other.data(), b"\xff" * 3_000]
    )
    return Change("")


_WAYS: Final[dict[Callable[[Remade, random.Random, Remade], Change], int]] = {
    _change_a_field: 10,
    _change_a_column: 8,
    _change_the_header: 4,
    _drop_a_record: 2,
    _double_a_record: 2,
    _move_a_record: 2,
    _add_a_record: 4,
    _change_a_count: 2,
    _change_a_body: 1,
    _move_a_frame: 2,
    _number_decisions_anew: 1,
    _keep_the_line_of_another: 1,
    _add_a_tail: 1,
}
"""What is done, and how often."""
