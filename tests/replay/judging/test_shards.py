"""Shards that are processes: of one that is gone, or fails, whoever asks is told."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from events.errors import ReplayError
from replay.judging.shards import Forked, LostShardError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Keeping:
    """A shard that tells what it has taken."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.taken: list[bytes] = []

    def take(self, block: bytes) -> None:
        if block == b"fail":
            raise ReplayError("it cannot be taken")
        self.taken.append(self.told(block))

    def told(self, asked: bytes) -> bytes:
        if asked == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        if asked == b"late":
            time.sleep(0.5)
            return b"too late"
        return asked or b"".join(self.taken)

    start: Any = None
    hop: Any = None
    latest: Any = None


class StoppedError(Exception):
    pass


def stop() -> None:
    raise StoppedError


@pytest.fixture
def shards() -> Iterator[Forked]:
    with Forked(3) as found:
        found.prepare(None, lambda: None)
        found.start(Keeping)
        yield found


EVERYWHERE = dict.fromkeys(range(3), b"")


def test_lost_ones_are_told_by_place_and_the_others_are_as_they_were(shards: Forked) -> None:
    shards.take({0: b"a", 1: b"die", 2: b"a"})
    for asked in (EVERYWHERE, {1: b""}, {1: b"", 2: b""}):
        with pytest.raises(LostShardError, match=r"shards \[1\]"):
            shards.query("told", asked)
    with pytest.raises(LostShardError, match=r"shards \[1\]"):
        shards.take({0: b"b", 1: b"b"})
    shards.renew(1)
    assert shards.query("told", EVERYWHERE) == {0: b"ab", 1: b"", 2: b"a"}
    with pytest.raises(LostShardError, match=r"shards \[0, 2\]"):
        shards.query("told", {0: b"die", 1: b"x", 2: b"die"})
    assert shards.query("told", {1: b"x"}) == {1: b"x"}


def test_what_fails_while_nobody_waits_is_told_to_who_asks_next(shards: Forked) -> None:
    shards.take({1: b"fail"})
    shards.take({1: b"a"})
    assert shards.query("told", {0: b"x"}) == {0: b"x"}
    for _ in range(2):
        with pytest.raises(ReplayError, match="it cannot be taken"):
            shards.query("told", EVERYWHERE)


def test_answer_that_nobody_waits_for_is_not_the_next_ones(shards: Forked) -> None:
    shards.prepare(None, stop)
    with pytest.raises(StoppedError):
        shards.query("told", {1: b"late"})
    shards.prepare(None, lambda: None)
    with pytest.raises(LostShardError, match=r"shards \[1\]"):
        shards.query("told", EVERYWHERE)
