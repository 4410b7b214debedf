"""The power goes at a random moment: what was not synced is lost, torn, or zeros."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from campaigns.cases import (
    STORE,
    Campaign,
    CaseFailedError,
    contents,
    expect,
    expect_outputs,
)
from campaigns.histories import begin, of_either_kind, prepared, run
from campaigns.promise import check_promise, first_damage
from events.errors import DamagedStoreError
from replay.testing.disks import CountingDisk, DiedError, ForgettingDisk

if TYPE_CHECKING:
    from pathlib import Path

    from campaigns.histories import History, Prepared
    from events.store.scan import Damage


class Power(Campaign):
    """Each case is a history, in which processes die and the power goes, up to four times."""

    name = "power"
    title = "the power goes, and with it what was not synced"
    small = 300
    full = 10_000

    def case(self, number: int, folder: Path) -> None:
        """Stop at random moments, with the last stop a power cut; then go on and compare."""
        drawn = random.Random(f"power {number}")
        one = prepared(number, folder / "uninterrupted", of_either_kind)
        history, expected = one.history, one.expected
        begin(history, folder)
        out = folder / "out"
        disk = ForgettingDisk(out)
        stops = drawn.randint(1, 4)
        for stop in range(1, stops + 1):
            finished = _run_until(drawn, one, folder, disk)
            if stop < stops and drawn.random() < 0.5:
                self.done["deaths"] += 1
                continue
            disk.cut(drawn)
            self.done["power cuts"] += 1
            check_promise(history.before, out)
            if finished:
                expect_outputs(contents(out), expected, "cut after a run that was done")
            if _hole(out / STORE) is not None:
                self._refused(history, folder)
                return
        run(history, folder, disk)
        expect_outputs(contents(out), expected, "after the last cut")

    def _refused(self, history: History, folder: Path) -> None:
        """Expect that a store with intact frames behind a hole is refused and left alone."""
        before = contents(folder / "out")
        try:
            run(history, folder, CountingDisk())
        except DamagedStoreError:
            expect(contents(folder / "out") == before, "expected a refused store to be left alone")
            self.done["holes refused"] += 1
        else:
            raise CaseFailedError("expected a store with a hole to be refused, found none")


def _run_until(drawn: random.Random, one: Prepared, folder: Path, disk: ForgettingDisk) -> bool:
    """Run until a random operation; tell whether the run came to its end before."""
    disk.stop_after(drawn.randrange(len(one.operations) + 2), drawn.random())
    try:
        summary = run(one.history, folder, disk)
    except DiedError:
        return False
    finally:
        disk.stop_after(None)
    # Of a run that had been finished before, nothing is on the disk for sure but what the
    # one before it had synced.
    return not summary.finished_before


def _hole(path: Path) -> Damage | None:
    """Return the damage in a store that has intact frames behind it, or None."""
    damage = first_damage(path) if path.exists() else None
    return damage if damage is not None and damage.end is not None else None
