"""What a search for intervals was asked for, as its event store keeps it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from events.bounds import Count, Number
from events.errors import SHOWN_MAX, BadValueError, shown_whole
from events.logs.extent import Fingerprint
from events.observations.csvrows import DELIMITER
from events.observations.parser import FileFormat, Format
from events.times.durations import format_duration
from events.times.epoch import TimeUnit

_Delimiter = Annotated[str, msgspec.Meta(pattern=rf"\A{DELIMITER}\Z")]
# As a 64-bit number of nanoseconds a duration has to fit into the store.
_NUMBER_MAX: Final = 2**63 - 1


def check_threshold(threshold: int, *, inclusive: bool) -> int:
    """Return ``threshold``, in nanoseconds, if a search can have it.

    Stores of earlier searches may have one of 0 that is not inclusive, too.

    Raises:
        BadValueError: it is negative, longer than 292 years, or such that no interval can be.

    """
    check_duration("threshold", threshold)
    if not threshold and not inclusive:
        raise BadValueError(
            "threshold: expected more than 0s, or 0s and inclusive for ids at the same instant, "
            "found 0s: nothing is shorter than that"
        )
    return threshold


def check_duration(name: str, nanoseconds: int) -> int:
    """Return ``nanoseconds`` if the setting ``name`` can be that.

    Raises:
        BadValueError: it is negative, or longer than 292 years.

    """
    if not 0 <= nanoseconds <= _NUMBER_MAX:
        sign, size = "-" * (nanoseconds < 0), abs(nanoseconds)
        found = shown_whole(nanoseconds) if size > SHOWN_MAX else sign + format_duration(size)
        expected = "0 or more" if sign else "at most 292 years"
        raise BadValueError(f"{name}: expected {expected}, found {found}")
    return nanoseconds


def check_distinct(count: int) -> int:
    """Return ``count`` if an interval can be asked to have so many ids.

    Raises:
        BadValueError: it is less than 1, or more than a store can keep.

    """
    if not 1 <= count <= _NUMBER_MAX:
        raise BadValueError(
            f"min_distinct: expected a whole number from 1 on, found '{shown_whole(count)}'"
        )
    return count


_SETTINGS: Final = (
    ("threshold", "threshold"),
    ("inclusive", "inclusiveness"),
    ("distinct_min", "number of ids"),
    ("lateness", "lateness"),
    ("time", "time column"),
    ("adid", "id column"),
    ("key", "key column"),
    ("output", "format"),
)


class IntervalParameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """The settings of SPEC.md section 7, and how the observations were read."""

    threshold: Count
    """In nanoseconds; an interval is shorter than that."""
    inclusive: bool
    """Whether it may be just as long, too."""
    distinct_min: Number
    """How many different ids an interval has at least."""
    lateness: Count | None
    """How late an observation may come, in nanoseconds; None: all are put in order first."""
    time: str
    """The name of the column of times."""
    adid: str
    """The name of the column of ids."""
    key: str | None
    """The name of the column of keys, if there is one."""
    form: Format
    """How the observations are written."""
    output: FileFormat
    """How the intervals are written."""
    observations: Fingerprint | None
    """What the file of observations was, or None for a pipe."""
    unit: TimeUnit | None = None
    """Of what the times are numbers since 1970; None where they are texts."""
    delimiter: _Delimiter = ","
    """What stands between the cells of CSV."""

    @property
    def live(self) -> bool:
        """Whether the observations are read while they are written."""
        return self.observations is None

    def same_search(self, other: IntervalParameters) -> bool:
        """Tell whether both read the same observations and look for the same in them.

        A file that was a pipe is the same as none; its name does not matter.
        """
        one, two = self.observations, other.observations
        if one is None or two is None or (one.size, one.sha256) != (two.size, two.sha256):
            return False
        return msgspec.structs.replace(self, observations=two) == other

    def other_settings(self, other: IntervalParameters) -> list[str]:
        """Return what ``other`` looks for otherwise, in words, in whatever observations.

        Whether a file was in order or was put in order first is no setting.
        """
        pairs = ((what, getattr(self, name), getattr(other, name)) for name, what in _SETTINGS)
        return [what for what, one, two in pairs if (one or None) != (two or None)]
