"""Exploring many seeds, in this process or in several; the outcome is the same.

Each explorer is handed one seed after another, and the explorations are given in the
order of the seeds. So the first one with a difference has the lowest seed that finds
any, however many explorers there are.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.errors import ReplayError
from replay.engine.explore import Exploration, Explorer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    from replay.engine.explore import Subject


_SAFE_PATH: Final = "PYTHONSAFEPATH"


class ExplorerLostError(ReplayError):
    """A process that explores could not be started, or has ended without an answer."""

    exit_status = 1


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def explorations(
    explorer: Explorer, seeds: Sequence[int], jobs: int
) -> Generator[Exploration, None, None]:
    """Iterate over what each of ``seeds`` gives, in their order.

    Args:
        explorer: does it where one is enough; others are told of its subject.
        seeds: what to explore.
        jobs: how many processes explore, at least 1; with 1 it is this process.

    Raises:
        ExplorerLostError: one of the processes could not be started, or has ended.

    """
    jobs = min(jobs, len(seeds))
    if jobs > 1:
        with _Processes(explorer.subject, jobs) as processes:
            yield from processes.explore(seeds)
        return
    yield from map(explorer.explore, seeds)


class _Processes(Closing):
    def __init__(self, subject: Subject, count: int) -> None:
        self._processes: Final[dict[Connection, BaseProcess]] = {}
        # Spawned, not forked: a forked process would hold its siblings' ends of the pipes,
        # and so wait for ever where this one is killed.
        context = multiprocessing.get_context("spawn")
        # Python itself starts there, too, and finds no module in the current folder.
        safe = os.environ.get(_SAFE_PATH)
        os.environ[_SAFE_PATH] = "1"
        # Where it is started along with the first of them, Python 3.11 unblocks the signal.
        resource_tracker.ensure_running()
        # Ctrl-C goes to all processes of a terminal. This one answers for all of them; in
        # those started here it stays blocked from their first moment. If this one ended
        # while one of them is being told what it is for, that one would print a traceback.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, subject), daemon=True)
                process.start()
                self._processes[ours] = process
                theirs.close()
        except OSError as error:
            self.close()
            raise ExplorerLostError(
                f"expected to start {count} processes that explore, found: {error}; "
                "try fewer --jobs"
            ) from None
        except BaseException:
            self.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if safe is None:
                del os.environ[_SAFE_PATH]
            else:
                os.environ[_SAFE_PATH] = safe

    def explore(self, seeds: Sequence[int]) -> Iterator[Exploration]:
        following = iter(seeds)
        idle = list(self._processes)
        done: dict[int, Exploration] = {}
        for seed in seeds:
            while seed not in done:
                for connection, given in zip(idle, following, strict=False):
                    self._send(connection, given)
                idle = [each for each in wait(self._processes) if isinstance(each, Connection)]
                for connection in idle:
                    found = self._receive(connection)
                    done[found.seed] = found
            yield done.pop(seed)

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for connection, process in self._processes.items():
            process.join()
            connection.close()
        self._processes.clear()

    def _send(self, connection: Connection, seed: int) -> None:
        try:
            connection.send(seed)
        except OSError:
            raise self._lost(connection) from None

    def _receive(self, connection: Connection) -> Exploration:
        try:
            found = connection.recv()
        except (EOFError, OSError):
            raise self._lost(connection) from None
        assert isinstance(found, Exploration), "nothing else is sent"
        return found

    def _lost(self, connection: Connection) -> ExplorerLostError:
        process = self._processes[connection]
        process.join()
        return ExplorerLostError(
            f"expected {len(self._processes)} processes that explore, found that one of them "
            f"ended with status {process.exitcode}; try fewer --jobs, which take less memory"
        )


def _work(connection: Connection, subject: Subject) -> None:
    """Answer each seed that comes with its exploration, as long as somebody asks."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        explorer = Explorer(subject)
        while True:
            connection.send(explorer.explore(connection.recv()))
    except (EOFError, OSError):
        return
    except MemoryError:
        # The one that asks says so.
        sys.exit(1)
