"""Lines that no shop would write, through the real program: each is counted, none stops it."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Final

from campaigns.cases import FLAGGED, STORE, Campaign, expect
from campaigns.program import finished
from events.store.frames import MARKER, Frame, encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Maker = Callable[[random.Random], bytes]

LINES: Final = 1_000
"""How many lines each case has, over batch and stream."""

_SPACE: Final = b" \t\r\n"
_SUMMARY: Final = re.compile(
    r"^([0-9,]+) events? \(.*\), ([0-9,]+) lines? rejected, ", re.MULTILINE
)
_MORE: Final = re.compile(r"^.*: ([0-9,]+) more lines? rejected \(", re.MULTILINE)
_SIGNS: Final = (b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"e", b"-", b".", b"0")
_KINDS: Final = ("purchase", "befriend", "unfriend")
_TEXTS: Final = (
    "1", "2", "ü", "e\u0301", "\u202e1", "\ufeff", "\x00", "\u2028", "\U0010ffff", "\U0001f600",
    "1" * 400, " 1 ", "\u0661", "NaN", "null", '"', "\\", "\\u0000", "\x7f", "\x85",
)  # fmt: skip
_NUMBERS: Final = (
    "0", "-0", "1e999999999", "-1e-999999999", "1" * 5_000, "0." + "0" * 5_000 + "1", "1e15",
    "999999999999999.9999", "00", "1.", ".5", "+1", "0x10", "1_000", "Infinity", "-1", "1E+2",
    "9" * 16, "18446744073709551616", "1e-4", "0.00001",
)  # fmt: skip
_TIMES: Final = (
    "2017-06-13 11:33:01", "2017-06-13 11:33:01.5", "2017-06-13T11:33:01", "0000-00-00 00:00:00",
    "9999-12-31 23:59:59", "2017-02-29 00:00:00", "2016-12-31 23:59:60", "2017-06-13 11:33",
    "\uff12\uff10\uff11\uff17-06-13 11:33:01", "2017-06-13 11:33:01." + "9" * 300, "",
    "2017-06-13T11:33:01+02:00", "0001-01-01 00:00:00+00:01", "9999-12-31 23:59:59Z",
)  # fmt: skip


class Fuzz(Campaign):
    """Each case is a run on 1,000 lines that are mostly nonsense."""

    name = "fuzz"
    title = f"{LINES:,} fuzzed lines a case"
    small = 3
    full = 100

    def case(self, number: int, folder: Path) -> None:
        """Run, count, verify, and get the lines back."""
        drawn = random.Random(f"fuzz {number}")
        lines = [fuzzed_line(drawn) for _ in range(LINES)]
        first = drawn.randrange(LINES)
        end = drawn.choice([b"\n", b""])
        parameters = b'{"D":"2", "T":"5"}'
        logs = {"batch": [parameters, *lines[:first]], "stream": lines[first:]}
        for name, of_log in logs.items():
            (folder / name).write_bytes(b"\n".join(of_log) + end)
        words = [folder / "batch", folder / "stream", folder / FLAGGED]
        said = finished(words, folder / "said")
        summary = _SUMMARY.search(said)
        expect(summary, f"expected a summary, found: {said[-500:]}")
        assert summary is not None
        accepted, rejected = (int(text.replace(",", "")) for text in summary.groups())
        blank = sum(is_blank(line) for line in lines)
        expect(
            accepted + rejected + blank == LINES,
            f"expected {LINES} lines, found {accepted} accepted + {rejected} rejected + "
            f"{blank} blank",
        )
        # The first of a reason one by one, the others counted.
        reported = sum(": rejected (" in line for line in said.split("\n"))
        reported += sum(int(count.replace(",", "")) for count in _MORE.findall(said))
        expect(reported == rejected, f"expected {rejected} lines reported, found {reported}")
        self.done["lines"] += LINES
        self.done["accepted"] += accepted
        self._look_at_store(logs, folder)

    def _look_at_store(self, logs: dict[str, list[bytes]], folder: Path) -> None:
        verified = finished(["verify", folder / STORE], folder / "verified")
        expect("no difference" in verified, f"expected no difference, found: {verified}")
        again = {name: folder / f"{name}.again" for name in logs}
        options = [word for name, path in again.items() for word in (f"--{name}", path)]
        finished(["export", folder / STORE, *options], folder / "exported")
        for name, path in again.items():
            kept = [line for line in logs[name] if not is_blank(line)]
            found = path.read_bytes().removesuffix(b"\n").split(b"\n")
            expect(found == (kept or [b""]), f"expected the {name} again, found other lines")


def is_blank(line: bytes) -> bool:
    """Tell whether a line is passed over: neither accepted nor rejected."""
    return not line.strip(_SPACE)


def fuzzed_line(drawn: random.Random) -> bytes:
    """Return a line without a newline."""
    weights = [weight for _, weight in _MAKERS]
    (make,) = drawn.choices([make for make, _ in _MAKERS], weights)
    return make(drawn).replace(b"\n", b"")


def _event(drawn: random.Random) -> dict[str, str]:
    kind = drawn.choice(_KINDS)
    time = f"2017-06-13 11:33:{drawn.randrange(60):02}"
    fields = {"event_type": kind, "timestamp": time}
    if kind == "purchase":
        cents = drawn.randrange(100_000)
        fields |= {"id": str(drawn.randrange(9)), "amount": f"{cents // 100}.{cents % 100:02}"}
    else:
        user = drawn.randrange(9)
        fields |= {"id1": str(user), "id2": str((user + drawn.randint(1, 8)) % 9)}
    return fields


def _valid(drawn: random.Random) -> bytes:
    return json.dumps(_event(drawn), separators=(", ", ":"), ensure_ascii=False).encode()


def _noise(drawn: random.Random) -> bytes:
    return drawn.randbytes(drawn.randrange(200))


def _mutated(drawn: random.Random) -> bytes:
    """Return a good line with some bytes changed, taken out, put in, doubled or moved."""
    line = bytearray(_valid(drawn))
    for _ in range(drawn.randint(1, 4)):
        start = drawn.randrange(len(line) + 1)
        end = min(len(line), start + drawn.choice([0, 1, 1, 2, 10]))
        line[start:end] = drawn.choice(
            [b"", drawn.randbytes(1), bytes(line[start:end]) * 2, drawn.choice(_SIGNS)]
        )
    return bytes(line)


def _odd_value(drawn: random.Random) -> bytes:
    """Return a good line with one value of a kind that it should not have, or hardly ever."""
    fields = _event(drawn)
    odd = drawn.choice(list(fields))
    values = [
        *(json.dumps(drawn.choice(_TEXTS), ensure_ascii=drawn.random() < 0.5) for _ in range(2)),
        *(drawn.choice(_NUMBERS), json.dumps(drawn.choice(_NUMBERS))),
        *(json.dumps(drawn.choice(_TIMES)), "null", "[]", "{}", "true", '"\\ud800"'),
    ]
    pairs = [
        f"{json.dumps(name)}:{drawn.choice(values) if name == odd else json.dumps(value)}"
        for name, value in fields.items()
    ]
    if drawn.random() < 0.3:
        pairs.append(drawn.choice(pairs))
        drawn.shuffle(pairs)
    return f"{{{','.join(pairs)}}}".encode("utf-8", "surrogatepass")


def _nested(drawn: random.Random) -> bytes:
    """Return arrays or objects in one another, by themselves or as a key's value."""
    depth = drawn.choice([10, 500, 1_100, 20_000])
    opening, closing = drawn.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nest = opening * depth + b"1" + closing * drawn.choice([0, depth, depth + 1])
    return nest if drawn.random() < 0.5 else _valid(drawn)[:-1] + b', "x": ' + nest + b"}"


def _marked(drawn: random.Random) -> bytes:
    """Return what looks like frames of a store, some of them whole."""
    frame = encode_frame(
        Frame(drawn.randrange(50), drawn.randrange(1_000), 1, drawn.randbytes(32), b"\x90")
    )
    return drawn.choice([MARKER, MARKER * 20, frame, b'{"a": "' + frame + b'"}'])


def _spaced(drawn: random.Random) -> bytes:
    space = b"".join(
        drawn.choices([b" ", b"\t", b"\r", b"\x0b", b"\xc2\xa0"], k=drawn.randrange(5))
    )
    start = drawn.choice([b"", b"\xef\xbb\xbf", space])
    return start + drawn.choice([b"", _valid(drawn)]) + space


def _blank(drawn: random.Random) -> bytes:
    return b"".join(drawn.choices([b" ", b"\t", b"\r"], k=drawn.randrange(5)))


def _long(drawn: random.Random) -> bytes:
    """Return a line that is longer than a block of the reader."""
    size = drawn.choice([70_000, 200_000])
    return drawn.choice(
        [drawn.randbytes(size), _valid(drawn)[:-1] + b" " * size + b"}", b"9" * size]
    )


# How often each kind of line comes, among 1,000.
_MAKERS: Final[list[tuple[Maker, int]]] = [
    (_valid, 250), (_mutated, 300), (_odd_value, 250), (_noise, 100), (_marked, 30),
    (_spaced, 40), (_blank, 20), (_nested, 8), (_long, 2),
]  # fmt: skip
