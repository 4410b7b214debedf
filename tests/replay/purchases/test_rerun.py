"""A branch of a history: what it flags, how that differs, and what it leaves alone."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import replay
from events.logs.extent import Fingerprint
from replay.cli import main
from replay.engine.branch import Edits, _name, branch_off
from replay.purchases.branch import PurchaseBranching
from replay.purchases.history import History
from replay.purchases.simulation import Simulation
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, event_lines, histories, spellings
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED, run_in_process

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = "flagged.json.events"
MARK = b"\xef\xbb\xbf"
BUY = '{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "900.00"}'
UNFRIEND = '{"event_type":"unfriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}'


class Case(NamedTuple):
    """Logs, and what of their history is to be otherwise."""

    logs: LoggedHistory
    degrees: int | None = None
    tracked: int | None = None
    skipped: tuple[tuple[int, int], ...] = ()
    """First and last of each range."""
    inserted: tuple[tuple[bytes, int], ...] = ()

    @property
    def words(self) -> list[str]:
        """What the command line calls that."""
        return [
            *(["-D", str(self.degrees)] if self.degrees else []),
            *(["-T", str(self.tracked)] if self.tracked else []),
            *(["--skip"] if self.skipped else []),
            *(str(first) if first == last else f"{first}-{last}" for first, last in self.skipped),
            *(["--insert"] if self.inserted else []),
            *(f"{os.fsdecode(line)}@{before}" for line, before in self.inserted),
        ]


class Labelled(NamedTuple):
    """A line of the edited logs, and which event of the original it was."""

    line: bytes
    event: int | None
    before: int


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def accepted(given_logs: LoggedHistory) -> int:
    return sum(happening is not None for happening in happenings(given_logs))


def happenings(given_logs: LoggedHistory) -> list[model.AcceptedLine | None]:
    """Return what each line of both logs says, the parameters' left out; None if rejected."""
    lines = model.read_lines(given_logs.batch)[1:] + model.read_lines(given_logs.stream)
    return list(model.happenings(lines))


def with_offset(line: bytes) -> bytes:
    """Return an accepted line with the same time, of UTC."""
    return re.sub(rb'([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)"', rb'\1Z"', line)


def event(kind: str, *values: str) -> str:
    names = ("id", "amount") if kind == "purchase" else ("id1", "id2")
    fields = ", ".join(f'"{name}": "{value}"' for name, value in zip(names, values, strict=True))
    return f'{{"event_type":"{kind}", "timestamp":"2017-06-13 11:33:01", {fields}}}'


users = st.sampled_from(["1", "2", "3"])
everyday = st.builds(
    event, st.just("purchase"), users, st.sampled_from(["10.00", "10.01", "12.00"])
)
spikes = st.builds(event, st.just("purchase"), users, st.sampled_from(["12.00", "20.00", "900.00"]))
pairs = st.permutations(["1", "2", "3"])
friendships = st.builds(
    lambda kind, pair: event(kind, *pair[:2]),
    st.sampled_from(["befriend", "befriend", "unfriend"]),
    pairs,
)
FRIENDS = [event("befriend", "1", "2"), event("befriend", "2", "3")]


@st.composite
def spiky_logs(draw: st.DrawFn) -> LoggedHistory:
    """Draw logs of which much is flagged: friends who buy for alike amounts, and spikes."""
    past = draw(st.lists(everyday, min_size=4, max_size=12))
    new = draw(st.lists(st.one_of(spikes, spikes, everyday, friendships), max_size=8))
    first = draw(st.sampled_from(['{"D":"1", "T":"5"}', '{"D":"2", "T":"3"}']))
    return LoggedHistory(
        *(joined([line.encode() for line in log]) for log in ([first, *FRIENDS, *past], new))
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    given_logs = draw(st.one_of(histories(), spiky_logs(), spiky_logs()))
    count = accepted(given_logs)
    # Hypothesis prefers small numbers, but what is flagged comes last.
    number = st.integers(1, max(count, 1))
    number = st.one_of(number, number.map(lambda n: max(count, 1) + 1 - n))
    near = st.tuples(number, st.integers(0, 2)).map(lambda p: (p[0], min(p[0] + p[1], count)))
    skipped = draw(st.lists(near, max_size=3)) if count else []
    written = st.one_of(spikes, friendships).map(str.encode)
    lines = st.one_of(event_lines(), written).flatmap(spellings)
    if any(each.zoned for each in happenings(given_logs) if each is not None):
        lines = lines.map(with_offset)
    inserted = draw(st.lists(st.tuples(lines, st.one_of(number, st.just(count + 1))), max_size=3))
    return Case(
        given_logs,
        draw(st.sampled_from([None, 1, 2, 3])),
        draw(st.sampled_from([None, 2, 3, 50])),
        tuple(skipped),
        tuple(inserted),
    )


def edited(case: Case) -> tuple[bytes, list[Labelled], list[Labelled]]:
    """Return the parameters' line and the lines of both logs as the case has them."""
    parameters, *past = model.read_lines(case.logs.batch)
    skipped = {n for first, last in case.skipped for n in range(first, last + 1)}
    number, edited_logs = 0, list[list[Labelled]]()
    found = iter(happenings(case.logs))
    for lines in (past, model.read_lines(case.logs.stream)):
        kept: list[Labelled] = []
        for line in lines:
            event, happening = None, next(found)
            if happening is None and model.read(line) is not None:
                # Its time is of the other kind, also where the first event is skipped.
                continue
            if happening is not None:
                event = number = number + 1
                kept += [Labelled(new, None, n) for new, n in case.inserted if n == event]
            if event not in skipped:
                kept.append(Labelled(line, event, 0))
        edited_logs.append(kept)
    edited_past, edited_new = edited_logs
    edited_new += [Labelled(new, None, n) for new, n in case.inserted if n == number + 1]
    return parameters, edited_past, edited_new


def flags(batch: bytes, stream: bytes, case: Case | None = None) -> dict[int, dict[str, Any]]:
    """Return what the model flags, by event number."""
    settings = (case.degrees, case.tracked) if case else ()
    lines = [*model.read_lines(batch)[1:], *model.read_lines(stream)]
    numbers, number = [], 0
    for happening in model.happenings(lines):
        number += happening is not None
        numbers.append(number)
    found = {}
    for flag in model.flags(batch, stream, *settings):
        measured = json.loads(b'{"mean": ' + flag.line.rpartition(b', "mean": ')[2])
        found[numbers[flag.place]] = {"flagged": True, "n": len(flag.window), **measured}
    return found


class Expected(NamedTuple):
    """What the model says of a case."""

    flagged: bytes
    differences: list[dict[str, Any]]


def expected_of(case: Case) -> Expected:
    parameters, past, new = edited(case)
    batch = joined([parameters, *(each.line for each in past)])
    stream = joined([each.line for each in new])
    before, after = flags(*case.logs), flags(batch, stream, case)
    numbered = dict(enumerate([each for each in past + new if model.read(each.line)], 1))
    branch_numbers = {each.event: number for number, each in numbered.items() if each.event}
    found: list[tuple[tuple[int, bool, int], str, int | None, int | None]] = []
    for number, flag in after.items():
        each = numbered[number]
        was = before.get(each.event or 0)
        if was != flag:
            what = "gained" if was is None else "changed"
            order = (each.event or each.before, each.event is not None, number)
            found.append((order, what, each.event, number))
    lost = [event for event in before if branch_numbers.get(event) not in after]
    found += [((event, True, 0), "lost", event, branch_numbers.get(event)) for event in lost]
    differences = [
        {
            "what": what,
            "event": event,
            "branch_event": number,
            "before": before.get(event or 0),
            "after": after.get(number or 0),
        }
        for _, what, event, number in sorted(found, key=lambda each: each[0])
    ]
    return Expected(model.flagged_purchases(batch, stream, case.degrees, case.tracked), differences)


class Rerun:
    """Reruns the history of a store, which must stay as it is."""

    def __init__(self, folder: Path, given_logs: LoggedHistory) -> None:
        self.folder = folder
        run_in_process(given_logs, folder)
        self.originals = self.read_all()

    def read_all(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def __call__(self, *words: str, flagged: str = "branch.json") -> int:
        status = main(["rerun", str(self.folder / STORE), str(self.folder / flagged), *words])
        after = self.read_all()
        assert {name: after.get(name) for name in self.originals} == self.originals
        return status

    def history(self, name: str = "branch.json.events") -> History:
        return History(replay.EventStore(self.folder / name))


@pytest.fixture
def rerun(tmp_path: Path) -> Rerun:
    return Rerun(tmp_path, SPEC_EXAMPLE)


def flag_of(told: dict[str, Any] | None) -> dict[str, Any] | None:
    return told if told is not None and told["flagged"] else None


# Some of what random cases meet too seldom: a skipped flag, an inserted one, a new measure.
SPIKE = BUY.replace("900.00", "1601.83").encode()
LOST = Case(SPEC_EXAMPLE, skipped=((7, 7),), inserted=((SPIKE, 7), (SPIKE, 7), (SPIKE, 8)))
CHANGED = Case(SPEC_EXAMPLE, tracked=2, skipped=((1, 1), (1, 3)), inserted=((SPIKE, 1),))


@pytest.mark.slow
@given(cases())
@example(LOST)
@example(CHANGED)
@example(Case(SPEC_EXAMPLE, degrees=2, inserted=((SPIKE, 7), (UNFRIEND.encode(), 7))))
def test_branch_is_what_the_model_says_of_logs_edited_by_hand(case: Case) -> None:
    expected = expected_of(case)
    with tempfile.TemporaryDirectory() as name, redirect_stdout(StringIO()) as printed:
        assert Rerun(Path(name), case.logs)(*case.words, "--json") == 0
        assert (Path(name) / "branch.json").read_bytes() == expected.flagged
    told = json.loads(printed.getvalue())
    keys = ("what", "event", "branch_event")
    assert [
        {key: each[key] for key in keys}
        | {side: flag_of(each[side]) for side in ("before", "after")}
        for each in told["differences"]
    ] == expected.differences
    counts = dict.fromkeys(("gained", "lost", "changed"), 0)
    for difference in expected.differences:
        counts[difference["what"]] += 1
    assert {what: told[what] for what in counts} == counts
    assert told["flagged"] == {
        "original": model.flagged_purchases(*case.logs).count(b"\n"),
        "branch": expected.flagged.count(b"\n"),
    }
    assert told["unjudged"] == 0


@pytest.mark.slow
@given(histories())
def test_branch_without_edits_is_the_original_to_the_byte(given_logs: LoggedHistory) -> None:
    # Blank lines are not in a store, so a branch has none.
    without_blanks = LoggedHistory(
        b"\n".join(model.read_lines(given_logs.batch)), joined(model.read_lines(given_logs.stream))
    )
    with tempfile.TemporaryDirectory() as name:
        rerun = Rerun(Path(name), without_blanks)
        history = rerun.history(STORE)
        original = PurchaseBranching(history, Simulation)
        found = original.compare(branch_off(original, Path(name) / "branch.json", Edits()))
        assert (found.flagged_after, found.differences) == (found.flagged_before, [])
        for suffix in ("", ".events"):
            branch = (Path(name) / f"branch.json{suffix}").read_bytes()
            assert branch == rerun.originals[f"flagged.json{suffix}"]


@pytest.mark.slow
@given(histories(), st.data())
def test_unfinished_history_is_compared_as_far_as_it_was_judged(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        run_in_process(given_logs, Path(name))
        store = Path(name) / STORE
        content = store.read_bytes()
        ends = [place.end for place in replay.EventStore(store)._frames]
        store.write_bytes(content[: data.draw(st.sampled_from(ends[:-1] or ends))])
        history = History(replay.EventStore(store))
        original = PurchaseBranching(history, Simulation)
        branch = branch_off(original, Path(name) / "branch.json", Edits())
        found = original.compare(branch)
        assert (found.flagged_after, found.differences) == (found.flagged_before, [])
        due = [event for event in history.events if history.judged(event.number)]
        purchases = [event for event in due if isinstance(event, replay.Purchase)]
        assert found.unjudged == len(purchases) - len(history.recorded)
        flagged = model.flagged_purchases(*first_events(given_logs, len(history)))
        assert (Path(name) / "branch.json").read_bytes() == flagged
        assert found.flagged_after + found.unjudged_flagged == flagged.count(b"\n")


def first_events(given_logs: LoggedHistory, count: int) -> tuple[bytes, bytes]:
    """Return the logs up to event ``count``."""
    first, *past = model.read_lines(given_logs.batch)
    found = happenings(given_logs)
    events_of = [
        [happening.line for happening in some if happening is not None]
        for some in (found[: len(past)], found[len(past) :])
    ]
    kept = events_of[0][:count], events_of[1][: max(count - len(events_of[0]), 0)]
    return joined([first, *kept[0]]), joined(kept[1])


def test_what_differs_is_shown_to_a_person(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun("-T", "3", "--skip", "7", "--insert", f"{BUY}@8") == 0
    branch = rerun.folder / "branch.json"
    assert capsys.readouterr() == (
        "branch: D=1 T=3 (was D=1 T=50), 1 event skipped, 1 inserted\n"
        "1 flagged in the original, 1 in the branch: 1 gained, 1 lost, 0 changed\n"
        "what    event  branch  time                 user   amount  n       mean        sd\n"
        "lost        7       -  2017-06-13 11:33:02  2     1601.83  "
        "3 -> -  29.10 -> -  21.46 -> -\n"
        "gained      -       7  2017-06-13 11:33:02  2      900.00  "
        "- -> 3  - -> 29.10  - -> 21.46\n"
        f"flagged purchases: {branch}\n"
        f"event store: {branch}.events\n",
        "",
    )


def test_measures_that_changed_are_shown_before_and_after(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun("-T", "2") == 0
    _, counts, _, row, *_ = capsys.readouterr().out.splitlines()
    assert counts == "1 flagged in the original, 1 in the branch: 0 gained, 0 lost, 1 changed"
    assert row.endswith("1601.83  3 -> 2  29.10 -> 35.24  21.46 -> 24.04")


def test_window_without_purchases_has_no_measures(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun("--insert", f"{UNFRIEND}@7") == 0
    *_, row, _, _ = capsys.readouterr().out.splitlines()
    assert row.split()[:3] == ["lost", "7", "8"]
    assert row.endswith("3 -> 0  29.10 -> -  21.46 -> -")


def test_no_difference_is_said_and_every_command_can_look_at_the_branch(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun() == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [
        "branch: D=1 T=50 (unchanged), the same events",
        "1 flagged in the original, 1 in the branch: no difference",
    ]
    assert len(shown) == 4
    assert main(["diff", str(rerun.folder / STORE), str(rerun.folder / "branch.json.events")]) == 0


def test_why_explains_an_inserted_purchase_on_the_branch(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun("--insert", f"{BUY}@7", "--skip", "1", "3") == 0
    capsys.readouterr()
    assert main(["why", str(rerun.folder / "branch.json.events"), "5"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("event 5 (stream line 1, 2017-06-13 11:33:02)\nuser 2 bought for 900")
    assert main(["rerun", str(rerun.folder / "branch.json.events"), str(rerun.folder / "b")]) == 0


def test_rejected_lines_stay_and_are_not_reported_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = BAD_LINES[0] + b"\n"
    rerun = Rerun(
        tmp_path, LoggedHistory(SPEC_EXAMPLE.batch + bad, bad + SPEC_EXAMPLE.stream + bad)
    )
    assert rerun("--insert", f"{BUY}@7", f"{BUY}@8") == 0
    assert capsys.readouterr().err == ""
    kinds = [type(record).__name__ for _, record in rerun.history().lines()]
    assert kinds[6:] == ["Rejected", "Rejected", "Purchase", "Purchase", "Rejected", "Purchase"]


def cut(rerun: Rerun, events_kept: int, *, judged: bool) -> None:
    """Cut the store after the first frame where it holds so many events."""
    store = rerun.folder / STORE
    content = store.read_bytes()
    for place in replay.EventStore(store)._frames:
        store.write_bytes(content[: place.end])
        history = rerun.history(STORE)
        if (len(history), history.stream_start is not None) == (events_kept, judged):
            break
    rerun.originals = rerun.read_all()


def test_purchases_that_the_original_had_not_judged_are_counted(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(rerun, 7, judged=True)
    assert rerun() == 0
    assert capsys.readouterr().out.splitlines()[1:3] == [
        "0 flagged in the original, 0 in the branch: no difference",
        "1 purchase not judged by the original, so not compared; 1 flagged in the branch",
    ]
    assert (rerun.folder / "branch.json").read_bytes() == SPEC_FLAGGED


def test_original_that_was_stopped_before_its_stream_has_nothing_to_compare(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(rerun, 6, judged=False)
    assert rerun("--insert", f"{BUY}@7", "--skip", "2") == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "branch: D=1 T=50 (unchanged), 1 event skipped, 1 inserted",
        "the original was stopped before its stream, so nothing was judged",
        "0 flagged in the original, 0 in the branch: no difference",
    ]
    assert [place.source for place, _ in rerun.history().lines()] == ["batch"] * 6


# How lines are read when others before them come or go


@pytest.mark.parametrize(
    ("batch", "stream", "words"),
    [
        (MARK + SPEC_EXAMPLE.batch, MARK + SPEC_EXAMPLE.stream, ["--insert", f"{BUY}@7"]),
        (SPEC_EXAMPLE.batch, b"\n" + MARK + SPEC_EXAMPLE.stream, ["-T", "2"]),
        (SPEC_EXAMPLE.batch, SPEC_EXAMPLE.stream + MARK + SPEC_EXAMPLE.stream, ["--skip", "7"]),
        (
            SPEC_EXAMPLE.batch.replace(b'{"D"', b'{"event_type":"purchase", "D"'),
            SPEC_EXAMPLE.stream,
            ["-D", "3"],
        ),
    ],
    ids=["mark-moves", "mark-behind-blank", "mark-comes-first", "parameters-with-type"],
)
def test_each_line_is_read_as_in_the_original(
    tmp_path: Path, batch: bytes, stream: bytes, words: list[str]
) -> None:
    rerun = Rerun(tmp_path, LoggedHistory(batch, stream))
    edits = {"--insert": 1, "--skip": -1}.get(words[0], 0)
    assert rerun(*words) == 0
    original, branch = rerun.history(STORE), rerun.history()
    assert len(branch) == len(original) + edits
    for history in (original, branch):
        rejected = [type(record) is replay.Rejected for _, record in history.lines()]
        assert sum(rejected) == sum(line.startswith(MARK) for line in stream.split(b"\n")[1:])


def test_names_of_the_logs_are_kept_where_they_can_be(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    batch, stream = tmp_path / "same.json.gz", tmp_path / "other" / "same.json.gz"
    batch.write_bytes(gzip.compress(SPEC_EXAMPLE.batch))
    stream.write_bytes(gzip.compress(SPEC_EXAMPLE.stream))
    with replay.Logs(batch, stream) as opened:
        replay.run(opened, tmp_path / "flagged.json")
    assert main(["rerun", str(tmp_path / STORE), str(tmp_path / "branch.json")]) == 0
    header = replay.EventStore(tmp_path / "branch.json.events").header
    assert header.batch is not None
    assert header.stream is not None
    assert (header.batch.name, header.stream.name) == ("same.json", "same.json")


@pytest.mark.parametrize("name", ["../up", "", "..", ".", "a\0b", "x" * 300, ".gz", "a/b"])
def test_name_that_no_plain_file_has_is_replaced(name: str) -> None:
    assert _name(Fingerprint(name, 0, b""), "stream") == "stream.json"


# Errors


def refused(rerun: Rerun, capsys: pytest.CaptureFixture[str], *words: str, **flagged: str) -> str:
    """Return the one line that says why; nothing may have been written."""
    before = sorted(rerun.folder.rglob("*"))
    status = rerun(*words, **flagged)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sorted(rerun.folder.rglob("*")) == before
    return f"{status} {err}".replace(f"{rerun.folder}/", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--skip", "8"], "expected events to skip from 1 to 7, found 8"),
        (["--skip", "1", "0"], "expected events to skip from 1 to 7, found 0"),
        (["--skip", "2-9"], "expected events to skip from 1 to 7, found 2-9"),
        (["--skip", f"1-{'9' * 30}"], f"expected events to skip from 1 to 7, found 1-{'9' * 30}"),
        (
            ["--insert", f"{BUY}@9"],
            "expected to insert before an event from 1 to 7, or before 8 for the end, found 9",
        ),
        (
            ["--insert", f"{BUY}@0"],
            "expected to insert before an event from 1 to 7, or before 8 for the end, found 0",
        ),
        (
            ["--insert", f"{BUY}@1", f"{BUY.replace('9', '-9')}@2"],
            "line to insert before event 2: rejected (amount-sign): "
            "amount: expected no sign, found '-900.00'",
        ),
        (
            ["--insert", "\udcff@2"],
            "line to insert before event 2: rejected (not-utf8): "
            "expected UTF-8, found byte 0xff at column 1",
        ),
        (
            ["--insert", BUY.replace(", ", ",\n") + "@2"],
            "line to insert before event 2: expected one line, found a newline in it",
        ),
    ],
)
def test_edit_that_cannot_be_made_is_refused(
    rerun: Rerun, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert refused(rerun, capsys, *words) == f"2 replay: {message}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--skip", "5-3"], "--skip: expected the number of an event, or two as in 7-9"),
        (["--skip", "x"], "--skip: expected the number of an event, or two as in 7-9"),
        (["--skip", "1-"], "--skip: expected the number of an event, or two as in 7-9"),
        (["--skip", "-3"], "--skip: expected the number of an event, or two as in 7-9"),
        (["--insert", BUY], "--insert: expected a line, @ and the number of an event"),
        (["--insert", f"{BUY}@-1"], "--insert: expected a line, @ and the number of an event"),
        (["--insert", "7"], "--insert: expected a line, @ and the number of an event"),
        (["-D", "0"], "D: expected a whole number from 1 to 2^63 - 1, found 0"),
        (["-T", "x"], "expected a whole number of at least 2, found 'x'"),
    ],
)
def test_word_that_says_no_edit_is_refused(
    rerun: Rerun, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        rerun(*words)
    assert message in capsys.readouterr().err


def test_flagged_file_that_exists_is_refused(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    (rerun.folder / "branch.json").write_bytes(b"kept")
    rerun.originals = rerun.read_all()
    assert refused(rerun, capsys) == (
        "1 replay: branch.json: expected no file, found one; "
        "name another file or give --overwrite\n"
    )


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize(
    ("output", "original"),
    [
        ("flagged.json", "flagged file"),
        (STORE, "event store"),
        ("link", "flagged file"),
        ("link", "event store"),
        ("link.events", "flagged file"),
        ("link.events", "event store"),
    ],
)
def test_output_of_the_original_is_never_one_of_the_branch(
    rerun: Rerun,
    capsys: pytest.CaptureFixture[str],
    link: Callable[[Path, Path], None],
    output: str,
    original: str,
) -> None:
    if output.startswith("link"):
        name = STORE if original == "event store" else "flagged.json"
        link(rerun.folder / output, rerun.folder / name)
    what = "event store" if output == "link.events" else "flagged file"
    flagged = "link" if output == "link.events" else output
    for options in ([], ["--overwrite"]):
        assert refused(rerun, capsys, *options, flagged=flagged) == (
            f"2 replay: {output}: expected the {what}, found the original's {original}, "
            "which would be written to; name another file\n"
        )


def test_place_where_nothing_can_be_written_is_refused(
    rerun: Rerun, capsys: pytest.CaptureFixture[str]
) -> None:
    (rerun.folder / "sub").mkdir()
    assert refused(rerun, capsys, flagged="sub") == (
        "2 replay: sub: expected a file for the flagged file, found a folder\n"
    )
    (rerun.folder / "branch.json.events").mkdir()
    assert refused(rerun, capsys, "--overwrite") == (
        "2 replay: branch.json.events: expected a file for the event store, found a folder\n"
    )
    assert refused(rerun, capsys, flagged="none/branch.json").startswith(
        "2 replay: none/branch.json: expected a folder for the flagged file, found no "
    )


# What stands where the branch is to be


def test_overwriting_a_branch_starts_both_files_afresh(rerun: Rerun) -> None:
    assert rerun("-T", "2") == 0
    assert rerun("--overwrite") == 0
    branch = {name.replace("branch", "flagged"): data for name, data in rerun.read_all().items()}
    assert branch == rerun.originals


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_what_is_no_store_is_moved_aside(
    rerun: Rerun, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    (rerun.folder / "branch.json.events").write_bytes(b"precious")
    assert rerun(*options) == 0
    aside = rerun.folder / "branch.json.events.~1~"
    assert aside.read_bytes() == b"precious"
    stood = rerun.folder / "branch.json.events"
    assert f"\nwhat stood at {stood} was moved to {aside}; " in capsys.readouterr().out


def test_store_without_its_flagged_file_is_moved_aside(rerun: Rerun) -> None:
    shutil.copy(rerun.folder / STORE, rerun.folder / "branch.json.events")
    assert rerun("-T", "2") == 0
    aside = rerun.folder / "branch.json.events.~1~"
    assert aside.read_bytes() == rerun.originals[STORE]


def test_links_to_other_stores_are_removed_but_not_the_stores(rerun: Rerun) -> None:
    other = rerun.folder / "other.events"
    shutil.copy(rerun.folder / STORE, other)
    (rerun.folder / "branch.json.events").symlink_to(other)
    assert rerun("-T", "2", "--overwrite") == 0
    assert other.read_bytes() == rerun.originals[STORE]
    assert not (rerun.folder / "branch.json.events").is_symlink()


def test_no_temporary_logs_are_left(rerun: Rerun, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = rerun.folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert rerun() == 0
    assert list(temporary.iterdir()) == []


def test_temporary_folder_that_cannot_be_written_is_named(
    rerun: Rerun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    temporary = rerun.folder / "temporary"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert rerun() == 1
    assert capsys.readouterr().err == (
        f"replay: {temporary}: expected to write the branch's batch log, which is read from "
        "there, found: No such file or directory\n"
    )


def test_history_without_events_has_a_branch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in_process(LoggedHistory(b'{"D":"1", "T":"2"}\n', b""), tmp_path)
    assert main(["rerun", str(tmp_path / STORE), str(tmp_path / "branch.json"), "-T", "3"]) == 0
    assert "0 flagged in the original, 0 in the branch: no difference\n" in capsys.readouterr().out
