"""Workers that share the work of this process.

A worker does what it is asked and answers. What a worker was asked that is gone
is given back, to be done here: so it is done as often as it takes, and what comes of it is used
once.

`Workers` are processes that are forked from this one, so each has in memory what this one had.
They write nothing, hold no file open that this process has opened, and end with it, whatever
ends it. Those of `replay.engine.ray_cluster` may be on other machines.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import select
import signal
import warnings
from abc import abstractmethod
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, NoReturn, Protocol, TypeVar

from events.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from multiprocessing.connection import Connection

LOST: Final = object()
"""What stands for the answer of a worker that is gone."""
CAN_FORK: Final = hasattr(os, "fork")
"""Whether there can be workers at all."""
# A signal that asks this process to stop does not end a wait: it is looked for so often.
_LOOK_SECONDS: Final = 0.2
_STANDARD_STREAMS: Final = 3

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


class _Process(NamedTuple):
    id: int
    life: int
    """An end of a pipe that nobody writes to: whoever holds the other one sees when it is gone."""


class _Message(NamedTuple):
    content: Any
    is_request: bool


class Pool(Closing, Generic[W]):
    """Workers that all do the same, each on what it is asked."""

    def __init__(self, count: int) -> None:
        """Start none yet; see `start`.

        Args:
            count: how many there are to be.

        """
        self.count: Final = count
        """How many there are to be."""

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

    def answers(self, requests: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Iterate over ``requests``, in order, each with its answer; or `LOST`, to be done here."""
        following = iter(requests)
        # What was taken and not given back, in order; and what those do who are at work.
        taken: deque[_Asked] = deque()
        busy: dict[W, _Asked] = {}
        try:
            while True:
                self._hand_out(following, taken, busy)
                if not taken:
                    return
                if taken[0].is_waiting:
                    for worker, answer in self._answered(busy):
                        asked = busy.pop(worker)
                        asked.is_waiting, asked.answer = False, answer
                else:
                    asked = taken.popleft()
                    yield asked.request, asked.answer
        finally:
            # Who does what nobody waits for any more would answer it to the next question.
            for worker in busy:
                self._bury(worker)

    def _hand_out(
        self, following: Iterator[Any], taken: deque[_Asked], busy: dict[W, _Asked]
    ) -> None:
        """Let all who are idle do something, or take one request where nobody is left."""
        for worker in [each for each in self._running() if each not in busy]:
            for request in islice(following, 1):
                asked = _Asked(request)
                taken.append(asked)
                if self._ask(worker, request):
                    asked.is_waiting = True
                    busy[worker] = asked
        if not taken:
            taken += map(_Asked, islice(following, 1))


class Workers(Pool["Connection"]):
    """Workers that are processes, forked from this one."""

    def __init__(
        self, count: int, do: Callable[[Any], Any], check: Callable[[], None] = lambda: None
    ) -> None:
        """Start no process yet; see `start`.

        Args:
            count: how many there are to be.
            do: does what a worker is asked, and returns the answer. Both have to be such that
                pickle can send them. A worker in which it raises ends.
            check: called while answers are waited for; raises where this process is to stop.

        """
        super().__init__(count)
        self._do: Final = do
        self._check: Final = check
        self._processes: Final[dict[Connection, _Process]] = {}

    def _running(self) -> list[Connection]:
        return list(self._processes)

    def start(self) -> None:
        """Fork those that are missing, as many as the system lets."""
        from multiprocessing.connection import Pipe

        while len(self._processes) < self.count:
            try:
                ours, theirs = Pipe()
                watched, life = os.pipe()
            except OSError:
                return
            # Until a worker has its own answer to signals, and this process knows of it.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            try:
                process = _fork()
                if not process:
                    _work(theirs, watched, self._do)
                self._processes[ours] = _Process(process, life)
            except OSError:
                # There is no more room for one, and without it all is done as well.
                ours.close()
                os.close(life)
                return
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                theirs.close()
                os.close(watched)

    def tell(self, news: Any) -> None:
        sent = _packed(news, is_request=False)
        for connection in list(self._processes):
            self._send(connection, sent)

    def _ask(self, connection: Connection, request: Any) -> bool:
        return self._send(connection, _packed(request))

    def _answered(self, busy: Collection[Connection]) -> list[tuple[Connection, Any]]:
        from multiprocessing.connection import wait

        ready: list[Any] = []
        while not ready:
            self._check()
            ready = wait(busy, _LOOK_SECONDS)
        return [(connection, self._answer(connection)) for connection in ready]

    def _answer(self, connection: Connection) -> Any:
        try:
            return pickle.loads(connection.recv_bytes())  # noqa: S301  of our own
        except (EOFError, OSError):
            self._bury(connection)
            return LOST

    def _send(self, connection: Connection, sent: bytes) -> bool:
        """Send something to a worker; tell whether it is there to take it."""
        try:
            connection.send_bytes(sent)
        except OSError:
            self._bury(connection)
            return False
        return True

    def _bury(self, connection: Connection) -> None:
        process = self._processes.pop(connection, None)
        if process is None:
            return
        connection.close()
        os.close(process.life)
        with suppress(ProcessLookupError):
            os.kill(process.id, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(process.id, 0)

    def close(self) -> None:
        """End all workers, whatever they do."""
        for connection in list(self._processes):
            self._bury(connection)


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


def _packed(content: Any, *, is_request: bool = True) -> bytes:
    return pickle.dumps(_Message(content, is_request), pickle.HIGHEST_PROTOCOL)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads. There are none of ours here, and those of numpy's
        # algebra, which nobody asks anything, are prepared for it.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work(connection: Connection, life: int, do: Callable[[Any], Any]) -> NoReturn:
    """Be a worker: answer all that comes, as long as somebody may ask."""
    try:
        _let_go(connection.fileno(), life)
        while True:
            message = pickle.loads(connection.recv_bytes())  # noqa: S301  of our own
            answer = do(message.content)
            if message.is_request:
                connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    finally:
        # Whatever happened: who has asked does it again, and says what there is to say.
        os._exit(1)


def _let_go(connection: int, life: int) -> None:
    """Hold nothing of the process that this one was forked from, and end with it."""
    # Its files are locked as long as anybody holds them open, and the pipes of other workers
    # would never end.
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  names are all that there is
        if int(name) >= _STANDARD_STREAMS and int(name) not in (connection, life):
            # That by which they were listed is closed by now.
            with suppress(OSError):
                os.close(int(name))
    nowhere = os.open(os.devnull, os.O_RDWR)
    # What it has not written yet is written by it alone.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    signal.set_wakeup_fd(-1)
    # Ctrl-C goes to all processes of a terminal; the other one answers for all of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGIO, lambda *_: os._exit(1))
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    if select.select([life], [], [], 0)[0]:
        # It was gone before this one watched it.
        os._exit(1)
    # The collector would write to all that both have, and so have it copied.
    gc.freeze()
