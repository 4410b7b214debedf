"""The process dies at every single operation on a file, and again at every one that follows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from campaigns.cases import Campaign, contents, expect, expect_outputs, put_back, spread
from campaigns.histories import begin, of_either_kind, prepared, run
from campaigns.promise import check_promise
from replay.testing.disks import CountingDisk, DiedError, DyingDisk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from campaigns.histories import History, Prepared

_HISTORIES: Final = 12


class Death(NamedTuple):
    """A moment to die at."""

    operation: int
    """At which operation, from 1."""
    when: str
    """Before it, within it or after it."""


def deaths(operations: Sequence[str]) -> list[Death]:
    """Return every moment at which a run can die that does ``operations``."""
    return [
        Death(number, when)
        for number, operation in enumerate(operations, 1)
        for when in ("before", "within", "after")
        # Only a write can be half done.
        if when != "within" or operation.startswith("write ")
    ]


class Die(Campaign):
    """Each case is one moment of one history, and then all moments of the recovery."""

    name = "die"
    title = "the process dies before, within and after every operation, and again in recovery"
    small = 16
    full = None

    def __init__(self, folder: Path) -> None:
        """List all moments of all histories."""
        super().__init__(folder)
        self._moments: list[tuple[Prepared, Death]] = []
        for seed in range(_HISTORIES):
            one = prepared(seed, folder / f"history-{seed}", of_either_kind)
            self._moments += [(one, death) for death in deaths(one.operations)]

    def total(self) -> int:
        """Return how many moments there are."""
        return len(self._moments)

    def case(self, number: int, folder: Path) -> None:
        """Die at a moment, go on, die at every other, go on, and compare."""
        (history, expected, _), first = self._moments[spread(number, self.total())]
        begin(history, folder)
        _die(history, folder, first)
        self.done["deaths"] += 1
        left = contents(folder / "out")
        disk = CountingDisk()
        run(history, folder, disk)
        expect_outputs(contents(folder / "out"), expected, f"after {_named(first)}")
        for second in deaths(disk.operations):
            put_back(folder / "out", left)
            _die(history, folder, second)
            self.done["deaths"] += 1
            run(history, folder, CountingDisk())
            when = f"after {_named(first)} and then {_named(second)}"
            expect_outputs(contents(folder / "out"), expected, when)


def _die(history: History, folder: Path, death: Death) -> None:
    disk = DyingDisk(*death)
    with suppress(DiedError):
        run(history, folder, disk)
        expect(condition=False, message=f"expected a death, found none: {_named(death)}")
    check_promise(history.before, folder / "out")


def _named(death: Death) -> str:
    return f"a death {death.when} operation {death.operation}"
