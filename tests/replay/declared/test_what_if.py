"""What a detector's own history would have been: branched off, and shrunk, as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import replay
from replay.cli import main
from replay.testing import assert_replays, assert_same_in_any_order
from tests.replay.declared.test_rings import expected, line, sample
from tests.rings import Rings

ROOT = Path(replay.__file__).parents[1]
DETECTOR = ("--detector", "tests.rings:Rings")
STORE = "flagged.json.events"


def run_on(logs: tuple[bytes, bytes], folder: Path) -> Path:
    for name, content in zip(("batch.json", "stream.json"), logs, strict=True):
        (folder / name).write_bytes(content)
    with Rings.logs(folder / "batch.json", folder / "stream.json") as opened:
        replay.run(opened, folder / "flagged.json")
    return folder / STORE


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return run_on(sample(80), tmp_path)


def test_store_replays_forward_and_back_in_any_order_and_from_its_logs(store: Path) -> None:
    assert_replays(store, Rings)
    assert_same_in_any_order(store, 5, Rings)


def told_by(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert main([*words, *DETECTOR, "--json"]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def test_branch_flags_what_brute_force_does(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, stream = sample(80)
    # Event 41 is the first of the stream, which the line inserted stands before.
    more = line(3, "ada", "bob", 5_000)
    past = batch.splitlines(keepends=True)
    edited = b"".join([past[0], *past[11:]]), more + stream
    words = ["--skip", "1-10", "--insert", f"{more.decode().strip()}@41"]
    told = told_by(capsys, "rerun", str(store), str(store.parent / "branch.json"), *words)
    was, now = (dict(expected(logs, 900)) for logs in ((batch, stream), edited))
    assert told["flagged"] == {"original": sum(was.values()), "branch": sum(now.values())}
    # An event of the stream has ten fewer before it, and one more.
    after = {number - 9: flagged for number, flagged in was.items()}
    gained = [number for number in now if now[number] and not after.get(number, False)]
    lost = [number for number in after if after[number] and not now[number]]
    assert (told["gained"], told["lost"]) == (len(gained), len(lost))
    differences: object = told["differences"]
    assert isinstance(differences, list)
    found = {(each["what"], each["branch_event"]) for each in differences}
    changed = {each for each in found if each[0] == "changed"}
    wanted = {("gained", each) for each in gained} | {("lost", each) for each in lost}
    assert found - changed == wanted
    assert_replays(store.parent / "branch.json.events", Rings)
    other = str(store.parent / "branch.json.events")
    assert main(["diff", str(store), other, *DETECTOR, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    # The first ten events of the original are not on the branch.
    assert found["event"]["event"] == 1
    for side, text in (("one", past[1]), ("other", past[11])):
        told_text = found["event"][side]["text"]
        assert told_text == text.decode().strip()
        assert json.loads(told_text)["amount"] == found["event"][side]["amount"]
    for side in ("one", "other"):
        decision = found["decision"][side]
        assert decision is None or isinstance(decision["flagged"], bool)


@pytest.mark.slow
def test_verdict_is_shrunk_to_the_few_events_that_it_needs(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = next(number for number, flagged in expected(sample(80), 900) if flagged)
    case = store.parent / "case"
    told = told_by(capsys, "shrink", str(store), str(number), "--output", str(case))
    batch, stream = ((case / name).read_bytes() for name in ("batch.json", "stream.json"))
    lines = told["lines"]
    assert isinstance(lines, dict)
    assert lines["after"] < 14 < lines["before"]
    assert expected((batch, stream), 900)[-1][1]
    past, new = batch.splitlines(keepends=True), stream.splitlines(keepends=True)
    for at in range(1, len(past)):
        left = b"".join(past[:at] + past[at + 1 :])
        assert not expected((left, stream), 900)[-1][1]
    for at in range(len(new) - 1):
        left = b"".join(new[:at] + new[at + 1 :])
        assert not expected((batch, left), 900)[-1][1]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(case)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "words",
    [("rerun", "branch.json"), ("shrink", "42", "--output", "case"), ("explore",)],
    ids=lambda words: words[0],
)
def test_without_the_detector_nothing_is_decided(
    words: tuple[str, ...], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words
    paths = [str(store.parent / each) if each in {"branch.json", "case"} else each for each in rest]
    assert main([command, str(store), *paths]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "found none; name it with --detector\n" in err
