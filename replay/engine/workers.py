"""Workers that share the work of this process.

A worker does what it is asked and answers. What a worker was asked that is gone
is given back, to be done here: so it is done as often as it takes, and what comes of it is used
once.

`Workers` are forked from this process, so each has in memory what this one had; see
`replay.engine.forks`. Those of `replay.engine.ray_cluster` may be on other machines.
"""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from events.closing import Closing
from replay.engine.forks import CAN_FORK, LOST, Fork, first_ready, message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence

A = TypeVar("A")
W = TypeVar("W")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Asked:
    """What a worker was asked, and what it has answered."""

    __slots__ = ("answer", "is_waiting", "request")

    def __init__(self, request: Any) -> None:
        self.request = request
        self.answer: Any = LOST
        self.is_waiting = False


class Pool(Closing, Generic[W]):
    """Workers that all do the same, each on what it is asked."""

    def __init__(self, count: int, ahead: int = 1, taken_max: int = sys.maxsize) -> None:
        """Start none yet; see `start`.

        Args:
            count: how many there are to be.
            ahead: how much each is asked at most before it has answered. With more than 1 nobody
                waits for this process to come round, and requests have to be small: while an
                answer is on its way, nobody reads them. Nor is anybody told anything then: it
                would come behind what is asked later.
            taken_max: how many requests are taken at most before the first is given back.

        """
        self.count: Final = count
        """How many there are to be."""
        self._ahead: Final = ahead
        self._taken_max: Final = taken_max

    def __len__(self) -> int:
        """Return how many are running, as far as is known."""
        return len(self._running())

    @abstractmethod
    def start(self) -> None:
        """Start those that are missing, as many as can be.

        Each begins with what is in memory now, and is told nothing of what was told before.
        """

    @abstractmethod
    def tell(self, news: Any) -> None:
        """Let all that are running do what ``news`` says; there is no answer."""

    @abstractmethod
    def _running(self) -> list[W]:
        """Return those that are running, as far as is known."""

    @abstractmethod
    def _ask(self, worker: W, request: Any) -> bool:
        """Ask a worker something; tell whether it is there to be asked."""

    @abstractmethod
    def _answered(self, busy: Collection[W]) -> list[tuple[W, Any]]:
        """Wait until one of those who are ``busy`` answers, or is gone; return which, and `LOST`.

        Who is gone is no longer running then.
        """

    @abstractmethod
    def _bury(self, worker: W) -> None:
        """End a worker, if it has not ended, and forget it."""

    def answers(self, requests: Iterable[Any]) -> Generator[tuple[Any, Any], None, None]:
        """Iterate over ``requests``, in order, each with its answer; or `LOST`, to be done here."""
        following = iter(requests)
        # What was taken and not given back, in order; and what those do who are at work.
        taken: deque[_Asked] = deque()
        busy: dict[W, deque[_Asked]] = {}
        try:
            while True:
                self._hand_out(following, taken, busy)
                if not taken:
                    return
                if taken[0].is_waiting:
                    for worker, answer in self._answered(busy):
                        if answer is LOST:
                            _give_up(busy.pop(worker))
                            continue
                        asked = busy[worker].popleft()
                        asked.is_waiting, asked.answer = False, answer
                        if not busy[worker]:
                            del busy[worker]
                else:
                    asked = taken.popleft()
                    yield asked.request, asked.answer
        finally:
            # Who does what nobody waits for any more would answer it to the next question.
            for worker in busy:
                self._bury(worker)

    def _hand_out(
        self, following: Iterator[Any], taken: deque[_Asked], busy: dict[W, deque[_Asked]]
    ) -> None:
        """Let all who are idle do something, or take one request where nobody is left."""
        for worker in chain.from_iterable(self._running() for _ in range(self._ahead)):
            if len(busy.get(worker, ())) == self._ahead:
                continue
            for request in islice(following, min(self._taken_max - len(taken), 1)):
                asked = _Asked(request)
                taken.append(asked)
                if self._ask(worker, request):
                    asked.is_waiting = True
                    busy.setdefault(worker, deque()).append(asked)
                else:
                    _give_up(busy.pop(worker, ()))
        if not taken:
            taken += map(_Asked, islice(following, 1))


def _give_up(asked: Iterable[_Asked]) -> None:
    """Wait no longer for what somebody was asked who is gone."""
    for each in asked:
        each.is_waiting = False


class Workers(Pool[Fork]):
    """Workers that are processes, forked from this one."""

    def __init__(
        self,
        count: int,
        do: Callable[[Any], Any],
        check: Callable[[], None] = lambda: None,
        ahead: int = 1,
        taken_max: int = sys.maxsize,
    ) -> None:
        """Start no process yet; see `start`.

        Args:
            count: how many there are to be.
            do: does what a worker is asked, and returns the answer. Both have to be such that
                pickle can send them. A worker in which it raises ends.
            check: called before each fork and while answers are waited for; raises where this
                process is to stop.
            ahead: see `Pool`.
            taken_max: see `Pool`.

        """
        super().__init__(count, ahead, taken_max)
        self._do: Final = do
        self._check: Final = check
        self._forks: Final[list[Fork]] = []

    def _running(self) -> list[Fork]:
        return list(self._forks)

    def start(self) -> None:
        """Fork those that are missing, as many as the system lets."""
        while len(self._forks) < self.count:
            # Many take long, and signals are only looked for.
            self._check()
            fork = Fork.of(self._do, self._check)
            if fork is None:
                # There is no more room for one, and without it all is done as well.
                return
            self._forks.append(fork)

    def tell(self, news: Any) -> None:
        sent = message(news, is_request=False)
        for fork in self._running():
            self._is_there(fork, sent=fork.tell(sent))

    def _ask(self, worker: Fork, request: Any) -> bool:
        return self._is_there(worker, sent=worker.request(message(request)))

    def _answered(self, busy: Collection[Fork]) -> list[tuple[Fork, Any]]:
        found = [(fork, fork.answer()) for fork in first_ready(busy, self._check)]
        for fork, answer in found:
            if answer is LOST:
                self._bury(fork)
        return found

    def _is_there(self, fork: Fork, *, sent: bool) -> bool:
        """Tell whether a worker is there, to whom something could be ``sent``; else forget it."""
        if not sent:
            self._bury(fork)
        return sent

    def _bury(self, worker: Fork) -> None:
        if worker in self._forks:
            self._forks.remove(worker)
            worker.end()

    def close(self) -> None:
        """End all workers, whatever they do."""
        for fork in self._running():
            self._bury(fork)


class Workforce(Protocol):
    """What has workers other than processes that are forked."""

    @property
    def count(self) -> int:
        """How many workers it has, or is to have."""

    def check(self, needed: Any) -> None:
        """Raise a `events.errors.ReplayError` where no worker can have what is ``needed``."""

    def pool(self, do: Callable[[Any], Any], check: Callable[[], None]) -> Pool[Any]:
        """Return its workers, who do what `Workers` of ``do`` would."""


def are_several(workers: int | Workforce | None) -> bool:
    """Tell whether somebody has asked for more than this process."""
    return workers is not None and workers != 1


def pool_of(
    workers: int | Workforce, do: Callable[[Any], Any], check: Callable[[], None] = lambda: None
) -> Pool[Any]:
    """Return so many workers, forked from this process, or those of a workforce; see `Workers`."""
    return Workers(workers, do, check) if isinstance(workers, int) else workers.pool(do, check)


def shared(
    do: Callable[[Any], A], requests: Sequence[Any], workers: int | Workforce
) -> Generator[A, None, None]:
    """Iterate over what ``do`` gives of each of ``requests``, in their order.

    Args:
        do: as of `Workers`.
        requests: what is done.
        workers: how many processes do it, at least 1, or who has them; with 1 it is this process.

    """
    if isinstance(workers, int):
        workers = min(workers, len(requests))
    if workers == 1 or not CAN_FORK:
        yield from map(do, requests)
        return
    with pool_of(workers, do) as pool:
        pool.start()
        for request, found in pool.answers(requests):
            yield do(request) if found is LOST else found
