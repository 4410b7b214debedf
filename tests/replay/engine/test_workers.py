"""Workers do what they are asked, once; what one that is gone was asked is given back."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from replay.engine.forks import LOST
from replay.engine.workers import Workers
from tests.processes import children_of, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(replay.__file__).parents[1]


def do(asked: Any) -> Any:
    """Do what a test asks a worker to do."""
    match asked:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise ValueError(asked)
        case "exit":
            sys.exit(0)
        case "answer what pickle cannot send":
            return lambda: None
        case "who":
            return os.getpid()
        case "open":
            return usable()
        case "read", int(number):
            # One of these would be of the same number, if that were free.
            others = [os.open(os.devnull, os.O_RDONLY) for _ in range(64)]
            return os.pread(number, 9, 0), others
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        case "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
    return "done", asked


def opened() -> set[int]:
    return {int(name) for name in os.listdir("/dev/fd")}  # noqa: PTH208


def usable() -> set[int]:
    """Return the numbers of the files that can be read or written."""
    found = set()
    for each in opened():
        # That by which they were listed is closed by now.
        with suppress(OSError):
            if not fcntl.fcntl(each, fcntl.F_GETFL) & os.O_PATH:
                found.add(each)
    return found


FATAL = ("die", "raise", "exit", "answer what pickle cannot send", "terminate")


@settings(max_examples=30)
@given(st.integers(1, 4), st.lists(st.integers(0, 9) | st.sampled_from((*FATAL, "interrupt"))))
def test_each_request_is_given_once_in_order_and_lost_only_where_a_worker_is_gone(
    count: int, requests: list[Any]
) -> None:
    with Workers(count, do) as workers:
        workers.start()
        given_back = list(workers.answers(requests))
        left = len(workers)
    assert [request for request, _ in given_back] == requests
    fatal = sum(request in FATAL for request in requests)
    assert left == max(count - fatal, 0)
    for place, (request, answer) in enumerate(given_back):
        if request in FATAL:
            assert answer is LOST
        elif answer is not LOST:
            assert answer == ("done", request)
        else:
            # Nobody was left to do it.
            assert sum(each in FATAL for each in requests[:place]) >= count


@settings(max_examples=30)
@given(
    st.integers(1, 4),
    st.integers(2, 3),
    st.integers(1, 9),
    st.lists(st.integers(0, 9) | st.sampled_from(FATAL), max_size=40),
)
def test_nobody_is_asked_too_much_ahead_and_all_of_that_is_lost_with_who_is_gone(
    count: int, ahead: int, taken_max: int, requests: list[Any]
) -> None:
    taken = most = 0

    def take() -> Iterator[Any]:
        nonlocal taken, most
        for request in requests:
            taken += 1
            most = max(most, taken - len(given_back))
            yield request

    given_back: list[tuple[Any, Any]] = []
    with Workers(count, do, ahead=ahead, taken_max=taken_max) as workers:
        workers.start()
        given_back.extend(workers.answers(take()))
        left = len(workers)
    assert [request for request, _ in given_back] == requests
    # What is given back was taken still when the next one was.
    assert most <= taken_max + 1
    fatal = sum(request in FATAL for request in requests)
    assert left >= count - fatal
    lost = [request for request, answer in given_back if answer is LOST]
    assert all(answer == ("done", request) for request, answer in given_back if answer is not LOST)
    assert len(lost) <= fatal * ahead or not left


def test_without_workers_all_is_given_back() -> None:
    with Workers(2, do) as workers:
        assert list(workers.answers(range(3))) == [(0, LOST), (1, LOST), (2, LOST)]


def test_lost_ones_are_replaced_by_start() -> None:
    with Workers(2, do) as workers:
        workers.start()
        before = {answer for _, answer in workers.answers(["who"] * 2)}
        assert [answer for _, answer in workers.answers(["die"] * 2)] == [LOST, LOST]
        assert len(workers) == 0
        workers.start()
        after = {answer for _, answer in workers.answers(["who"] * 2)}
    assert len(before | after) == 4
    assert all(map(is_gone, before | after))


def test_news_reach_all_before_what_is_asked_later() -> None:
    told: list[int] = []

    def remember(asked: int | None) -> Any:
        if asked is None:
            return os.getpid(), [*told]
        told.append(asked)
        return None

    with Workers(3, remember) as workers:
        workers.start()
        for news in range(5):
            workers.tell(news)
        answers = [answer for _, answer in workers.answers([None] * 30)]
    assert {tuple(found) for _, found in answers} == {(0, 1, 2, 3, 4)}
    assert told == []


def test_news_and_answers_may_be_larger_than_what_fits_between_two_processes() -> None:
    told: list[int] = []

    def do(asked: bytes | None) -> Any:
        if asked is not None:
            told.append(len(asked))
        return [*told], bytes(8 << 20)

    def requests() -> Iterator[None]:
        for number in range(20):
            # One worker at least is at work then.
            workers.tell(bytes(number << 20))
            yield None

    with Workers(2, do) as workers:
        workers.start()
        for place, (_, answer) in enumerate(workers.answers(requests())):
            news, _ = answer
            assert news == [number << 20 for number in range(len(news))]
            assert len(news) > place
    assert told == []


def test_news_that_a_worker_dies_of_lose_it_alone() -> None:
    with Workers(2, do) as workers:
        workers.start()
        workers.tell("die")
        assert [answer for _, answer in workers.answers([1, 2, 3])] == [LOST] * 3


def test_requests_are_taken_one_by_one_as_they_are_done() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    with Workers(2, do) as workers:
        workers.start()
        answers = workers.answers(endless())
        assert [next(answers)[0] for _ in range(20)] == list(range(20))
        assert len(taken) < 1_000


def test_answer_that_nobody_waits_for_is_not_the_next_ones() -> None:
    with Workers(3, do) as workers:
        workers.start()
        answers = workers.answers(range(100))
        assert next(answers) == (0, ("done", 0))
        del answers
        assert len(workers) < 3
        workers.start()
        assert list(workers.answers("abc")) == [(each, ("done", each)) for each in "abc"]


def test_whoever_waits_is_asked_whether_to_stop() -> None:
    class StoppedError(Exception):
        pass

    stops = False

    def check() -> None:
        if stops:
            raise StoppedError

    def sleep(_: Any) -> None:
        time.sleep(60)

    before = {*children()}
    with Workers(1, sleep, check) as workers:
        workers.start()
        stops = True
        (process,) = {*children()} - before
        answers = workers.answers([1])
        with pytest.raises(StoppedError):
            next(answers)
    assert is_gone(process)


def test_whoever_starts_many_is_asked_whether_to_stop() -> None:
    class StoppedError(Exception):
        pass

    before = {*children()}

    def check() -> None:
        if len({*children()} - before) == 2:
            raise StoppedError

    with Workers(6, do, check) as workers, pytest.raises(StoppedError):
        workers.start()
    assert {*children()} <= before


def test_worker_holds_nothing_of_this_process_open_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = opened()
    with (tmp_path / "log").open("wb") as file, Workers(3, do) as workers:
        workers.start()
        held = [answer for _, answer in workers.answers(["open"] * 3)]
        # Its two pipes, and what stands for the standard streams.
        assert all(len(each - {0, 1, 2}) <= 4 for each in held)
        assert file.fileno() in opened()
    assert opened() == before


def test_worker_that_reads_a_file_of_this_process_is_lost_and_reads_no_other(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table"
    path.write_bytes(b"5")
    with path.open("rb") as file, Workers(1, do) as workers:
        workers.start()
        assert [found for _, found in workers.answers([("read", file.fileno())])] == [LOST]


def test_there_may_be_more_files_than_select_can_wait_for() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 1_200:
        pytest.skip("no more than so many files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_200, limits[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_050)]
    try:
        with Workers(1, do) as workers:
            workers.start()
            assert list(workers.answers([1])) == [(1, ("done", 1))]
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_error_in_the_block_ends_all_workers() -> None:
    before, found = {*children()}, set[int]()
    with suppress(ZeroDivisionError), Workers(3, do) as workers:
        workers.start()
        found = {*children()} - before
        raise ZeroDivisionError
    assert len(found) == 3
    assert all(map(is_gone, found))


PROGRAM = """
import os, sys, time
from replay.engine.workers import Workers
from tests.replay.engine.test_workers import children

def do(asked):
    if asked == "busy":
        while True:
            pass
    return asked

workers = Workers(3, do)
workers.start()
asked = iter(workers.answers(["idle"] * {idle} + ["busy"] * 3))
for _ in range({first}):
    next(asked)
print(*children(), flush=True)
{then}
"""


def started(program: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Return a process that runs a program, and its three workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    found = [int(word) for word in process.stdout.readline().split()]
    assert len(found) == 3
    return process, found


@pytest.mark.parametrize("idle", [0, 2])
@pytest.mark.parametrize(
    "then",
    ["next(asked)", "os._exit(3)", "os.abort()", "os.kill(os.getpid(), 9)", "sys.exit()", "1 / 0"],
)
def test_nobody_works_for_a_process_that_is_gone(idle: int, then: str) -> None:
    process, found = started(
        PROGRAM.format(idle=idle, first=idle // 2, then=f"next(asked)\n{then}")
    )
    if not idle or then == "next(asked)":
        # All are busy, and so is this one, waiting for them.
        process.kill()
    process.communicate(timeout=60)
    assert eventually(lambda: all(map(is_gone, found)))


def test_nor_is_anybody_left_who_was_stopped() -> None:
    process, found = started(PROGRAM.format(idle=3, first=3, then="next(asked)"))
    for worker in found:
        os.kill(worker, signal.SIGSTOP)
    process.kill()
    process.communicate(timeout=60)
    try:
        assert eventually(lambda: all(map(is_gone, found)))
    finally:
        for worker in found:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


def children() -> list[int]:
    """Return the processes that this one has started and not seen the end of."""
    return children_of(os.getpid())


def is_gone(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    # Nobody may have seen its end yet, but it is over.
    return stat.rpartition(")")[2].split()[0] == "Z"
