"""Users that fail where it was planned are restarted, and nothing comes of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from actors.dispatcher import ActorFailedError
from replay.engine.failing import WHENS, Failure, Failures, When, with_failures
from replay.testing.strategies import histories
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

if TYPE_CHECKING:
    from replay.testing.logged import LoggedHistory

failures_drawn = st.lists(
    st.builds(Failure, st.integers(0, 20), st.sampled_from(WHENS), st.just(1))
)


def run_with(failures: Failures, given_logs: LoggedHistory, folder: Path) -> bytes:
    (folder / "batch.json").write_bytes(given_logs.batch)
    (folder / "stream.json").write_bytes(given_logs.stream)
    detector = with_failures(replay.Simulation, failures)
    with replay.Logs(folder / "batch.json", folder / "stream.json") as opened:
        replay.run(opened, folder / "flagged.json", detector=detector)
    return (folder / "flagged.json").read_bytes()


@pytest.mark.slow
@given(histories(), failures_drawn)
def test_run_with_failing_users_writes_the_same_files(
    given_logs: LoggedHistory, planned: list[Failure]
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        expected = run_in_process(given_logs, Path(one))
        assert run_with(Failures(planned), given_logs, Path(other)) == expected
        stores = [Path(folder, "flagged.json.events").read_bytes() for folder in (one, other)]
        assert stores[0] == stores[1]


@pytest.mark.parametrize("when", WHENS)
def test_failure_happens_after_so_many_messages_and_a_second_one_ends_the_run(
    when: When, tmp_path: Path
) -> None:
    once, twice = Failures([Failure(2, when, 1)]), Failures([Failure(2, when, 2)])
    run_with(once, SPEC_EXAMPLE, tmp_path)
    assert once.failed == 1
    with pytest.raises(ActorFailedError, match=f": PlannedError: planned {when} handling the"):
        run_with(twice, SPEC_EXAMPLE._replace(batch=SPEC_EXAMPLE.batch + b"\n"), tmp_path)
    assert twice.failed == 2


def test_last_plan_is_the_one_that_counts() -> None:
    failures = Failures([Failure(0, "before"), Failure(0, "before")])
    assert failures.due() == "before"
    assert failures.due() is None
    assert failures.due() == "before"
    failures.plan(Failure(1, "after"))
    assert [failures.due() for _ in range(4)] == [None, "after", None, None]
    assert failures.failed == 3
