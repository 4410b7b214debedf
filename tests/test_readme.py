"""What the README and the pages beside the code show is what happens."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import replay.testing
from events.disk import is_locked
from events.purchases.columns import Columns
from events.records.record import Rejected, StreamStart
from replay import cli
from replay.debugger import commands as debugger
from replay.kinds import KINDS
from tests.replay.commands.test_cli import Shell

ROOT = Path(replay.__file__).parents[1]
# The README comes first: the transcripts of the pages look at what those of the README made.
PATHS = [
    ROOT / "README.md",
    *sorted(path for room in ("actors", "events", "replay", "scripts")
            for path in (ROOT / room).rglob("README.md")),
]  # fmt: skip
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PATHS}
README, EVERYTHING = PAGES["README.md"], "\n".join(PAGES.values())
DECLARED, KIT = "replay/custom/README.md", "replay/testing/README.md"


def blocks(language: str, page: str = "README.md") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s\b", "0.00 s", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{page}-{place}")
        for page in PAGES
        for place, block in enumerate(blocks("console", page), 1)
    ],
)
def test_transcript_is_what_the_commands_print(block: str) -> None:
    for transcript in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = transcript.partition("\n")
        finished = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0
        # On first use, a line about setting up comes before.
        printed = re.sub(r"\Asetup: .*\n", "", finished.stdout)
        assert without_times(printed) == without_times(expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the sample's logs, and a run on them."""
    for name in ("batch", "stream"):
        shutil.copy(ROOT / "scripts" / "sample" / f"{name}_log.json", tmp_path / f"{name}.json")
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        replay.run(logs, tmp_path / "flagged.json")
    return tmp_path


def run_block(block: str, folder: Path) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", block],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_reader_with_msgpack_alone_prints_every_record(folder: Path) -> None:
    (reader,) = blocks("python", "events/store/README.md")
    store = replay.EventStore(folder / "flagged.json.events")
    printed = run_block(reader, folder)
    frames = list(store.frames())
    assert len(printed) == sum(len(frame.records) for frame in frames)
    assert sum(line.startswith("decision [") for line in printed) == len(list(store.decisions()))
    # What is documented of columns is all that is needed to know who is in them.
    told = [ast.literal_eval(line.partition(" ")[2]) for line in printed if line[:7] == "events "]
    assert [len(amounts) + len(friendships) for _, friendships, _, _, amounts, *_ in told] == [
        frame.events for frame in frames if frame.events
    ]
    runs = [record for frame in frames for record in frame.records if isinstance(record, Columns)]
    named = [name for _, _, (names, _), *_ in told for name in names]
    assert set(named) == {name for run in runs for name in run.names}


def test_python_example_runs_and_prints_the_flags(folder: Path) -> None:
    example, _ = blocks("python")
    flagged = (folder / "flagged.json").read_bytes()
    first, *others = run_block(example, folder)
    assert first.split()[0] == str(flagged.count(b"\n"))
    assert (folder / "flagged.json").read_bytes() == flagged
    assert sum(line.startswith("Purchase(") for line in others) == flagged.count(b"\n")


def test_frame_of_the_readme_has_what_it_asks_for(folder: Path) -> None:
    pytest.importorskip("pandas")
    _, frame = blocks("python")
    printed = run_block(f"import replay\n{frame}", folder)
    assert [line.split()[4:6] for line in printed[1:]] == [["332", "801.10"]]


def test_frame_of_intervals_is_what_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    page = "replay/intervals/README.md"
    ((example,), (shown,)) = blocks("python", page), blocks("text", page)
    assert run_block(example, tmp_path) == shown.splitlines()


@pytest.mark.slow
def test_detector_with_events_of_its_own_does_what_is_shown(tmp_path: Path) -> None:
    (detector,) = blocks("python", DECLARED)
    assert detector.count("\n") < 60
    (tmp_path / "bursts.py").write_text(detector)
    for name, block in zip(("batch", "stream"), blocks("json", DECLARED), strict=True):
        (tmp_path / f"{name}.json").write_text(block)
    (shown,) = blocks("text", DECLARED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for transcript in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
        command, _, expected = transcript.partition("\n")
        words = [sys.executable, "-P", *command.split()[1:]]
        finished = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        assert without_times(finished.stdout + finished.stderr) == without_times(expected)
    code = "from bursts import Bursts\nfrom replay.testing import run_conformance_test\n"
    run_block(f"{code}run_conformance_test(Bursts)", tmp_path)


class Recipe:
    """A command of the page on logs that reads a live stream, in a folder of its own."""

    def __init__(self, block: str, folder: Path) -> None:
        self.block = block
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        python = folder / "bin" / "python"
        # What was started last is the run.
        python.write_text(f'#!/bin/sh\necho $$ >"{folder}/pid"\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        shutil.copy(ROOT / "scripts" / "sample" / "batch_log.json", folder)
        (folder / "stream_log.json").touch()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }

    def start(self) -> None:
        with (self.folder / "told").open("wb") as told:
            self.process = subprocess.Popen(
                ["sh", "-c", self.block],
                cwd=self.folder,
                env=self.environment,
                stderr=told,
                start_new_session=True,
            )

    def go_on(self) -> None:
        """Start a run that goes on, and wait until it has the store for itself.

        That the store is locked does not say so: a run looks whether another one has it.
        """
        self.start()
        deadline = time.monotonic() + 60
        while b"going on after" not in (self.folder / "told").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def write(self, data: bytes) -> None:
        """Write a part of the stream, and wait until all its whole lines were dealt with."""
        with (self.folder / "stream_log.json").open("ab") as stream:
            stream.write(data)
        *lines, _ = (self.folder / "stream_log.json").read_bytes().split(b"\n")
        deadline = time.monotonic() + 60
        while self.lines() < len([line for line in lines if line]):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def lines(self) -> int:
        try:
            store = replay.EventStore(self.folder / "flagged.json.events")
        except replay.StoreError:
            return 0
        records = [record for record in store.records() if not isinstance(record, Rejected)]
        past = sum(record.events for record in records if isinstance(record, StreamStart))
        stream = sum(record.source == "stream" for record in store.rejected())
        return store.events - past + stream if past else 0

    def end(self, number: signal.Signals) -> None:
        run = int((self.folder / "pid").read_text())
        os.kill(run, number)
        if number is signal.SIGTERM:
            # It ends in good order; tail does not see that before it writes again.
            while is_locked(self.folder / "flagged.json.events"):
                time.sleep(0.02)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def outputs(self) -> list[bytes]:
        names = ["batch.json", "stream.json"]
        words = ["export", "flagged.json.events", "--batch", names[0], "--stream", names[1]]
        exported = subprocess.run(
            [sys.executable, "-m", "replay", *words],
            cwd=self.folder,
            env=self.environment,
            check=False,
            capture_output=True,
        )
        assert exported.returncode == 0, exported.stderr
        return [(self.folder / name).read_bytes() for name in ("flagged.json", *names)]


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("sh", "events/logs/README.md"), ids=["file", "pipe"])
def test_live_recipe_gives_the_same_with_kills_in_between(block: str, tmp_path: Path) -> None:
    log = (ROOT / "scripts" / "sample" / "stream_log.json").read_bytes().splitlines(keepends=True)
    content = b"".join([b"no JSON\n", *log[:450], b"\n", *log[450:]])
    killed, whole = Recipe(block, tmp_path / "killed"), Recipe(block, tmp_path / "whole")
    # In the middle of lines, with a blank line at the end, and behind a rejected one.
    cuts = [0, 8, len(b"".join(log[:449])) + 30, content.index(b"\n\n") + 2, len(content)]
    for start, end in itertools.pairwise(cuts):
        killed.start()
        killed.write(content[start:end])
        killed.end(signal.SIGKILL)
    killed.go_on()
    killed.end(signal.SIGTERM)
    whole.start()
    whole.write(content)
    whole.end(signal.SIGTERM)
    assert killed.outputs() == whole.outputs()
    assert killed.outputs()[2] == content.replace(b"\n\n", b"\n")
    assert killed.outputs()[0].count(b"\n") > 3


# Of what is found here the lines are looked at, not which values in them could be others.
UNEXPLAINED = """
from hypothesis import Phase, settings
phases = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile("unexplained", phases=phases)
settings.load_profile("unexplained")
"""


def run_pytest(test: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_detector.py").write_text(test, encoding="utf-8")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "replay.testing.plugin",
            "--hypothesis-seed=1",
            "test_detector.py",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_property_test_of_a_detector_has_under_20_lines_and_passes(tmp_path: Path) -> None:
    example, live = blocks("python", KIT)
    assert sum(bool(line) for line in example.splitlines()) < 20
    few = "TestDetectorRun.settings = settings(max_examples=10, deadline=None)"
    finished = run_pytest(f"{example}\n\n{live}\n\n{few}", tmp_path)
    assert finished.returncode == 0, finished.stdout
    assert "2 passed" in finished.stdout


@pytest.mark.slow
def test_property_test_of_a_wrong_detector_leaves_the_lines_that_are_shown(tmp_path: Path) -> None:
    example, _ = blocks("python", KIT)
    (text,) = blocks("text", KIT)
    shown = text.splitlines()
    wrong = example.replace("amount > 3 * each.amount", "amount >= 3 * each.amount")
    finished = run_pytest(f"{UNEXPLAINED}\n\n{wrong}", tmp_path)
    assert finished.returncode == 1
    printed = finished.stdout[finished.stdout.index(shown[0]) :].splitlines()
    # Which of two users is which, and what comes first, is for Hypothesis to say.
    lines = [sorted(re.sub(r"\d+", "0", line) for line in each[2:6]) for each in (printed, shown)]
    assert lines[0] == lines[1]
    assert printed[1] == shown[1]
    assert printed[6:9] == shown[6:9]


def test_every_name_of_the_test_kit_is_documented() -> None:
    names = replay.testing.__all__
    assert [name for name in names if not re.search(rf"`{name}\b", PAGES[KIT])] == []


def test_every_option_is_documented(tmp_path: Path) -> None:
    # Those of tail are its own.
    shown = re.sub(r"tail .*\|", "", Shell(tmp_path)("--help").out)
    options = set(re.findall(r"(?<![\w-])--?[A-Za-z]+", shown)) - {"-h", "-m"}
    assert [option for option in sorted(options) if f"`{option}" not in EVERYTHING] == []


def test_every_command_is_documented() -> None:
    names = [name for name in cli.COMMANDS if name != "run"]
    own = (command for kind in KINDS for command in kind.tools.commands)
    names += [command.name for command in (*debugger.COMMON, *own)]
    assert [name for name in names if not re.search(rf"`{name}\b", EVERYTHING)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_that_a_page_names_exists(page: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGES[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert [page for page in PAGES if page != "README.md" and f"]({page})" not in README] == []


def test_readme_is_read_in_one_sitting() -> None:
    assert README.count("\n") <= 250


def test_first_screen_has_one_sentence_a_picture_two_commands_and_a_transcript() -> None:
    screen = "\n".join(README.splitlines()[:45])
    picture = r"!\[[^\]]+\]\(scripts/sample/page\.png\)"
    console = r"```console\n\$ sh scripts/run\.sh\n"
    assert re.match(rf"# .+\n\n[^.]+\.\n\n{picture}\n\n{console}", screen)
    assert "sh scripts/test.sh" in screen
