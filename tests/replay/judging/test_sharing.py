"""However many workers judge a stream, and whatever becomes of them, all is as with one."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from bisect import bisect
from collections import deque
from contextlib import suppress
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import workload
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.user import UserActor
from events.errors import InputError, InterruptedRunError, ReplayError
from events.logs.file import Portions
from events.logs.splitting import LINE_BYTES_MAX
from replay.cli import main
from replay.engine.listener import RunListener
from replay.engine.workers import Pool
from replay.judging.workers import Shares
from replay.testing import LoggedHistory, assert_answers_as_of, histories, run_in
from tests import late_logs
from tests.processes import children_of, eventually
from tests.replay.custom.test_rings import sample
from tests.replay.engine.test_workers import children, is_gone
from tests.replay.purchases.test_verify import rewritten
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

ROOT = Path(replay.__file__).parents[1]
OUTPUTS = ("flagged.json", "flagged.json.events")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two logs: late lines, bad lines, hubs, anomalies."""
    return late_logs.write(tmp_path_factory.mktemp("logs"), 1_200)


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    """See that every process that a test has started is gone in the end."""
    before = children()
    yield
    assert children() == before


# Of which a log is many.
SMALL = Portions(1 << 12, 1 << 12)


def words_of(logs: Path, out: Path, *words: str) -> list[str]:
    paths = [str(logs / name) for name in ("batch_log.json", "stream_log.json")]
    return ["-q", *words, *paths, str(out / OUTPUTS[0])]


def opened(logs: Path) -> replay.Logs:
    return replay.Logs(logs / "batch_log.json", logs / "stream_log.json", portions=SMALL)


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in OUTPUTS]


def shared(logs: Path, folder: Path, workers: int) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    with opened(logs) as both:
        replay.run(both, folder / OUTPUTS[0], workers=workers)
    return outputs(folder)


def ran(logs: Path, folder: Path, *words: str) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    assert main(words_of(logs, folder, *words)) == 0
    return outputs(folder)


# In this process


@settings(max_examples=30)
@given(histories())
def test_it_makes_no_difference_who_judges_which_event(history: LoggedHistory) -> None:
    with TemporaryDirectory() as folder:
        _, store = run_in(folder, history)
        assert_answers_as_of(store)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4])
def test_it_makes_none_with_late_lines_and_hubs_at_any_degree(
    logs: Path, tmp_path: Path, degrees: int
) -> None:
    ran(logs, tmp_path, "-D", str(degrees), "-T", "7", "--workers", "1")
    assert_answers_as_of(tmp_path / OUTPUTS[1], seeds=6)


class _Once(CoordinatorActor):
    """Flags nobody twice: a verdict depends on those before."""

    __slots__ = ("seen",)

    def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
        if not hasattr(self, "seen"):
            self.seen: set[str] = set()
        found = super().flags(purchase, window, baseline) and purchase.user not in self.seen
        if found:
            self.seen.add(purchase.user)
        return found


class Once(replay.Simulation):
    name = "once"
    version = 1
    answers_as_of = True
    coordinator_type = _Once


class Foreseeing(UserActor):
    """Answers with what is in the journal, also when it has come after what it is asked for."""

    def recover(self, number: int) -> None:
        super().recover(number + 50)


class Foresight(replay.Simulation):
    name = "foresight"
    version = 1
    answers_as_of = True
    user_type = Foreseeing


@pytest.mark.parametrize("detector", [Once, Foresight])
def test_detector_whose_verdicts_depend_on_more_than_the_events_before_is_found_out(
    logs: Path, tmp_path: Path, detector: type[replay.Simulation]
) -> None:
    with opened(logs) as both:
        replay.run(both, tmp_path / OUTPUTS[0], detector=detector)
    with pytest.raises(AssertionError, match="declares answers_as_of decides by the events before"):
        assert_answers_as_of(tmp_path / OUTPUTS[1], detector=detector)


@given(
    st.integers(1, 3_000),
    st.lists(st.integers(0, 3_000), min_size=1, max_size=4),
    st.integers(0, 4),
    st.integers(1, 16),
)
def test_shares_cover_all_events_once_in_order(
    first: int, sizes: list[int], known: int, workers: int
) -> None:
    starts = list(accumulate(sizes, initial=first))
    coming = deque((start, start + size - 1) for start, size in zip(starts, sizes, strict=False))
    shares = Shares(workers)
    cut: list[tuple[int, int]] = []
    for _ in range(min(known, len(coming))):
        shares.append(*coming.popleft())
    while coming:
        cut += islice(shares, 3)
        shares.append(*coming.popleft())
    cut += shares
    assert [number for one, last in cut for number in range(one, last + 1)] == list(
        range(first, starts[-1])
    )
    assert all(last - one < 512 for one, last in cut)
    # Each is of one block.
    assert all(bisect(starts, one) == bisect(starts, last) for one, last in cut)
    if sizes[-1] >= 16 * workers:
        assert len([one for one, _ in cut if one >= starts[-2]]) >= workers


# By processes


@pytest.mark.parametrize("workers", [2, 3, 16])
def test_store_and_flagged_file_are_those_of_one_process(
    logs: Path, tmp_path: Path, workers: int
) -> None:
    expected = shared(logs, tmp_path / "one", 1)
    assert len(list(replay.EventStore(tmp_path / "one" / OUTPUTS[1]).frames())) > 50
    assert expected[0].count(b"\n") > 20
    assert shared(logs, tmp_path / "shared", workers) == expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="a byte-order mark"),
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(lambda data: data + b"x" * (LINE_BYTES_MAX + 1), id="a line that is cut"),
        pytest.param(lambda data: b"\n" * 9_000 + data, id="blank lines"),
        pytest.param(lambda data: gzip.compress(data)[:-2_000], id="what cannot be read"),
        pytest.param(lambda data: data.partition(b"\n")[0], id="no events"),
    ],
)
def test_the_past_is_loaded_as_by_one_process(
    logs: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    batch = change((logs / "batch_log.json").read_bytes())
    name = "batch.json.gz" if batch.startswith(b"\x1f\x8b") else "batch.json"
    (tmp_path / name).write_bytes(batch)
    found: list[Any] = []
    for workers in (1, 3):
        out, said = tmp_path / f"{workers}.json", ""
        try:
            with replay.Logs(tmp_path / name, logs / "stream_log.json", portions=SMALL) as both:
                replay.run(both, out, workers=workers)
        except ReplayError as error:
            said = str(error)
        found.append((said, Path(f"{out}.events").read_bytes()))
    assert found[0] == found[1]
    assert bool(found[0][0]) == name.endswith("gz")


@pytest.mark.parametrize("how", [{"workers": 2}, {"shards": 2}])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("size", [0, 4_000, 20_000, 80_000])
def test_stream_that_cannot_be_read_on_ends_a_run_as_with_one_process(
    logs: Path, tmp_path: Path, how: dict[str, int], size: int, *, strict: bool
) -> None:
    # It is read ahead of what is judged, and found out only in its turn; the first line that is
    # rejected stands in the middle of it.
    stream = (logs / "stream_log.json").read_bytes()
    readable = stream[: stream.rindex(b"\n", 0, size) + 1] if size else b""
    unreadable = gzip.compress(random.Random(1).randbytes(9_000))[:-4_000]
    (tmp_path / "stream.json.gz").write_bytes(gzip.compress(readable) + unreadable)
    found: list[Any] = []
    hows: list[dict[str, Any]] = [{"workers": 1}, how]
    for each in hows:
        out = tmp_path / f"{len(found)}.json"
        both = replay.Logs(logs / "batch_log.json", tmp_path / "stream.json.gz", portions=SMALL)
        with both, pytest.raises(ReplayError) as error:
            replay.run(both, out, strict=strict, **each)
        said = str(error.value)
        found.append([said, out.read_bytes(), Path(f"{out}.events").read_bytes()])
    assert found[0] == found[1]
    assert ("rejected" in said) == strict


@pytest.mark.parametrize("how", [{"workers": 2}, {"workers": None}, {"shards": 2}])
@pytest.mark.parametrize(("past", "rejected"), [(0, 1), (0, 2_000), (5, 2_000)])
def test_stream_that_begins_with_rejected_lines_is_shared_too(
    logs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: dict[str, int | None],
    *,
    past: int,
    rejected: int,
) -> None:
    # Without a past nothing at all has come by the end of its first block.
    monkeypatch.setattr("replay.judging.workers.PAYS_SECONDS", 0)
    batch, stream = (logs / name for name in ("batch_log.json", "stream_log.json"))
    lines = batch.read_bytes().splitlines(keepends=True)[: past + 1]
    (tmp_path / "batch").write_bytes(b"".join(lines))
    (tmp_path / "stream").write_bytes(b"bad\n" * rejected + stream.read_bytes()[:20_000])
    found: list[Any] = []
    hows: list[dict[str, Any]] = [{"workers": 1}, how]
    for each in hows:
        out = tmp_path / f"{len(found)}.json"
        with replay.Logs(tmp_path / "batch", tmp_path / "stream", portions=SMALL) as both:
            judged = replay.run(both, out, **each).judged
        found.append([judged, out.read_bytes(), Path(f"{out}.events").read_bytes()])
    assert found[0] == found[1]
    assert found[0][0] > 10


@pytest.mark.slow
@settings(max_examples=15)
@given(histories(), st.integers(2, 4))
def test_so_they_are_of_any_history(history: LoggedHistory, workers: int) -> None:
    with TemporaryDirectory() as folder:
        logs, found = history.write(folder), []
        for count in (1, workers):
            out = Path(folder) / f"{count}.json"
            with replay.Logs(*logs, portions=Portions(300, 300)) as both:
                replay.run(both, out, workers=count)
            found.append([out.read_bytes(), Path(f"{out}.events").read_bytes()])
        assert found[0] == found[1]


class Mortal(replay.Simulation):
    """The program's own, whose process is killed at some events, unless it is this one."""

    name = "mortal"
    version = 1
    answers_as_of = True
    home: int = 0
    chance: int = 30

    def judge(self, event: Any) -> Any:
        dice = random.Random(os.getpid() * 10_000 + event.number)
        if os.getpid() != self.home and not dice.randrange(self.chance):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().judge(event)


@pytest.mark.parametrize("chance", [1, 30, 300])
def test_workers_that_are_killed_change_nothing(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chance: int
) -> None:
    monkeypatch.setattr(Mortal, "home", os.getpid())
    monkeypatch.setattr(Mortal, "chance", chance)
    found = []
    for workers in (1, 3):
        with opened(logs) as both:
            out = tmp_path / f"{workers}.json"
            summary = replay.run(both, out, detector=Mortal, workers=workers)
        assert summary.workers == (workers if workers > 1 else 0)
        found.append([out.read_bytes(), Path(f"{out}.events").read_bytes(), summary.judged])
    assert found[0] == found[1]


class Failing(replay.Simulation):
    """The program's own, one of whose users cannot be asked about an event."""

    name = "failing"
    version = 1
    answers_as_of = True

    def judge(self, event: Any) -> Any:
        if event.number == self.fails_on:
            self.coordinator.actor_ref.tell("no message of ours")
        return super().judge(event)

    fails_on = 2_011


def test_detector_that_fails_leaves_what_it_leaves_with_one_process(
    logs: Path, tmp_path: Path
) -> None:
    found = []
    for workers in (1, 3):
        out = tmp_path / f"{workers}.json"
        with opened(logs) as both, pytest.raises(ReplayError, match="understands no str") as error:
            replay.run(both, out, detector=Failing, workers=workers)
        found.append([str(error.value), out.read_bytes(), Path(f"{out}.events").read_bytes()])
    assert found[0] == found[1]


@pytest.mark.parametrize("stop_after", [3, 30, 60])
def test_run_that_is_stopped_goes_on_to_the_same_files(
    logs: Path, tmp_path: Path, stop_after: int
) -> None:
    expected = shared(logs, tmp_path / "one", 1)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_after

    (tmp_path / "shared").mkdir()
    out = tmp_path / "shared" / OUTPUTS[0]
    with opened(logs) as both, suppress(InterruptedRunError):
        replay.run(both, out, workers=2, should_stop=should_stop)
    assert outputs(tmp_path / "shared") != expected
    assert shared(logs, tmp_path / "shared", 3) == expected


def stopped(logs: Path, flagged: Path, after: int, **how: Any) -> str:
    """Run until ``after`` times nobody was to stop; return what is said, nothing at the end."""
    asked = iter(range(after))
    with opened(logs) as both:
        try:
            replay.run(both, flagged, should_stop=lambda: next(asked, None) is None, **how)
        except InterruptedRunError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("how", [{"workers": 2}, {"shards": 2}])
def test_wherever_it_is_stopped_how_to_go_on_is_said(
    logs: Path, tmp_path: Path, how: dict[str, int]
) -> None:
    expected, said = shared(logs, tmp_path / "one", 1), "more"
    (tmp_path / "shared").mkdir()
    for after in range(1, 400, 3):
        said = stopped(logs, tmp_path / "shared" / OUTPUTS[0], after, **how)
        if not said:
            break
        assert said.startswith("interrupted after "), said
        assert said.endswith("the same command goes on from there")
    assert not said
    assert outputs(tmp_path / "shared") == expected


@pytest.mark.parametrize("how", [{"workers": 1}, {"workers": 2}, {"shards": 2}])
def test_strict_run_that_is_stopped_decides_what_comes_before_the_line_it_ends_at(
    logs: Path, tmp_path: Path, how: dict[str, int]
) -> None:
    stream = (logs / "stream_log.json").read_bytes().splitlines(keepends=True)
    good = [line for line in stream if b"purchase" in line and b'"id"' in line][:60]
    (tmp_path / "batch").write_bytes(b'{"D":"2", "T":"2"}\n')
    (tmp_path / "stream").write_bytes(b"".join([*good[:50], b"bad\n", *good[50:]]))

    def run(out: Path, after: int, **how: Any) -> str:
        asked = iter(range(after))
        try:
            with replay.Logs(tmp_path / "batch", tmp_path / "stream") as both:
                stop = lambda: next(asked, None) is None  # noqa: E731
                replay.run(both, out, strict=True, should_stop=stop, **how)
        except ReplayError as error:
            return str(error)
        raise AssertionError("it has a bad line")

    end = run(tmp_path / "whole", 10_000)
    assert "rejected" in end
    stops = 0
    for after in range(1, 60, 5):
        out = tmp_path / f"{after}"
        said = run(out, after, **how)
        stops += "interrupted" in said
        assert run(out, 10_000, **how) == end
        assert out.read_bytes() == (tmp_path / "whole").read_bytes()
        store = Path(f"{out}.events").read_bytes()
        assert store == (tmp_path / "whole.events").read_bytes()
    assert stops


@pytest.mark.parametrize("how", [{"workers": 1}, {"workers": 2}, {"shards": 2}])
def test_strict_run_reads_nothing_behind_the_block_that_it_ends_in(
    logs: Path, tmp_path: Path, how: dict[str, Any]
) -> None:
    good = (logs / "stream_log.json").read_bytes().splitlines(keepends=True)[:1]
    (tmp_path / "batch").write_bytes(b'{"D":"2", "T":"2"}\n')
    (tmp_path / "stream").write_bytes(b"".join([*good * 100, b"bad\n", *good * 300]))
    both = replay.Logs(tmp_path / "batch", tmp_path / "stream", portions=SMALL)
    with both, pytest.raises(ReplayError, match="stream:101: rejected"):
        replay.run(both, tmp_path / "out", strict=True, **how)
    assert 101 <= both.stream.lines_read < 101 + SMALL.block_bytes // len(good[0])


class _Lent(Pool[int]):
    """Workers that are let go and not ended, as those of a cluster are; here in this process."""

    def __init__(self, do: Any, owed: dict[int, Any], buried: list[int]) -> None:
        super().__init__(2)
        self._do = do
        self._owed = owed
        self._buried = buried
        self._here: dict[int, Any] = {}

    def start(self) -> None:
        for worker in range(self.count):
            if worker not in self._here:
                self._here[worker] = pickle.loads(pickle.dumps(self._do))  # noqa: S301  our own

    def tell(self, news: Any) -> None:
        for do in self._here.values():
            do(news)

    def _running(self) -> list[int]:
        return list(self._here)

    def _ask(self, worker: int, request: Any) -> bool:
        self._owed[worker] = self._here[worker](request)
        return True

    def _answered(self, busy: Collection[int]) -> list[tuple[int, Any]]:
        return [(worker, self._owed.pop(worker)) for worker in [*busy][:1]]

    def _bury(self, worker: int) -> None:
        if self._here.pop(worker, None) is not None:
            self._buried.append(worker)
            del self._owed[worker]

    def close(self) -> None:
        self._here.clear()


class _Lender:
    """Has such workers for one run after another."""

    count = 2

    def __init__(self) -> None:
        self.owed: dict[int, Any] = {}
        self.buried: list[int] = []

    def check(self, needed: Any) -> None:
        pass

    def pool(self, do: Any, check: Any) -> _Lent:  # noqa: ARG002  nobody waits here
        return _Lent(do, self.owed, self.buried)


def test_nobody_owes_a_run_that_was_stopped_an_answer(logs: Path, tmp_path: Path) -> None:
    lender = _Lender()
    for after in range(1, 60, 7):
        asked = iter(range(after))
        stop = lambda: next(asked, None) is None  # noqa: E731,B023
        with opened(logs) as both, pytest.raises(InterruptedRunError):
            replay.run(both, tmp_path / f"{after}", workers=lender, should_stop=stop)
        assert not lender.owed
    # Some were at work on the block behind the last one.
    assert lender.buried


def test_listener_is_told_of_each_event_in_order(logs: Path, tmp_path: Path) -> None:
    class Listening(RunListener):
        each_event = True

        def __init__(self) -> None:
            self.told: list[Any] = []

        def on_event(self, log: Any, line_number: int, event: Any, decision: Any, _: float) -> None:
            self.told.append((log.source, line_number, event, decision))

    told = []
    for workers in (1, 2):
        listening = Listening()
        with opened(logs) as both:
            replay.run(both, tmp_path / f"{workers}", listener=listening, workers=workers)
        told.append(listening.told)
    assert told[0] == told[1]
    assert len(told[0]) > 1_000


def test_detector_with_events_of_its_own_is_shared_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(tmp_path / name) for name in ("batch_log.json", "stream_log.json")]
    for path, content in zip(paths, sample(600), strict=True):
        Path(path).write_bytes(content)
    found = []
    for workers in ("1", "2"):
        out = tmp_path / f"out-{workers}"
        words = ["--detector", "tests.rings:Rings", "--workers", workers, "-v", *paths, str(out)]
        assert main(words) == 0
        found.append([out.read_bytes(), Path(f"{out}.events").read_bytes()])
        assert ("judged by 2 workers" in capsys.readouterr().err) == (workers == "2")
        assert main(["verify", f"{out}.events", *words[:4]]) == 0
    assert found[0] == found[1]
    assert found[0][0]
    assert_answers_as_of(f"{tmp_path / 'out-1'}.events", detector=Rings)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--detector", "tests.detectors:Twice"], "Twice does not declare answers_as_of = True"),
        (["-vv"], "the time of each event is told"),
        (["--follow"], "a live stream is judged event by event"),
    ],
)
def test_one_process_judges_what_several_cannot_and_says_so(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    if "--follow" in words:
        process = command(words_of(logs, tmp_path, "--workers", "2", "--follow")[1:], tmp_path)
        assert eventually(lambda: reason in (tmp_path / "said").read_text())
        process.kill()
        process.wait()
        said = (tmp_path / "said").read_text()
    else:
        assert main(words_of(logs, tmp_path, "--workers", "2", *words)[1:]) == 0
        said = capsys.readouterr().err
    assert said.count("one process judges: ") == 1
    assert f"one process judges: {reason}" in said


# Looking at a history


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def store(logs: Path, tmp_path: Path) -> Path:
    ran(logs, tmp_path / "one", "--workers", "1")
    return tmp_path / "one" / OUTPUTS[1]


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["verify", "--json"],
        ["sweep", "-D", "1,2,3", "-T", "2,10"],
        ["sweep", "-D", "2", "--csv"],
        ["explore", "--orders", "5", "--json"],
    ],
)
def test_commands_say_the_same_whoever_does_it(
    store: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    name, *options = words
    alone = answer(capsys, name, str(store), *options, "--workers", "1")
    assert alone[0] == 0
    for workers in ("2", "3"):
        assert answer(capsys, name, str(store), *options, "--workers", workers) == alone


def test_rerun_gives_the_same_branch_whoever_judges(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for workers in ("1", "2"):
        branch = tmp_path / workers / "branch.json"
        branch.parent.mkdir()
        words = ["rerun", str(store), str(branch), "-T", "5", "--skip", "1700-1710"]
        status, out, _ = answer(capsys, *words, "--workers", workers)
        assert status == 0
        said = out.replace(str(branch), "BRANCH")
        found.append([said, branch.read_bytes(), Path(f"{branch}.events").read_bytes()])
    assert found[0] == found[1]


@pytest.mark.parametrize("field", ["mean_cents", "sd_cents"])
def test_verify_finds_the_same_first_difference(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    judged = [each for each in replay.EventStore(store).decisions() if each.purchases > 2]
    number = judged[len(judged) // 2].number

    def change(_: int, record: Any) -> Any:
        if getattr(record, "number", 0) == number and isinstance(record, type(judged[0])):
            changed = {"mean_cents": record.mean_cents + 1, "sd_cents": record.sd_cents + 1}
            return msgspec.structs.replace(record, **{field: changed[field]})
        return record

    other = rewritten(replay.EventStore(store), tmp_path / "other", change)
    alone = answer(capsys, "verify", str(other), "--workers", "1", "--json")
    assert alone[0] == 1
    assert json.loads(alone[1])["difference"]["event"] == number
    assert answer(capsys, "verify", str(other), "--workers", "3", "--json") == alone


# Stopped


def command(words: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "replay", *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,
        )


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    with suppress(FileNotFoundError):
        return children_of(process.pid)
    return []


@pytest.fixture(scope="module")
def long_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two logs of which the stream takes seconds."""
    folder = tmp_path_factory.mktemp("long")
    told = workload.Workload(
        users=300, lines=5_000, stream_lines=8_000, degrees=3, tracked=50, seed=5, rate=100
    )
    workload.write(told, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "number", "kill"),
    [
        ("--workers", signal.SIGINT, os.killpg),
        ("--shards", signal.SIGINT, os.killpg),
        ("--workers", signal.SIGTERM, os.kill),
        ("--workers", signal.SIGTERM, os.killpg),
        ("--workers", signal.SIGKILL, os.kill),
        ("--shards", signal.SIGKILL, os.kill),
    ],
)
def test_all_processes_are_gone_and_the_same_command_goes_on(
    long_logs: Path, tmp_path: Path, who: str, number: int, kill: Callable[[int, int], None]
) -> None:
    status = -number if number == signal.SIGKILL else 128 + number
    expected = ran(long_logs, tmp_path / "one", "--workers", "1")
    shared = tmp_path / "shared"
    shared.mkdir()
    words = words_of(long_logs, shared, who, "2")
    process = command(words, tmp_path)
    assert eventually(lambda: len(workers_of(process)) == 2 or process.poll() is not None)
    found = workers_of(process)
    time.sleep(0.3)
    kill(process.pid, number)
    assert process.wait(60) == status
    assert eventually(lambda: all(map(is_gone, found)))
    said = (tmp_path / "said").read_text().splitlines()
    assert [line[:25] for line in said] == ["replay: interrupted after"] * (status > 0)
    # Nobody holds its files any more.
    assert ran(long_logs, shared, who, "2") == expected


@pytest.mark.slow
@pytest.mark.parametrize("who", ["--workers", "--shards"])
def test_those_who_are_killed_from_outside_are_replaced(
    long_logs: Path, tmp_path: Path, who: str
) -> None:
    expected = ran(long_logs, tmp_path / "one", "--workers", "1")
    shared = tmp_path / "shared"
    shared.mkdir()
    process = command(words_of(long_logs, shared, who, "2"), tmp_path)
    draw = random.Random(1)
    killed: set[int] = set()
    while process.poll() is None:
        for worker in workers_of(process):
            # More losses than that may be too many for one block.
            if len(killed) < 6 and not draw.randrange(4):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.add(worker)
        time.sleep(0.05)
    assert process.wait() == 0, (tmp_path / "said").read_text()
    assert len(killed) > 4
    assert outputs(shared) == expected


@pytest.mark.parametrize("workers", [0, -3, 5_000])
def test_number_of_workers_has_bounds(logs: Path, tmp_path: Path, workers: int) -> None:
    with opened(logs) as both, pytest.raises(InputError, match="workers: expected a number from 1"):
        replay.run(both, tmp_path / OUTPUTS[0], workers=workers)
    assert list(tmp_path.iterdir()) == []
