"""A store names the detector that decided it, and nobody takes it for another one's."""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from actors.purchases.coordinator import CoordinatorActor
from events.observations.observed import Observed
from events.store.header import INTERVALS, PURCHASES, DetectorVersion
from events.store.writer import StoreWriter
from replay.cli import main
from replay.engine.branch import Edits, branch_off
from replay.engine.detectors import detector_version
from replay.engine.failing import Failures, with_failures
from replay.intervals.simulation import IntervalSimulation
from replay.intervals.timeline import IntervalTimeline
from replay.intervals.verify import verify_intervals
from replay.purchases.branch import PurchaseBranching
from replay.purchases.explain import WhyPurchase, explain
from replay.purchases.history import History
from replay.purchases.looks import PurchaseLooks
from replay.purchases.redecide import decide_again
from replay.purchases.shrink import PurchaseShrinking
from replay.purchases.why import show_why, why_fields
from replay.testing.checks import run_in
from replay.testing.playing import play
from tests.detectors import Twice
from tests.events.store.test_golden import GOLDEN
from tests.interval_runs import as_csv, search
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE
from tests.replay.purchases.test_verify import rewritten
from tests.verifying import verify

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(replay.__file__).parents[1]
STORE = "flagged.json.events"


class Never(CoordinatorActor):
    """Flags nothing."""

    def flags(self, *_: object) -> bool:
        return False


class Silent(replay.Simulation):
    """Flags nothing, by a rule of its own file."""

    coordinator_type = Never


class Declared(Silent):
    """Says what it is called, and of which version it is."""

    name = "declared"
    version = 7


class Heir(Declared):
    """Inherits a rule, but not what it is called."""


def named(detector: Any) -> str:
    return detector_version(detector).name


def versioned(detector: Any) -> str:
    return detector_version(detector).version


# What a detector is


def test_shipped_detectors_declare_name_and_version() -> None:
    assert detector_version(replay.Simulation) == PURCHASES == DetectorVersion("purchases", "1")
    assert detector_version(IntervalSimulation) == INTERVALS == DetectorVersion("intervals", "1")


def test_name_is_that_of_the_class_and_version_the_hash_of_its_source_unless_declared() -> None:
    assert named(Silent) == "Silent"
    assert versioned(Silent).startswith("sha256:")
    assert detector_version(Declared) == DetectorVersion("declared", "7")
    assert named(Heir) == "Heir"
    assert versioned(Heir).startswith("sha256:")
    assert versioned(Heir) != versioned(Silent)


def test_detector_whose_users_fail_is_the_one_that_they_fail_in() -> None:
    for detector in (replay.Simulation, Silent, Declared):
        failing = with_failures(with_failures(detector, Failures()), Failures())
        assert detector_version(failing) == detector_version(detector)


RULE = """\
import replay
from actors.purchases.coordinator import CoordinatorActor
from replay.engine.detectors import detector_version


class Rule(CoordinatorActor):
    def flags(self, purchase, window, baseline):
        return purchase.amount > 10


class Mine(replay.Simulation):
    coordinator_type = Rule


if __name__ == "__main__":
    print(detector_version(Mine).version)
"""


def version_told_by(folder: Path, *words: str, seed: str = "0") -> str:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT}:{folder}",
            "PYTHONHASHSEED": seed,
            # Python takes a file for the one that it has compiled where size and second are those.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.slow
def test_version_is_the_same_in_every_process_and_with_any_ends_of_lines(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(RULE.encode())
    imported = "import mine; print(mine.detector_version(mine.Mine).version)"
    told = {version_told_by(tmp_path, "mine.py", seed=seed) for seed in ("0", "1", "2")}
    told.add(version_told_by(tmp_path, "-c", imported))
    for ends in (b"\r\n", b"\r"):
        (tmp_path / "mine.py").write_bytes(RULE.encode().replace(b"\n", ends))
        told.add(version_told_by(tmp_path, "mine.py"))
    assert len(told) == 1
    (tmp_path / "mine.py").write_text(RULE.replace("> 10", "> 11"), encoding="utf-8")
    assert version_told_by(tmp_path, "mine.py") not in told


def test_version_is_that_of_the_text_that_the_class_was_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "edited_rule.py"
    path.write_text(RULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    first = importlib.import_module("edited_rule").Mine
    path.write_text(f"{RULE}# edited, and not imported again\n", encoding="utf-8")
    before = versioned(first)
    monkeypatch.delitem(sys.modules, "edited_rule")
    again = importlib.import_module("edited_rule").Mine
    assert versioned(again) != before
    path.write_text(RULE, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "edited_rule")
    assert versioned(importlib.import_module("edited_rule").Mine) == before


def test_version_covers_the_bases_in_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    told = set()
    for name, factor in (("one", 2), ("other", 3)):
        base, rule = tmp_path / f"base_{name}.py", tmp_path / f"rule_{name}.py"
        base.write_text(f"class Base:\n    factor = {factor}\n", encoding="utf-8")
        text = RULE.replace("class Rule(", f"from base_{name} import Base\nclass Rule(Base, ")
        rule.write_text(text.replace(f"base_{name}", "base"), encoding="utf-8")
        (tmp_path / "base.py").write_bytes(base.read_bytes())
        told.add(version_told_by(tmp_path, rule.name))
    assert len(told) == 2


def made(how: str, factor: Any) -> type[replay.Simulation]:
    """Return a detector whose rule depends on ``factor``, which its source does not show."""

    class Closed(CoordinatorActor):
        def flags(self, *_: object) -> bool:
            return bool(factor)

    class Held(CoordinatorActor):
        limit: ClassVar[Any] = factor

    class Defaulted(CoordinatorActor):
        def flags(self, *_: object, limit: Any = factor) -> bool:
            return bool(limit)

    class Detector(replay.Simulation):
        coordinator_type = {"closed": Closed, "held": Held, "defaulted": Defaulted}[how]

    return Detector


@pytest.mark.parametrize("how", ["closed", "held", "defaulted"])
def test_version_of_a_local_class_changes_with_the_values_around_it(how: str) -> None:
    values = [1, 2, True, 1.0, "1", b"1", None, (1, 2), (1, "2"), len]
    told = [versioned(made(how, value)) for value in values]
    assert len(set(told)) == len(values)
    assert told == [versioned(made(how, value)) for value in values]
    with pytest.raises(
        replay.DetectorError,
        match=r"found made\.<locals>\.\w+, which depends on \S+, a (list|tuple); declare version",
    ):
        detector_version(made(how, [1]))


def test_detector_without_source_has_to_declare_its_version(tmp_path: Path) -> None:
    program = tmp_path / "typed.py"
    program.write_text(
        dedent(
            """\
            import replay
            from replay.engine.detectors import detector_version
            scope = {"__name__": "__main__", "replay": replay}
            for line in ("", "; version = 2"):
                text = f"class Typed(replay.Simulation):\\n    def close(self): pass{line}"
                text = text.replace("pass; ", "pass\\n    ")
                exec(text, scope)
                try:
                    print(detector_version(scope["Typed"]))
                except replay.DetectorError as error:
                    print(error)
            """
        ),
        encoding="utf-8",
    )
    assert version_told_by(tmp_path, program.name).splitlines() == [
        "'Typed': expected a detector whose version is the hash of its source, found no source "
        "of Typed; declare version = 1 in its class, and another whenever its rule changes",
        "'Typed' (version 2)",
    ]


def test_callable_that_is_no_class_has_to_declare_both() -> None:
    make: Any = functools.partial(Silent)
    message = r"^'partial': expected a detector that is a class, or has the attributes name and "
    for given_name in (None, "made"):
        if given_name is not None:
            make.name = given_name
        with pytest.raises(replay.DetectorError, match=message):
            detector_version(make)
    make.version = 3
    assert detector_version(make) == DetectorVersion("made", "3")
    make.decides_as = Declared
    assert detector_version(make) == DetectorVersion("declared", "7")


@pytest.mark.parametrize("version", [1.5, True, "", -1, None, "\ud800"])
def test_version_that_is_neither_number_nor_text_is_refused(version: Any) -> None:
    detector = type("Odd", (Silent,), {"version": version})
    with pytest.raises(replay.DetectorError, match=r"^'Odd': expected a version that is a whole"):
        detector_version(detector)


@pytest.mark.parametrize("name", ["", 3, None, "\ud800"])
def test_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(replay.DetectorError, match="expected a detector whose name is a text"):
        detector_version(type("Odd", (Silent,), {"name": name, "version": 1}))


@pytest.mark.parametrize("name", ["purchases", "intervals"])
def test_name_of_a_shipped_detector_is_refused(name: str) -> None:
    with pytest.raises(replay.DetectorError, match=f"^'{name}': expected a detector with a name"):
        detector_version(type("Odd", (Silent,), {"name": name, "version": 1}))


def test_detector_that_cannot_be_told_from_others_writes_nothing(tmp_path: Path) -> None:
    batch, stream = SPEC_EXAMPLE.write(tmp_path)
    before = sorted(tmp_path.iterdir())
    with (
        replay.Logs(batch, stream) as logs,
        pytest.raises(replay.DetectorError, match="expected a detector that is a class"),
    ):
        replay.run(logs, tmp_path / "flagged.json", detector=functools.partial(Silent))
    assert sorted(tmp_path.iterdir()) == before


@given(st.text(min_size=1), st.text(min_size=1))
def test_detector_is_shown_in_one_line_of_ascii(name: str, version: str) -> None:
    text = str(DetectorVersion(name, version))
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 900


# Its store


def test_store_names_what_decided_it(tmp_path: Path) -> None:
    for detector in (replay.Simulation, Silent, Declared, with_failures(Silent, Failures())):
        folder = tmp_path / detector.__name__
        folder.mkdir()
        _, path = run_in(folder, SPEC_EXAMPLE, detector)
        assert replay.EventStore(path).detector == detector_version(detector)
    log = tmp_path / "observations.csv"
    log.write_bytes(as_csv([("2020-01-01 00:00:00", "A", "x")]))
    found = search(log, tmp_path / "found.json")
    assert replay.EventStore(found.store_path).detector == INTERVALS


def test_old_stores_name_none_and_count_as_the_built_in_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, expected in ((STORE, PURCHASES), ("intervals.json.events", INTERVALS)):
        store = replay.EventStore(GOLDEN / name)
        assert store.header.detector is None
        assert store.detector == expected
        main(["check", str(store.path)])
        assert f"decided by {expected}, as in stores that name none\n" in capsys.readouterr().out


def test_histories_of_two_detectors_or_versions_are_two() -> None:
    golden = replay.EventStore(GOLDEN / STORE).header
    headers = [
        msgspec.structs.replace(golden, detector=detector)
        for detector in (None, PURCHASES, DetectorVersion("purchases", "2"), INTERVALS)
    ]
    same = [[one.same_history(other) for other in headers] for one in headers]
    assert same == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]


PROGRAM = """\
import replay
from mine import Mine
with replay.Logs("batch.json", "stream.json") as logs:
    summary = replay.run(logs, "flagged.json", detector=Mine)
print(summary.finished_before, summary.flagged)
"""


@pytest.mark.slow
def test_whoever_edits_the_rule_and_runs_again_gets_what_the_new_rule_says(tmp_path: Path) -> None:
    SPEC_EXAMPLE.write(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    told = []
    for limit in ("> 10", "> 10", "< 10", "< 10", "> 10"):
        (tmp_path / "mine.py").write_text(RULE.replace("> 10", limit), encoding="utf-8")
        told.append(version_told_by(tmp_path, "program.py"))
    assert told == ["False 1", "True 1", "False 0", "True 0", "False 1"]
    assert len(list(tmp_path.glob(f"{STORE}.~*~"))) == 2


def test_run_and_command_begin_anew_where_another_detector_has_decided(tmp_path: Path) -> None:
    batch, stream = SPEC_EXAMPLE.write(tmp_path)
    run_in(tmp_path, SPEC_EXAMPLE, Silent)
    assert (tmp_path / "flagged.json").read_bytes() == b""
    assert main([str(batch), str(stream), str(tmp_path / "flagged.json")]) == 0
    assert (tmp_path / "flagged.json").read_bytes() == b"".join(
        line + b"\n" for line in play(SPEC_EXAMPLE).lines
    )
    assert replay.EventStore(tmp_path / STORE).detector == PURCHASES
    aside = replay.EventStore(tmp_path / f"{STORE}.~1~")
    assert aside.detector == detector_version(Silent)


def test_unfinished_run_of_another_detector_is_not_gone_on_with(tmp_path: Path) -> None:
    _, path = run_in(tmp_path, SPEC_EXAMPLE, Silent)
    path.write_bytes(path.read_bytes()[:-200])
    half = replay.EventStore(path).events
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        summary = replay.run(logs, tmp_path / "flagged.json")
    assert (summary.events_before, summary.flagged) == (0, len(play(SPEC_EXAMPLE).lines))
    assert replay.EventStore(tmp_path / f"{STORE}.~1~").events == half
    assert verify(History(replay.EventStore(path))).difference is None


@pytest.mark.parametrize("name", [None, "purchases"])
def test_golden_run_of_no_named_detector_is_another_history_for_one(
    tmp_path: Path, name: str | None
) -> None:
    for each in ("batch.json", "stream.json", "flagged.json", STORE):
        (tmp_path / each).write_bytes((GOLDEN / each).read_bytes())
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        detector = Silent if name is None else replay.Simulation
        summary = replay.run(logs, tmp_path / "flagged.json", detector=detector)
    assert summary.finished_before is (name is not None)
    assert (summary.store_set_aside is None) is (name is not None)


def test_live_run_is_not_gone_on_with_by_another_detector(tmp_path: Path) -> None:
    batch, stream = SPEC_EXAMPLE.write(tmp_path)
    words = [str(batch), "-", str(tmp_path / "flagged.json"), "--resume"]

    def live(content: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "replay", *words]
        return subprocess.run(command, cwd=ROOT, input=content, capture_output=True, check=False)

    lines = stream.read_bytes()
    assert live(lines).returncode == 0
    path = tmp_path / STORE
    store = replay.EventStore(path)
    header = msgspec.structs.replace(store.header, detector=DetectorVersion("mine", "3"))
    other = tmp_path / "other.events"
    rewritten(store, other, lambda _, record: record, header)
    other.replace(path)
    before = path.read_bytes(), (tmp_path / "flagged.json").read_bytes()
    again = live(lines)
    assert again.returncode == 2
    assert again.stderr.decode() == (
        f"replay: {path}: expected the store of a live run that 'purchases' (version 1) decides, "
        "found one of 'mine' (version 3); go on with that detector, or run without --resume to "
        "begin anew\n"
    )
    assert (path.read_bytes(), (tmp_path / "flagged.json").read_bytes()) == before


# Whoever looks at it


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """Return a store in which nothing is flagged that the built-in rule flags."""
    _, store = run_in(tmp_path, SPEC_EXAMPLE, Silent)
    return store


REFUSED = (
    ("verify", "STORE"),
    ("explore", "STORE", "--orders", "1"),
    ("why", "STORE", "7"),
    ("trace", "STORE", "7"),
    ("rerun", "STORE", "branch.json"),
    ("sweep", "STORE", "--svg", "map.svg"),
    ("shrink", "STORE", "7", "--output", "case"),
)


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: words[0])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_commands_that_judge_refuse_what_another_detector_decided(
    silent: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], as_json: bool
) -> None:
    before = sorted(silent.parent.iterdir())
    paths = {word: str(silent.parent / word) for word in ("branch.json", "map.svg", "case")}
    paths["STORE"] = str(silent)
    given_words = [paths.get(word, word) for word in words] + ["--json"] * as_json
    assert main(given_words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"replay: {silent}: expected a history that 'purchases' (version 1) decided, found one "
        f"of {detector_version(Silent)}; log, step and diff show what it recorded, and in "
        "Python, name its detector\n"
    )
    assert sorted(silent.parent.iterdir()) == before


def test_log_shows_what_was_recorded_and_says_who_decided(
    silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", str(silent), "--from", "7"]) == 0
    out, err = capsys.readouterr()
    assert ": not flagged (" in out
    said = f"{detector_version(Silent)} decided this history, and not 'purchases' (version 1)"
    assert err == f"replay: {silent}: {said}\n"


def test_step_stays_usable_and_says_whose_rule_it_shows(
    silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = "last; why; trace; back; message; user 1; window 1; break flagged; continue"
    assert main(["step", str(silent), "-c", commands]) == 0
    out, err = capsys.readouterr()
    said = f"{detector_version(Silent)} decided this history, and not 'purchases' (version 1)"
    assert err == f"replay: {silent}: {said}, by whose rule why, trace and message show it\n"
    assert out.count(f"{said}, whose rule this shows\n") == 3
    assert "event 7 of 7: 2017-06-13 11:33:02, stream line 1: 2 bought for 1601.83: not" in out
    assert f"(the run recorded not flagged, by the rule of {detector_version(Silent)})\n" in out
    assert main(["step", str(silent), "-c", "break near 1"]) == 2
    assert "break near: expected a threshold that is known here" in capsys.readouterr().err


def test_check_and_diff_say_who_decided(silent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(silent)]) == 0
    assert f"\ndecided by {detector_version(Silent)}\n" in capsys.readouterr().out
    folder = silent.parent / "other"
    folder.mkdir()
    _, other = run_in(folder, SPEC_EXAMPLE)
    assert main(["diff", str(silent), str(other)]) == 1
    shown = capsys.readouterr().out
    assert (
        f"detector: different\n  {silent}: {detector_version(Silent)}\n"
        f"  {other}: {detector_version(replay.Simulation)}\n" in shown
    )


def branch_beside(history: History, detector: Any = replay.Simulation) -> object:
    return branch_off(
        PurchaseBranching(history, detector), history.store.path.with_name("branch"), Edits()
    )


LOOKERS: dict[str, Callable[[History, Any], object]] = {
    "verify": lambda history, detector: verify(history, detector=detector),
    "timeline": lambda history, detector: replay.Timeline(history.store, detector),
    "branch": branch_beside,
}
OWN_RULE: dict[str, Callable[[History], object]] = {
    "explore": lambda history: PurchaseLooks(history.store).explored(),
    "sweep": lambda history: decide_again(history, history.parameters),
    "shrink": lambda history: PurchaseShrinking(PurchaseLooks(history.store), 7),
}


@pytest.mark.parametrize("name", LOOKERS)
def test_python_takes_the_detector_that_decided_and_no_other(silent: Path, name: str) -> None:
    history = History(replay.EventStore(silent))
    for other, cure in (
        (replay.Simulation, "in Python, name its detector"),
        (Twice, "name the detector that decided it"),
        (type("Silent", (Silent,), {"version": 2}), "its rule has changed since, so run the logs"),
    ):
        with pytest.raises(replay.OtherDetectorError, match=rf"found one of 'Silent' .*; .*{cure}"):
            LOOKERS[name](history, other)
    assert not silent.with_name("branch").exists()
    LOOKERS[name](history, Silent)


@pytest.mark.parametrize("name", OWN_RULE)
def test_python_does_not_judge_by_the_built_in_rule_what_another_decided(
    silent: Path, name: str
) -> None:
    with pytest.raises(replay.OtherDetectorError, match="expected a history that 'purchases' "):
        OWN_RULE[name](History(replay.EventStore(silent)))


def test_timeline_that_is_told_so_shows_the_state_and_explains_by_its_own_rule(
    silent: Path,
) -> None:
    with replay.Timeline(silent, of_another=True) as timeline:
        why = explain(timeline, 7)
        assert isinstance(why, WhyPurchase)
        assert why.flagged
        assert not timeline.history.recorded[7].flagged
        assert timeline.user("1").friends == ("2",)


def test_timeline_of_a_detector_explains_by_its_rule(
    silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with replay.Timeline(silent, Silent) as timeline:
        why = explain(timeline, 7)
        assert isinstance(why, WhyPurchase)
        assert not why.flagged
        assert why.baseline.flags(why.event.amount)
        show_why(why, timeline)
        assert why_fields(why, timeline)["detector"] == f"{detector_version(Silent)}"
        assert "threshold" not in why_fields(why, timeline)
        assert timeline.position == 7
    out = capsys.readouterr().out
    assert (
        out.splitlines()[-1] == f"verdict: not flagged, by the rule of {detector_version(Silent)}"
    )


def test_branch_names_the_detector_of_its_original(silent: Path) -> None:
    original = PurchaseBranching(History(replay.EventStore(silent)), Silent)
    branch = branch_off(original, silent.with_name("b"), Edits())
    store = replay.EventStore(branch.summary.store_path)
    assert store.detector == detector_version(Silent)


def test_search_of_another_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "observations.csv"
    log.write_bytes(as_csv([(f"2020-01-01 00:00:0{n}", "AB"[n % 2], "x") for n in range(6)]))
    store = replay.EventStore(search(log, tmp_path / "found.json").store_path)
    header = msgspec.structs.replace(store.header, detector=DetectorVersion("intervals", "2"))
    path = tmp_path / "newer.events"
    with StoreWriter.create(path, header) as writer:
        for _, records, _ in store.frames():
            observed = (each for each in records if isinstance(each, Observed))
            writer.append(records, sum(len(each.times) for each in observed))
    newer = replay.EventStore(path)
    message = (
        r"expected a history that 'intervals' \(version 1\) decided, found one of 'intervals' "
        r"\(version 2\); use the release that has this one$"
    )
    for look in (verify_intervals, IntervalTimeline):
        with pytest.raises(replay.OtherDetectorError, match=message):
            look(newer)
    for words in (["verify"], ["trace", "N", "1"], ["step", "-c", "last"]):
        name, *others = words
        given_words = [name, str(path), *(word for word in others if word != "N")]
        assert main(given_words) == 2
        assert "decided, found one of 'intervals' (version 2)" in capsys.readouterr().err
