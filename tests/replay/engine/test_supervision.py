"""A user actor that fails is restarted from the store, as if nothing had happened."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dispatcher import ActorFailedError
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.user import UserActor
from actors.sink import SinkActor
from replay.testing.strategies import histories
from tests.failures import Failures
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE
from tests.replay.purchases.test_resume import outcome, run, start, uninterrupted, without_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.testing.logged import LoggedHistory


whens = st.sampled_from(["before", "within", "after"])


@pytest.mark.slow
@given(histories(), st.dictionaries(st.integers(1, 120), whens, max_size=8))
def test_failures_of_users_change_nothing(
    given_logs: LoggedHistory, failures: dict[int, str]
) -> None:
    expected, _ = uninterrupted(given_logs, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs)
        with Failures(UserActor, failures) as failing:
            run(folder)
        assert failing.failed == sum(message <= failing.seen for message in failures)
        assert outcome(folder) == expected


def failure_of(folder: Path) -> str | None:
    """Return with what failure of an actor a run ends, or None."""
    try:
        run(folder)
    except ActorFailedError as error:
        return str(error)
    return None


@pytest.mark.slow
@given(
    histories(),
    st.integers(1, 200),
    whens,
    st.sampled_from([UserActor, CoordinatorActor, SinkActor]),
)
def test_second_failure_stops_the_run_and_keeps_what_was_before(
    given_logs: LoggedHistory, message: int, when: str, kind: type[Any]
) -> None:
    expected, _ = uninterrupted(given_logs, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs)
        with Failures(kind, {message: when}, times=2) as failing:
            error = failure_of(folder)
        if error is not None:
            names: dict[Any, str] = {
                UserActor: "urn:user:",
                CoordinatorActor: "urn:coordinator",
                SinkActor: "urn:sink",
            }
            assert error.startswith(names[kind])
            assert error.endswith(": RuntimeError: broken")
        assert (error is None) == (failing.seen < message)
        # Whatever was written is right: what goes on from it ends as it would have.
        run(folder)
        found = without_leftovers(outcome(folder))
        assert found["flagged.json"] == expected["flagged.json"]


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    def count() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    yield
    assert count() == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files by /proc")
@pytest.mark.usefixtures("nothing_left_behind")
def test_run_that_fails_names_actor_message_and_event_and_closes_everything(
    tmp_path: Path,
) -> None:
    start(tmp_path, SPEC_EXAMPLE)
    message = r"^urn:user:2 failed on AskFriends of event 7: RuntimeError: broken$"
    with (
        Failures(UserActor, dict.fromkeys(range(1, 4), "before"), times=2),
        pytest.raises(ActorFailedError, match=message),
    ):
        run(tmp_path)
