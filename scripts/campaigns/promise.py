"""What holds at any moment: a flagged line is in its file only after what led to it is stored."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from campaigns.cases import FLAGGED, STORE, expect
from events.store.header import decode_header
from events.store.scan import Damage, scan
from events.store.store import EventStore
from replay.intervals.resume import IntervalResumed
from replay.purchases.history import PurchasesResumed

if TYPE_CHECKING:
    from pathlib import Path


def check_promise(before: bytes | None, out: Path) -> None:
    """See that each line in the flagged file has its event and its decision in the store.

    Only what stands before the first damage of the store counts.

    Args:
        before: what stood in the flagged file before, or None where there was none.
        out: the folder of both.

    Raises:
        CaseFailedError: one has not, or what stood in the file before is gone.

    """
    before = before or b""
    path = out / FLAGGED
    found = path.read_bytes() if path.exists() else b""
    if not (out / STORE).exists():
        expect(found == before, "no store: expected the flagged file as it was before")
        return
    data = (out / STORE).read_bytes()
    damage = first_damage(out / STORE)
    with tempfile.NamedTemporaryFile() as intact:
        intact.write(data if damage is None else data[: damage.offset])
        intact.flush()
        store = EventStore(intact.name)
    if found == before:
        return
    start = store.header.output_start
    lines = b"".join(
        [line + b"\n" for line in PurchasesResumed(store).flagged]
        if store.header.intervals is None
        else IntervalResumed(store).pieces()
    )
    kept = (before + b"\n" * (not before.endswith(b"\n")))[:start]
    # The newline that ends it may be torn too.
    right = found[:start] == kept or found == kept[:-1] + b"\0"
    expect(right, "expected what stood in the flagged file before, found others")
    written = found[start:]
    expect(
        len(written) <= len(lines)
        # What a write has left that was torn may be zeros.
        and all(one in (other, 0) for one, other in zip(written, lines, strict=False)),
        f"expected only flagged lines whose decisions are in the store ({len(lines)} bytes), "
        f"found {len(written)} bytes: {written[-200:]!r}",
    )


def first_damage(path: Path) -> Damage | None:
    """Return what is damaged first in the store at ``path``, or None where nothing is."""
    data = path.read_bytes()
    *_, start = decode_header(data, path)
    found = scan(memoryview(data), start)
    return next((each for each in found if isinstance(each, Damage)), None)
