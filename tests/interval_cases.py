"""The seven named cases of SPEC.md section 7, and a slow finder that is obviously right."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.observations.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence


class Case(NamedTuple):
    """Observations, and the intervals below 10 minutes that they make."""

    observations: str
    """Clock times of 1 January 2020 and ids, in the order in which they stand in the file."""
    intervals: tuple[tuple[int, int, str, str, str], ...]
    """Places, clock times, and the ids in a row."""

    def rows(self) -> list[tuple[str, str]]:
        """Return the observations as times and ids."""
        pairs = (each.split("=") for each in self.observations.split())
        return [(f"2020-01-01 {time}", adid) for time, adid in pairs]

    def expected(self) -> list[Interval]:
        """Return the intervals."""
        return [
            Interval(
                *(start, end), f"2020-01-01 {first}", f"2020-01-01 {last}", len(ids), tuple(ids)
            )
            for start, end, first, last, ids in self.intervals
        ]


THRESHOLD: Final = 600 * 10**9
CASES: Final = {
    "five ids in five minutes": Case(
        "00:00:00=A 00:01:00=B 00:02:00=C 00:03:00=D 00:04:00=E",
        ((0, 4, "00:00:00", "00:04:00", "ABCDE"),),
    ),
    "two groups of five ids": Case(
        "00:00:00=A 00:01:00=B 00:02:00=C 00:03:00=D 00:04:00=E "
        "00:31:00=A 00:32:00=B 00:33:00=C 00:34:00=D 00:35:00=E",
        ((0, 4, "00:00:00", "00:04:00", "ABCDE"), (5, 9, "00:31:00", "00:35:00", "ABCDE")),
    ),
    "ids that come again": Case(
        "00:00:00=A 00:01:00=B 00:02:00=C 00:03:00=A 00:04:00=B",
        ((0, 4, "00:00:00", "00:04:00", "ABC"),),
    ),
    "two groups of ids that come again": Case(
        "00:00:00=A 00:01:00=B 00:02:00=C 00:03:00=A 00:04:00=B "
        "00:31:00=A 00:32:00=B 00:33:00=C 00:34:00=A 00:35:00=B",
        ((0, 4, "00:00:00", "00:04:00", "ABC"), (5, 9, "00:31:00", "00:35:00", "ABC")),
    ),
    "three that overlap, and one out of order": Case(
        "00:00:00=A 00:01:00=B 00:02:00=C 00:03:00=D 00:04:00=E "
        "00:02:05=F 00:05:02=G 00:07:59=H 00:10:56=I 00:13:53=J",
        (
            (0, 7, "00:00:00", "00:07:59", "ABCFDEGH"),
            (1, 8, "00:01:00", "00:10:56", "BCFDEGHI"),
            (5, 9, "00:04:00", "00:13:53", "EGHIJ"),
        ),
    ),
    "two that overlap, and then one id only": Case(
        "00:00:00=A 00:01:00=B 00:02:00=A 00:03:00=B 00:04:00=A "
        "00:02:05=B 00:05:32=B 00:08:59=B 00:12:26=B 00:15:53=B",
        ((0, 7, "00:00:00", "00:08:59", "AB"), (4, 8, "00:03:00", "00:12:26", "BA")),
    ),
    "too far apart, then one group": Case(
        "00:00:00=A 00:10:37=B 00:21:14=C 00:31:51=D 00:42:28=E "
        "01:13:28=A 01:14:28=B 01:15:28=C 01:16:28=D 01:17:28=E",
        ((5, 9, "01:13:28", "01:17:28", "ABCDE"),),
    ),
}


def seconds_of(time: str) -> Fraction:
    """Return the seconds between the start of ``time``'s month and ``time``."""
    days, clock = time[8:].split(" ")
    hours, minutes, seconds = clock.split(":")
    return Fraction(days) * 86_400 + int(hours) * 3_600 + int(minutes) * 60 + Fraction(seconds)


def all_pairs(
    rows: Sequence[tuple[str, str]],
    threshold: int,
    *,
    inclusive: bool = False,
    distinct_min: int = 2,
) -> list[Interval]:
    """Return the intervals of ``rows``, all of one month, as SPEC.md section 7 words it.

    Of every two times that occur, in every order of nothing else: is their distance
    below the threshold, does it hold enough ids, and is it inside no other such one?
    """
    ordered = sorted(rows, key=lambda row: seconds_of(row[0]))
    times = sorted({seconds_of(time) for time, _ in rows})
    limit = Fraction(threshold, 10**9)
    candidates: dict[tuple[Fraction, Fraction], Any] = {}
    for time1 in times:
        for time2 in times:
            span = time2 - time1
            if span < 0 or span > limit or (span == limit and not inclusive):
                continue
            inside = [
                (place, row)
                for place, row in enumerate(ordered)
                if time1 <= seconds_of(row[0]) <= time2
            ]
            ids = [adid for _, (_, adid) in inside]
            if len(set(ids)) >= distinct_min:
                candidates[time1, time2] = inside
    found: list[Interval] = []
    for (time1, time2), inside in sorted(candidates.items()):
        holders = [
            other
            for other in candidates
            if other != (time1, time2) and other[0] <= time1 and time2 <= other[1]
        ]
        if not holders:
            (first, (start, _)), (last, (end, _)) = inside[0], inside[-1]
            ids = []
            for _, (_, adid) in inside:
                if adid not in ids:
                    ids.append(adid)
            found.append(Interval(first, last, start, end, len(ids), tuple(ids)))
    return found
