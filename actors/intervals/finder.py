"""Time intervals in which several advertising ids appear (SPEC.md section 7).

Of observations in time order, the longest range from a place is all that begins
there and is shorter than the threshold. The ranges that are wanted are those not
inside another one. What holds a range that qualifies qualifies too, so that looking
for ids can wait until the ranges are known: a window slides over the observations,
and each time its start must move on, it was such a range.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.intervals.window_ids import WindowIds
from actors.intervals.windows import Reach, check_order
from events.errors import BadValueError
from events.observations.interval import Interval
from events.times.durations import SECOND
from events.times.instants import EDGE, Span, instant_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.intervals.windows import Own

# The ids of a window of so few rows, or of not many more than are new in it, are
# gathered again when one of them moves; those of any other are kept account of.
_ROWS_FEW: Final = 64
_ROWS_PER_NEW: Final = 4
_STEP_MIN: Final = 4
# The longest text of a time that a `datetime` holds exactly.
_EXACT_MAX: Final = len("YYYY-MM-DD HH:MM:SS.ffffff")
_MICROSECOND: Final = 1_000
# A bit more than from the year 1 to the year 9999.
_SPAN_MAX: Final = 10_000 * 366 * 86_400 * SECOND


class Memory(NamedTuple):
    """What a finder holds at a moment."""

    first: int
    """The place of the first observation that a coming one may be in an interval with."""
    given: int
    """The place behind the last observation that is in an interval that was judged."""
    latest: str
    """The latest time."""
    times: tuple[str, ...]
    """The times of the observations from the first on."""
    adids: tuple[str, ...]
    """Their ids."""
    distinct: int
    """How many different ids the window had that was judged last."""


class IntervalFinder:
    """Finds the intervals of observations that come in time order.

    An interval is given out as soon as no later observation can extend it. What is
    kept are the observations within one threshold of the latest, at most twice their
    number, and what came in the same call. The time taken is linear in the
    observations and in the ids of the intervals.
    """

    def __init__(
        self, threshold: int, *, inclusive: bool = False, distinct_min: int = 2, key: str = ""
    ) -> None:
        """Begin before the first observation.

        Args:
            threshold: nanoseconds, as `events.times.durations.parse_duration` gives them; an
                interval is shorter than that.
            inclusive: an interval may be just as long, too.
            distinct_min: how many different ids an interval has at least, 1 or more.
            key: whose observations they are; it is put into the intervals.

        """
        if threshold < 0 or distinct_min < 1:
            raise BadValueError("expected a threshold of 0 or more, and 1 id or more, found less")
        self._threshold: Final = threshold
        self._inclusive: Final = inclusive
        self._distinct_min: Final = distinct_min
        self._key: Final = key
        self._times: list[str] = []
        self._adids: list[str] = []
        # Parallel to them the times to reckon with. Instants are exact always, datetimes
        # to the microsecond, and made in a tenth of the time.
        self._keys: list[Any] = []
        self._exact = False
        # What to add to a time for the first one that is too far from it.
        self._span: Any = None
        if threshold % _MICROSECOND or threshold > _SPAN_MAX:
            self._be_exact()
        else:
            self._span = dt.timedelta(microseconds=threshold // _MICROSECOND + inclusive)
        # In these lists: where the window begins, and the end of what was given out.
        self._start = 0
        self._given = 0
        # How many rows were dropped from the lists' beginning.
        self._dropped = 0
        self._latest = ""
        # The ids of the window last looked at, in order, and their last places in it.
        self._ids: list[str] = []
        self._last: dict[str, int] = {}
        self._ids_start = self._ids_end = 0
        self._account: WindowIds | None = None
        # How many ids the window had that was judged last.
        self._distinct = 0

    @property
    def rows_kept(self) -> int:
        """How many observations are remembered."""
        return len(self._times)

    @property
    def seen(self) -> int:
        """How many observations there were in all."""
        return self._dropped + len(self._times)

    @property
    def window_start(self) -> int:
        """The place of the first observation that a coming one may be in an interval with."""
        return self._dropped + self._start

    @property
    def ids_max(self) -> int:
        """How many different ids the window has at the most."""
        end = len(self._times)
        return min(end - self._start, self._distinct + end - self._given)

    def memory(self) -> Memory:
        """Return all that what comes next depends on."""
        start, dropped = self._start, self._dropped
        times, adids = tuple(self._times[start:]), tuple(self._adids[start:])
        given = self._given + dropped
        return Memory(start + dropped, given, self._latest, times, adids, self._distinct)

    def recover(self, own: Own, seen: int, ended: int = 0) -> None:
        """Be as one that was told the first ``seen`` of the observations ``own``, as a new one is.

        Few of them are read: those of the window, and of the one that was judged last.

        Args:
            own: the observations.
            seen: how many of them.
            ended: how many there were when they last seemed to be all.

        """
        if not seen:
            return
        judged, given, start = Reach(self._threshold, self._inclusive).window(own, seen, ended)
        times, adids = own.rows(judged, seen)
        self._latest = times[-1] if times else own.time(seen - 1)
        self._distinct = len(set(adids[: given - judged]))
        self._times, self._adids = list(times[start - judged :]), list(adids[start - judged :])
        self._keys = self._keys_of(self._times) if self._times else []
        self._dropped, self._given = start, given - start

    def add(self, time: str, adid: str) -> list[Interval]:
        """Take one observation; see `extend`."""
        return self.extend((time,), (adid,))

    def extend(self, times: Sequence[str], adids: Sequence[str]) -> list[Interval]:
        """Take observations in time order and return the intervals that are final now.

        Args:
            times: as `events.times.timestamps.parse_timestamp` gives them.
            adids: the ids, one for each time.

        Raises:
            BadValueError: a time is before an earlier one, or lacks its id; nothing was taken.

        """
        if len(times) != len(adids):
            raise BadValueError(f"expected {len(times)} ids, as many as times, found {len(adids)}")
        if not times:
            return []
        check_order(times, self._latest)
        self._latest = times[-1]
        place = len(self._times)
        keys = self._keys_of(times)
        self._keys += keys
        self._times += times
        self._adids += adids
        found: list[Interval] = []
        if not self._inclusive and self._threshold == 0:
            # Not even one observation is an interval.
            self._start = self._given = len(self._times)
        else:
            try:
                self._slide(place, found)
            except OverflowError:
                # Beyond the year 9999: only instants reach there. What was found
                # stays found, for the window's start has moved with it.
                self._be_exact()
                self._slide(max(place, self._start), found)
        self._forget()
        return found

    def advance(self, time: str) -> list[Interval]:
        """Take note that no observation before ``time`` will come, and return as `extend`.

        Raises:
            BadValueError: ``time`` is before an observation's.

        """
        check_order((time,), self._latest)
        self._latest = time
        if self._start == len(self._times):
            return []
        found: list[Interval] = []
        end = len(self._times)
        (key,) = self._keys_of((time,))
        try:
            kept = self._first_within(key, end)
        except OverflowError:
            self._be_exact()
            kept = self._first_within(instant_of(time), end)
        if kept > self._start:
            self._judge(end, found)
            self._start = kept
            self._forget()
        return found

    def finish(self) -> list[Interval]:
        """Return the last interval, if there is one more.

        Should observations be added all the same, it is given out again where it has grown, as
        it is then.
        """
        found: list[Interval] = []
        if self._start < len(self._times):
            self._judge(len(self._times), found)
        return found

    def _slide(self, place: int, found: list[Interval]) -> None:
        """Move the window over the rows from ``place`` on, up to the last."""
        keys, span, end = self._keys, self._span, len(self._keys)
        start = self._start
        deadline = keys[start] + span
        while True:
            if place < end and keys[place] < deadline:
                place = _gallop(keys, deadline, place + 1, end)
            if place >= end:
                return
            self._judge(place, found)
            key = keys[place]
            if keys[place - 1] + span <= key:
                start, deadline = place, key + span
            while deadline <= key:
                start += 1
                deadline = keys[start] + span
            self._start = start
            # It is in the window that begins there.
            place += 1

    def _first_within(self, key: Any, end: int) -> int:
        """Return the first place before ``end`` that is not too far from ``key``, or ``end``."""
        keys, span, start = self._keys, self._span, self._start
        if keys[end - 1] + span <= key:
            return end
        while keys[start] + span <= key:
            start += 1
        return start

    def _judge(self, end: int, found: list[Interval]) -> None:
        """Give out the window up to ``end`` if it is inside no earlier one and qualifies."""
        start, new = self._start, end - self._given
        if new <= 0:
            return
        self._given = end
        rows = end - start
        if rows <= _ROWS_FEW or rows <= _ROWS_PER_NEW * new:
            self._account = None
            adid = self._adids[start]
            if self._distinct_min > 1 and self._adids[start:end].count(adid) == rows:
                # As in most windows of real logs; to gather the ids took 10 times as long.
                self._distinct = 1
                return
            ids = self._ids_of(start, end)
            self._distinct = len(ids)
        else:
            if self._account is None:
                self._account = WindowIds(start)
            self._distinct = self._account.move(self._adids, start, end)
            if self._distinct < self._distinct_min:
                return
            ids = self._account.ids(self._adids)
        if len(ids) >= self._distinct_min:
            times, dropped = self._times, self._dropped
            found.append(
                Interval(
                    start + dropped,
                    end - 1 + dropped,
                    times[start],
                    times[end - 1],
                    len(ids),
                    tuple(ids),
                    self._key,
                )
            )

    def _ids_of(self, start: int, end: int) -> list[str]:
        """Return the ids of a window, in order."""
        adids, last, ids = self._adids, self._last, self._ids
        if start < self._ids_end:
            for place in range(self._ids_start, start):
                adid = adids[place]
                if last[adid] != place:
                    # It comes again, and where is not known.
                    break
                del last[adid]
            else:
                del ids[: start - self._ids_start]
                for place in range(self._ids_end, end):
                    adid = adids[place]
                    if adid not in last:
                        ids.append(adid)
                    last[adid] = place
                self._ids_start, self._ids_end = start, end
                return ids
        self._last = dict(zip(adids[start:end], range(start, end), strict=True))
        self._ids = ids = list(self._last)
        self._ids_start, self._ids_end = start, end
        return ids

    def _keys_of(self, times: Sequence[str]) -> list[Any]:
        if not self._exact:
            if max(map(len, times)) <= _EXACT_MAX:
                return list(map(dt.datetime.fromisoformat, times))
            self._be_exact()
        return list(map(instant_of, times))

    def _be_exact(self) -> None:
        self._exact = True
        self._span = Span(self._threshold, EDGE if self._inclusive else "")
        self._keys = list(map(instant_of, self._times))

    def _forget(self) -> None:
        """Drop what is before the window, once it is half of all: each row is moved once."""
        start = self._start
        if 2 * start >= len(self._times):
            del self._times[:start], self._adids[:start], self._keys[:start]
            self._dropped += start
            self._given -= start
            self._start = self._ids_end = 0
            self._account = None


def _gallop(keys: list[Any], key: Any, low: int, high: int) -> int:
    """Return ``bisect_left(keys, key, low, high)``, sooner where that is near ``low``."""
    step = _STEP_MIN
    while low + step < high:
        place = bisect_left(keys, key, low, low + step)
        if place < low + step:
            return place
        low, step = place, 2 * step
    return bisect_left(keys, key, low, high)
