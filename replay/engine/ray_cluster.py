"""Workers in a cluster of Ray's, on as many machines as it has.

This process stays what it is: it has no threads, and no answer to signals of Ray's. Ray is talked
to by a process that is forked from it, `replay.engine.ray_driver`, and ends with it. When that one
is gone, because the cluster is, all is done here.
"""

from __future__ import annotations

import math
import os
import pickle
import shutil
import signal
import time
from contextlib import suppress
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

from events.closing import Closing
from events.errors import InputError, MissingLibraryError, shown
from events.libraries import is_installed
from replay.engine.forks import LOOK_SECONDS, LOST
from replay.engine.ray_driver import LOCAL, Driver, Started, packed
from replay.engine.workers import Pool, Workers, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

AUTO: Final = "auto"
"""The address of the cluster that this machine belongs to."""
# So long whoever listens at an address may take to say so, a cluster to take this process in, and
# one to start: on a machine where eight processes shared two cores that took 9 seconds.
_PROBE_SECONDS: Final = 5
_JOIN_SECONDS: Final = 60
_START_SECONDS: Final = 120
# For so long all workers are waited for at first, and the first of them.
_ALL_SECONDS: Final = 15
_FIRST_SECONDS: Final = 60
# For so long at least all are waited for whenever they get something else to do.
_LOAD_SECONDS: Final = 2
# Whatever else is asked is answered in milliseconds, but for what needs memory by the gigabyte.
_ANSWER_SECONDS: Final = 300
_END_SECONDS: Final = 15
_LET_IN: Final = "; where it asks for a token, set RAY_AUTH_MODE=token as its nodes have it"
_FOLDER: Final = "/tmp"  # noqa: S108  what Ray puts there has a name that nobody else has
"""Sockets have short names, and whoever runs this may have a long one for temporary files."""


class _TooLateError(Exception):
    """The process that talks to Ray does not answer."""


class RayCluster(Closing):
    """A cluster of Ray's that has workers for this process; see `Workforce`.

    ``with replay.RayCluster("local", 4) as workers: replay.run(…, workers=workers)``. A cluster
    that was there is left as it was, but for the workers, who end with this process.
    """

    def __init__(self, address: str, workers: int | None = None) -> None:
        """Start or join a cluster; that takes seconds.

        Args:
            address: ``local`` starts one for this process, on this machine; ``auto`` joins the
                one that this machine belongs to, or that of ``RAY_ADDRESS``; ``HOST:PORT``
                joins the one of that head, if this machine belongs to it.
            workers: how many workers there are to be; None: one for each core of the cluster.

        Raises:
            MissingLibraryError: Ray is not installed.
            InputError: nobody answers at the address, or no cluster of the same Ray.

        """
        if not is_installed("ray"):
            raise MissingLibraryError(
                "ray: expected an installed library, found none; python -m pip install 'ray>=2.40'"
            )
        self.address: Final = address
        """Where it is."""
        self._folder: Final = (
            mkdtemp(prefix="replay-ray-", dir=_FOLDER) if address == LOCAL else None
        )
        count = usable_cores() if workers is None and address == LOCAL else workers
        self._until = math.inf
        self._group: Any = LOST
        self._driver: Final = Workers(1, Driver(address, count, self._folder), self._look)
        self.is_lost = False
        """Whether it went away while it was needed."""
        self.sent_for: float | None = None
        """When workers were first sent for, by a clock of this process."""
        try:
            _probe(address)
            self._driver.start()
            self.count: Final = self._connected(
                _START_SECONDS if address == LOCAL else _JOIN_SECONDS
            )
            """How many workers there are to be."""
        except BaseException:
            self.close()
            raise

    def _connected(self, seconds: int) -> int:
        """Connect, which may take ``seconds``; return how many workers there are to be."""
        self._group = self.call("begin", seconds=seconds)
        found = self.call("connect", seconds=seconds)
        if isinstance(found, int):
            return found
        why = f"no answer within {seconds} s" if found is LOST else found
        raise InputError(f"ray {self.address}: expected a cluster of Ray, found {why}{_LET_IN}")

    def call(self, name: str, *given: Any, seconds: float = _ANSWER_SECONDS) -> Any:
        """Let the process that talks to Ray do something; return its answer, or `LOST`.

        Args:
            name: of a method of `Driver`.
            given: its arguments.
            seconds: how long it may take; a process that takes longer is ended.

        """
        self._until = time.monotonic() + seconds
        try:
            ((_, found),) = self._driver.answers([(name, *given)])
        except _TooLateError:
            found = LOST
        if found is LOST:
            self.is_lost = True
            self._end()
        return found

    def _end(self) -> None:
        """End the process that talks to Ray, and what it has started."""
        if self._group is not LOST:
            # Before that one is waited for, and its number may be somebody else's.
            with suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)
            self._group = LOST
        self._driver.close()

    def _look(self) -> None:
        if time.monotonic() > self._until:
            raise _TooLateError

    @property
    def is_there(self) -> bool:
        """Whether it can be asked anything."""
        return len(self._driver) > 0

    def check(self, needed: Any) -> None:
        """Raise InputError where no worker can have what is ``needed``."""
        with RayWorkers(self, needed, lambda: None) as workers:
            workers.start(all_seconds=0)

    def pool(self, do: Callable[[Any], Any], check: Callable[[], None]) -> RayWorkers:
        """Return its workers, of whom only the last ones that were asked for may be used."""
        return RayWorkers(self, do, check)

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        if self.is_there:
            is_lost = self.is_lost
            self.call("close", seconds=_END_SECONDS)
            self.is_lost = is_lost
        self._end()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class RayWorkers(Pool[int]):
    """Workers that are actors of Ray's."""

    def __init__(
        self, cluster: RayCluster, do: Callable[[Any], Any], check: Callable[[], None]
    ) -> None:
        """Start none yet; see `start`.

        Args:
            cluster: has them.
            do: as of `replay.engine.workers.Workers`; it is itself sent to them.
            check: called while they are waited for; raises where this process is to stop.

        """
        super().__init__(cluster.count)
        self._cluster: Final = cluster
        self._do: Final = do
        self._check: Final = check
        # Who can be asked, and how many are coming; None: nobody was sent for.
        self._here: list[int] = []
        self._coming: int | None = None

    def _running(self) -> list[int]:
        return self._here

    def start(self, all_seconds: float = _ALL_SECONDS) -> None:
        """Start those that are missing; they are waited for at first, and later join the others.

        Args:
            all_seconds: how long the others are waited for when the first of them has come.

        Raises:
            InputError: none has come at first, or one cannot do what is to be done.

        """
        if self._coming is None:
            self._call("load", *packed(self._do))
            self._await(all_seconds)
        elif self._coming:
            self._look()
        if self._cluster.is_there and len(self) + (self._coming or 0) < self.count:
            # Packed where it is needed only: it has the whole journal.
            self._call("add", *packed(self._do))
            self._look()

    def _await(self, all_seconds: float) -> None:
        """Wait for all workers for a while, and for the first of them longer."""
        where, began = f"ray {self._cluster.address}", time.monotonic()
        if self._cluster.sent_for is None:
            self._cluster.sent_for = began
        # Who has not come in that time may have no room, and is not waited for again.
        until = max(self._cluster.sent_for + all_seconds, began + min(all_seconds, _LOAD_SECONDS))
        while True:
            self._check()
            refusal = self._look(LOOK_SECONDS)
            if refusal:
                raise InputError(f"{where}: expected workers that can do this, found {refusal}")
            now = time.monotonic()
            if not self._coming or now > (until if self._here else began + _FIRST_SECONDS):
                break
        if self._cluster.is_there and not self._here:
            raise InputError(
                f"{where}: expected room for {self.count:,} workers, each of one core, found "
                f"none within {_FIRST_SECONDS} s"
            )

    def _look(self, seconds: float = 0) -> str:
        """See who is there, within ``seconds``; return why somebody will not come, or nothing."""
        found: Started = self._call("started", seconds)
        if found is LOST:
            return ""
        self._here, self._coming, refusal = found
        return refusal

    def tell(self, news: Any) -> None:
        if self._coming is not None:
            self._call("tell", pickle.dumps(news, pickle.HIGHEST_PROTOCOL))

    def _ask(self, worker: int, request: Any) -> bool:
        return self._call("ask", worker, pickle.dumps(request, pickle.HIGHEST_PROTOCOL)) is not LOST

    def _answered(self, busy: Collection[int]) -> list[tuple[int, Any]]:
        found: Any = []
        while not found:
            self._check()
            found = self._call("answered", LOOK_SECONDS)
        if found is LOST:
            return [(worker, LOST) for worker in busy]
        answers = []
        for worker, answer in found:
            if answer is None:
                self._here.remove(worker)
            lost = answer is None
            answers.append((worker, LOST if lost else pickle.loads(answer)))  # noqa: S301  our own
        return answers

    def _bury(self, worker: int) -> None:
        if worker in self._here:
            self._here.remove(worker)
            self._call("end", worker)

    def _call(self, name: str, *given: Any) -> Any:
        found = self._cluster.call(name, *given) if self._cluster.is_there else LOST
        if found is LOST:
            self._here, self._coming = [], 0
        return found

    def close(self) -> None:
        """Let go of the workers, who wait for what comes next."""
        self._here, self._coming = [], None


def _probe(address: str) -> None:
    """Refuse an address where nobody listens; Ray itself tries for minutes."""
    if address in (LOCAL, AUTO):
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and port.isascii() and int(port) < 1 << 16) or "/" in host:
        raise InputError(f"ray: expected local, auto or HOST:PORT, found {shown(address)}")
    import socket

    try:
        socket.create_connection((host, int(port)), _PROBE_SECONDS).close()
    except OSError as error:
        found = f"found nobody there: {error.strerror or error}; ray start --head begins one"
        raise InputError(f"ray {address}: expected a cluster of Ray, {found}") from None
