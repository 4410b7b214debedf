"""A search for intervals that is live: what comes is looked at as it comes, and nothing twice."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise, repeat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import InputError, ReplayError
from events.logs.live import LiveLog
from events.logs.tap import Change
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from events.records.record import StateDigest
from events.store.store import EventStore
from replay.cli import main
from replay.intervals.kept_rows import KeptObservations
from replay.intervals.resume import IntervalResumed
from replay.intervals.run import Search, run_intervals
from replay.intervals.verify import verify_intervals
from replay.testing.disks import DiedError, DyingDisk
from tests.events.logs.test_live import DEADLINE_SECONDS, Live
from tests.interval_cases import all_pairs, seconds_of
from tests.interval_runs import BAD_ROWS, Row, as_csv, as_jsonl, read_back, rows, search
from tests.replay.commands.test_cli import Shell
from tests.replay.intervals.test_interval_run import canonical, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from events.disk import Disk
    from replay.intervals.resume import IntervalSummary

ROOT = Path(replay.__file__).parents[1]
HEADING = b"time,adid,address\n"
MINUTE = 60 * 10**9


class Pieces:
    """A tap that gives pieces, and then says what comes behind them."""

    offset = 0

    def __init__(self, pieces: Sequence[bytes], last: Change, waiting: Iterator[bool]) -> None:
        self._pieces = iter(pieces)
        self._last = last
        self._waiting = waiting
        self.descriptor, self._writable = os.pipe()

    @property
    def waiting(self) -> bool:
        return next(self._waiting)

    def next(self) -> bytes | Change:
        return next(self._pieces, self._last)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._writable)


def take(  # noqa: PLR0917
    pieces: Sequence[bytes],
    last: Change,
    output: Path,
    what: Search,
    key: str | None,
    waiting: Iterator[bool],
    disk: Disk | None = None,
) -> IntervalSummary:
    """Go on with a search, to which ``pieces`` come."""
    with pytest.MonkeyPatch.context() as patch:
        tap = Pieces([HEADING, *pieces], last, waiting)
        patch.setattr(LiveLog, "_open", lambda *_, **__: tap)
        options: dict[str, Any] = {} if disk is None else {"disk": disk}
        with Observations("-", ColumnNames(key=key)) as source:
            return run_intervals(source, output, what, resume=True, **options)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return ``data`` in pieces that end at ``places``."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


lates = st.sampled_from([0, 40 * 10**9])
keys = st.sampled_from([None, "address"])
cuts = st.lists(st.integers(0, 1_000), max_size=6)


def flags(data: st.DataObject) -> Iterator[bool]:
    """Draw whether more waits to be read, whenever that is asked."""
    while True:
        yield data.draw(st.booleans())


def lines_of(drawn: Sequence[Row], bad: Sequence[tuple[int, str]] = ()) -> list[bytes]:
    return as_csv(drawn, bad).splitlines(keepends=True)[1:]


@pytest.mark.slow
@given(rows, lates, keys, cuts, st.sets(st.integers(0, 14), max_size=3), st.data())
def test_whatever_the_pieces_and_stops_a_stream_gives_what_its_file_gives(  # noqa: PLR0917
    drawn: list[Row],
    lateness: int,
    key: str | None,
    places: list[int],
    stops: set[int],
    data: st.DataObject,
) -> None:
    drawn *= 2
    if not lateness:
        drawn.sort(key=lambda row: canonical(row[0]))
    what = Search(MINUTE, lateness=lateness)
    lines = lines_of(drawn, [(len(drawn) // 2, BAD_ROWS[0])])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_bytes(HEADING + b"".join(lines))
        whole = search(folder / "in.csv", folder / "whole.csv", what, key=key)
        output = folder / "live.csv"
        ends = [*sorted(stops), len(lines)]
        for start, end in pairwise([0, *ends]):
            pieces = cut(b"".join(lines[start:end]), places)
            last = Change.END if end == len(lines) else Change.STOPPED
            summary = take(pieces, last, output, what, key, flags(data))
            store = EventStore(output.with_name("live.csv.events"))
            assert settled_after(store) == store.events
            if last is Change.END:
                break
        assert output.read_bytes() == (folder / "whole.csv").read_bytes()
        assert (summary.observations, summary.rejected) == (whole.observations, whole.rejected)
        assert verify_intervals(store).difference is None


def settled_after(store: EventStore) -> int:
    """Return how many observations had come when the search settled last."""
    digests = [record for record in store.records() if isinstance(record, StateDigest)]
    return digests[-1].events if digests else 0


whens = st.sampled_from(["before", "within", "after"])


lasts = st.sampled_from([Change.END, Change.STOPPED])


@pytest.mark.slow
@given(rows, lates, keys, cuts, st.integers(1, 60), whens, st.data())
def test_stream_whose_process_dies_loses_and_doubles_nothing(  # noqa: PLR0917
    drawn: list[Row],
    lateness: int,
    key: str | None,
    places: list[int],
    operation: int,
    when: Any,
    data: st.DataObject,
) -> None:
    if not lateness:
        drawn.sort(key=lambda row: canonical(row[0]))
    what = Search(MINUTE, lateness=lateness)
    lines = lines_of(drawn)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_bytes(HEADING + b"".join(lines))
        search(folder / "in.csv", folder / "whole.csv", what, key=key)
        output, store = folder / "live.csv", folder / "live.csv.events"
        with suppress(DiedError):
            pieces, dying = cut(b"".join(lines), places), DyingDisk(operation, when)
            take(pieces, data.draw(lasts), output, what, key, flags(data), dying)
        read = 0
        with suppress(ReplayError):
            resumed = IntervalResumed(EventStore(store))
            read = max(resumed.lines["observations"] - 1, 0)
            if resumed.concluded:
                take([], Change.STOPPED, output, what, key, flags(data))
                assert output.read_bytes() == (folder / "whole.csv").read_bytes()
        take(lines[read:], Change.END, output, what, key, flags(data))
        assert output.read_bytes() == (folder / "whole.csv").read_bytes()
        assert verify_intervals(EventStore(store)).difference is None


@pytest.mark.slow
@given(rows, lates, st.sets(st.integers(1, 14), max_size=3), st.data())
def test_what_is_given_at_each_end_is_what_is_there_by_then_and_was_not_given_before(
    drawn: list[Row], lateness: int, ends: set[int], data: st.DataObject
) -> None:
    if not lateness:
        drawn.sort(key=lambda row: canonical(row[0]))
    lines, what = lines_of(drawn), Search(MINUTE, lateness=lateness)
    given_out: list[dict[str, Any]] = []
    taken: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "live.json"
        ends = {min(end, len(lines)) for end in ends} | {len(lines)}
        for start, end in pairwise([0, *sorted(ends)]):
            summary = take(lines[start:end], Change.END, output, what, None, flags(data))
            closed = latest = max((seconds_of(time) for time, _ in taken), default=Fraction(0))
            for time, adid, _ in drawn[start:end]:
                at = seconds_of(canonical(time))
                if at >= max(closed, latest - Fraction(lateness, 10**9)):
                    taken.append((canonical(time), adid))
                    latest = max(at, latest)
            assert summary.observations == len(taken)
            expected = fields_of(all_pairs(taken, MINUTE), keyed=False)
            given_out += [each for each in expected if each not in given_out]
            # What was given before stays in front; what comes is in order of time.
            assert read_back(output) == given_out
            store = EventStore(output.with_name("live.json.events"))
            assert verify_intervals(store).difference is None


def test_stream_goes_on_behind_all_lines_of_its_last_row(tmp_path: Path) -> None:
    output = tmp_path / "live.json"
    row = b'2020-01-01 00:00:00,"A\nB",x\n'
    take([row], Change.STOPPED, output, Search(MINUTE), None, repeat(False))
    assert IntervalResumed(EventStore(output.with_name("live.json.events"))).lines == {
        "observations": (HEADING + row).count(b"\n")
    }


# Whether a followed file is the one that was read


GOOD = lines_of([(f"2020-01-01 00:00:{n}", "AB"[n % 2], "x") for n in range(30, 50, 3)])
ODD = [b'2020-01-01 00:00:40,"a\nb",x\n', b"\n", b"never,A,x\n", b'2020-01-01 00:00:41,"A",x\n']
OTHER = b"2020-01-01 00:00:59,other,x\n"
changes = st.sampled_from(["none", "more", "less", "other", "spelled"])


@given(st.lists(st.sampled_from(GOOD + ODD), max_size=8), lates, st.integers(0, 8), changes)
def test_file_is_known_again_by_what_its_rows_say(
    lines: list[bytes], lateness: int, place: int, change: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "seen.csv"
        path.write_bytes(HEADING + b"".join(lines))
        with Observations(path) as source:
            what = Search(MINUTE, lateness=lateness or 1)
            store = EventStore(run_intervals(source, Path(name) / "out.json", what).store_path)
        rows = [number for number, line in enumerate(lines) if line != b"\n"]
        at = rows[place % len(rows)] if rows else 0
        changed = [*lines]
        if change == "more":
            changed.append(OTHER)
        elif rows and change == "less":
            del changed[at:]
        elif rows and change == "other":
            changed[at] = OTHER
        elif change == "spelled":
            changed = [line if line not in GOOD else b'"' + line.replace(b",", b'",', 1)
                       for line in lines]  # fmt: skip
        same = not rows or change not in {"less", "other"}
        path.write_bytes(text := HEADING + b"".join(changed))
        with Observations(path) as source:
            kept = KeptObservations(store, IntervalResumed(store).file_frame, source.format)
            found = kept.compare(source.log.descriptor)
    assert found.same == same
    assert text[: found.offset].count(b"\n") == found.lines
    assert text[: found.offset].endswith(found.before)
    if same and rows:
        assert text[found.offset :].strip() == (OTHER.strip() if change == "more" else b"")


# Real processes


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    started: list[Live] = []

    def begin(*words: str, stdin: int | IO[bytes] = subprocess.PIPE) -> Live:
        command = ("intervals", *words, "--threshold", "1m", "--by", "address")
        started.append(Live(Shell(tmp_path), *command, stdin=stdin))
        return started[-1]

    yield begin
    for live in started:
        live.process.kill()
        live.process.communicate()


def found_in(folder: Path) -> list[tuple[str, list[str]]]:
    try:
        lines = (folder / "found.json").read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    told = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return [(each["start_time"][14:], each["adids"]) for each in told]


SEEN = [
    b"2020-01-01 00:00:00,A,x\n",
    b"2020-01-01 00:00:10,B,x\n",
    b"2020-01-01 00:05:00,C,x\n",
    b"2020-01-01 00:05:01,D,x\n",
    b"2020-01-01 00:09:00,E,x\n",
]
FIRST, SECOND = ("00:00", ["A", "B"]), ("05:00", ["C", "D"])


def test_interval_is_written_while_the_writer_still_writes(
    start: Callable[..., Live], tmp_path: Path
) -> None:
    live = start("-", "found.json")
    live.write(HEADING + b"".join(SEEN[:2]) + SEEN[2][:9])
    live.write(SEEN[2][9:])
    live.wait_for(lambda: found_in(tmp_path) == [FIRST])
    status, err = live.end()
    assert (status, found_in(tmp_path)) == (0, [FIRST])
    assert err.startswith("3 observations, 0 rows rejected, 1 key\n1 interval found")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_live_search_in_good_order_and_resume_goes_on(
    start: Callable[..., Live], tmp_path: Path, number: signal.Signals
) -> None:
    live = start("-", "found.json", "-v")
    live.write(HEADING + b"".join(SEEN[:3]))
    live.wait_for(lambda: found_in(tmp_path) == [FIRST])
    live.process.send_signal(number)
    # The writer is still there.
    live.process.wait(DEADLINE_SECONDS)
    status, err = live.end()
    assert status == 0
    assert "observations: -, live\n" in err
    how = "begin with the row of column names and then line 5, as head -n 1 and tail -n +5 give"
    assert how in err
    checked = Shell(tmp_path)("check", "found.json.events")
    assert "the observations go on with line 5\n" in checked.out
    refused = start("-", "found.json", "--resume")
    refused.write(b"".join(SEEN[3:]))
    status, err = refused.end()
    assert (status, err.count("\n")) == (2, 1)
    assert "-:1: expected a first row with the names of the columns, 'time' and 'adid' and" in err
    again = start("-", "found.json", "--resume")
    again.write(HEADING + b"late\n" + b"".join(SEEN[3:]))
    status, err = again.end()
    assert status == 0
    assert "going on after 3 observations\n" in err
    assert "-:5: rejected (columns): expected 3 columns, found 1" in err
    assert found_in(tmp_path) == [FIRST, SECOND]
    assert Shell(tmp_path)("verify", "found.json.events").status == 0


def test_search_of_other_settings_is_not_gone_on_with(
    start: Callable[..., Live], tmp_path: Path
) -> None:
    live = start("-", "found.json")
    live.write(HEADING)
    assert live.end()[0] == 0
    before = (tmp_path / "found.json.events").read_bytes()
    again = start("-", "found.json", "--resume", "--min-distinct", "3")
    again.write(HEADING)
    status, err = again.end()
    assert (status, err.count("\n")) == (2, 1)
    assert "expected the store of a live run on the same parameters, found another" in err
    assert (tmp_path / "found.json.events").read_bytes() == before


def test_search_that_waits_for_its_columns_is_ended_by_a_signal(
    start: Callable[..., Live], tmp_path: Path
) -> None:
    (tmp_path / "seen.csv").write_bytes(b"")
    live = start("seen.csv", "found.json", "--follow", "-v")
    live.write(b"")
    live.process.send_signal(signal.SIGTERM)
    # It may not have come so far as to take the signal for more than the end of all.
    assert live.end()[0] in {0, -signal.SIGTERM}


def test_followed_file_is_read_over_rotation_and_its_new_columns(
    start: Callable[..., Live], tmp_path: Path
) -> None:
    path = tmp_path / "seen.csv"
    path.write_bytes(HEADING + b"".join(SEEN[:2]))
    live = start("seen.csv", "found.json", "--follow", "--resume")
    with path.open("ab") as file:
        file.write(SEEN[2])
    live.wait_for(lambda: found_in(tmp_path) == [FIRST])
    path.rename(tmp_path / "seen.csv.1")
    path.write_bytes(b"adid,address,time\nD,x,2020-01-01 00:05:01\nE,x,2020-01-01 00:09:00\n")
    live.wait_for(lambda: found_in(tmp_path) == [FIRST, SECOND])
    status, err = live.end(signal.SIGTERM)
    assert (status, "seen.csv: rotated, so the new file is read" in err) == (0, True)
    with path.open("ab") as file:
        file.write(b"F,x,2020-01-01 00:09:59.5\nG,x,2020-01-01 00:19:00\n")
    again = start("seen.csv", "found.json", "--follow", "--resume")
    again.wait_for(lambda: len(found_in(tmp_path)) == 3)
    status, err = again.end(signal.SIGTERM)
    assert (status, "expected the" in err) == (0, False)
    assert found_in(tmp_path)[2] == ("09:00", ["E", "F"])
    path.write_bytes(b"adid,address,time\nD,x,2020-01-01 00:30:00\n")
    status, err = start("seen.csv", "found.json", "--follow", "--resume").end(signal.SIGTERM)
    if "going on" in err:
        assert "seen.csv: expected the 5 lines read before, found only the first 1" in err


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_are_looked_at_once_while_files_are_rotated_and_the_program_is_killed(
    start: Callable[..., Live], tmp_path: Path, suffix: str
) -> None:
    dice = random.Random(1)
    path = tmp_path / f"seen.{suffix}"
    words = (path.name, "found.json", "--follow", "--resume", "-q")
    drawn: list[Row] = []
    second = 0

    def write(count: int, mode: str = "ab") -> None:
        nonlocal second
        new: list[Row] = []
        for _ in range(count):
            second += dice.choice([0, 1, 20, 59, 60, 61])
            time = f"2020-01-01 {second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
            new.append((time, dice.choice("ABC"), dice.choice("xy")))
        drawn.extend(new)
        text = as_jsonl(new) if suffix == "jsonl" else b"".join(lines_of(new))
        with path.open(mode) as file:
            if mode == "wb" and suffix == "csv":
                file.write(HEADING)
            half = dice.randrange(len(text) + 1)
            file.write(text[:half])
            file.flush()
            file.write(text[half:])

    def read() -> int:
        try:
            return EventStore(tmp_path / "found.json.events").events
        except ReplayError:
            return 0

    write(3, "wb")
    live = start(*words)
    for number in range(12):
        write(dice.randrange(1, 30))
        if dice.random() < 0.5:
            live.wait_for(lambda: read() == len(drawn))
            path.rename(tmp_path / f"old.{number}")
            write(dice.randrange(1, 30), "wb")
        if dice.random() < 0.4:
            live.wait_for(lambda: read() == len(drawn))
            live.process.kill()
            live.process.communicate()
            write(dice.randrange(1, 4))
            live = start(*words)
    live.wait_for(lambda: read() == len(drawn))
    assert live.end(signal.SIGTERM)[0] == 0
    found = (tmp_path / "found.json").read_bytes()
    (tmp_path / "all.csv").write_bytes(as_csv(drawn))
    search(tmp_path / "all.csv", tmp_path / "whole.json", key="address")
    whole = (tmp_path / "whole.json").read_bytes()
    # All but what is final at the end alone.
    assert whole.startswith(found)
    assert whole.removeprefix(found).count(b"\n") <= 2
    assert found.count(b"\n") > 20
    for command in ("check", "verify"):
        assert Shell(tmp_path)(command, "found.json.events").status == 0


@pytest.mark.slow
def test_strict_search_keeps_a_whole_store_and_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_bytes(HEADING + b"".join([*SEEN[:3], b"bad\n", *SEEN[3:]]))
    shell = Shell(tmp_path)
    words = ("intervals", "seen.csv", "found.json", "--threshold", "1m")
    status, _, err = shell(*words, "--strict")
    assert (status, "seen.csv:5: rejected (columns)" in err) == (1, True)
    assert shell("check", "found.json.events").status == 0
    status, _, err = shell(*words)
    assert (status, "going on after 3 observations" in err) == (0, True)
    assert found_in(tmp_path) == [FIRST, SECOND]


def test_search_that_is_terminated_has_the_status_of_that(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    with path.open("wb") as file:
        file.write(HEADING)
        for number in range(400_000):
            file.write(b"2020-01-01 00:00:%02d,%d,%d\n" % (number * 59 // 400_000, number, number))
    live = Live(Shell(tmp_path), *f"intervals {path.name} found.json --threshold 1s".split())
    store = tmp_path / "found.json.events"
    live.wait_for(store.exists)
    status, err = live.end(signal.SIGTERM)
    assert status == 143
    assert "and the same command goes on from there" in err


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("-", "found standard input, which ends when its writer ends; leave out --follow"),
        ("seen.csv.gz", "found the name of a gzip file, which does not grow by lines"),
        ("missing.csv", "expected a readable stream, found: No such file or directory"),
    ],
)
def test_what_cannot_be_followed_is_refused(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        Observations(tmp_path / name if name != "-" else name, follow=True)


@pytest.mark.slow
def test_recipe_of_the_readme_goes_on_with_a_pipe_of_csv(tmp_path: Path) -> None:
    (recipe,) = re.findall(
        r"^    (\(head -n 1 .*)$",
        (ROOT / "events" / "logs" / "README.md").read_text(),
        re.MULTILINE,
    )
    (tmp_path / "seen.csv").write_bytes(HEADING + b"".join(SEEN[:2]))
    shell = Shell(tmp_path)
    program = f"{sys.executable} -P -m replay intervals"
    for line in ("2", "4"):
        command = recipe.replace("+57", f"+{line}").replace("python -m replay intervals", program)
        subprocess.run(["sh", "-c", command], cwd=tmp_path, env=shell.environment, check=True)
        checked = shell("check", "found.csv.events")
        next_line = 2 + len((tmp_path / "seen.csv").read_bytes().splitlines()[1:])
        assert f"the observations go on with line {next_line}\n" in checked.out
        with (tmp_path / "seen.csv").open("ab") as file:
            file.write(b"2020-01-01 00:09:59,C,x\n2020-01-01 01:00:00,C,x\n")
    found = [each["adids"] for each in read_back(tmp_path / "found.csv")]
    # What was final at the first end has grown since.
    assert found == [["A", "B"], ["A", "B", "C"]]


@pytest.mark.parametrize(
    ("words", "times", "other"),
    [
        ((), ["2020-01-01T02:00+02:00", "2020-01-01T00:00:10Z"], "2020-01-01"),
        (("--time-unit", "ms"), ["1577836800000", "1577836810000.0"], "1577836800.x"),
    ],
)
def test_times_of_a_zone_are_gone_on_with(
    start: Callable[..., Live], tmp_path: Path, words: tuple[str, ...], times: list[str], other: str
) -> None:
    path = tmp_path / "seen.csv"
    path.write_text(f"adid;TIME;Address\n{other}\n")
    words = ("seen.csv", "found.json", "--follow", "--resume", *words)
    live = start(*words)
    with path.open("a") as file:
        file.write(f"A;{times[0]};x\nB;{other};x\n")
    store = tmp_path / "found.json.events"
    live.wait_for(lambda: store.exists() and EventStore(store).events == 1)
    status, err = live.end(signal.SIGTERM)
    assert (status, "took the column 'TIME' for 'time'" in err) == (0, True)
    # Nobody knew when the header was written.
    assert (EventStore(store).header.zone, EventStore(store).zone) == (None, "utc")
    with path.open("a") as file:
        file.write(f"B;{times[1]};x\nC;{other};x\n")
    status, err = start(*words).end(signal.SIGTERM)
    again = start(*words)
    again.wait_for(lambda: EventStore(store).events == 2)
    assert again.end(signal.SIGTERM)[0] == 0
    reasons = [(each.number, each.reason) for each in EventStore(store).rejected()]
    reason = "timestamp-shape" if words[4:] else "timestamp-zone"
    assert reasons == [(2, "columns"), (4, reason), (6, reason)]
    assert main(["verify", str(store)]) == main(["check", str(store)]) == 0
    assert main(["rerun", str(store), str(tmp_path / "branch.json")]) == 0
    (found,) = read_back(tmp_path / "branch.json")
    assert (found["start_time"], found["end_time"]) == (
        "2020-01-01 00:00:00Z",
        "2020-01-01 00:00:10Z",
    )
