"""Of many rejected lines the first few of a reason are told, and the rest is counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.records.record import Rejected
from replay.engine.rejections import AGAIN_SECONDS, TOLD_MAX, Rejections
from tests.replay.commands.test_cli import LOGS, Shell

if TYPE_CHECKING:
    from pathlib import Path

MORE = re.compile(r"in: ([0-9,]+) more lines? rejected \((.*)\), the last of them line ([0-9,]+)")


def rejected(number: int, reason: str) -> Rejected:
    return Rejected("stream", number, reason, "expected better", b"")


def counted_in(lines: list[str], reason: str) -> int:
    """Return how many lines are accounted for in what was told."""
    sums = [match for line in lines if (match := MORE.fullmatch(line)) and match[2] == reason]
    single = [line for line in lines if f"rejected ({reason}): " in line]
    return len(single) + sum(int(match[1].replace(",", "")) for match in sums)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 0.1, 30.0, 90.0]))),
    st.booleans(),
)
def test_every_rejected_line_is_told_or_counted_once(
    taken: list[tuple[str, float]], live: bool
) -> None:
    lines: list[str] = []
    now = 0.0
    rejections = Rejections(lines.append, clock=lambda: now)
    rejections.live = live
    for number, (reason, seconds) in enumerate(taken, 1):
        now += seconds
        rejections.take("in", rejected(number, reason))
        rejections.remind()
    rejections.sum_up()
    rejections.sum_up()
    for reason in "ab":
        times = [each for each, _ in taken].count(reason)
        assert counted_in(lines, reason) == times
        if not live:
            told = [line for line in lines if f"({reason}): " in line]
            assert len(told) == min(times, TOLD_MAX)


def test_run_that_may_never_end_tells_now_and_then_how_many_there_were() -> None:
    lines: list[str] = []
    now = 0.0
    rejections = Rejections(lines.append, clock=lambda: now)
    rejections.live = True
    for number in range(1, 1_001):
        rejections.take("in", rejected(number, "not-json"))
    assert len(lines) == TOLD_MAX
    rejections.remind()
    assert len(lines) == TOLD_MAX
    now = AGAIN_SECONDS
    rejections.remind()
    assert lines[TOLD_MAX:] == [
        "in: 990 more lines rejected (not-json), the last of them line 1,000"
    ]
    rejections.take("in", rejected(1_001, "not-json"))
    assert lines[-1] == "in:1001: rejected (not-json): expected better"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [(), ("-q",), ("-v",)])
def test_stream_of_which_nothing_is_usable_is_said_to_be_so(
    shell: Shell, quiet: tuple[str, ...]
) -> None:
    shell.write("stream.json", b"wrong\n" * 1_000)
    status, _, err = shell(*quiet, *LOGS)
    assert status == 0
    assert err.count("rejected (not-json): ") == TOLD_MAX
    assert "stream.json: 990 more lines rejected (not-json), the last of them line 1,000" in err
    assert "nothing of the stream was usable: 1,000 lines rejected, none accepted" in err
    status, _, err = shell(*quiet, *LOGS)
    assert status == 0
    assert "nothing of the stream was usable: 1,000 lines rejected, none accepted" in err
    _, out, _ = shell("log", "flagged.json.events", "--rejected")
    assert out.count("rejected (not-json)") == 1_000


def test_each_rejected_line_is_told_where_each_event_is(shell: Shell) -> None:
    shell.write("stream.json", b"wrong\n" * 100)
    _, _, err = shell("-vv", *LOGS)
    assert err.count("rejected (not-json): ") == 100


@pytest.mark.parametrize("quiet", [(), ("-q",), ("-v",)])
def test_observations_of_which_nothing_is_usable_are_said_to_be_so(
    shell: Shell, quiet: tuple[str, ...]
) -> None:
    shell.write("in.csv", b"time,adid\n" + b"14/06/2017 00:00:00,A\n" * 1_000)
    words = ("intervals", "in.csv", "out.csv", "--threshold", "1s", *quiet)
    status, _, err = shell(*words)
    assert status == 0
    assert err.count("rejected (timestamp-shape): ") == TOLD_MAX
    assert "in.csv: 990 more rows rejected (timestamp-shape), the last of them line 1,001" in err
    assert "nothing of the observations was usable: 1,000 rows rejected, none accepted" in err
    status, _, err = shell(*words)
    assert status == 0
    assert "nothing of the observations was usable: 1,000 rows rejected, none accepted" in err
