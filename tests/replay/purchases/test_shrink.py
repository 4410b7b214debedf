"""A shrunk history: right by the model, 1-minimal by the model, and kept to the byte."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from itertools import compress, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import replay
from actors.purchases.coordinator import Coordinator, CoordinatorActor
from actors.purchases.user import UserActor
from events.purchases.amounts import format_cents
from events.purchases.event import Befriend, Purchase, Unfriend
from replay.cli import main
from replay.engine.case import write_case
from replay.engine.shrink import VerdictNotReplayedError, without_lines, without_parts
from replay.purchases.looks import PurchaseLooks
from replay.purchases.shrink import PurchaseShrinking
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, USERS, event_lines, histories, lines, spellings
from tests.events.store.test_store import pieces
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.warm_pytest import Ran, run_pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.purchases.baseline import Baseline
    from actors.purchases.messages import Apply

STORE = "flagged.json.events"
ROOT = Path(replay.__file__).parents[1]
MARK = b"\xef\xbb\xbf"
HEAD = b'{"D":"1", "T":"50"}'


# What the model says


class Measured(NamedTuple):
    """The model's decision on a purchase."""

    flagged: bool
    n: int
    mean: str
    sd: str


def decided(degrees: int, tracked: int, history: list[bytes]) -> Measured:
    """Return what the model decides on the last line of ``history``, all of them events."""
    told = model.Model(degrees, tracked)
    *before, last = history
    for line in before:
        told.take(line, judged=False)
    verdict = told.take(last, judged=True)
    assert verdict is not None
    measured = (format_cents(verdict.mean), format_cents(verdict.sd))
    return Measured(verdict.flagged, len(verdict.window), *measured)


def kept_events(batch: bytes, stream: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the lines of each log that are events, with times of the first one's kind."""
    past, new = model.read_lines(batch), model.read_lines(stream)
    kept = [happening is not None for happening in model.happenings([*past, *new])]
    return list(compress(past, kept)), list(compress(new, kept[len(past) :]))


# Histories of which much is flagged


def written(kind: str, *values: str) -> bytes:
    names = ("id", "amount") if kind == "purchase" else ("id1", "id2")
    fields = ", ".join(
        f'"{name}": {json.dumps(value, ensure_ascii=False)}'
        for name, value in zip(names, values, strict=True)
    )
    return f'{{"event_type":"{kind}", "timestamp":"2017-06-13 11:33:01", {fields}}}'.encode()


@st.composite
def campaigns(draw: st.DrawFn) -> LoggedHistory:
    """Draw friends who buy for alike amounts, then spikes, and all sorts of lines among them."""
    users = USERS[: draw(st.integers(3, len(USERS)))]
    user = st.sampled_from(users)
    alike = st.sampled_from(["10.00", "10.01", "11.5", "12.00"])
    spiky = st.sampled_from(["12.00", "20.00", "900.00"])
    friends = st.permutations(users).map(lambda order: written("befriend", *order[:2]))
    everyday = st.builds(written, st.just("purchase"), user, alike)
    spikes = st.builds(written, st.just("purchase"), user, spiky)
    drawn = [
        [written("befriend", *pair) for pair in pairwise(users[:3])]
        + draw(st.lists(everyday, min_size=4, max_size=12))
        + draw(st.lists(st.one_of(friends, event_lines(users)), max_size=8)),
        draw(st.lists(st.one_of(spikes, spikes, friends, event_lines(users)), max_size=6)),
    ]
    past, new = (
        [draw(spellings(text)) for text in draw(st.permutations(log))]
        + draw(st.lists(lines(users), max_size=2))
        for log in drawn
    )
    new.append(draw(spellings(written("purchase", draw(st.sampled_from(users[:3])), "900.00"))))
    degrees, tracked = draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 5, 50]))
    return LoggedHistory(log_of([b'{"D":"%d", "T":"%d"}' % (degrees, tracked), *past]), log_of(new))


def shrunk_of(folder: Path, number: int, *options: str) -> dict[str, Any]:
    """Return what the command says of event ``number`` of the store in ``folder``."""
    words = ["shrink", str(folder / STORE), str(number), "--output", str(folder / "case")]
    with redirect_stdout(StringIO()) as printed:
        assert main([*words, "--json", "--overwrite", *options]) == 0
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told


def check(folder: Path, past: list[bytes], new: list[bytes], told: dict[str, Any]) -> Measured:
    """Check the files of a shrunk history against the original's events and the model."""
    original = [*past, *new]
    parameters, *batch = model.read_lines((folder / "case" / "batch.json").read_bytes())
    stream = model.read_lines((folder / "case" / "stream.json").read_bytes())
    numbers = told["events"]
    # Each line is one of the original, to the byte, in its order and in its log.
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == told["event"]
    assert [*batch, *stream] == [original[number - 1] for number in numbers]
    assert len(batch) == sum(number <= len(past) for number in numbers)
    fields = json.loads(parameters)
    setting = int(fields["D"]), int(fields["T"])
    assert setting == (told["parameters"]["D"], told["parameters"]["T"])
    # The verdict is that of the whole history, in which all up to the purchase counts.
    whole = decided(*setting, original[: told["event"]])
    left = [*batch, *stream]
    measured = decided(*setting, left)
    assert Measured(**told["before"]) == whole
    assert Measured(**told["after"]) == measured
    what = slice(None) if told["exact"] else slice(1)
    assert measured[what] == whole[what]
    # And without any one line it is another.
    for line in range(len(left) - 1):
        assert decided(*setting, left[:line] + left[line + 1 :])[what] != whole[what]
    return measured


FRACTIONS = LoggedHistory(
    log_of(
        [
            b'{"D":"2", "T":"2"}',
            friendship("1", "2"),
            friendship("2", "3").replace(b":01", b":01.5"),
            purchase("3", "10.00", 5),
            purchase("3", "10.01").replace(b":01", b":01.25"),
            purchase("2", "900.00", 4),
            purchase("2", "10.00").replace(b":01", b":01.250"),
        ]
    ),
    log_of([purchase("3", "9.99", 6), friendship("1", "3", "unfriend"), purchase("1", "20.00", 0)]),
)

ANOTHER_ZONE = SPEC_EXAMPLE._replace(
    batch=SPEC_EXAMPLE.batch + purchase("1").replace(b':01"', b':01Z"') + b"\n"
)


@given(st.integers(0, 6).flatmap(lambda count: st.tuples(
    st.just(list(range(count))), st.sets(st.frozensets(st.integers(0, max(count - 1, 0)))))),
)  # fmt: skip
def test_taking_away_ends_where_nothing_more_can_go_whatever_holds(
    given_sets: tuple[list[int], set[frozenset[int]]],
) -> None:
    everything, holding = given_sets
    holding.add(frozenset(everything))

    def holds(kept: list[int]) -> bool:
        return frozenset(kept) in holding

    kept = without_parts(everything, holds)
    assert holds(kept)
    kept = without_lines(kept, holds)
    assert holds(kept)
    assert not any(holds(kept[:at] + kept[at + 1 :]) for at in range(len(kept)))


def test_line_that_can_go_only_after_another_goes() -> None:
    holding = [[1, 2, 3], [1, 2], [2]]
    assert without_lines([1, 2, 3], holding.__contains__) == [2]
    holding = [[1, 2, 3], [2, 3], [2]]
    assert without_lines([1, 2, 3], holding.__contains__) == [2]


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--exact",)], ids=["verdict", "exact"])
def test_shrunk_history_has_the_verdict_and_is_minimal_by_the_model(
    options: tuple[str, ...],
) -> None:
    seen = Counter[bool]()
    smaller = Counter[bool]()

    @given(st.one_of(campaigns(), campaigns(), histories()), st.data())
    @example(SPEC_EXAMPLE, None)
    @example(FRACTIONS, None)
    @example(ANOTHER_ZONE, None)
    def shrinks(given_logs: LoggedHistory, data: st.DataObject | None) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run_in_process(given_logs, folder)
            recorded = list(replay.EventStore(folder / STORE).decisions())
            chosen = {each.number for each in recorded if each.flagged}
            if recorded and data is not None:
                chosen.add(data.draw(st.sampled_from(recorded)).number)
            past, new = kept_events(*given_logs)
            for number in sorted(chosen)[:3]:
                told = shrunk_of(folder, number, *options)
                flagged = check(folder, past, new, told).flagged
                seen[flagged] += 1
                smaller[flagged] += told["lines"]["after"] < told["lines"]["before"]

    shrinks()
    assert seen[True] >= settings().max_examples // 3
    assert smaller[True] >= settings().max_examples // 3
    assert smaller[False] >= settings().max_examples // 3


@pytest.mark.slow
def test_every_flag_of_the_sample_is_shrunk_to_a_few_lines_and_passes_its_own_test(
    tmp_path: Path,
) -> None:
    folder = ROOT / "scripts" / "sample"
    sample = folder / "batch_log.json", folder / "stream_log.json"
    with replay.Logs(*sample) as opened:
        replay.run(opened, tmp_path / "flagged.json")
    past, new = kept_events(*(log.read_bytes() for log in sample))
    decisions = list(replay.EventStore(tmp_path / STORE).decisions())
    flagged = [each.number for each in decisions if each.flagged]
    assert len(flagged) == 6
    for number in flagged:
        told = shrunk_of(tmp_path, number)
        assert check(tmp_path, past, new, told) >= (True, 2)
        assert told["lines"]["before"] == 20_600
        assert told["lines"]["after"] <= 8
        (tmp_path / "case").rename(tmp_path / f"case{number}")
    unflagged = next(each.number for each in decisions if not each.flagged and each.purchases)
    for name, options in (("alone", ()), ("exact", ("--exact",))):
        shrunk_of(tmp_path, unflagged, *options)
        (tmp_path / "case").rename(tmp_path / name)
    # All in one process: no two tests have the same name.
    finished = pytest_on(tmp_path)
    assert finished.status == 0, finished.out
    assert not re.search("skip|warning", finished.out)


def pytest_on(folder: Path) -> Ran:
    return run_pytest(folder, "-q", "-W", "error", "-p", "no:cacheprovider", str(folder))


# The files


class Shrink:
    """Shrinks purchases of the history in a folder of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder / "run"
        self.folder.mkdir()
        self.case = folder / "case"
        self.capture = capture

    def begin(self, given_logs: LoggedHistory, *words: int) -> None:
        for leftover in self.folder.iterdir():
            leftover.unlink()
        (self.folder / "batch.json").write_bytes(given_logs.batch)
        (self.folder / "stream.json").write_bytes(given_logs.stream)
        with replay.Logs(self.folder / "batch.json", self.folder / "stream.json", *words) as opened:
            replay.run(opened, self.folder / "flagged.json")

    def __call__(self, number: int, *options: str) -> str:
        status, out, err = self.result(number, *options)
        assert (status, err) == (0, "")
        return out

    def result(self, number: int, *options: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        output = () if "--output" in options else ("--output", str(self.case))
        status = main(["shrink", str(self.folder / STORE), str(number), *output, *options])
        return (status, *self.capture.readouterr())

    def files(self) -> dict[str, bytes]:
        if not self.case.exists():
            return {}
        return {path.name: path.read_bytes() for path in self.case.iterdir()}

    @property
    def test(self) -> Path:
        (found,) = self.case.glob("test_*.py")
        return found


@pytest.fixture
def shrinking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shrink:
    return Shrink(tmp_path, capsys)


@pytest.fixture
def spec(shrinking: Shrink) -> Shrink:
    shrinking.begin(SPEC_EXAMPLE)
    return shrinking


def test_shrunk_history_is_shown_to_a_person(spec: Shrink) -> None:
    shown = spec(7)
    case, name = spec.case, spec.test.name
    assert re.fullmatch(r"test_event_7_[0-9a-f]{8}\.py", name)
    assert shown == (
        "event 7: 8 lines shrunk to 5\n"
        "batch:\n"
        '  {"D":"1", "T":"50"}\n'
        '  {"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", '
        '"id": "1", "amount": "16.83"}\n'
        '  {"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", '
        '"id": "1", "amount": "59.28"}\n'
        '  {"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}\n'
        "stream:\n"
        '  {"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", '
        '"id": "2", "amount": "1601.83"}\n'
        "before: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)\n"
        "after:  2 bought for 1601.83: FLAGGED (n=2 mean=38.05 sd=21.22)\n"
        "without any one of the 3 lines before it, the verdict is another\n"
        f"files in {case}: batch.json, stream.json, flagged.json, flagged.json.events, {name}\n"
        f"next: python -m replay step {spec.case}/flagged.json.events\n"
        f"      python -m pytest {spec.case}\n"
    )


def test_exact_history_keeps_the_window(spec: Shrink) -> None:
    shown = spec(7, "--exact").splitlines()
    assert shown[0] == "event 7: 8 lines shrunk to 6"
    assert shown[-6:-3] == [
        "before: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)",
        "after:  2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)",
        "without any one of the 4 lines before it, the decision is another",
    ]


def test_friendship_that_is_kept_is_the_one_that_began(shrinking: Shrink) -> None:
    past = [
        friendship("1", "2"),
        friendship("2", "1", "unfriend"),
        friendship("2", "1"),
        purchase("1", "10.00"),
    ]
    new = [friendship("1", "2"), purchase("1", "10.00"), purchase("2", "99.00")]
    shrinking.begin(LoggedHistory(log_of([HEAD, *past]), log_of(new)))
    assert json.loads(shrinking(7, "--json"))["events"] == [3, 4, 6, 7]


def test_many_lines_are_counted_and_not_shown(shrinking: Shrink) -> None:
    past = [friendship("1", "2"), *(purchase("1", f"{cents}.00") for cents in range(10, 40))]
    shrinking.begin(
        LoggedHistory(log_of([b'{"D":1,"T":30}', *past]), log_of([purchase("2", "20.00")]))
    )
    shown = shrinking(32, "--exact")
    assert "\nlines: 32 of the batch, 1 of the stream\n" in shown
    assert "event_type" not in shown


@pytest.mark.slow
def test_purchase_that_is_not_flagged_needs_no_other_line(spec: Shrink) -> None:
    spec.begin(LoggedHistory(SPEC_EXAMPLE.batch, SPEC_EXAMPLE.stream.replace(b"1601.83", b"1.83")))
    shown = spec(7)
    assert shown.startswith("event 7: 8 lines shrunk to 2\n")
    assert "\nit is not flagged without any other line; --exact keeps n, mean and sd too\n" in shown
    assert pytest_on(spec.case).status == 0
    spec.begin(LoggedHistory(b'{"D":1,"T":2}\n', purchase("1", "5.00")))
    assert "\nit is not flagged without any other line\n" in spec(1, "--exact", "--overwrite")


def test_machines_are_told_all_of_it(spec: Shrink) -> None:
    told = json.loads(spec(7, "--json"))
    measured = {"flagged": True, "n": 2, "mean": "38.05", "sd": "21.22"}
    assert told.pop("tried") > 3
    assert told == {
        "event": 7,
        "exact": False,
        "lines": {"before": 8, "after": 5},
        "events": [1, 2, 3, 7],
        "parameters": {"D": 1, "T": 50},
        "batch": [SPEC_EXAMPLE.batch.decode().splitlines()[number] for number in (0, 1, 2, 3)],
        "stream": SPEC_EXAMPLE.stream.decode().splitlines(),
        "before": {"flagged": True, "n": 3, "mean": "29.10", "sd": "21.46"},
        "after": measured,
        "files": {
            **{name: str(spec.case / f"{name}.json") for name in ("batch", "stream", "flagged")},
            "store": str(spec.case / STORE),
            "test": str(spec.test),
        },
    }


def test_files_are_those_of_a_run_on_the_logs_in_the_folder(spec: Shrink, tmp_path: Path) -> None:
    spec(7)
    before = spec.files()
    again = tmp_path / "again"
    again.mkdir()
    run_in_process(LoggedHistory(before["batch.json"], before["stream.json"]), again)
    after = {path.name: path.read_bytes() for path in again.iterdir()}
    assert before == {**after, spec.test.name: spec.test.read_bytes()}


# Each with the tests that must fail, of those that are written.
VERDICT, FILE, LINE = "test_flagged_as_recorded", "test_flagged_file_is_what_it_was", "line"
ALTERED = [
    ("stream.json", b"1601.83", b"101.83", {FILE}),
    ("stream.json", b"1601.83", b"1.83", {VERDICT, FILE}),
    ("batch.json", b"59.28", b"5900.28", {VERDICT, FILE}),
    ("batch.json", b'"befriend"', b'"unfriend"', {VERDICT, FILE}),
    ("batch.json", b'"50"', b'"3"', set[str]()),
    ("batch.json", b"\n", b"\n" + purchase("1", "20.00") + b"\n", {VERDICT, FILE, LINE}),
    ("batch.json", b"\n", b"\n" + friendship("8", "9") + b"\n", {LINE}),
    ("flagged.json", b"38.05", b"38.06", {FILE}),
]


@pytest.mark.slow
def test_regression_test_fails_where_the_history_is_another(spec: Shrink) -> None:
    spec(7)
    for number, (log, was, becomes, _) in enumerate(ALTERED):
        folder = spec.case.with_name(f"altered{number}")
        shutil.copytree(spec.case, folder)
        (folder / spec.test.name).rename(folder / f"test_altered{number}.py")
        content = (folder / log).read_bytes()
        assert was in content
        (folder / log).write_bytes(content.replace(was, becomes, 1))
    finished = pytest_on(spec.case.parent)
    assert finished.status == 1
    found: list[set[str]] = [set() for _ in ALTERED]
    failed = re.findall(r"^FAILED altered(\d+)/.*?::(\w+)", finished.out, re.MULTILINE)
    for number, name in failed:
        found[int(number)].add(LINE if name == "test_each_line_matters" else name)
    assert found == [each[-1] for each in ALTERED]


@pytest.mark.slow
def test_regression_test_names_no_folder_and_survives_any_name_of_a_store(spec: Shrink) -> None:
    odd = 'a"""\\ {0}\u202e\n' + "x" * 60 + ".events"
    (spec.folder / STORE).rename(spec.folder / odd)
    assert main(["shrink", str(spec.folder / odd), "7", "--output", str(spec.case)]) == 0
    source = spec.test.read_text(encoding="utf-8")
    assert source.startswith('"""Event 7 of a???? ?0???xxxxxxxxxxxxxxxxxxxxxxxxxx...: flagged.\n')
    assert str(spec.folder.parent) not in source
    assert max(map(len, source.splitlines())) <= 100
    assert pytest_on(spec.case).status == 0


@pytest.mark.slow
def test_two_folders_of_one_history_have_tests_of_different_names(spec: Shrink) -> None:
    spec(7)
    one = spec.test.name
    spec.case = spec.case.with_name("other")
    spec(7)
    assert spec.test.name != one
    assert pytest_on(spec.case.parent).status == 0


# Lines that are not canonical


CR = [line + b"\r" for line in SPEC_EXAMPLE.batch.splitlines()]
PAST = SPEC_EXAMPLE.batch.splitlines()[1:]


class Spelled(NamedTuple):
    """The challenge's example, spelled or run otherwise."""

    logs: LoggedHistory
    setting: tuple[int, ...] = ()
    """D and T of the run, where they were given."""
    first: bytes = HEAD
    """The line of the parameters."""


SPELLED = {
    "crlf": Spelled(
        LoggedHistory(log_of(CR), SPEC_EXAMPLE.stream.replace(b"\n", b"\r\n")), (), CR[0]
    ),
    "marks": Spelled(
        LoggedHistory(MARK + SPEC_EXAMPLE.batch, MARK + SPEC_EXAMPLE.stream), (), MARK + HEAD
    ),
    "other-T": Spelled(SPEC_EXAMPLE, (1, 3), b'{"D":"1", "T":"3"}'),
    "same-given": Spelled(SPEC_EXAMPLE, (1, 50)),
    "no-line": Spelled(LoggedHistory(log_of(PAST), SPEC_EXAMPLE.stream), (1, 50)),
    "no-newline": Spelled(
        LoggedHistory(b"\n\n" + SPEC_EXAMPLE.batch[:-1], SPEC_EXAMPLE.stream[:-1])
    ),
    "odd-line": Spelled(
        LoggedHistory(log_of([b'{"T": 50, "D": 1} ', *PAST]), SPEC_EXAMPLE.stream),
        (),
        b'{"T": 50, "D": 1} ',
    ),
    "wrong-line": Spelled(LoggedHistory(log_of([b'{"D":0}', *PAST]), SPEC_EXAMPLE.stream), (1, 50)),
}


@pytest.mark.parametrize("spelled", SPELLED.values(), ids=SPELLED)
def test_parameters_are_those_of_the_run_and_lines_stay_as_they_are(
    shrinking: Shrink, spelled: Spelled
) -> None:
    shrinking.begin(spelled.logs, *spelled.setting)
    told = json.loads(shrinking(7, "--exact", "--json"))
    written = shrinking.files()
    first, *past = written["batch.json"].split(b"\n")
    original = model.read_lines(spelled.logs.batch)[-len(PAST) :]
    assert first == spelled.first
    assert [line for line in past if line] == [original[number] for number in (0, 1, 2, 4)]
    assert written["stream.json"] == spelled.logs.stream
    assert written["batch.json"].endswith(b"\n") == spelled.logs.batch.endswith(b"\n")
    assert told["before"] == told["after"]


@pytest.mark.slow
def test_regression_test_passes_however_lines_are_spelled(shrinking: Shrink) -> None:
    for name, spelled in SPELLED.items():
        shrinking.begin(spelled.logs, *spelled.setting)
        shrinking(7, "--exact", "--output", str(shrinking.case.with_name(name)))
    finished = pytest_on(shrinking.case.parent)
    assert finished.status == 0, finished.out
    assert f"{6 * len(SPELLED)} passed" in finished.out


def test_mark_before_the_first_event_goes_where_a_line_comes_before_it(shrinking: Shrink) -> None:
    _, *past = SPEC_EXAMPLE.batch.splitlines()
    shrinking.begin(LoggedHistory(MARK + log_of(past), SPEC_EXAMPLE.stream), 1, 50)
    shrinking(7, "--exact")
    assert shrinking.files()["batch.json"] == log_of([b'{"D":"1", "T":"50"}', *past[:3], past[4]])


# Overwriting and refusing


@pytest.mark.slow
def test_folder_that_holds_one_is_left_alone_unless_overwriting(spec: Shrink) -> None:
    spec(7)
    (spec.case / "notes.txt").write_text("mine")
    before, old = spec.files(), spec.test.name
    status, out, err = spec.result(7, "--exact")
    assert (status, out) == (1, "")
    assert err == (
        f"replay: {spec.case}/batch.json: expected no file, found one; "
        "name another folder or give --overwrite\n"
    )
    assert spec.files() == before
    spec(7, "--exact", "--overwrite")
    after = spec.files()
    assert after.keys() - before.keys() == {spec.test.name}
    assert before.keys() - after.keys() == {old}
    assert (spec.case / "notes.txt").read_text() == "mine"
    assert pytest_on(spec.case).status == 0


@pytest.mark.parametrize("name", ["stream.json", STORE, "test_event_3_0123abcd.py"])
def test_single_file_in_the_way_is_enough_to_refuse(spec: Shrink, name: str) -> None:
    spec.case.mkdir()
    (spec.case / name).touch()
    status, out, err = spec.result(7)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert f"{spec.case}/{name}: expected no file, found one" in err
    assert spec.files() == {name: b""}


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (0, "expected an event from 1 to 7, found 0"),
        (8, "expected an event from 1 to 7, found 8"),
        (6, "event 6: expected a purchase that the run judged, found a change of a friendship"),
        (5, "event 5: expected a purchase that the run judged, found one of the past"),
    ],
)
def test_event_that_has_no_verdict_is_refused(spec: Shrink, number: int, found: str) -> None:
    status, out, err = spec.result(number)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert found in err
    assert not spec.case.exists()


def test_purchase_that_was_not_judged_yet_is_refused(spec: Shrink) -> None:
    path = spec.folder / STORE
    ends = [place.end for place in replay.EventStore(path)._frames]
    without = [end for end in ends if not list(_decisions(path, end))]
    path.write_bytes(path.read_bytes()[: without[-1]])
    status, out, err = spec.result(7)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "event 7: expected a purchase that the run judged, found one before whose verdict" in err


def _decisions(path: Path, end: int) -> list[replay.Decision]:
    with tempfile.TemporaryDirectory() as name:
        part = Path(name) / "part"
        part.write_bytes(path.read_bytes()[:end])
        return list(replay.EventStore(part).decisions())


@pytest.mark.parametrize(
    ("output", "status", "found"),
    [
        ("none/case", 2, "found no {folder}/none; make it first"),
        ("file", 2, "file: expected a folder for the shrunk history, found a file"),
        ("run", 2, f"expected a folder for the shrunk history alone, found that of {STORE}"),
        ("taken", 2, "taken/flagged.json: expected a file, found a folder; name another folder"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--overwrite",)], ids=["", "overwrite"])
def test_folder_that_cannot_be_written_to_is_refused(
    spec: Shrink, output: str, status: int, found: str, options: tuple[str, ...]
) -> None:
    folder = spec.folder.parent
    (folder / "file").touch()
    (folder / "taken" / "flagged.json").mkdir(parents=True)
    before = sorted(folder.rglob("*"))
    result = spec.result(7, "--output", str(folder / output), *options)
    assert (result[0], result[1], result[2].count("\n")) == (status, "", 1)
    assert found.format(folder=folder) in result[2]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a file system nobody can write to")
def test_folder_that_cannot_be_made_ends_with_status_1(spec: Shrink) -> None:
    status, out, err = spec.result(7, "--output", "/proc/case")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "/proc/case: expected to write the shrunk history, found: " in err


def test_output_has_to_be_named(spec: Shrink) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["shrink", str(spec.folder / STORE), "7"])
    assert "required: --output" in spec.capture.readouterr().err


def test_store_that_was_saved_from_damage_is_shrunk_where_it_replays(spec: Shrink) -> None:
    path = spec.folder / STORE
    parts = pieces(path.read_bytes())
    torn = bytearray(b"".join(parts))
    torn[len(parts[0]) + len(parts[1]) - 3] ^= 1
    path.write_bytes(torn)
    saved = spec.folder / "saved.events"
    assert main(["repair", str(path), "--output", str(saved)]) == 0
    saved.replace(path)
    number = len(list(replay.EventStore(path).events_from(1)))
    status, out, err = spec.result(number)
    assert (status, out, err.count("\n")) == (1, "", 2)
    assert f"{path}: saved from a damaged store, and incomplete" in err
    assert f"event {number}: expected a replay to give the verdict that was recorded, found" in err
    assert f"(something was lost after event 0); verify {path} tells where they part" in err


# Faults in the program


apply_rightly = UserActor.apply


def lose_unfriends(user: UserActor, message: Apply) -> None:
    apply_rightly(user, msgspec.structs.replace(message, unfriended=()))


def befriend_by_unfriend(user: UserActor, message: Apply) -> None:
    befriended = message.befriended + message.unfriended
    apply_rightly(user, msgspec.structs.replace(message, befriended=befriended, unfriended=()))


def flag_in_company(
    actor: Coordinator, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline
) -> bool:
    """Flag only where four users or more have appeared."""
    del window
    return baseline.flags(purchase.amount) and actor.journal.users(purchase.number) >= 4


def fail_on_pairs(
    actor: Coordinator, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline
) -> bool:
    del actor
    if len(window) == 2:
        raise ValueError("two")
    return baseline.flags(purchase.amount)


judge_rightly = Coordinator._judge


def befriend_by_judged_unfriend(actor: Coordinator, event: replay.Event) -> None:
    if isinstance(event, Unfriend):
        event = Befriend(event.time, event.number, event.user1, event.user2)
    judge_rightly(actor, event)


def part_by_early_friendship(actor: Coordinator, event: replay.Event) -> None:
    """Take a friendship of the stream for its end, where fewer than three users have appeared."""
    if isinstance(event, Befriend) and actor.journal.users(event.number) < 3:
        event = Unfriend(event.time, event.number, event.user1, event.user2)
    judge_rightly(actor, event)


NOISE = [friendship("7", "8"), purchase("7", "3.00"), purchase("9", "4.00"), BAD_LINES[0]]
BOUGHT = [purchase("1", "10.00"), purchase("1", "10.01"), purchase("1", "10.02")]
SPIKE = purchase("2", "900.00", 2)


class Faulty(NamedTuple):
    """A fault, a history that it shows in, and what has to be left of that."""

    name: str
    fault: Any
    past: list[bytes]
    new: list[bytes]
    kept: list[bytes]


@pytest.mark.parametrize(
    "faulty",
    [
        # The unfriending is lost with and without its line, so the line goes.
        Faulty(
            "apply",
            lose_unfriends,
            [friendship("1", "2"), *NOISE, *BOUGHT],
            [friendship("2", "1", "unfriend"), SPIKE],
            [friendship("1", "2"), *BOUGHT[-1:], SPIKE],
        ),
        # No event that befriends explains the friendship: all of the network is tried.
        Faulty(
            "apply",
            befriend_by_unfriend,
            [*NOISE, friendship("2", "1", "unfriend"), *BOUGHT],
            [*NOISE, SPIKE],
            [friendship("2", "1", "unfriend"), *BOUGHT[-1:], SPIKE],
        ),
        # What matters is nowhere near the network: all of the history is tried.
        Faulty(
            "flags",
            flag_in_company,
            [*NOISE, friendship("2", "1"), *BOUGHT],
            [*NOISE, SPIKE],
            [friendship("7", "8"), friendship("2", "1"), *BOUGHT[-1:], SPIKE],
        ),
        # Candidates on which an actor fails have no verdict.
        Faulty(
            "flags",
            fail_on_pairs,
            [*NOISE, friendship("2", "1"), *BOUGHT],
            [SPIKE],
            [friendship("2", "1"), *BOUGHT, SPIKE],
        ),
        # What is folded differs from what is judged, and it is the run, which judges, that counts.
        Faulty(
            "_judge",
            befriend_by_judged_unfriend,
            [*NOISE, friendship("2", "1"), *BOUGHT],
            [friendship("1", "2", "unfriend"), *NOISE, SPIKE],
            [friendship("2", "1"), *BOUGHT[-1:], SPIKE],
        ),
        # What is enough where it is folded is not enough where it is judged.
        Faulty(
            "_judge",
            part_by_early_friendship,
            [*NOISE, *BOUGHT],
            [friendship("2", "1"), *NOISE, SPIKE],
            [friendship("7", "8"), *BOUGHT[-1:], friendship("2", "1"), SPIKE],
        ),
    ],
    ids=["lost-unfriend", "wrong-unfriend", "company", "failing", "judged-unfriend", "early"],
)
def test_verdict_of_a_faulty_program_is_shrunk_to_what_that_program_needs(
    shrinking: Shrink, monkeypatch: pytest.MonkeyPatch, faulty: Faulty
) -> None:
    name, fault, past, new, kept = faulty
    monkeypatch.setattr(UserActor if name == "apply" else CoordinatorActor, name, fault)
    shrinking.begin(LoggedHistory(log_of([HEAD, *past]), log_of(new)))
    (decision,) = [each for each in recorded(shrinking) if each.flagged]
    told = json.loads(shrinking(decision.number, "--json"))
    assert told["after"]["flagged"]
    batch, stream = told["batch"][1:], told["stream"]
    left = [line.encode() for line in [*batch, *stream]]
    # Which of the alike purchases stay is not the point.
    alike = dict.fromkeys(BOUGHT, BOUGHT[-1]) if fault is not fail_on_pairs else {}
    assert left[-1] == SPIKE
    assert flagged_here(shrinking, batch, stream)
    if fault is not fail_on_pairs:
        for line in range(len(batch)):
            assert not flagged_here(shrinking, batch[:line] + batch[line + 1 :], stream)
        for line in range(len(stream) - 1):
            assert not flagged_here(shrinking, batch, stream[:line] + stream[line + 1 :])
    assert {alike.get(line, line) for line in left} == set(kept)


def test_network_is_tried_before_everything(
    shrinking: Shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserActor, "apply", befriend_by_unfriend)
    shrinking.begin(
        LoggedHistory(
            log_of([HEAD, friendship("2", "1", "unfriend"), *BOUGHT, *NOISE * 9]), SPIKE + b"\n"
        )
    )
    lines: list[int] = []
    with PurchaseLooks(replay.EventStore(shrinking.folder / STORE)) as looks:
        number, note = len(looks.history), lambda left, _: lines.append(left)
        PurchaseShrinking(looks, number, progress=note).shrunk()
    assert lines[:2] == [4, 5]
    assert max(lines) == 5


def recorded(shrinking: Shrink) -> list[replay.Decision]:
    return list(replay.EventStore(shrinking.folder / STORE).decisions())


def flagged_here(shrinking: Shrink, batch: list[str], stream: list[str]) -> bool:
    """Tell whether the program in this process, with its fault, flags the last line."""
    logs_here = shrinking.folder / "b", shrinking.folder / "s"
    for path, log in zip(logs_here, ([HEAD.decode(), *batch], stream), strict=True):
        path.write_bytes(log_of([line.encode() for line in log]))
    found = [each.event.number for each in replay.flagged_purchases(*logs_here)]
    return len(batch) + len(stream) in found


def never(*_: object) -> bool:
    return False


def test_verdict_that_no_replay_gives_is_told_in_one_line(
    spec: Shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CoordinatorActor, "flags", never)
    status, out, err = spec.result(7)
    assert (status, out) == (1, "")
    path = spec.folder / STORE
    assert err == (
        f"replay: {path}: event 7: expected a replay to give the verdict that was recorded, "
        f"found another; verify {path} tells where they part\n"
    )
    assert not spec.case.exists()
    assert main(["verify", str(path)]) == 1


def unless_attesting(
    actor: Coordinator, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline
) -> bool:
    del window
    return baseline.flags(purchase.amount) and actor.sums is None


def test_run_that_decides_otherwise_than_a_replay_leaves_nothing_behind(
    spec: Shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PurchaseLooks(replay.EventStore(spec.folder / STORE)) as looks:
        shrinking = PurchaseShrinking(looks, 7)
        shrunk = shrinking.shrunk()
        monkeypatch.setattr(CoordinatorActor, "flags", unless_attesting)
        with pytest.raises(VerdictNotReplayedError, match="another decision on event 7; nothing"):
            write_case(shrinking, shrunk, spec.case)
    assert not spec.case.exists()


def test_progress_counts_lines_and_tries(spec: Shrink) -> None:
    told: list[tuple[int, int]] = []
    with PurchaseLooks(replay.EventStore(spec.folder / STORE)) as looks:
        shrunk = PurchaseShrinking(looks, 7, progress=lambda *seen: told.append(seen)).shrunk()
    assert [tried for _, tried in told] == list(range(shrunk.tried - 1))
    assert told[0] == (5, 0)
    assert min(told)[0] == 1


def test_terminal_shows_how_far_it_has_come(spec: Shrink) -> None:
    leader, follower = pty.openpty()
    finished = subprocess.run(
        [sys.executable, "-m", "replay", "shrink", STORE, "7", "--output", str(spec.case)],
        cwd=spec.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
    )
    os.close(follower)
    shown = os.read(leader, 1 << 16)
    os.close(leader)
    assert b"shrink" in shown
    assert b"shrink" not in finished.stdout.replace(b"shrunk", b"")
