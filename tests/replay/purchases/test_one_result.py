"""One history gives one result: on every Python, and whatever the process was told otherwise."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replay
from actors.intervals.finder import IntervalFinder, TextFinder
from actors.messages import UnaskedError
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.messages import Friends, Purchases
from actors.sink import Nowhere
from events.errors import BadValueError, DetectorError, InputError
from events.logs.objects import BadLineError
from events.observations.csvrows import CsvRows
from events.observations.jsonrows import JsonRows
from events.observations.lateness import Watermark
from events.observations.rows import ColumnNames
from events.purchases.event import Purchase, line_of
from events.purchases.lines import parse_line
from events.times.durations import format_duration
from replay.purchases.simulation import Simulation
from tests.interval_runs import as_csv, piped

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(replay.__file__).parents[1]
SAMPLE = ROOT / "scripts" / "sample"

# What versions of Python, of its modules and of the libraries read in different ways, or did.
TIMES = (
    *("2017-06-13 11:33:01", "2017-06-13 11:33:01.50", "2017-06-13 24:00:00"),
    *("2017-06-13T11:33:01", "2017-06-13 11:33:01Z", "2017-06-13 11:33:60", "2017-W24-2 11:33:01"),
    *("20170613 113301", "2017-06-13 11:33:01,5", "2017-06-13 11:33:01.", "2017-6-13 11:33:01"),
    *("0000-01-01 00:00:00", "9999-12-31 23:59:59.9999999999999999999", "2017-02-29 00:00:00"),
    *("\u0662017-06-13 11:33:01", "2017-06-13 11:33:0\uff11", " 2017-06-13 11:33:01", "1497353581"),
)
ZONED_TIMES = (
    *("2017-06-13 11:33:01+02:00", "2017-06-13T11:33:01.50-23:59", "2017-06-13 11:33:01-00:00"),
    *("2017-06-13 11:33:01z", "2017-06-13t11:33:01Z", "2017-06-13 11:33:01 Z", "2017-06-13Z"),
    *("2017-06-13 11:33:01+24:00", "2017-06-13 11:33:01+02:60", "2017-06-13 11:33:01+0200"),
    *("2017-06-13 11:33:01+02", "2017-06-13 11:33:01+02:00:00", "2017-06-13 11:33:01-2:00"),
    *("0001-01-01 00:59:59+01:00", "0001-01-01 01:00:00+01:00", "9999-12-31 22:59:59-01:00"),
    *("9999-12-31 23:00:00-01:00", "2017-02-29 11:33:01Z", "2016-12-31 23:59:60Z"),
    *("2017-06-13 11:33:01+\u0660\u0662:00", "2017-06-13 11:33:01\u221202:00"),
)
# Those that only observations have.
SHORT_TIMES = (
    *("2017-06-13", "2017-06-13 11:33", "2017-06-13T11:33+02:00", "2017-06-13 11", "2017-06-13T"),
    *(
        "2017-06",
        "2017-06-1311:33",
        "2017-06-13 11:60",
        "2017-06-31",
        "2017-06-13 11:33:",
        "-1.5e3",
    ),
)
AMOUNTS = (
    *('"16.83"', "16.83", "5", "7.5000", "1e3", "-0", "1E-4", "1e-5", "1e14", "1e15", "1e400"),
    *('"\u0663.00"', '"\u00bd"', "NaN", "-Infinity", '"1_000"', "0x10", "01", "5.", '""', "null"),
    *(f"1e{'0' * 50}1", "9" * 5_000, f'"{"0" * 5_000}1.00"', f"1.{'0' * 3_000}", '"\\u0031"'),
)
IDS = (
    *('"1"', "1", "-0", "0", '""', "1.0", "1e2", '"\\ud800"', '"\\ud83d\\ude00"', '"u\u0308"'),
    *('"\\u0000"', '"\u2028"', '"\x85"', '"\x1c"', '"\ufeff1"', "9" * 700, "9" * 4_500, "true"),
    *("18446744073709551616", "-9223372036854775809", "[]", '"\x00"', '"\t"'),
)
NOTES = (
    *("[" * depth + "]" * depth for depth in (99, 100, 101, 983, 1_490, 9_991)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (100, 101)),
    *("[" * 20_000, "nul", "-", "1e999", "0123", '"\\x"', "[" + "[1]," * 150 + "0]", '"\ud7ff"'),
)


def purchase(
    time: str = TIMES[0], user: str = '"2"', amount: str = '"1.00"', note: str = "1"
) -> bytes:
    return (
        f'{{"event_type":"purchase", "timestamp":"{time}", "id": {user}, "amount": {amount}, '
        f'"n": {note}}}'
    ).encode()


def row(time: str = TIMES[0], adid: str = '"a"', note: str = "1") -> bytes:
    return f'{{"time": "{time}", "adid": {adid}, "n": {note}}}'.encode()


PURCHASES = [
    *(purchase(time=each) for each in (*TIMES, *ZONED_TIMES)),
    *(purchase(amount=each) for each in AMOUNTS),
    *(purchase(user=each) for each in IDS),
    *(purchase(note=each) for each in NOTES),
    *(b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf" + purchase(), purchase() * 2, b"\0" * 300),
]
ROWS = [
    *(row(time=each) for each in (*TIMES, *ZONED_TIMES, *SHORT_TIMES)),
    *(row(adid=each) for each in IDS),
    *(row(note=each) for each in NOTES),
]
CELLS = [
    *(f"{each},a" for each in (*TIMES, *ZONED_TIMES, *SHORT_TIMES)),
    *(f"{TIMES[0]},{each}" for each in IDS if "\n" not in each),
    *(f'{TIMES[0]},"{each}"' for each in ("a\nb", 'a""b', "a\rb", "\x00", "\x85", "\u2028", "")),
    *(f"{TIMES[0]},{each}" for each in ('"a', 'a"', '"a"b', "a\r", "a,b", "\x0b", "w" * 200_000)),
]

# One for all versions: what one of them reads otherwise gives another hash.
LINES_HASH = "fa986f6695d7df33d3ebfb02f7b3916bcf3f455dae7df68b354216421549be0e"
JSON_HASH = "8bfdff07227fdf057c269dae16890ba25dee8682c933d50858afcb6e4b9b8a44"
CSV_HASH = "49e4eb283de6c7143c08c09210333d9e799f5fe225fcca4002baf59685234566"


def outcome(line: bytes) -> str:
    try:
        event = parse_line(line, 1)
    except BadLineError as error:
        return f"{error.reason}: {error.detail}"
    assert line_of(event) == line
    return f"{event}"


def hashed(outcomes: list[str]) -> str:
    return hashlib.sha256("\n".join(outcomes).encode()).hexdigest()


def test_each_odd_line_has_the_fate_that_it_has_on_every_python() -> None:
    outcomes = list(map(outcome, PURCHASES))
    assert sum(each.startswith("Purchase") for each in outcomes) == 40
    assert hashed(outcomes) == LINES_HASH, "\n".join(outcomes)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_each_odd_row_has_the_fate_that_it_has_on_every_python(form: str) -> None:
    outcomes = []
    for text in ROWS if form == "jsonl" else [each.encode() for each in CELLS]:
        if form == "jsonl":
            block = JsonRows(ColumnNames()).parse(text + b"\n")
        else:
            block = CsvRows(ColumnNames(), "a.csv").parse(b"time,adid\n" + text + b"\n", last=True)
        seen = block.observed
        outcomes.append(
            f"{[*seen.times]} {[*seen.adids]} {[tuple_of(bad) for bad in block.rejected]}"
        )
    assert hashed(outcomes) == (JSON_HASH if form == "jsonl" else CSV_HASH), "\n".join(outcomes)


def tuple_of(rejected: Any) -> tuple[Any, ...]:
    return rejected.number, str(rejected.reason), rejected.detail, rejected.line


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sample's logs, and odd ones."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "batch.json").write_bytes(
        (SAMPLE / "batch_log.json").read_bytes().rstrip(b"\n")
        + b"\n"
        + b"\n".join(PURCHASES)
        + b"\n"
    )
    (folder / "stream.json").write_bytes(
        b"\n".join([*PURCHASES, (SAMPLE / "stream_log.json").read_bytes()])
    )
    (folder / "rows.jsonl").write_bytes(b"\n".join([*ROWS, *ROWS[:3]]))
    (folder / "rows.csv").write_bytes("\n".join(["time,adid", *CELLS]).encode())
    return folder


def results(folder: Path, logs: Path, *options: str, **environment: str) -> dict[str, bytes]:
    """Return all that runs on ``logs`` make in ``folder``, and what they and `log` say."""
    folder.mkdir()

    def run(*words: str | Path) -> bytes:
        done = subprocess.run(
            [sys.executable, *options, "-m", "replay", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout.replace(bytes(folder), b"") + done.stderr.replace(bytes(folder), b"")

    said = [
        run("-q", logs / "batch.json", logs / "stream.json", folder / "flagged.json"),
        run("intervals", "-q", logs / "rows.csv", folder / "c.csv", "--threshold", "1m"),
        run("intervals", "-q", logs / "rows.jsonl", folder / "j.json", "--threshold", "1m"),
        run("verify", folder / "flagged.json.events"),
        run("log", folder / "flagged.json.events", "--json"),
        run("rerun", folder / "flagged.json.events", folder / "branch.json", "-T", "9"),
    ]
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {**files, "said": b"\n".join(said)}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> dict[str, bytes]:
    return results(tmp_path_factory.mktemp("expected") / "out", logs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"),
    [
        # It leaves out what -O does, and docstrings.
        (["-OO"], {}),
        (["-X", "dev", "-W", "error"], {}),
        (
            [],
            {
                "PYTHONHASHSEED": "7",
                "PYTHONUTF8": "1",
                "PYTHONINTMAXSTRDIGITS": "640",
                "TZ": "Asia/Kolkata",
                "LC_ALL": "C",
            },
        ),
        ([], {"PYTHONINTMAXSTRDIGITS": "0", "PYTHONMALLOC": "debug"}),
    ],
    ids=["OO", "dev", "few digits", "all digits"],
)
def test_stores_and_outputs_are_the_same_whatever_python_was_told(
    tmp_path: Path,
    logs: Path,
    expected: dict[str, bytes],
    options: list[str],
    environment: dict[str, str],
) -> None:
    found = results(tmp_path / "out", logs, *options, **environment)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


# What asserts guarded, and what did not.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: format_duration(-1), "expected a duration of 0 or more, found -1"),
        (lambda: format_duration(-(10**5_000)), "found one of more than 30 digits"),
        (lambda: Watermark(-1), "lateness: expected 0 or more, found -1"),
        (lambda: IntervalFinder(-1), "expected a threshold of 0 or more, and 1 id or more"),
        (lambda: IntervalFinder(1, distinct_min=0), "expected a threshold of 0 or more, and 1 id"),
        (lambda: TextFinder(1).extend([TIMES[0]], []), "expected 1 ids, as many as times"),
        (lambda: find(10**5_000), "at most 600 digits, found more"),
        (lambda: find("a", threshold=10**5_000), "at most 292 years, found one of more than 30"),
        (lambda: find("a", threshold=-(10**5_000)), "0 or more, found one of more than 30 digits"),
        (lambda: find("a", min_distinct=10**5_000), "from 1 on, found 'one of more than 30 digits"),
    ],
)
def test_values_that_do_not_qualify_are_errors_of_the_program(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(BadValueError, match=message):
        call()


def find(adid: Any, threshold: Any = "5s", min_distinct: int = 2) -> object:
    return replay.find_intervals([TIMES[0]], [adid], threshold, min_distinct=min_distinct)


def test_pipe_is_not_read_for_its_order() -> None:
    with (
        piped(as_csv([])) as source,
        pytest.raises(InputError, match=r"/dev/fd/[0-9]+: expected a file, found a pipe"),
    ):
        source.in_order()


BOUGHT = Purchase(TIMES[0], 1, "1", 1)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Friends(1, 0, frozenset()), "expected answers to questions only"),
        (Purchases(1, 0, ()), "expected as many answers as questions, found one more"),
    ],
)
def test_answer_that_nobody_asked_for_is_an_error(message: object, said: str) -> None:
    with Simulation(replay.Parameters(2, 50), Nowhere()) as simulation:
        simulation.judge(BOUGHT)
        simulation.coordinator.actor_ref.tell(message)
        with pytest.raises(UnaskedError, match=said):
            simulation.dispatcher.run()


def test_detector_that_does_not_decide_is_told_so() -> None:
    class Mute(CoordinatorActor):
        def _decide(self) -> None:
            """Say nothing."""
            self.event = None

    class Detector(Simulation):
        version = 1
        coordinator_type = Mute

    with Detector(replay.Parameters(2, 50), Nowhere()) as simulation:
        with pytest.raises(DetectorError, match="event 1: expected the detector to decide on it"):
            simulation.judge(BOUGHT)
        with pytest.raises(DetectorError, match="expected a simulation that attests, found one"):
            simulation.attest(1)
        with pytest.raises(DetectorError, match="expected a simulation that attests, found one"):
            simulation.sums()
