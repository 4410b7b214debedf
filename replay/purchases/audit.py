"""Whether a run could go on with a store of purchases, or `rebuild` its output.

Reading has checked each record (`events.store.validation`); here the kept lines of events are
compared with them, and the digests with what the events add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.purchases.digest import RunningSums
from events.errors import DamagedStoreError
from events.journal.columns import Columns
from events.journal.journal import Journal
from events.purchases.own_lines import OwnLines
from events.store.records import StateDigest

if TYPE_CHECKING:
    from events.store.store import EventStore


def audit_purchases(store: EventStore, *, digests: bool) -> None:
    """Refuse ``store`` if a run that goes on with it would.

    Args:
        store: a store of purchases.
        digests: whether they are compared; of another detector's state nothing is known.

    Raises:
        DamagedStoreError: it would.

    """
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
