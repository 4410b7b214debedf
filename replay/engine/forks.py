"""Processes that are forked from this one, and do what it asks.

Each has in memory what this one had. It writes nothing, holds no file open that this process
has opened, and ends with it, whatever ends it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import select
import signal
import socket
import struct
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from events.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

CAN_FORK: Final = hasattr(os, "fork")
"""Whether there can be such processes at all."""
PROCESSES_MAX: Final = 4_096
"""How many workers, or shards, there may be."""
LOST: Final = object()
"""What stands for the answer of a process that is gone."""
LOOK_SECONDS: Final = 0.2
"""How long a wait lasts at most before it is seen whether this process is to stop.

A signal that asks for that does not end it.
"""
# Before each message stands how many bytes it has.
_LENGTH: Final = struct.Struct("!Q")
_STANDARD_STREAMS: Final = 3


def check_processes(what: str, count: int) -> int:
    """Return how many of ``what`` there are to be.

    Raises:
        InputError: it is not from 1 to `PROCESSES_MAX`.

    """
    if not 1 <= count <= PROCESSES_MAX:
        raise wrong_processes(what, str(count))
    return count


def wrong_processes(what: str, found: str) -> InputError:
    """Return what is raised where ``found`` is no number of ``what`` that there may be."""
    return InputError(f"{what}: expected a number from 1 to {PROCESSES_MAX}, found {found}")


class _Message(NamedTuple):
    content: Any
    is_request: bool


class Fork:
    """A process that was forked from this one."""

    def __init__(
        self, end: socket.socket, process: int, life: int, check: Callable[[], None]
    ) -> None:
        """Stand for a process; see `of`.

        Args:
            end: what is sent, and what it answers.
            process: its number.
            life: an end of a pipe that nobody writes to: whoever holds the other one sees when
                this process is gone.
            check: called while it is waited for; raises where nobody is to wait any longer.

        """
        self._end: Final = end
        self._process: Final = process
        self._life: Final = life
        self._check: Final = check
        # How much it was asked that it has not answered, and what it is to be told behind that.
        self._asked = 0
        self._later: Final[list[bytes]] = []
        end.setblocking(False)

    @classmethod
    def of(cls, do: Callable[[Any], Any], check: Callable[[], None]) -> Fork | None:
        """Fork a process that does ``do`` with all that it is sent; None where the system refuses.

        It answers what ``do`` returns, and ends when that raises. Whoever waits for it calls
        ``check`` now and then.
        """
        try:
            ours, theirs = socket.socketpair()
            watched, life = os.pipe()
        except OSError:
            return None
        # Until it has its own answer to signals, and this process knows of it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            process = _fork()
            if not process:
                _work(theirs, watched, do)
            return cls(ours, process, life, check)
        except OSError:
            ours.close()
            os.close(life)
            return None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
            os.close(watched)

    def fileno(self) -> int:
        """Return what can be read from when there is an answer."""
        return self._end.fileno()

    def tell(self, sent: bytes) -> bool:
        """Send what `message` has given; tell whether the process is there to take it.

        While it does what it was asked, this waits for the answer: were both to send what the
        other has no time to read, both would wait for ever.
        """
        if self._asked:
            self._later.append(sent)
            return True
        return self._send(sent)

    def request(self, sent: bytes) -> bool:
        """Send a request as `message` has given it; tell whether the process is there to take it.

        It has to be small where another one has not been answered.
        """
        self._asked += 1
        return self._send(sent)

    def _send(self, sent: bytes) -> bool:
        try:
            for part in (_LENGTH.pack(len(sent)), sent):
                left = memoryview(part)
                while left:
                    try:
                        left = left[self._end.send(left) :]
                    except BlockingIOError:
                        self._wait(select.POLLOUT)
        except OSError:
            return False
        return True

    def answer(self) -> Any:
        """Return the next answer, waiting for it; `LOST` where the process is gone."""
        try:
            (length,) = _LENGTH.unpack(self._received(_LENGTH.size))
            answer = pickle.loads(self._received(length))  # noqa: S301  of our own
        except (EOFError, OSError):
            return LOST
        self._asked -= 1
        while self._later and not self._asked:
            if not self._send(self._later.pop(0)):
                break
        return answer

    def _received(self, length: int) -> bytearray:
        found = bytearray(length)
        left = memoryview(found)
        while left:
            try:
                count = self._end.recv_into(left)
            except BlockingIOError:
                self._wait(select.POLLIN)
                continue
            if not count:
                raise EOFError
            left = left[count:]
        return found

    def _wait(self, what: int) -> None:
        ready = select.poll()
        ready.register(self._end, what)
        try:
            while not ready.poll(1_000 * LOOK_SECONDS):
                self._check()
        except BaseException:
            # What is half there is nobody's answer any more.
            self._end.close()
            raise

    def end(self) -> None:
        """End the process, whatever it does, and wait for its end."""
        self._end.close()
        os.close(self._life)
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._process, 0)


def message(content: Any, *, is_request: bool = True) -> bytes:
    """Return what sends ``content``, which is answered if it is a request."""
    return pickle.dumps(_Message(content, is_request), pickle.HIGHEST_PROTOCOL)


def first_ready(busy: Collection[Fork], check: Callable[[], None]) -> list[Fork]:
    """Wait until one or more of ``busy`` have an answer or are gone; return them.

    Args:
        busy: who was asked something.
        check: called now and then; raises where nobody is to wait any longer.

    """
    ready = select.poll()
    ends = {fork.fileno(): fork for fork in busy}
    for end in ends:
        ready.register(end, select.POLLIN)
    found: list[tuple[int, int]] = []
    while not found:
        check()
        found = ready.poll(1_000 * LOOK_SECONDS)
    return [ends[end] for end, _ in found]


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads. There are none of ours here, and those of numpy's
        # algebra, which nobody asks anything, are prepared for it.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work(end: socket.socket, life: int, do: Callable[[Any], Any]) -> NoReturn:
    """Answer all that comes, as long as somebody may ask."""
    try:
        _let_go(end.fileno(), life)
        with end.makefile("rb") as sent:
            while True:
                (length,) = _LENGTH.unpack(sent.read(_LENGTH.size))
                asked = pickle.loads(sent.read(length))  # noqa: S301  of our own
                answer = do(asked.content)
                if asked.is_request:
                    answered = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
                    end.sendall(_LENGTH.pack(len(answered)))
                    end.sendall(answered)
    finally:
        # Whatever happened: who has asked does it again, and says what there is to say.
        os._exit(1)


def _let_go(connection: int, life: int) -> None:
    """Hold nothing of the process that this one was forked from, and end with it."""
    # Its files are locked as long as anybody holds them open, and the pipes of other workers
    # would never end. Their numbers stay taken, by what can be neither read nor written: a
    # detector that holds one of them fails here, and never reads what is opened later.
    closed = os.open("/", getattr(os, "O_PATH", os.O_RDONLY))
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  names are all that there is
        if int(name) >= _STANDARD_STREAMS and int(name) not in (connection, life, closed):
            os.dup2(closed, int(name))
    nowhere = os.open(os.devnull, os.O_RDWR)
    # What it has not written yet is written by it alone.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    signal.set_wakeup_fd(-1)
    # Ctrl-C goes to all processes of a terminal; the other one answers for all of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGIO, lambda *_: os._exit(1))
    if hasattr(fcntl, "F_SETSIG"):
        # Where that may be another signal, it is one that also ends who is stopped.
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    # A number of 1024 or more, as with hundreds of processes, `select.select` refuses.
    gone = select.poll()
    gone.register(life, select.POLLIN)
    if gone.poll(0):
        # It was gone before this one watched it.
        os._exit(1)
    # The collector would write to all that both have, and so have it copied.
    gc.freeze()
