"""What talks to Ray, in a process of its own, and what lives in the processes of Ray.

Ray starts threads, takes over signals, writes to standard error, waits for minutes where nobody
answers, and ends the process when its own are gone. So all of that happens in a process that is
forked before (see `replay.engine.ray_cluster`), which can be ended at any time.

Workers are Ray actors that Ray neither restarts nor gives anything twice. What they do comes as
the bytes of a pickle and the buffers of its arrays; these are in Ray's object store, once a node,
and arrays in the workers are made of them without a copy. They are read-only so, and who changes
one has a copy of its own from then on.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import numpy as np

from events.errors import InputError
from replay.engine.ray_hosts import Hosts, check_version, words_of
from replay.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOCAL: Final = "local"
"""The address of a cluster that is started for this process, on this machine."""
# So often it is looked whether a process is still there.
_LOOK_SECONDS: Final = 0.2
_CLEAR_LOOKS: Final = 100
# A head that is not there for so long is gone; Ray itself waits for it for a minute.
_HEAD_SECONDS: Final = 20


class Packed(NamedTuple):
    """An object as bytes."""

    content: bytes
    """What pickle makes of it, without its arrays."""
    buffers: list[Any]
    """What these are made of."""


def packed(content: Any) -> Packed:
    """Return an object as bytes, its arrays as views of them.

    Raises:
        InputError: pickle cannot send it.

    """
    buffers: list[pickle.PickleBuffer] = []
    try:
        return Packed(pickle.dumps(content, 5, buffer_callback=buffers.append), buffers)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            "expected what processes of Ray can import, such as a detector that is a class of a "
            f"module, found: {error}"
        ) from None


class Started(NamedTuple):
    """Which workers there are."""

    running: list[int]
    """Those that can be asked, by number."""
    coming: int
    """How many are expected."""
    refusal: str
    """Why one will not come, or nothing."""


class Worker:
    """A worker, in a process of Ray's."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._do: Callable[[Any], Any] | None = None
        self._told = 0

    def load(self, version: str, loaded: tuple[bytes, Sequence[Any]]) -> None:
        """Do what an object does from now on.

        Args:
            version: of this program, where whoever asks runs.
            loaded: the object, as it was packed.

        Raises:
            InputError: the program is of another version.

        """
        check_version(version)
        content, buffers = loaded
        self._do, self._told = pickle.loads(content, buffers=buffers), 0  # noqa: S301  of our own

    def hear(self, news: bytes) -> None:
        """Do what ``news`` says."""
        self._done(news)
        self._told += 1

    def answer(self, request: bytes, told: int) -> bytes:
        """Return the answer to ``request``, which comes after ``told`` news."""
        if self._told != told:
            # Something was lost on its way here, and so is this one.
            os._exit(1)
        return pickle.dumps(self._done(request), pickle.HIGHEST_PROTOCOL)

    def _done(self, content: bytes) -> Any:
        assert self._do is not None, "it was loaded"
        try:
            return self._do(pickle.loads(content))  # noqa: S301  of our own
        except BaseException:  # noqa: BLE001  who has asked does it again, and says what there is
            os._exit(1)


class _Actor:
    """A worker, as the driver sees it."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.loading: Any = None
        self.answer: Any = None
        self.told = 0


class Driver:
    """Has workers or other objects in a cluster of Ray's, and does what it is asked by name."""

    def __init__(self, address: str, count: int | None, folder: str | None) -> None:
        """Do nothing yet.

        Args:
            address: of the cluster, or `LOCAL`.
            count: how many workers there are to be; None: one for each core of the cluster.
            folder: where a cluster that is started keeps its files.

        """
        self._address: Final = address
        self._count = count
        self._folder: Final = folder
        self._parent: Final = os.getpid()
        self._actors: Final[dict[int, _Actor]] = {}
        self._made = 0
        self._ray: Any = None
        self._hosts: Hosts

    def __call__(self, asked: tuple[Any, ...]) -> Any:
        """Call the method that is named first, with what comes behind its name."""
        name, *given = asked
        return getattr(self, name)(*given)

    def begin(self) -> int:
        """Be apart from whoever asks; return the number of the group of what is started here."""
        # Neither does Ctrl-C reach what is started here, nor do its words reach anybody.
        os.setsid()
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        driver = os.getpid()
        if not os.fork():
            _clear_up_after(driver, self._folder)
        Thread(target=_end_with, args=(self._parent,), daemon=True).start()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        return os.getpgrp()

    def connect(self) -> int | str:
        """Return how many workers there are to be, or what was found instead of a cluster."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(_HEAD_SECONDS))
        options: dict[str, Any] = {"address": self._address}
        if self._address == LOCAL:
            # What can be imported here can be there, and nobody else gets in; left to itself, Ray
            # would keep a token in the home folder, for whatever is started later.
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(32).hex()}
            options |= {"num_cpus": self._count, "include_dashboard": False}
            options |= {"_temp_dir": self._folder}
        try:
            ray = self._ray = import_module("ray")
            ray.init(**options, log_to_driver=False, logging_level=logging.CRITICAL)
        except (Exception, SystemExit) as error:  # noqa: BLE001  it has errors of every kind
            return words_of(error)
        if self._count is None:
            self._count = max(1, int(ray.cluster_resources().get("CPU", 1)))
        return self._count

    def load(self, content: bytes, buffers: Sequence[bytes]) -> None:
        """Let all workers do what was packed, and no longer what they did."""
        self._load(list(self._actors.values()), content, buffers)

    def add(self, content: bytes, buffers: Sequence[bytes]) -> None:
        """Let those that are missing do what was packed; the others do what they do."""
        self._load([], content, buffers)

    def _load(self, actors: list[_Actor], content: bytes, buffers: Sequence[bytes]) -> None:
        """Let ``actors`` do what was packed, and those that are missing."""
        loaded = self._ray.put((content, [np.frombuffer(each, np.uint8) for each in buffers]))
        made = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Worker)
        while len(self._actors) < (self._count or 1):
            self._made += 1
            self._actors[self._made] = _Actor(made.remote())
            actors.append(self._actors[self._made])
        for actor in actors:
            actor.loading = actor.handle.load.remote(__version__, loaded)
            actor.told = 0

    def started(self, seconds: float) -> Started:
        """Wait up to ``seconds`` for those that are coming."""
        coming = {
            actor.loading: worker
            for worker, actor in self._actors.items()
            if actor.loading is not None
        }
        refusal = ""
        if coming:
            ready, _ = self._ray.wait(list(coming), num_returns=len(coming), timeout=seconds)
            for loading in ready:
                worker = coming.pop(loading)
                try:
                    self._ray.get(loading)
                    self._actors[worker].loading = None
                except self._ray.exceptions.RayTaskError as error:
                    refusal = words_of(error.cause or error)
                    self.end(worker)
                except self._ray.exceptions.RayError:
                    self.end(worker)
        running = [worker for worker, actor in self._actors.items() if actor.loading is None]
        return Started(running, len(coming), refusal)

    def tell(self, news: bytes) -> None:
        """Let all workers do what ``news`` says, those that are coming, too."""
        told = self._ray.put(news)
        for actor in self._actors.values():
            actor.told += 1
            actor.handle.hear.remote(told)

    def ask(self, worker: int, request: bytes) -> None:
        """Ask a worker something; `answered` gives the answer."""
        actor = self._actors[worker]
        actor.answer = actor.handle.answer.remote(request, actor.told)

    def answered(self, seconds: float) -> list[tuple[int, bytes | None]]:
        """Wait up to ``seconds`` until somebody answers; return who did, and None for the lost."""
        waiting = {
            actor.answer: worker
            for worker, actor in self._actors.items()
            if actor.answer is not None
        }
        ready, rest = self._ray.wait(list(waiting), timeout=seconds)
        ready += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0] if rest else []
        return [(waiting[answer], self._answer(waiting[answer])) for answer in ready]

    def _answer(self, worker: int) -> bytes | None:
        actor = self._actors[worker]
        answer, actor.answer = actor.answer, None
        try:
            found: bytes = self._ray.get(answer)
        except self._ray.exceptions.RayError:
            self.end(worker)
            return None
        return found

    def end(self, worker: int) -> None:
        """End a worker."""
        self._ray.kill(self._actors.pop(worker).handle)

    def begin_hosts(self, count: int) -> None:
        """Be ready for ``count`` objects."""
        self._hosts = Hosts(self._ray, count)

    def hosts(self, name: str, *given: Any) -> Any:
        """Call a method of `Hosts`."""
        return getattr(self._hosts, name)(*given)

    def close(self) -> None:
        """End all workers, and the cluster if it was started here."""
        for worker in list(self._actors):
            self.end(worker)
        self._ray.shutdown()


def _end_with(parent: int) -> None:
    """End this process when ``parent`` is gone, also while Ray has the first thread."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _clear_up_after(driver: int, folder: str | None) -> NoReturn:
    """End all that ``driver`` has started when it is gone, and remove their folder.

    Of those that Ray starts some see only after a minute that the others are gone.
    """
    os.setpgid(0, 0)
    while os.getppid() == driver:
        time.sleep(_LOOK_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(driver, signal.SIGKILL)
    for _ in range(_CLEAR_LOOKS):
        # Workers are in groups of their own, and one that has just been started would make the
        # folder again.
        others = _others_in_session(driver)
        for each in others:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if not others and (folder is None or not Path(folder).exists()):
            break
        time.sleep(_LOOK_SECONDS)
    os._exit(0)


def _others_in_session(session: int) -> list[int]:
    """Return the other processes of a session, where the system lists them in files."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getsid(int(path.name)) == session:
                found.append(int(path.name))
    return [each for each in found if each != os.getpid()]
