"""A detector is found by the name that a command is given, or one line says why not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import replay
from replay.cli import main
from replay.engine.detectors import detector_version
from replay.loading import load_detector
from replay.testing import decide
from tests import detectors
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = """
from replay import Simulation

class Mine(Simulation):
    pass

other = 3
"""


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    before, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path[:] = path


def test_class_of_a_module_is_found() -> None:
    assert load_detector("tests.detectors:Twice") is detectors.Twice
    assert load_detector("replay:Simulation") is replay.Simulation


def test_class_of_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "my_rule.py").write_text(RULE)
    found = load_detector(f"{tmp_path / 'my_rule.py'}:Mine")
    assert issubclass(found, replay.Simulation)
    assert found.__name__ == "Mine"
    # Nothing of ours is looked for there first.
    assert sys.path[-1] == str(tmp_path)


def test_run_decides_by_the_detector_that_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, stream = SPEC_EXAMPLE.write(tmp_path)
    flagged = tmp_path / "flagged.json"
    words = [str(batch), str(stream), str(flagged), "--detector", "tests.detectors:Twice", "-q"]
    assert main(words) == 0
    store = replay.EventStore(f"{flagged}.events")
    assert str(store.detector) == str(detector_version(detectors.Twice))
    assert [decision.flagged for decision in store.decisions()] == [
        decision.flagged for decision in decide(SPEC_EXAMPLE, detectors.Twice)
    ]
    assert main([*words[:-2], "nowhere:X"]) == 2
    assert "nowhere: expected to import it" in capsys.readouterr().err


FAILING = """
from replay import Simulation
from actors.purchases.user import UserActor

class Begins(Simulation):
    def __init__(self, *arguments, **options):
        raise ZeroDivisionError("no\\nrule")

class Narrow(Simulation):
    def __init__(self, parameters, outlet):
        super().__init__(parameters, outlet)

class Ends(Simulation):
    def judge(self, event):
        raise SystemExit(0)

class Nobody(Simulation):
    coordinator_type = None

class Circle(Simulation):
    pass

Circle.decides_as = Circle
"""


@pytest.mark.parametrize("name", ["Begins", "Narrow", "Ends", "Nobody", "Circle"])
def test_detector_that_fails_is_one_line_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    batch, stream = SPEC_EXAMPLE.write(tmp_path)
    (tmp_path / "failing_rule.py").write_text(FAILING)
    words = [str(batch), str(stream), str(tmp_path / "flagged.json"), "-q", "--detector"]
    assert main([*words, f"{tmp_path / 'failing_rule.py'}:{name}"]) != 0
    err = capsys.readouterr().err
    assert err.startswith("replay: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mine", "expected a detector as MODULE:CLASS or FILE.py:CLASS, found 'Mine'"),
        (":Mine", "expected a detector as MODULE:CLASS"),
        ("no_such_module:Mine", "no_such_module: expected to import it, found ModuleNotFound"),
        ("{}/absent.py:Mine", "absent.py: expected a file with a detector, found none"),
        ("{}/my_rule.py:Other", "my_rule.py: expected a detector called 'Other', found none"),
        ("{}/my_rule.py:other", "expected 'other' to be a class made of replay.Simulation or "),
        ("{}/broken.py:Mine", "broken.py: expected to import it, found SyntaxError: "),
        ("{}/ending.py:Mine", "ending.py: expected to import it, found SystemExit: "),
        ("{}/json.py:Mine", "json.py: expected a file with a name of its own, found another"),
    ],
)
def test_what_is_no_detector_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    for file, text in (
        ("my_rule", RULE),
        ("broken", "class"),
        ("ending", "raise SystemExit(7)"),
        ("json", RULE),
    ):
        (tmp_path / f"{file}.py").write_text(text)
    with pytest.raises(replay.InputError) as raised:
        load_detector(name.format(tmp_path))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_module_of_this_folder_is_told_how_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine_alone.py").write_text(RULE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(replay.InputError) as raised:
        load_detector("rules.mine_alone:Mine")
    said, _, named = str(raised.value).rpartition("name ")
    assert said.endswith("; modules of this folder are not looked at, so ")
    assert named.endswith(":CLASS")
    assert load_detector(named.replace("CLASS", "Mine")).__name__ == "Mine"
