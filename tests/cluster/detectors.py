"""Detectors that Ray's processes import, too."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import replay
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.messages import AskFriends
from actors.purchases.user import UserActor


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


class _PatientCoordinator(CoordinatorActor):
    def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
        time.sleep(0.004)
        return super().flags(purchase, window, baseline)


class Patient(replay.Simulation):
    """The program's own, in no hurry, where users may be in shards."""

    name = "patient"
    version = 1
    answers_as_of = True
    coordinator_type = _PatientCoordinator


class _MortalUser(UserActor):
    """Kills its process some hundred events after the first one that it was asked on."""

    home = 0
    first: int | None = None

    def on_receive(self, message: Any) -> None:
        user = _MortalUser
        if isinstance(message, AskFriends) and os.getpid() != user.home:
            user.first = user.first or message.number
            if message.number > user.first + 500:
                os.kill(os.getpid(), signal.SIGKILL)
        super().on_receive(message)


class MortalUsers(replay.Simulation):
    """The program's own, whose users kill their process, unless it is a test's own."""

    name = "mortal users"
    version = 1
    answers_as_of = True
    user_type = _MortalUser


class _FailingUser(UserActor):
    def on_receive(self, message: Any) -> None:
        if isinstance(message, AskFriends) and message.number > 2_000:
            raise ValueError("no answer")
        super().on_receive(message)


class FailingUsers(replay.Simulation):
    """One whose users raise."""

    name = "failing users"
    version = 1
    answers_as_of = True
    user_type = _FailingUser
