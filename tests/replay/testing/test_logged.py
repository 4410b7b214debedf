"""A history as two logs: written, shown, read again, and had from any store."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import replay
from events.errors import ParametersError
from events.purchases.event import line_of
from events.records.record import events_in
from events.store.writer import StoreWriter
from replay.purchases.history import History
from replay.testing import LoggedHistory, histories, model
from replay.testing.disks import CountingDisk
from replay.testing.playing import play
from tests.plain_lines import friendship, purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.purchases.event import Event

MARK = b"\xef\xbb\xbf"
NEWLINE = b"\n"
fewer = settings(max_examples=settings().max_examples // 2)

FIRST = b'{"D":"1", "T":"50"}'


FRIENDS = friendship("1", "2")


def store_of(
    history: LoggedHistory, folder: Path, degrees: int | None = None, tracked: int | None = None
) -> replay.EventStore:
    """Return the store of a run on ``history``."""
    flagged = folder / "flagged.json"
    with replay.Logs(*history.write(folder), degrees, tracked) as logs:
        replay.run(logs, flagged, disk=CountingDisk())
    return replay.EventStore(f"{flagged}.events")


def assert_is_of(found: LoggedHistory, store: replay.EventStore, folder: Path) -> None:
    """Assert that a run on ``found`` records what is in ``store``."""
    again = folder / "again"
    again.mkdir()
    one, other = History(store), History(store_of(found, again))
    assert other.parameters == one.parameters
    assert unmarked(other.events) == unmarked(one.events)
    rejected, again_rejected = (
        [(before, line.reason, line.line) for before, line in each.rejected]
        for each in (one, other)
    )
    assert again_rejected == rejected
    # What a run that was stopped did not decide is decided now.
    assert one.recorded.items() <= other.recorded.items()


def unmarked(events: Iterable[Event]) -> list[Event]:
    """Return ``events``, each with its line, as it is where no log begins with it."""
    return [
        msgspec.structs.replace(event, line=line_of(event).removeprefix(MARK)) for event in events
    ]


written_in_any_way = st.builds(
    lambda history, batch, stream, ending: LoggedHistory(
        *(
            mark + log.replace(b"\r\n", b"\n").replace(b"\n", ending)
            for mark, log in zip((batch, stream), history, strict=True)
        )
    ),
    histories(),
    st.sampled_from([b"", b"", MARK]),
    st.sampled_from([b"", b"", MARK]),
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n"]),
)


@pytest.mark.slow
@given(histories() | st.builds(LoggedHistory, st.binary(), st.binary()))
@example(SPEC_EXAMPLE)
def test_repr_gives_it_back(history: LoggedHistory) -> None:
    assert eval(repr(history)) == history  # noqa: S307


def test_repr_has_a_line_for_each_line_of_the_logs() -> None:
    assert repr(LoggedHistory(FIRST + b"\n" + FRIENDS, b"x\n")) == (
        "LoggedHistory(\n"
        "    batch=(\n"
        f"        {FIRST + NEWLINE!r}\n"
        f"        {FRIENDS!r}\n"
        "    ),\n"
        "    stream=b'x\\n',\n"
        ")"
    )


@fewer
@given(histories())
def test_what_is_written_is_read_again(history: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        batch, stream = history.write(folder)
        assert (batch.read_bytes(), stream.read_bytes()) == history
        assert LoggedHistory.read(folder) == history


@pytest.mark.slow
@fewer
@given(written_in_any_way)
def test_parts_are_those_of_a_run(history: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as name:
        run = History(store_of(history, Path(name)))
    assert history.parameters == run.parameters
    events = [*history.past, *history.new]
    assert unmarked(events) == unmarked(run.events)
    assert len(history.past) == run.stream_start
    assert len(history.lines) == len(run.events) + len(run.rejected)
    accepted = [each.line for each in model.happenings(history.lines) if each is not None]
    assert [line_of(event).removeprefix(MARK) for event in run.events] == accepted


def test_parameters_are_on_the_first_line_that_is_not_blank() -> None:
    history = LoggedHistory(MARK + b"\r\n \n" + FIRST + b"\r\n" + FRIENDS, b"")
    assert history.parameters == replay.Parameters(1, 50)
    assert history.lines == [FRIENDS]
    with pytest.raises(ParametersError, match=r"batch\.json: expected the parameters"):
        _ = LoggedHistory(FRIENDS, b"").parameters


@pytest.mark.slow
@fewer
@given(written_in_any_way)
@example(LoggedHistory(MARK + FIRST + b"\n" + MARK + FRIENDS + b"\n", MARK + purchase("1")))
@example(LoggedHistory(FIRST, b"\n" + MARK + purchase("1")))
def test_history_of_a_store_runs_to_the_same(history: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = store_of(history, folder)
        found = LoggedHistory.of(store)
        assert_is_of(found, store, folder)
        assert [line for line in found.lines if line.strip(model.SPACE)] == history.lines
        assert play(found).decisions == play(history).decisions


@pytest.mark.parametrize(
    "first",
    [
        [],
        [FIRST],
        [b'{"D":"7", "T":"9"}'],
        [b'{"D":"0"}'],
        [b"", b'{"D":"7"}'],
        [b"", b""],
    ],
    ids=["none", "the same", "others", "bad ones", "after a blank line", "blank lines"],
)
@pytest.mark.parametrize("mark", [b"", MARK], ids=["", "mark"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_history_of_a_store_made_with_options_has_these_parameters(
    first: Sequence[bytes], mark: bytes, ending: bytes, tmp_path: Path
) -> None:
    past = [*first, FRIENDS, purchase("1"), purchase("1"), b"bad"]
    new = [purchase("2"), b"bad", purchase("2", "9.00")]
    history = LoggedHistory(
        *(mark + b"".join(line + ending for line in log) for log in (past, new))
    )
    store = store_of(history, tmp_path, 2, 3)
    found = LoggedHistory.of(store)
    assert found.parameters == replay.Parameters(2, 3)
    assert len(found.past) == 3
    assert len(found.new) == 2
    assert_is_of(found, store, tmp_path)
    assert [decision.flagged for decision in play(found).decisions] == [False, True]


@pytest.mark.slow
@fewer
@given(histories(), st.integers(1, 6))
def test_history_of_an_unfinished_store_is_what_it_holds(
    history: LoggedHistory, frames: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = store_of(history, folder)
        path = folder / "stopped.events"
        with StoreWriter.create(path, store.header) as writer:
            for _, records, _ in list(store.frames())[:frames]:
                writer.append(records, events_in(records))
        stopped = replay.EventStore(path)
        assert_is_of(LoggedHistory.of(stopped), stopped, folder)
