"""Values that are wrong where another stands, or right where nobody expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from campaigns.remade import Packed

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_DEPTH: Final = 200_000
# How often a value is of another type then.
_OTHER_TYPE: Final = 0.1
STYLES: Final = (
    ["\1\2\3\5", None, None], ["", "", ""], [None] * 3,
    ['{"event_type":"purchase", "timestamp":"\1 \2", "id":"\3", "amount":"\5"}'] * 3,
    ['{"event_type":"purchase", "timestamp":"\1T\2", "amount":"\5", "id":"\3"}\r', *[
        f'{{"event_type":"{kind}", "timestamp":"\1T\2", "id2":"\4", "id1":"\3"}}\r'
        for kind in ("befriend", "unfriend")
    ]],
    [
        '{"event_type":"purchase", "timestamp":"\1T\2-23:59", "amount":"\5", "id":"\3"}',
        '{"event_type":"befriend", "timestamp":"\1T\2Z", "id2":"\4", "id1":"\3"}',
        '{"event_type":"unfriend", "timestamp":"\1 \2+24:00", "id2":"\4", "id1":"\3"}',
    ],
    ["\1 \2 \3 \4 \5" * 2_000] * 3,
)  # fmt: skip
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
    "none", "utc", "2017-06-13 11:33:01Z",
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
PACKED: Final = (
    b"\x91" * _DEPTH + b"\xc0", b"\x81\xa1a" * _DEPTH + b"\xc0",
    # Lengths beyond the end, no msgpack at all, an extension, a fraction.
    *_NO_TEXTS, b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xc1", b"\xc7\x01\x05a",
    b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\xd6\xff\x00\x00\x00\x00",
)  # fmt: skip
RECORDS: Final[tuple[list[Any], ...]] = (
    ["purchase", "2017-06-13 11:33:01", 1, "1", 168_300, None],
    ["befriend", "2017-06-13 11:33:01", 1, "1", "1", None],
    ["unfriend", "2017-06-13 11:33:01", 1, "1", "2", None],
    ["rejected", "batch", 1, "not-json", "expected", b"{"],
    ["rejected", "stream", 1, "line-too-long", "expected", b"{", 20_000_000, bytes(32)],
    ["lines", "batch", 1], ["lines", "stream", 1], ["lines", "observations", 1],
    ["end", "batch", 1, True], ["end", "stream", 9, False], ["end", "observations", 3, True],
    ["stream", 1], ["decision", 1, True, 2, 2_910, 2_146], ["written", 100], ["gap", 3, 1_000],
    ["digest", 1, bytes(32), 1, [0] * 8], ["digest", 1, bytes(32), 1, [0] * 6],
    ["events", [["2017-06-13 11:33:01"], 0, [], None], [], [["1"], [0]], 100, [1], [], [], None],
    ["events", [["2017-06-13 11:33:01"], 0, [], [2]], [0, 1], [["1", "2"], [0, 0, 1, 2]], 1, [], [],
     [], None],
    ["run", 1], ["run", 3], ["run", 2**32 - 1],
    ["cut", "stream", 1, "line-too-long", "expected", b"{", 20_000_000, bytes(32)],
    ["observed", [["2020-01-01 00:00:00"], 0, [], None], [["A"], [0]], None],
    ["observed", [["2020-01-01 00:00:00"], 0, [-5], None], [["A", "B"], [0, 0]], [["x"], [0, 1]]],
    ["observed", 1, ["2020-01-01 00:00:00"], ["A"], None],
    [
        "finding", 1,
        ["interval", 0, 1, "2020-01-01 00:00:00", "2020-01-01 00:00:30", 2, ["A", "B"], ""],
    ],
    ["unknown", 1], [], ["purchase"], ["lines", "batch", 1, "a later field", [1, {"a": [2]}]],
)  # fmt: skip


def other_value(drawn: random.Random, value: Any) -> Any:
    """Return something else than ``value``, mostly of its type."""
    if drawn.random() < _OTHER_TYPE:
        return drawn.choice([None, True, False, [], {}, *map(Packed, PACKED)])
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
    return drawn.choice([0, "x", b"x", [], {}, *_BYTES, *map(Packed, PACKED)])


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
        changed[place - 1] = other_value(drawn, changed[place - 1])
    return changed


def _map(drawn: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    changed = dict(value)
    name = drawn.choice([*changed, "later"])
    if drawn.random() < 0.15:
        changed.pop(name, None)
    else:
        changed[name] = other_value(drawn, changed.get(name))
    return changed
