"""Whether a run could go on with a store, or `rebuild` its output: what `check` looks at.

Reading has checked each record (`events.validation`); here the kept lines of events are
compared with them, and the digests with what the events add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.digest import RunningSums
from events.columns import Columns
from events.errors import DamagedStoreError
from events.journal import Journal
from events.own_lines import OwnLines
from events.records import StateDigest
from replay.interval_verify import verify_intervals
from replay.shipped import other_detector

if TYPE_CHECKING:
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
    lines, journal = OwnLines(store.path, store.zone), Journal()
    sums = RunningSums(journal)
    for frame in store.frames():
        for record in frame.records:
            if isinstance(record, Columns):
                lines.check_columns(record)
                journal.extend(record)
            elif isinstance(record, StateDigest) and digests:
                events = len(journal)
                sums.stand(events)
                found = StateDigest(events, frame.previous, len(journal.names), sums.now())
                if record != found:
                    raise DamagedStoreError(
                        f"{store.path}: after event {events}: expected a digest of "
                        "the events before it, found another one; verify says more"
                    )
