"""Shards that are processes: of one that is gone, or fails, whoever asks is told."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, NoReturn

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

    def number(self, _asked: bytes) -> bytes:
        return b"%d" % os.getpid()

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


class OfTwoPartsError(ReplayError):
    """Pickle does not make it anew: it gives one argument."""

    exit_status = 1

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Failing(Keeping):
    def sums(self, _asked: bytes, /) -> NoReturn:
        raise OfTwoPartsError("this", "that")


def test_an_error_that_pickle_cannot_make_anew_is_told_in_its_words() -> None:
    with Forked(1) as shards:
        shards.prepare(None, lambda: None)
        shards.start(Failing)
        with pytest.raises(ReplayError, match=r"^this and that$") as raised:
            shards.query("sums", {0: b""})
    assert raised.value.exit_status == 1


def test_who_sends_to_one_that_does_not_take_it_may_be_told_to_stop(shards: Forked) -> None:
    (asleep,) = (int(told) for told in shards.query("number", {1: b""}).values())
    os.kill(asleep, signal.SIGSTOP)
    shards.prepare(None, stop)
    with pytest.raises(StoppedError):
        shards.take({1: bytes(1 << 23)})
