"""A brute-force model of SPEC.md section 7, written to be obviously right.

It shares no code with the program: it reads lines with the json module, keeps all observations in
one list, and looks for intervals among all pairs of times.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from fractions import Fraction
from typing import Any, Final, NamedTuple

_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
_NANO: Final = 10**9
_EPOCH: Final = dt.datetime(1, 1, 1)  # noqa: DTZ001  has no zone


class Sought(NamedTuple):
    """What is looked for."""

    threshold: int
    """In nanoseconds."""
    inclusive: bool
    """Whether an interval may be just as long."""
    distinct_min: int
    """How many different ids one has at least."""
    lateness: int
    """How late an observation may come, in nanoseconds."""


class Seen(NamedTuple):
    """An observation; they sort by time and then by arrival."""

    seconds: Fraction
    number: int
    time: str
    adid: str
    key: str


class Stretch(NamedTuple):
    """An interval among the observations of a key."""

    start: int
    """The place of its first observation in the order of time."""
    end: int
    """That of its last one."""
    start_time: str
    end_time: str
    adids: tuple[str, ...]
    """Its different ids, in the order in which they come."""


def seconds_of(time: str) -> Fraction | None:
    """Return the seconds from the year 1 on, or None for no time."""
    matched = _TIME.fullmatch(time)
    if matched is None:
        return None
    *fields, fraction = matched.groups()
    try:
        moment = dt.datetime(*map(int, fields))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    return Fraction((moment - _EPOCH) // dt.timedelta(seconds=1)) + Fraction(f"0.{fraction or 0}")


def intervals(own: list[Seen], sought: Sought) -> list[Stretch]:
    """Return the intervals among ``own``, of one key and in order, as SPEC.md words it.

    Of every two times that occur: is their distance below the threshold, does it hold enough
    ids, and is it inside no other such one?
    """
    limit = Fraction(sought.threshold, _NANO)
    times = sorted({each.seconds for each in own})
    candidates = []
    for first in times:
        for last in times:
            span = last - first
            if span < 0 or span > limit or (span == limit and not sought.inclusive):
                continue
            places = [at for at, each in enumerate(own) if first <= each.seconds <= last]
            ids = tuple(dict.fromkeys(own[at].adid for at in places))
            if len(ids) >= sought.distinct_min:
                candidates.append((places[0], places[-1], ids))
    return [
        Stretch(start, end, own[start].time, own[end].time, ids)
        for start, end, ids in sorted(candidates)
        if not any(
            (one, two) != (start, end) and one <= start and end <= two for one, two, _ in candidates
        )
    ]


class IntervalModel:
    """What the program knows after each line of a stream, found in the simplest way there is."""

    def __init__(self, sought: Sought, *, keyed: bool) -> None:
        """Begin before the first line; ``keyed`` says whether lines have a key."""
        self.sought: Final = sought
        """What is looked for."""
        self.accepted = 0
        """How many lines were observations."""
        self.rejected = 0
        """How many were not, or came too late."""
        self.lines = b""
        """The intervals that are final, as lines."""
        self._keyed: Final = keyed
        self._waiting: list[Seen] = []
        self._passed: list[Seen] = []
        self._latest = Fraction(-1)

    @property
    def seen(self) -> dict[str, int]:
        """How many observations of each key had their turn, in order of their first one."""
        counts: dict[str, int] = {}
        for each in self._passed:
            counts[each.key] = counts.get(each.key, 0) + 1
        return counts

    def take(self, line: bytes) -> bool:
        """Take a line, and tell whether it is an observation."""
        read = self._read(line)
        late = Fraction(self.sought.lateness, _NANO)
        if read is None or read.seconds < self._latest - late:
            self.rejected += 1
            return False
        self.accepted += 1
        self._latest = max(self._latest, read.seconds)
        self._waiting = sorted([*self._waiting, read])
        while self._waiting and self._waiting[0].seconds <= self._latest - late:
            self._pass_on(self._waiting.pop(0))
        return True

    def _read(self, line: bytes) -> Seen | None:
        try:
            fields = json.loads(line)
            time, adid = fields["time"], str(fields["adid"])
            key = str(fields["address"]) if self._keyed else ""
        except (ValueError, KeyError, TypeError):
            return None
        seconds = seconds_of(time) if isinstance(time, str) else None
        if seconds is None or not adid or (self._keyed and not key):
            return None
        canonical = time.rstrip("0").rstrip(".") if "." in time else time
        return Seen(seconds, self.accepted + 1, canonical, adid, key)

    def _pass_on(self, seen: Seen) -> None:
        own = [each for each in self._passed if each.key == seen.key]
        self._passed.append(seen)
        for found in intervals([*own, seen], self.sought):
            # It is final when the first observation behind it comes.
            if found.end == len(own) - 1:
                self.lines += _line(found, seen.key if self._keyed else None)


def _line(found: Stretch, key: str | None) -> bytes:
    fields: dict[str, Any] = {} if key is None else {"key": key}
    fields |= {"start_index": found.start, "end_index": found.end}
    fields |= {"start_time": found.start_time, "end_time": found.end_time}
    fields |= {"num_adid": len(found.adids), "adids": found.adids}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
