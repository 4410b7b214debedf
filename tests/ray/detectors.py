"""Detectors that Ray's processes import, too."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import replay


class Mortal(replay.Simulation):
    """The program's own, whose process is killed at some events, unless it is a test's own."""

    name = "mortal"
    version = 1
    answers_as_of = True
    home = 0

    def judge(self, event: Any) -> Any:
        dice = random.Random(os.getpid() * 10_000 + event.number)
        if os.getpid() != self.home and not dice.randrange(60):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().judge(event)


class Slow(replay.Simulation):
    """The program's own, in no hurry."""

    name = "slow"
    version = 1
    answers_as_of = True

    def judge(self, event: Any) -> Any:
        time.sleep(0.004)
        return super().judge(event)


class Elsewhere(replay.Simulation):
    """One that is another in each process."""

    name = "elsewhere"
    version = os.getpid()
    answers_as_of = True
