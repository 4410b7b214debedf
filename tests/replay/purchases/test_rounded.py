"""Mean and sd can be had rounded, and the run's own files stay what they are."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

import replay
from replay import cli
from replay.testing import histories, model, run_in
from tests.replay.commands.test_cli import Shell
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from replay.testing import LoggedHistory

EXACT = Context(prec=80)
CENT = Decimal("0.01")


def nearest(value: Decimal) -> str:
    """Return a figure with 2 places as a person would round it."""
    return str(value.quantize(CENT, ROUND_HALF_UP, EXACT))


def figures(window: Sequence[Fraction]) -> tuple[str, str]:
    """Return mean and sd of a window, rounded, found with decimals of many digits."""
    mean = sum(window, Fraction(0)) / len(window)
    variance = sum(((each - mean) ** 2 for each in window), Fraction(0)) / len(window)
    ratios = ((each.numerator, each.denominator) for each in (mean, variance))
    first, second = (EXACT.divide(Decimal(one), Decimal(other)) for one, other in ratios)
    return nearest(first), nearest(EXACT.sqrt(second))


@pytest.mark.slow
@given(history=histories(bad=0))
def test_rebuilt_lines_have_rounded_figures_and_nothing_else_is_another(
    history: LoggedHistory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rounded")
    flagged, store = run_in(folder, history)
    own, kept = flagged.read_bytes(), store.read_bytes()
    verdicts = [each for each in model.verdicts(*history) if each.flagged]
    rounded, again = folder / "rounded.json", folder / "again.json"
    assert cli.main(["rebuild", str(store), str(rounded), "--rounded"]) == 0
    assert cli.main(["rebuild", str(store), str(again)]) == 0
    assert (again.read_bytes(), flagged.read_bytes(), store.read_bytes()) == (own, own, kept)
    lines = [json.loads(line) for line in rounded.read_bytes().splitlines()]
    assert [(line.pop("mean"), line.pop("sd")) for line in lines] == [
        figures(each.window) for each in verdicts
    ]
    cut = [json.loads(line) for line in own.splitlines()]
    assert lines == [{key: each[key] for key in each if key not in {"mean", "sd"}} for each in cut]


BATCH = b"""{"D":"1", "T":"50"}
{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1.00"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1.01"}
"""
STREAM = b"""{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "9"}
"""


@pytest.fixture(name="shell")
def ran(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.write("batch.json", BATCH)
    shell.write("stream.json", STREAM)
    assert shell("batch.json", "stream.json", "flagged.json").status == 0
    return shell


def test_figures_in_the_middle_are_rounded_up_and_said_to_be(shell: Shell) -> None:
    cut, rounded = (
        shell("why", "flagged.json.events", "4", *words).out for words in ([], ["--rounded"])
    )
    assert "\nmean = 1.00, sd = 0.00, both cut to 2 places\n" in cut
    assert "\nmean = 1.01, sd = 0.01, both rounded to 2 places\n" in rounded
    # The verdict is by the exact threshold.
    assert cut.splitlines()[-2:] == rounded.splitlines()[-2:]
    told = json.loads(shell("why", "flagged.json.events", "4", "--json", "--rounded").out)
    assert (told["mean"], told["sd"], told["flagged"]) == ("1.01", "0.01", True)


def test_flagged_file_that_was_rounded_is_not_taken_for_the_runs_own(shell: Shell) -> None:
    own = shell.read("flagged.json")
    assert shell("rebuild", "flagged.json.events", "flagged.json", "--rounded").status == 0
    assert b'"mean": "1.01"' in shell.read("flagged.json")
    again = shell("batch.json", "stream.json", "flagged.json")
    assert again.status == 1
    assert "rebuild flagged.json.events flagged.json writes it again" in again.err
    assert shell("rebuild", "flagged.json.events", "flagged.json").status == 0
    assert shell.read("flagged.json") == own
    assert shell("batch.json", "stream.json", "flagged.json").status == 0


def test_decisions_without_such_figures_are_refused_in_one_line(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.write("seen.csv", b"time,adid\n2020-01-01 00:00:00,A\n2020-01-01 00:00:01,B\n")
    assert shell("intervals", "seen.csv", "found.csv", "--threshold", "1m").status == 0
    shell.write("batch.json", b"")
    shell.write("stream.json", b"")
    with Rings.logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        replay.run(logs, tmp_path / "rings.json")
    for store in ("found.csv.events", "rings.json.events"):
        for words in (("rebuild", store, "out"), ("why", store, "1")):
            done = shell(*words, "--rounded")
            assert done.status == 2
            assert "expected a store of purchases, whose mean and sd can be rounded" in done.err
            assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
