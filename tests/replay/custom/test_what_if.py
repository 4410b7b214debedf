"""What a detector's own history would have been: branched off, and shrunk, as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import replay
from events.store.store import EventStore
from replay.cli import main
from replay.custom.branch import assignment
from replay.custom.logs import with_values
from replay.testing import assert_replays, assert_same_in_any_order
from tests.replay.custom.test_rings import expected, line, sample
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
    ("number", "found"),
    [(3, "one of the past; name one of the stream"), (81, "one that is not judged")],
)
def test_event_without_a_verdict_is_not_shrunk(
    number: int, found: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["shrink", str(store), str(number), "--output", str(store.parent / "case")]
    assert main([*words, *DETECTOR]) == 2
    expected = f"event {number}: expected an event that the run judged, found {found}"
    assert capsys.readouterr().err == f"replay: {store}: {expected}\n"


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


@pytest.mark.parametrize("least", [1, 500, 900, 100_000])
def test_branch_with_another_parameter_flags_what_brute_force_does(
    least: int, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branch = store.parent / "branch.json"
    told = told_by(capsys, "rerun", str(store), str(branch), "--set", f"at_least={least}")
    assert told["parameters"] == {"original": {"at_least": 900}, "branch": {"at_least": least}}
    was, now = (dict(expected(sample(80), each)) for each in (900, least))
    assert told["flagged"] == {"original": sum(was.values()), "branch": sum(now.values())}
    assert told["gained"] == sum(now[each] and not was[each] for each in now)
    assert told["lost"] == sum(was[each] and not now[each] for each in now)
    assert_replays(store.parent / "branch.json.events", Rings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("least=5", "--set: expected a parameter: at_least; found 'least'"),
        ("at_least=x", "--set at_least: expected a value as Limits declares it, found 'x': "),
        ("at_least=1.5", "--set at_least: expected a value as Limits declares it, found '1.5': "),
        ("at_least=", "--set at_least: expected a value as Limits declares it, found '': "),
        ("at_least=[1]", "--set at_least: expected a value as Limits declares it, found '[1]': "),
    ],
)
def test_parameter_that_is_none_is_one_line_and_writes_nothing(
    given: str, said: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branch = store.parent / "branch.json"
    capsys.readouterr()
    assert main(["rerun", str(store), str(branch), "--set", given, *DETECTOR]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"replay: {said}")
    assert not branch.exists()


@pytest.mark.parametrize("given", ["at_least", "=5"])
def test_what_sets_nothing_is_wrong_use(
    given: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rerun", str(store), "branch.json", "--set", given])
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert f"argument --set: expected NAME=VALUE, found {given!r}" in err


class Wanted(msgspec.Struct, frozen=True):
    """Parameters of several kinds."""

    name: str = "ada"
    sure: bool = False
    counts: list[int] = []
    least: int | None = 5


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("name=5", Wanted(name="5")),
        ("name=", Wanted(name="")),
        ("name=a=b", Wanted(name="a=b")),
        ("sure=true", Wanted(sure=True)),
        ("counts=[1, 2]", Wanted(counts=[1, 2])),
        ("least=null", Wanted(least=None)),
        ("least=-7", Wanted(least=-7)),
    ],
)
def test_value_is_read_as_the_parameter_is_declared(given: str, expected: Wanted) -> None:
    assert with_values({}, Wanted, [assignment(given)]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "module", "made"])
def test_test_of_a_shrunk_history_finds_the_detector_from_anywhere(
    how: str, tmp_path: Path
) -> None:
    mods, case = tmp_path / "mods", tmp_path / "cases" / "one"
    mods.mkdir()
    case.parent.mkdir()
    name = f"rings_{how}"
    (mods / f"{name}.py").write_bytes((ROOT / "tests" / "rings.py").read_bytes())
    (mods / f"maker_{how}.py").write_text(
        f"import {name}\n\n\ndef make():\n    class Made({name}.Rings):\n        version = 1\n\n"
        "    return Made\n\n\nOwn = make()\n",
        encoding="utf-8",
    )
    given = {
        "file": f"mods/{name}.py:Rings",
        "module": f"{name}:Rings",
        "made": f"maker_{how}:Own",
    }[how]
    for file, content in zip(("batch.json", "stream.json"), sample(80), strict=True):
        (tmp_path / file).write_bytes(content)

    def done(folder: Path, path: list[Path], *words: str) -> None:
        finished = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr

    path = [ROOT] if how == "file" else [ROOT, mods]
    detector = ("--detector", given)
    done(tmp_path, path, "replay", "batch.json", "stream.json", "out.json", *detector)
    number = next(number for number, flagged in expected(sample(80), 900) if flagged)
    words = ("shrink", "out.json.events", str(number), "--output", str(case), *detector)
    done(tmp_path, path, "replay", *words)
    # What is moved together finds itself.
    moved = tmp_path / "moved"
    moved.mkdir()
    mods.rename(moved / "mods")
    (tmp_path / "cases").rename(moved / "cases")
    test = ("pytest", "-q", "-p", "no:cacheprovider", str(moved / "cases" / "one"))
    done(Path("/"), [ROOT], *test)


@pytest.mark.parametrize("given", [["--set", "at_least=500"], ["--config", "settings.toml"]])
def test_run_takes_parameters_that_are_set_for_those_of_the_batch(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text('[tool.replay]\nset = ["at_least=1", "at_least=500"]\n')
    for name, content in zip(("batch.json", "stream.json"), sample(80), strict=True):
        (tmp_path / name).write_bytes(content)
    words = ["batch.json", "stream.json", "flagged.json", *DETECTOR, "-q", *given]
    assert main(words) == main(words) == 0
    decided = EventStore("flagged.json.events").decisions()
    flagged = {each.number for each in decided if each.flagged}
    assert flagged == {number for number, is_flagged in expected(sample(80), 500) if is_flagged}
    assert main(["verify", "flagged.json.events", *DETECTOR]) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--set", "least=5", *DETECTOR], "--set: expected a parameter: at_least; found 'least'"),
        (["--set=at_least=x", *DETECTOR], "--set at_least: expected a value as Limits declares"),
        (["--set", "at_least=5"], "--set: expected a detector with parameters of its own, which"),
    ],
)
def test_run_refuses_what_sets_nothing(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in zip(("batch.json", "stream.json"), sample(2), strict=True):
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main([*paths, *given]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "flagged.json").exists()
