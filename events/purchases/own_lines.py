"""Whether the line that stands for an event is the event's own.

It is the line that was kept, or the canonical one where none was. Read again, it gives the
event: so its time is a time, its amount in the bounds, and its users are two where there
are two. Reading a store does not look at that: it would take half as long again. Whoever
goes on with a history, checks it, or writes its lines does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from events.errors import BadValueError, DamagedStoreError, shown
from events.logs.objects import BYTE_ORDER_MARK, BadLineError, Reason
from events.nesting import without_nested
from events.purchases.amounts import UNITS_MAX
from events.purchases.event import Befriend, Event, Purchase, Unfriend, users_of
from events.purchases.lines import read_line
from events.records.validation import CanonicalTimes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from events.purchases.columns import Columns
    from events.purchases.styles import Style
    from events.times.timestamps import Zone

# Of fewer than one in so many events each is made an object by itself.
_FEW: Final = 8
# What JSON escapes in a text.
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]')


class OwnLines:
    """Checks the events of a store, one after another."""

    def __init__(self, path: Path, zone: Zone | None) -> None:
        """Check events of the store at ``path``, with times of ``zone``."""
        self._path: Final = path
        self._zone: Final = zone
        self._times: Final = CanonicalTimes()
        self._time: str | None = None
        self._style: Style | None = None

    def check(self, events: Iterable[Event]) -> None:
        """Check ``events``, in 0.07 µs each where the canonical line stands for it.

        Raises:
            DamagedStoreError: another line stands for one of them.

        """
        time, zoned = self._time, self._zone == "utc"
        for event in events:
            try:
                if event.line is not None:
                    self._check_kept(event, event.line)
                    continue
                if event.time != time:
                    time = self._times.check(event.time)
                if type(event) is Purchase:
                    if zoned or event.amount > UNITS_MAX or not event.user.isalnum():
                        self._check_canonical(event)
                elif (
                    zoned or event.user1 == event.user2 or not (event.user1 + event.user2).isalnum()
                ):
                    self._check_canonical(event)
            except BadValueError as error:
                raise DamagedStoreError(
                    f"{self._path}: event {event.number}: {error}; "
                    "the store was not written by this program"
                ) from None
        self._time = time

    def check_columns(self, columns: Columns) -> None:
        """Check events that were read from a store of format 3 or as if from one.

        Their times, amounts and users were looked at then; 0.02 µs each where no line is kept.

        Raises:
            DamagedStoreError: another line stands for one of them.

        """
        lines = columns.lines
        if columns.style is not None and columns.style != self._style:
            self._check_style(columns.style, columns.number)
            self._style = columns.style
        escaped = [
            code
            for code, name in enumerate(columns.names)
            if not name.isalnum() and _ESCAPED.search(name)
        ]
        rows = set(lines)
        if self._zone == "utc" and columns.style is None and len(rows) < len(columns):
            # One of them is refused.
            self.check(columns.events())
        if escaped:
            users, others = np.isin(columns.users, escaped), np.isin(columns.others, escaped)
            rows |= set(np.flatnonzero(users | others).tolist())
        if len(rows) * _FEW < len(columns):
            for row in sorted(rows):
                self.check(columns.events(row, row + 1))
        else:
            self.check(columns.events())

    def _check_style(self, style: Style, number: int) -> None:
        """Refuse a style whose lines are not those of their events.

        What its templates make of these they make of all that have nothing to be escaped: the
        two have nothing in common that a fixed text could hold.
        """
        for time, amount, one, other in (
            ("2017-06-13 11:33:01", 168_300, "one", "other"),
            ("0001-12-31 23:59:59.5", 1, "7", "8"),
        ):
            for template, event in (
                (style.purchase, Purchase(time, number, one, amount)),
                (style.befriend, Befriend(time, number, one, other)),
                (style.unfriend, Unfriend(time, number, one, other)),
            ):
                if template is not None:
                    self.check([style.styled(event)])

    def _check_canonical(self, event: Event) -> None:
        """Refuse an event that has no canonical line, but for its time."""
        if self._zone == "utc":
            raise BadValueError("expected its line, since its time has an offset, found none")
        if isinstance(event, Purchase) and event.amount > UNITS_MAX:
            raise BadValueError(
                f"expected an amount of at most {UNITS_MAX} units, found {event.amount}"
            )
        users = users_of(event)
        for user in users:
            if _ESCAPED.search(user):
                raise BadValueError(
                    f"expected its line, since {shown(user)} is escaped, found none"
                )
        if len(set(users)) != len(users):
            raise BadValueError(f"expected two different users, found {shown(users[0])} twice")

    def _check_kept(self, event: Event, line: bytes) -> None:
        """Refuse a line that was kept and is not the event's own."""
        text = line.removeprefix(BYTE_ORDER_MARK)
        read: Event | None = None
        try:
            read = read_line(text, event.number, self._zone)
        except BadLineError as error:
            # Earlier releases took lines that nest deeper.
            if error.reason is Reason.NESTED_TOO_DEEP:
                read = read_line(without_nested(text), event.number, self._zone)
        if b"\n" in line or read is None or msgspec.structs.replace(read, line=line) != event:
            raise BadValueError(f"expected the line that it was read from, found {shown(line)}")
