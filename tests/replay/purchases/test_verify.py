"""A replay gives what the run recorded, and a planted difference is found."""

from __future__ import annotations

import itertools
import random
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import replay
from actors.purchases.user import UserActor
from events.logs.file import Portions
from events.purchases.decision import Decision
from events.purchases.event import EVENT_TYPES
from events.records.record import LogEnd, Record, Rejected, StateDigest, events_in
from events.store.earlier import with_runs
from events.store.writer import StoreWriter
from replay.cli import main
from replay.engine.difference import Difference
from replay.engine.verify import Verification
from replay.purchases.history import History
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import histories
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.verifying import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.purchases.messages import Apply
    from events.purchases.event import Event
    from events.store.header import Header

    Single: TypeAlias = Record | Event
    """What a store holds, event by event."""

STORE = "flagged.json.events"
SAMPLE = Path(replay.__file__).parents[1] / "scripts" / "sample"

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


SMALL = Portions(300, 300, digest_events=2)
"""So histories of a few lines have several frames, with digests between them."""


def history_of(given_logs: LoggedHistory, folder: Path) -> History:
    for leftover in folder.iterdir():
        leftover.unlink()
    run_in_process(given_logs, folder, SMALL)
    return History(replay.EventStore(folder / STORE))


def rewritten(
    store: replay.EventStore,
    path: Path,
    change: Callable[[int, Single], Single | None],
    header: Header | None = None,
) -> Path:
    """Write the store again at ``path``, each frame whole, with some records changed."""
    path.unlink(missing_ok=True)
    places = itertools.count()
    with StoreWriter.create(path, header or store.header) as writer:
        for frame in store.frames():
            single = [*frame.each()]
            changed = [change(next(places), each) for each in single]
            # What is not changed is written in the same bytes.
            kept = frame.records
            if changed != single:
                kept = with_runs([each for each in changed if each is not None])
            writer.append(kept, events_in(kept))
    return path


def is_told(path: Path) -> bool:
    """Tell whether the store is refused, or a difference found in it."""
    try:
        return verify(History(replay.EventStore(path))).difference is not None
    except replay.DamagedStoreError:
        return True


def other_value(value: Any, draw: random.Random) -> Any:  # noqa: PLR0911  a type each
    """Return some other value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return (
            value + draw.choice([1, 2, 1000]) if value < 1000 or draw.random() < 0.5 else value - 1
        )
    if isinstance(value, str):
        if re.match(r"\d{4}-\d\d-\d\d ", value):
            # Another time, however fine it is told.
            return value[:-1] + ("2" if value.endswith("1") else "1")
        return {"batch": "stream", "stream": "batch"}.get(value, value + "1")
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
    if isinstance(value, tuple):
        place = draw.randrange(len(value))
        return (*value[:place], other_value(value[place], draw), *value[place + 1 :])
    assert value is None
    return b"{}"


def planted(record: Single, draw: random.Random) -> Single:
    """Return ``record`` with one field changed; events keep their numbers, which are given."""
    assert isinstance(record, msgspec.Struct)
    fields = [name for name in record.__struct_fields__ if name != "number"]
    if isinstance(record, Rejected) and not record.is_cut:
        # A store keeps no hash of a line that it keeps whole.
        fields.remove("sha256")
    field = draw.choice(fields)
    value = other_value(getattr(record, field), draw)
    return msgspec.structs.replace(record, **{field: value})


@pytest.mark.slow
@in_one_folder
@given(histories())
def test_history_of_a_run_has_no_difference(tmp_path: Path, given_logs: LoggedHistory) -> None:
    history = history_of(given_logs, tmp_path)
    found = verify(history)
    digests = len(history.digests)
    assert found == Verification(len(history), len(history.recorded), digests, None)
    moments = [each.events for each in history.digests]
    assert history.stream_start in moments
    assert moments[-1] == len(history)


@pytest.mark.slow
@in_one_folder
@given(histories(), st.randoms(use_true_random=False))
def test_planted_difference_is_always_found(
    tmp_path: Path, given_logs: LoggedHistory, draw: random.Random
) -> None:
    store = history_of(given_logs, tmp_path).store
    place = draw.randrange(len(list(store.records())))
    changed = rewritten(
        store,
        tmp_path / "planted.events",
        lambda index, record: planted(record, draw) if index == place else record,
    )
    assert is_told(changed)


@pytest.mark.slow
@in_one_folder
@given(histories(), st.randoms(use_true_random=False))
def test_missing_record_is_always_found(
    tmp_path: Path, given_logs: LoggedHistory, draw: random.Random
) -> None:
    store = history_of(given_logs, tmp_path).store
    records = list(store.records())
    place = draw.randrange(len(records) - 1)
    # Nothing stands after the last digest that could miss it, and a history may lack its end.
    assume(not isinstance(records[place], EVENT_TYPES))
    changed = rewritten(
        store, tmp_path / "planted.events", lambda i, record: None if i == place else record
    )
    assert is_told(changed)


@pytest.mark.slow
@in_one_folder
@given(histories(), st.randoms(use_true_random=False))
def test_difference_in_a_decision_is_named_to_the_field(
    tmp_path: Path, given_logs: LoggedHistory, draw: random.Random
) -> None:
    history = history_of(given_logs, tmp_path)
    assume(history.recorded)
    number = draw.choice(sorted(history.recorded))
    # What a flagged line says decides what was written, too, which is compared on reading.
    flagged = history.recorded[number].flagged
    field = draw.choice(["purchases"] if flagged else ["purchases", "mean_cents", "sd_cents"])
    right = getattr(history.recorded[number], field)
    wrong = other_value(right, draw)

    def plant(_index: int, record: Single) -> Single:
        if isinstance(record, Decision) and record.number == number:
            return msgspec.structs.replace(record, **{field: wrong})
        return record

    changed = rewritten(history.store, tmp_path / "planted.events", plant)
    name = field.removesuffix("_cents")
    expected = Difference(number, "urn:coordinator", name, wrong, right)
    assert verify(History(replay.EventStore(changed))).difference == expected


@pytest.mark.slow
@in_one_folder
@given(histories(), st.integers(1, 12))
def test_history_of_a_run_that_was_stopped_has_no_difference(
    tmp_path: Path, given_logs: LoggedHistory, frames: int
) -> None:
    store = history_of(given_logs, tmp_path).store
    path = tmp_path / "stopped.events"
    path.unlink(missing_ok=True)
    with StoreWriter.create(path, store.header) as writer:
        for frame in list(store.frames())[:frames]:
            writer.append(frame.records, frame.events)
    assert verify(History(replay.EventStore(path))).difference is None


class LosingUser(UserActor):
    """Does not keep what it bought in event 5."""

    def apply(self, message: Apply) -> None:
        kept = tuple(purchase for purchase in message.purchases if purchase.number != 5)
        super().apply(msgspec.structs.replace(message, purchases=kept))


class LoyalUser(UserActor):
    """Does not hear of the end of a friendship."""

    def apply(self, message: Apply) -> None:
        super().apply(msgspec.structs.replace(message, unfriended=()))


def with_users(users: type[UserActor]) -> type[replay.Simulation]:
    """Return a detector that passes for the built-in one, and has such users."""

    class Planted(replay.Simulation):
        decides_as = replay.Simulation
        user_type = users

    return Planted


def test_user_who_lost_a_purchase_is_named(tmp_path: Path) -> None:
    history = history_of(SPEC_EXAMPLE, tmp_path)
    found = verify(history, detector=with_users(LosingUser)).difference
    assert found == Difference(6, "urn:user:1", "purchases", 3, 2)


def test_users_who_missed_the_end_of_a_friendship_are_named(tmp_path: Path) -> None:
    history = history_of(SPEC_EXAMPLE, tmp_path)
    found = verify(history, detector=with_users(LoyalUser)).difference
    assert found == Difference(6, "urn:user:1, urn:user:3", "friends", 2, 4)


@pytest.mark.parametrize("users", [LosingUser, LoyalUser])
def test_user_who_is_active_and_takes_an_event_wrongly_is_found_where_it_does(
    users: type[UserActor], tmp_path: Path
) -> None:
    """Where all events are of the stream, users are told of them and do not fold them."""
    first, _, others = SPEC_EXAMPLE.batch.partition(b"\n")
    history = history_of(LoggedHistory(first + b"\n", others + SPEC_EXAMPLE.stream), tmp_path)
    found = verify(history, detector=with_users(users)).difference
    assert found is not None
    assert (found.event, found.field) == (6, "purchases" if users is LosingUser else "friends")


@pytest.mark.slow
def test_sixty_planted_differences_of_the_sample_are_found(tmp_path: Path) -> None:
    kept = {}
    for name, lines in (("batch", 1_000), ("stream", 100)):
        content = (SAMPLE / f"{name}_log.json").read_bytes().split(b"\n")
        kept[name] = b"\n".join(content[:lines]) + b"\n"
    store = history_of(LoggedHistory(**kept), tmp_path).store
    records = list(store.records())
    draw = random.Random(2017)
    for place in draw.sample(range(len(records)), 60):
        changed = rewritten(
            store,
            tmp_path / "planted.events",
            lambda index, record, place=place: (  # type: ignore[misc]
                planted(record, draw) if index == place else record
            ),
        )
        assert is_told(changed), records[place]


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    history_of(SPEC_EXAMPLE, tmp_path)
    return tmp_path


def test_command_says_what_it_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder / STORE)]) == 0
    assert capsys.readouterr().out == (
        "played 7 events again, compared 1 decision and 2 state digests\nno difference\n"
    )


def test_command_names_the_first_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def plant(_index: int, record: Single) -> Single:
        if isinstance(record, Decision):
            return msgspec.structs.replace(record, mean_cents=2911)
        return record

    rewritten(replay.EventStore(folder / STORE), folder / "planted", plant)
    assert main(["verify", str(folder / "planted")]) == 1
    assert capsys.readouterr().out == (
        "played 7 events again, compared 0 decisions and 1 state digest\n"
        "first difference: after event 7, urn:coordinator\n"
        "  field:    mean\n"
        "  expected: 29.11, as recorded\n"
        "  actual:   29.10\n"
    )
    assert main(["verify", str(folder / "planted"), "--json"]) == 1
    assert msgspec.json.decode(capsys.readouterr().out) == {
        "events": 7,
        "decisions": 0,
        "digests": 1,
        "difference": {
            "event": 7,
            "actor": "urn:coordinator",
            "field": "mean",
            "expected": "29.11",
            "actual": "29.10",
        },
        "lost": [],
    }


def test_end_of_a_log_that_was_changed_is_found(folder: Path) -> None:
    shutil.copy(folder / STORE, folder / "original")

    def plant(_index: int, record: Single) -> Single:
        if isinstance(record, LogEnd) and record.source == "stream":
            return LogEnd("stream", record.lines + 1, record.newline)
        return record

    changed = rewritten(replay.EventStore(folder / "original"), folder / "planted", plant)
    found = verify(History(replay.EventStore(changed))).difference
    assert found is not None
    assert (found.event, found.actor, found.field) == (7, "urn:sink", "history before")


def test_digest_that_was_recorded_at_another_moment_is_found(folder: Path) -> None:
    def plant(_index: int, record: Single) -> Single:
        if isinstance(record, StateDigest) and record.events == 7:
            return msgspec.structs.replace(record, events=6)
        return record

    changed = rewritten(replay.EventStore(folder / STORE), folder / "planted", plant)
    assert verify(History(replay.EventStore(changed))).difference == Difference(
        7, "urn:sink", "digest events", 6, 7
    )
