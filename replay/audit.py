"""Whether a run could go on with a store, or `rebuild` its output: what `check` looks at.

Reading has checked each record (`events.validation`); here the kept lines of events are
compared with them, and the digests with what the events add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.digest import RunningSums
from events.columns import Columns
from events.errors import DamagedStoreError
from events.event import Befriend, Event, Purchase, Unfriend, users_of
from events.own_lines import OwnLines
from events.records import StateDigest
from replay.interval_verify import verify_intervals
from replay.shipped import other_detector

if TYPE_CHECKING:
    from pathlib import Path

    from events.store import EventStore


def audit(store: EventStore) -> None:
    """Refuse ``store`` if a run that goes on with it would.

    Digests are compared where the program's own detector decided; others may have
    another state.

    Raises:
        DamagedStoreError: it would.

    """
    ours = other_detector(store) is None
    if store.intervals is None:
        _audit_purchases(store, digests=ours)
    elif ours and verify_intervals(store).difference is not None:
        raise DamagedStoreError(
            f"{store.path}: expected what the observations come to, found something else; "
            "verify says more"
        )


def _audit_purchases(store: EventStore, *, digests: bool) -> None:
    state = _State(store.path)
    for frame in store.frames():
        new: list[Columns] = []
        for record in frame.records:
            if isinstance(record, Columns):
                new.append(record)
            elif isinstance(record, StateDigest) and digests:
                state.add(new)
                new = []
                found = state.digest(frame.previous)
                if record != found:
                    raise DamagedStoreError(
                        f"{store.path}: after event {found.events}: expected a digest of "
                        "the events before it, found another one; verify says more"
                    )
        state.add(new)


class _State:
    """What the events of a history add up to, as `events/FORMAT.md` says."""

    def __init__(self, path: Path) -> None:
        self._lines = OwnLines(path)
        self._numbers: dict[str, int] = {}
        self._sums = RunningSums()
        self._events = 0

    def add(self, runs: list[Columns]) -> None:
        for columns in runs:
            self._lines.check_columns(columns)
            self._add(columns.events())

    def _add(self, events: list[Event]) -> None:
        self._events += len(events)
        number = self._numbers
        users: list[int] = []
        purchases: list[Purchase] = []
        pairs: list[tuple[int, int]] = []
        changes: list[Befriend | Unfriend] = []
        for event in events:
            numbers = [number.setdefault(user, len(number)) for user in users_of(event)]
            if isinstance(event, Purchase):
                users.append(numbers[0])
                purchases.append(event)
            else:
                pairs.append((numbers[0], numbers[1]))
                changes.append(event)
        self._sums.add_purchases(users, purchases)
        self._sums.change_friendships(pairs, changes)

    def digest(self, chain: bytes) -> StateDigest:
        sums = self._sums.now().reduced()
        return StateDigest(self._events, chain, len(self._numbers), tuple(sums))
