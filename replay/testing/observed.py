"""Strategies for observations: times that tie, lie at a threshold or come late, and few keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from hypothesis import strategies as st

from replay.intervals.run import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECOND: Final = 10**9
IDS: Final = ("A", "B", "C", "D")
KEYS: Final = ("x", "y", "z")
# Steps to just below, at, and just above a threshold of 60 s.
_AHEAD: Final = (1, 29, 30, 31, 59, 60, 61, 200)
_BEHIND: Final = (-1, -30, -60)
_FRACTIONS: Final = ("", "", "", ".5", ".50", ".000000001")
BAD_ROWS: Final = (
    b"not json",
    b"{}",
    b'{"time": "yesterday", "adid": "A", "address": "x"}',
    b'{"time": "2020-02-30 00:00:00", "adid": "A", "address": "x"}',
    b'{"time": "2020-01-01 00:00:00", "adid": "", "address": "x"}',
    b'{"time": "2020-01-01 00:00:00", "address": "x"}',
)
"""Lines that are rejected."""
_DAY: Final = 86_400


class Draft(NamedTuple):
    """An observation before it is known when it is seen."""

    step: int
    """By how many seconds it is after the one before."""
    fraction: str
    """The fraction of a second."""
    adid: str
    """The id."""
    key: str
    """The address."""
    instead: bytes | None = None
    """A bad row in its place."""


def written(drafts: Iterable[Draft], clock: int = 0) -> tuple[list[bytes], int]:
    """Return lines, and the seconds since the start of a day at which the last one is."""
    lines = []
    for draft in drafts:
        clock = min(max(0, clock + draft.step), _DAY - 1)
        time = f"2020-01-01 {clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
        told = {"time": time + draft.fraction, "adid": draft.adid, "address": draft.key}
        lines.append(json.dumps(told).encode() if draft.instead is None else draft.instead)
    return lines, clock


def observations(
    ids: Sequence[str] = IDS,
    keys: Sequence[str] = KEYS,
    *,
    ties: float = 0.3,
    late: float = 0.1,
    bad: float = 0.1,
) -> st.SearchStrategy[Draft]:
    """Single observations, to be `written` one after another.

    Args:
        ids: the ids that are seen.
        keys: the addresses at which they are.
        ties: the share of those with the second of the one before.
        late: the share of those that are older than the one before.
        bad: the share of lines that are rejected.

    """
    shares = st.integers(0, 99)

    def draft(share: int, which: int, fraction: str, seen: tuple[str, str], good: int) -> Draft:
        instead = BAD_ROWS[which % len(BAD_ROWS)] if good >= 100 - 100 * bad else None
        steps = _BEHIND if share >= 100 - 100 * late else _AHEAD
        ahead = 0 if share < 100 * ties else steps[which % len(steps)]
        return Draft(ahead, fraction, *seen, instead)

    seen = st.tuples(st.sampled_from(tuple(ids)), st.sampled_from(tuple(keys)))
    return st.builds(draft, shares, st.integers(0, 23), st.sampled_from(_FRACTIONS), seen, shares)


def observation_logs(
    ids: Sequence[str] = IDS,
    keys: Sequence[str] = KEYS,
    *,
    ties: float = 0.3,
    late: float = 0.1,
    bad: float = 0.1,
    rows_max: int = 16,
) -> st.SearchStrategy[bytes]:
    """Whole logs of observations as JSON lines; the arguments are those of `observations`."""
    drafts = st.lists(observations(ids, keys, ties=ties, late=late, bad=bad), max_size=rows_max)
    return drafts.map(lambda found: b"".join(line + b"\n" for line in written(found)[0]))


def searches(lateness: Sequence[int] = (0, 30, 300)) -> st.SearchStrategy[Search]:
    """Look for about a minute, with a lateness of so many seconds."""
    return st.builds(
        Search,
        st.sampled_from([1, 60, 120]).map(SECOND.__mul__),
        st.booleans(),
        st.integers(1, 3),
        st.sampled_from(lateness).map(SECOND.__mul__),
    )
