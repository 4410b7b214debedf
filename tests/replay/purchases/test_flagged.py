"""Flagged purchases come one by one, with amounts that can be compared."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

import replay
from replay.testing import histories, run_in

if TYPE_CHECKING:
    from replay.testing import LoggedHistory


@pytest.mark.slow
@given(history=histories())
def test_flagged_purchases_are_the_lines_of_the_flagged_file(
    history: LoggedHistory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flagged")
    flagged, _ = run_in(folder, history)
    lines = [json.loads(line, parse_float=Decimal) for line in flagged.read_bytes().splitlines()]
    found = list(replay.flagged_purchases(*history.write(folder)))
    assert [(each.amount, str(each.mean), str(each.sd)) for each in found] == [
        (Decimal(line["amount"]), line["mean"], line["sd"]) for line in lines
    ]
    # Mean and sd are cut, so that what they come to is at most the threshold.
    assert all(each.amount > each.mean + 3 * each.sd for each in found)
