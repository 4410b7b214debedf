"""The pytest plugin, in real processes: stores as tests, and failing histories as files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import replay
from events.purchases.decision import Decision
from replay.purchases.simulation import Simulation
from replay.testing import LoggedHistory, run_in
from replay.testing import plugin as kit
from replay.testing.disks import CountingDisk
from tests.detectors import Twice
from tests.interval_runs import as_csv, search
from tests.plain_lines import purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE
from tests.replay.testing.test_checks import ANOMALOUS, altered
from tests.replay.testing.test_strategies import assert_shrunk_to
from tests.warm_pytest import Ran, run_pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.records.record import Record

ROOT = Path(replay.__file__).parents[1]
PASSES = "def test_passes():\n    pass\n"


class Project:
    """A folder in which pytest is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *words: str) -> Ran:
        ran = run_pytest(self.folder, "-q", "-p", "replay.testing.plugin", *words)
        assert "INTERNALERROR" not in ran.out, ran.out
        return ran

    def start(self, *words: str, path: str) -> Ran:
        """Run it in a process that has imported nothing, with ``path`` to import from."""
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), path])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert "INTERNALERROR" not in finished.stdout, finished.stdout
        return Ran(finished.returncode, finished.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def store(project: Project, tmp_path: Path) -> Path:
    """Return a good store in the project's folder."""
    path = project.folder / "good.events"
    _, made = run_in(tmp_path, ANOMALOUS)
    return made.rename(path)


# Stores


@pytest.mark.slow
def test_good_store_passes_three_checks(project: Project, store: Path) -> None:
    ran = project.run("-vv", f"--replay-store={store}")
    assert ran.status == 0, ran.out
    assert re.findall(r"good\.events::(\S+) PASSED", ran.out) == [
        "replays",
        "agrees-with-model",
        "same-in-any-order",
    ]


def torn(store: Path) -> None:
    store.write_bytes(store.read_bytes()[:-3])


def damaged(store: Path) -> None:
    whole = bytearray(store.read_bytes())
    whole[640] ^= 1
    store.write_bytes(whole)


def rewritten_otherwise(store: Path) -> None:
    def remeasure(record: Record | replay.Event) -> Record | replay.Event:
        if isinstance(record, Decision):
            return msgspec.structs.replace(record, mean_cents=record.mean_cents + 1)
        return record

    altered(store, remeasure).rename(store)


def unflagged(store: Path) -> None:
    def unflag(record: Record | replay.Event) -> Record | replay.Event:
        if isinstance(record, Decision):
            return msgspec.structs.replace(record, flagged=not record.flagged)
        return record

    altered(store, unflag).rename(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "line", "failed"),
    [
        (torn, r"its last \d+ bytes are torn: the frame is cut short", 1),
        (damaged, r"bytes 5\d\d to 7\d\d, after event 3: expected frame 2, .*", 1),
        (rewritten_otherwise, r"Difference\(event=4, .*field='mean', .*\)", 1),
        (unflagged, r"at byte \d+: expected whole lines of the 0 flagged bytes, .*", 1),
        (lambda store: store.write_text("no store"), r".*", 1),
    ],
    ids=["torn", "damaged", "altered", "unflagged", "none"],
)
def test_bad_store_fails_with_a_line_each_and_without_a_traceback(
    project: Project, store: Path, spoil: Callable[[Path], None], line: str, failed: int
) -> None:
    spoil(store)
    ran = project.run("--replay-store=good.events")
    assert ran.status == 1, ran.out
    assert ran.summary.startswith(f"{failed} failed")
    reports = re.split(
        r"^_{3,} .* _{3,}\n", ran.out.partition("short test summary")[0], flags=re.MULTILINE
    )
    assert len(reports) == 1 + failed
    for report in reports[1:]:
        assert re.fullmatch(rf"{re.escape(str(store))}: {line}\n=*\s*", report), report
    assert "Traceback" not in ran.out
    assert "failing history" not in ran.out


@pytest.mark.slow
def test_store_that_is_decided_otherwise_leaves_no_history_but_itself(
    project: Project, store: Path
) -> None:
    project.write(
        "conftest.py",
        "from replay.testing import checks\n"
        "def fail(*_):\n"
        "    raise AssertionError('decided otherwise')\n"
        "checks.play = checks.Explorer = fail\n",
    )
    ran = project.run(f"--replay-store={store}")
    assert ran.summary == "2 failed, 1 passed"
    assert ran.out.count("\ndecided otherwise\n") == 2
    assert "failing history" not in ran.out


@pytest.mark.slow
def test_store_of_another_detector_fails_with_a_line_that_names_it(
    project: Project, tmp_path: Path
) -> None:
    _, made = run_in(tmp_path, ANOMALOUS, Twice)
    made.rename(project.folder / "other.events")
    ran = project.run("-rs", "--replay-store=other.events")
    assert ran.status == 1
    assert ran.summary == "1 failed, 2 skipped"
    said = (
        r"other\.events: expected a history that 'purchases' \(version 1\) decided, found one of "
    )
    assert re.search(
        said + r"'Twice' \(version sha256:[0-9a-f]{12}\); log, step and diff show", ran.out
    )
    assert "'Twice' (version sha256:" in ran.out.partition("short test summary")[2]


@pytest.mark.slow
def test_store_of_intervals_replays_in_any_order_and_has_no_model_here(project: Project) -> None:
    log = project.folder / "observations.csv"
    log.write_bytes(as_csv([(f"2020-01-01 00:00:0{n}", "ABC"[n % 3], "x") for n in range(6)]))
    path = search(log, project.folder / "found.json", disk=CountingDisk()).store_path
    ran = project.run("-rs", f"--replay-store={path.name}")
    assert ran.status == 0, ran.out
    assert ran.summary == "2 passed, 1 skipped"
    assert "a store of intervals" in ran.out
    torn(path)
    ran = project.run(f"--replay-store={path.name}")
    assert ran.summary == "1 failed, 1 passed, 1 skipped"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lost.events", "folder", "lost/lost.events"])
def test_missing_store_or_folder_is_an_error_of_usage_in_one_line(
    project: Project, name: str
) -> None:
    (project.folder / "folder").mkdir()
    ran = project.run("--replay-store", name)
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    path = project.folder / name
    assert ran.out.strip() == f"ERROR: --replay-store {path}: expected an event store, found none"


@pytest.mark.slow
def test_only_stores_are_checked_unless_tests_are_named(project: Project, store: Path) -> None:
    project.write("tests/test_some.py", PASSES)
    project.write("pytest.ini", "[pytest]\ntestpaths = tests\n")
    option = f"--replay-store={store.name}"
    assert project.run(option).summary == "3 passed"
    assert project.run("tests", option).summary == "4 passed"
    assert project.run("tests/test_some.py", option).summary == "4 passed"
    # Without the option a store that lies about is none of pytest's business.
    assert project.run().summary == "1 passed"


@pytest.mark.slow
def test_several_stores_and_one_twice_are_checked_once_each(project: Project, store: Path) -> None:
    other = store.with_name("other.events")
    other.write_bytes(store.read_bytes())
    two = [f"--replay-store={store.name}", "--replay-store", str(other)]
    assert project.run(*two, f"--replay-store={store}").summary == "6 passed"
    # In a folder that is searched, too.
    assert project.run(".", *two).summary == "6 passed"


@pytest.mark.slow
def test_store_is_found_from_where_pytest_is_started(project: Project, store: Path) -> None:
    project.write("pytest.ini", "[pytest]\n")
    below = Project(project.folder / "below")
    below.folder.mkdir()
    assert below.run("--replay-store=../good.events").summary == "3 passed"
    (below.folder / "link.events").symlink_to(store)
    assert below.run("--replay-store=link.events").summary == "3 passed"


INSTALLED = {
    "METADATA": "Metadata-Version: 2.1\nName: rewindable-replay\nVersion: 0\n",
    "entry_points.txt": "[pytest11]\nreplay.testing.plugin = replay.testing.plugin\n",
    "RECORD": "".join(
        f"{path.relative_to(ROOT)},,\n"
        for package in ("actors", "events", "replay")
        for path in (ROOT / package).rglob("*.py")
    ),
}


@pytest.mark.slow
def test_plugin_is_found_where_the_package_is_installed(
    project: Project, store: Path, tmp_path: Path
) -> None:
    site = Project(tmp_path / "site")
    for name, text in INSTALLED.items():
        site.write(f"rewindable_replay-0.dist-info/{name}", text)
    torn(store)
    for load in ((), ("-p", "replay.testing.plugin")):
        ran = project.start("--replay-store=good.events", *load, path=str(site.folder))
        assert ran.summary == "1 failed, 2 passed", ran.out
        # pytest may rewrite the assertions of what is installed: they say no more for that.
        said = re.findall(rf"^{re.escape(str(store))}: .*\n(.*)\n", ran.out, re.MULTILINE)
        assert len(said) == 1
        assert "assert" not in said[0]


# Failing histories


HEAD = """
from hypothesis import Phase, example, given, settings
from replay.testing import LiveRun, LoggedHistory, decide, histories
from replay.testing import model
from hypothesis.stateful import invariant

phases = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile(
    "here", derandomize=True, deadline=None, database=None, phases=phases
)
settings.load_profile("here")

def nothing_rejected(history):
    assert all(model.read(line) is not None for line in history.lines), "a rejected line"
"""

EXPLICIT = 'LoggedHistory(b\'{"D":"1", "T":"2"}\\n\', b"bad\\n")'

TESTS = {
    "given": """
@given(histories(users=2, density=0.6, bad=0, past_max=8, new_max=8))
def test_it(history):
    assert not any(decision.flagged for decision in decide(history))
""",
    "example": f"""
@given(histories(bad=0))
@example({EXPLICIT})
def test_it(history):
    nothing_rejected(history)
""",
    "plain": f"""
def test_it():
    nothing_rejected({EXPLICIT})
""",
    "long": f"""
def test_it():
    nothing_rejected({EXPLICIT}._replace(stream=b"bad\\n" * 1234))
""",
    "flagged": f"""
def test_it():
    history = {ANOMALOUS!r}
    assert not any(decision.flagged for decision in decide(history))
""",
    "fixture": f"""
import pytest

@pytest.fixture
def history():
    return {EXPLICIT}

def test_it(history, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    nothing_rejected(history)
""",
    "live": """
class Wrong(LiveRun):
    @invariant()
    def nobody_buys(self):
        assert not self.begun or not any(user.amounts for user in self._moments[-1])

class TestIt(Wrong.TestCase):
    settings = settings(stateful_step_count=5, phases=[Phase.generate])
""",
    "several": """
@given(histories(bad=0))
def test_it(history):
    assert not history.past, "a past"
    if history.new:
        raise ValueError("a stream")
""",
    "broken": f"""
def test_it(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("no rule")
    monkeypatch.setattr("actors.purchases.coordinator.Coordinator.flags", fail)
    decide({EXPLICIT}._replace(stream=PURCHASE + b"\\n"))
""".replace("PURCHASE", repr(purchase("1", "1.00", 0))),
    "parameters": """
def test_it():
    history = LoggedHistory(b"no parameters", b"")
    history.parameters
""",
}


def failing(project: Project, name: str, *words: str) -> str:
    """Return what the plugin says of a test that fails."""
    project.write("test_some.py", HEAD + TESTS[name])
    ran = project.run(*words)
    assert ran.status == 1, ran.out
    sections = re.findall(
        r"^-+ replay -+\n(.*?)(?=^[-=_]{4,})", ran.out, flags=re.MULTILINE | re.DOTALL
    )
    assert len(sections) == (2 if name == "several" else 1), ran.out
    return "".join(sections)


def opened(project: Project, said: str) -> str:
    """Run the command of ``said`` in a shell, ask where it is, and return what it prints."""
    (command,) = re.findall(r"^step through it: (.*)$", said, re.MULTILINE)
    assert command.startswith("python -m replay step ")
    finished = subprocess.run(
        ["sh", "-c", command.replace("python", shlex.quote(sys.executable), 1) + " -c where"],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_property_that_fails_leaves_the_shrunk_history_and_a_command(project: Project) -> None:
    said = failing(project, "given")
    count, *shown = said.splitlines()
    assert count == "the failing history has 4 lines after its parameters:"
    shown, rest = shown[:5], shown[5:]
    folder = ".pytest_cache/d/replay/test_some.py-test_it"
    assert rest == [
        f"its logs: {folder}/batch.json and {folder}/stream.json",
        f"step through it: python -m replay step {folder}/flagged.json.events",
    ]
    kept = LoggedHistory.read(project.folder / folder)
    assert_shrunk_to(kept, "befriend")
    assert shown == ['  {"D":"1", "T":"2"}', *[f"  {line.decode()}" for line in kept.lines]]
    assert opened(project, said) == "before event 1 of 4\n"
    checked = project.run(f"--replay-store={folder}/flagged.json.events")
    assert checked.summary == "3 passed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["example", "plain", "fixture"])
def test_history_that_a_test_names_is_left(project: Project, name: str) -> None:
    said = failing(project, name)
    assert said.startswith(
        "the failing history has 1 line after its parameters:\n"
        '  {"D":"1", "T":"2"}\n'
        "  bad\n"
        "its logs: .pytest_cache/d/replay/test_some.py-test_it/batch.json and "
    )
    assert opened(project, said)


@pytest.mark.slow
def test_history_of_a_live_run_is_left(project: Project) -> None:
    said = failing(project, "live")
    assert re.match(r"the failing history has \d+ lines? after its parameters:\n  {\"D\"", said)
    assert re.search(r'^  .*"event_type": ?"purchase"', said, re.MULTILINE)
    assert "TestIt-runTest/flagged.json.events" in said
    assert opened(project, said)


@pytest.mark.slow
def test_each_failure_of_a_property_leaves_its_history(project: Project) -> None:
    said = failing(project, "several", "--replay-output", "out")
    assert said.count("the failing history has 1 line after its parameters:\n") == 2
    histories = [
        LoggedHistory.read(project.folder / "out" / f"test_some.py-test_it{suffix}")
        for suffix in ("", "-2")
    ]
    line = purchase("1", "0.00", 0) + b"\n"
    first = b'{"D":"1", "T":"2"}\n'
    assert sorted(histories) == [(first, line), (first + line, b"")]


@pytest.mark.slow
def test_passing_test_leaves_nothing(project: Project) -> None:
    project.write("test_some.py", f"{HEAD}\ndef test_it():\n    history = {EXPLICIT}\n")
    ran = project.run("--replay-output=out")
    assert ran.status == 0
    assert "failing history" not in ran.out
    assert not (project.folder / "out").exists()
    assert not (project.folder / ".pytest_cache/d/replay").exists()


@pytest.mark.slow
def test_histories_are_left_where_it_is_said_and_replace_those_before(project: Project) -> None:
    first = failing(project, "flagged", "--replay-output", "here/there")
    folder = project.folder / "here/there/test_some.py-test_it"
    names = {"batch.json", "stream.json", "flagged.json", "flagged.json.events"}
    assert {path.name for path in folder.iterdir()} == names
    assert "python -m replay step here/there/test_some.py-test_it/flagged.json.events" in first
    assert (folder / "flagged.json").read_bytes() != b""
    second = failing(project, "plain", f"--replay-output={project.folder}/here/there")
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "stream.json").read_bytes() == b"bad\n"
    assert (folder / "flagged.json").read_bytes() == b""
    # A path from the folder that pytest was started in is enough.
    assert "step here/there/" in second
    assert opened(project, second)


@pytest.mark.slow
def test_paths_are_words_of_a_shell(project: Project) -> None:
    said = failing(project, "plain", "--replay-output", "it's here")
    assert opened(project, said)


@pytest.mark.slow
def test_histories_are_left_where_pytest_has_no_cache(project: Project) -> None:
    said = failing(project, "plain", "-p", "no:cacheprovider")
    assert not (project.folder / ".pytest_cache").exists()
    assert opened(project, said)


@pytest.mark.slow
def test_folder_that_cannot_be_written_to_is_said(project: Project) -> None:
    project.write("taken", "a file")
    said = failing(project, "plain", "--replay-output=taken")
    assert "\n  bad\nthe failing history cannot be written: [Errno " in said
    assert "step through it" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("broken", "ActorFailedError: urn:coordinator failed on Friends of event 1: ZeroDivision"),
        ("parameters", "ParametersError: "),
    ],
)
def test_history_on_which_the_run_fails_is_said_to(project: Project, name: str, error: str) -> None:
    said = failing(project, name)
    assert f"\na run on them fails: {error}" in said
    assert "step through it" not in said


@pytest.mark.slow
def test_long_history_is_shown_in_part(project: Project) -> None:
    said = failing(project, "long")
    assert said.startswith("the failing history has 1234 lines after its parameters:\n")
    # The parameters are the first of a hundred.
    assert said.count("\n  bad") == 99
    assert "\n  and 1,135 more\n" in said


def test_store_that_cannot_be_opened_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.store.writer.chain_of", lambda _: bytes(32))
    said = kit._keep(SPEC_EXAMPLE, Simulation, tmp_path, tmp_path)
    assert "\na run on them fails: DamagedStoreError: " in said
