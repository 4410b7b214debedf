"""Writes a batch log and a stream log that look like a real shop's, from a seed.

With no options they look like the full sample of the public challenge: 500,000 past
lines of 10,000 users, all alike in how often they act, and 1,000 new ones. The same
options give the same bytes on every machine, Python and PYTHONHASHSEED.

The project's own sample is made with the command that ``--help`` ends in.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import random
from array import array
from bisect import bisect
from itertools import accumulate, cycle
from math import log
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BATCH_NAME: Final = "batch_log.json"
STREAM_NAME: Final = "stream_log.json"

# Amounts are 1 plus a Weibull distribution, cut off at 400. With these two numbers
# the median is 58, the mean 65 and the standard deviation 40, and every twentieth of
# the real amounts is met within 13 %; a log-normal one has far too long a tail.
_AMOUNT_SCALE_CENTS: Final = 7_100
_AMOUNT_EXPONENT: Final = 0.606
_AMOUNT_LEAST_CENTS: Final = 100
_AMOUNT_MOST_CENTS: Final = 40_000

_SPIKE_FACTOR: Final = 10
_LATE_SECONDS_MAX: Final = 60
# Friendships that may still be ended; beyond that a new one replaces a random one.
_REMEMBERED_MAX: Final = 100_000
_LINES_PER_CHUNK: Final = 4_096
_HUB_SHARE: Final = 0.5

_ESCAPE = "surrogateescape"
BAD_LINES: Final = {
    "not JSON": '{"event_type":"purchase", "timestamp":"$time", "id": "$user", "amount": "$am',
    "missing key": '{"event_type":"purchase", "timestamp":"$time", "id": "$user"}',
    "bad timestamp": '{"event_type":"purchase", "timestamp":"14/06/2017", "id": "$user", '
    '"amount": "$amount"}',
    "impossible date": '{"event_type":"befriend", "timestamp":"2017-02-30 11:33:01", '
    '"id1": "$user", "id2": "$other"}',
    "negative amount": '{"event_type":"purchase", "timestamp":"$time", "id": "$user", '
    '"amount": "-$amount"}',
    "too many places": '{"event_type":"purchase", "timestamp":"$time", "id": "$user", '
    '"amount": "${amount}125"}',
    "unknown type": '{"event_type":"refund", "timestamp":"$time", "id": "$user", '
    '"amount": "$amount"}',
    "self friend": '{"event_type":"befriend", "timestamp":"$time", "id1": "$user", "id2": "$user"}',
    "not UTF-8": '{"event_type":"purchase", "timestamp":"$time", "id": "$user\udcff", '
    '"amount": "$amount"}',
    "empty id": '{"event_type":"unfriend", "timestamp":"$time", "id1": "$user", "id2": ""}',
    "blank": "  ",
}
"""One template for each kind of bad line, by name; a blank one is skipped, not rejected.

Half a surrogate pair stands for a byte that is not UTF-8.
"""


class Shares(NamedTuple):
    """Which part of a log's lines is what; the rest are purchases."""

    befriend: float
    """Friendships that begin, 0 to 1."""
    unfriend: float
    """Friendships that end, 0 to 1."""


BATCH_SHARES: Final = Shares(0.19, 0.01)
STREAM_SHARES: Final = Shares(0.20, 0.02)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """What the two logs are to be like."""

    users: int = 10_000
    """How many users there are; their ids are the numbers from 0."""
    lines: int = 500_000
    """Lines of the batch after the first, which holds D and T."""
    stream_lines: int = 1_000
    """Lines of the stream."""
    degrees: int = 2
    """D."""
    tracked: int = 50
    """T."""
    seed: int = 1
    """Where the random numbers start."""
    batch_shares: Shares = BATCH_SHARES
    """Kinds of lines in the batch."""
    stream_shares: Shares = STREAM_SHARES
    """Kinds of lines in the stream."""
    spikes: float = 0.001
    """Share of the stream's purchases whose amount is multiplied by 10."""
    late: float = 0.0
    """Share of lines whose timestamp is 1 to 60 s older than their place says."""
    bad: float = 0.0
    """Share of lines that are bad, each kind of `BAD_LINES` in turn."""
    skew: float = 0.0
    """0: all users act alike; else the user ranked r acts in proportion to r ** -skew."""
    hubs: int = 0
    """So many users, the first of all, are on one side of half of the friendships that begin."""
    start: dt.datetime = dt.datetime(2017, 6, 14, 18, 46, 40)  # noqa: DTZ001
    """Time of the first line; no time zone is known."""
    rate: float = 50_000.0
    """Lines per second of the log's time."""


class Generator:
    """Makes the logs of a workload: first `batch`, then `stream`, which goes on from it.

    Of `random.Random` only `random` is used, the one method whose numbers Python
    promises to keep.
    """

    def __init__(self, workload: Workload) -> None:
        """Start at the workload's seed."""
        self.workload: Final = workload
        self._random = random.Random(workload.seed).random
        self._actor = self._choose_actor()
        self._friends: list[tuple[int, int]] = []
        self._bad_kinds = cycle([Template(text) for text in BAD_LINES.values()])

    def batch(self) -> Iterator[bytes]:
        """Iterate over the batch log, some whole lines at a time."""
        workload = self.workload
        yield b'{"D":"%d", "T":"%d"}\n' % (workload.degrees, workload.tracked)
        yield from self._chunks(0, workload.lines, workload.batch_shares, 0.0)

    def stream(self) -> Iterator[bytes]:
        """Iterate over the stream log, some whole lines at a time."""
        workload = self.workload
        first, shares = workload.lines, workload.stream_shares
        yield from self._chunks(first, workload.stream_lines, shares, workload.spikes)

    def _chunks(self, first: int, count: int, shares: Shares, spikes: float) -> Iterator[bytes]:
        for begin in range(first, first + count, _LINES_PER_CHUNK):
            end = min(begin + _LINES_PER_CHUNK, first + count)
            lines = self._lines(range(begin, end), shares, spikes)
            yield "".join(lines).encode(errors=_ESCAPE)

    def _lines(self, places: range, shares: Shares, spikes: float) -> Iterator[str]:
        workload, rand, actor = self.workload, self._random, self._actor
        late, bad = workload.late, workload.bad
        unfriend, befriend = shares.unfriend, shares.unfriend + shares.befriend
        second, time = -1, ""
        for place in places:
            if int(place / workload.rate) != second:
                second = int(place / workload.rate)
                time = self._time(second)
            at = time
            if late and rand() < late:
                at = self._time(second - 1 - int(rand() * _LATE_SECONDS_MAX))
            if bad and rand() < bad:
                yield self._bad_line(at)
                continue
            kind = rand()
            if kind >= befriend:
                cents = self._cents()
                if spikes and rand() < spikes:
                    cents *= _SPIKE_FACTOR
                yield (
                    f'{{"event_type":"purchase", "timestamp":"{at}", '
                    f'"id": "{actor()}", "amount": "{cents // 100}.{cents % 100:02d}"}}\n'
                )
            elif kind >= unfriend or not self._friends:
                user1, user2 = self._befriend()
                yield (
                    f'{{"event_type":"befriend", "timestamp":"{at}", '
                    f'"id1": "{user1}", "id2": "{user2}"}}\n'
                )
            else:
                user1, user2 = self._unfriend()
                yield (
                    f'{{"event_type":"unfriend", "timestamp":"{at}", '
                    f'"id1": "{user1}", "id2": "{user2}"}}\n'
                )

    def _time(self, second: int) -> str:
        return str(self.workload.start + dt.timedelta(seconds=second))

    def _cents(self) -> int:
        above = int(_AMOUNT_SCALE_CENTS * (-log(1.0 - self._random())) ** _AMOUNT_EXPONENT)
        return min(_AMOUNT_LEAST_CENTS + above, _AMOUNT_MOST_CENTS)

    def _choose_actor(self) -> Callable[[], int]:
        users, skew, rand = self.workload.users, self.workload.skew, self._random
        if not skew:
            return lambda: int(rand() * users)
        # Eight bytes a user, and about 1 µs a line with a million of them.
        summed = array("d", accumulate(rank**-skew for rank in range(1, users + 1)))
        total, last = summed[-1], users - 1
        return lambda: min(bisect(summed, rand() * total), last)

    def _befriend(self) -> tuple[int, int]:
        hubs, user1 = self.workload.hubs, self._actor()
        if hubs and self._random() < _HUB_SHARE:
            user1 = int(self._random() * hubs)
        user2 = int(self._random() * (self.workload.users - 1))
        friends = (user1, user2 + (user2 >= user1))
        if len(self._friends) < _REMEMBERED_MAX:
            self._friends.append(friends)
        else:
            self._friends[int(self._random() * _REMEMBERED_MAX)] = friends
        return friends

    def _unfriend(self) -> tuple[int, int]:
        # As in the real sample, whoever parts has been friends before.
        place = int(self._random() * len(self._friends))
        self._friends[place], self._friends[-1] = self._friends[-1], self._friends[place]
        return self._friends.pop()

    def _bad_line(self, time: str) -> str:
        user, cents = self._actor(), self._cents()
        amount = f"{cents // 100}.{cents % 100:02d}"
        other = (user + 1) % self.workload.users
        values = {"time": time, "user": user, "other": other, "amount": amount, "am": amount[:1]}
        return next(self._bad_kinds).substitute(values) + "\n"


def write(workload: Workload, folder: str | Path) -> None:
    """Write both logs of ``workload`` to ``folder``, which is made if it is missing.

    Raises:
        OSError: a log cannot be written.

    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = Generator(workload)
    for name, chunks in ((BATCH_NAME, generator.batch()), (STREAM_NAME, generator.stream())):
        with (folder / name).open("wb") as file:
            file.writelines(chunks)


_EPILOG = f"""\
Amounts are 1 to 400 with median 58. Friend pairs are uniform unless --skew is given;
whoever parts has been friends before. Bad lines are of these kinds, in turn:
  {", ".join(list(BAD_LINES)[:6])},
  {", ".join(list(BAD_LINES)[6:])}

example, which makes the project's own sample:
  python scripts/workload.py scripts/sample --users 1000 --lines 20000 \\
      --stream-lines 600 --spikes 0.005 --rate 500 --late 0.002 --bad 0.0005 --seed 3
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: the words after the program's name, by default those of the process.

    """
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    folder, befriend, unfriend = (values.pop(name) for name in ("output", "befriend", "unfriend"))
    for name, default in (("batch_shares", BATCH_SHARES), ("stream_shares", STREAM_SHARES)):
        shares = Shares(
            default.befriend if befriend is None else befriend,
            default.unfriend if unfriend is None else unfriend,
        )
        if sum(shares) > 1:
            parser.error(f"expected at most 1 for all friendship lines, found {sum(shares):g}")
        values[name] = shares
    try:
        write(Workload(**values), folder)
    except OSError as error:
        parser.exit(1, f"workload: {folder}: expected to write the logs, found: {error}\n")
    except OverflowError:
        parser.error("--start: expected times in the years 1 to 9999; use another or a higher rate")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workload.py",
        description="Write a batch log and a stream log that look like a real shop's, from a seed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    share = _number(float, 0, 1)
    default = Workload()
    add = parser.add_argument
    add("output", metavar="OUTPUT", help=f"folder to write {BATCH_NAME} and {STREAM_NAME} to")
    for flag, name, kind, text in (
        ("--users", "users", _number(int, 2), "how many users"),
        ("--lines", "lines", _number(int, 0), "lines of the batch after its first"),
        ("--stream-lines", "stream_lines", _number(int, 0), "lines of the stream"),
        ("-D", "degrees", _number(int, 1), "degree of the network"),
        ("-T", "tracked", _number(int, 2), "purchases tracked in the network"),
        ("--seed", "seed", _number(int, 0), "another seed makes other logs of the same kind"),
        ("--late", "late", share, "share of lines with a timestamp 1 to 60 s too old"),
        ("--bad", "bad", share, "share of bad lines"),
        ("--spikes", "spikes", share, "share of stream purchases made 10 times as large"),
        (
            "--skew",
            "skew",
            _number(float, 0),
            "0: users act alike; 1: as in Zipf's law; larger: a few users do nearly all",
        ),
        ("--hubs", "hubs", _number(int, 0), "users who are in half of all friendships"),
        ("--rate", "rate", _number(float, 0.001), "lines per second of the log's time"),
    ):
        value = getattr(default, name)
        metavar = flag.lstrip("-").rpartition("-")[2].upper()
        help_text = f"{text} (default: {value:,})" if name != "seed" else f"{text} (default: 1)"
        add(flag, dest=name, type=kind, default=value, metavar=metavar, help=help_text)
    for flag, batch, stream in zip(
        ("--befriend", "--unfriend"), BATCH_SHARES, STREAM_SHARES, strict=True
    ):
        text = f"share of such lines (default: {batch} of the batch, {stream} of the stream)"
        add(flag, type=share, metavar="SHARE", help=text)
    text = f'time of the first line (default: "{default.start}")'
    add("--start", type=_start, default=default.start, metavar="TIME", help=text)
    return parser


def _number(kind: type[int | float], least: float, most: float = 1e15) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(-1)
        if not least <= value <= most:
            bounds = f"of {least} to {most}" if most == 1 else f"of at least {least}"
            raise argparse.ArgumentTypeError(f"expected a number {bounds}, found {text!r}")
        return value

    return parse


def _start(text: str) -> dt.datetime:
    try:
        time = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  has no zone
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected YYYY-MM-DD HH:MM:SS, found {text!r}") from None
    return time


if __name__ == "__main__":
    main()
