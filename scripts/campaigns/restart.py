"""User actors fail at random messages, and are restarted from the store."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from actors.purchases.user import UserActor
from campaigns.cases import Campaign, contents, expect, expect_outputs
from campaigns.histories import begin, prepared, run
from replay.testing.disks import CountingDisk
from tests.failures import Failures

if TYPE_CHECKING:
    from pathlib import Path

    from campaigns.histories import Prepared

_HISTORIES: Final = 20
_FAILURES_MAX: Final = 4
_WHENS: Final = ("before", "within", "after")


class Restart(Campaign):
    """Each case is one history in which actors fail at some messages, once at each."""

    name = "restart"
    title = "user actors fail before, within and after handling random messages"
    small = 40
    full = 1_000

    def __init__(self, folder: Path) -> None:
        """Count the messages of all histories that have some."""
        super().__init__(folder)
        self._histories: list[tuple[Prepared, int]] = []
        for seed in range(_HISTORIES):
            one = prepared(seed, folder / f"history-{seed}")
            again = folder / f"again-{seed}"
            begin(one.history, again)
            with Failures(UserActor, {}) as counting:
                run(one.history, again, CountingDisk())
            if counting.seen:
                self._histories.append((one, counting.seen))

    def case(self, number: int, folder: Path) -> None:
        """Let actors fail, and compare what the run wrote."""
        drawn = random.Random(f"restart {number}")
        (history, expected, _), messages = self._histories[number % len(self._histories)]
        at = drawn.sample(range(1, messages + 1), min(messages, drawn.randint(1, _FAILURES_MAX)))
        begin(history, folder)
        with Failures(UserActor, {message: drawn.choice(_WHENS) for message in at}) as failing:
            run(history, folder, CountingDisk())
        expect(failing.failed == len(at), f"expected {len(at)} failures, found {failing.failed}")
        self.done["failures"] += failing.failed
        expect_outputs(contents(folder / "out"), expected, f"with failures at messages {at}")
