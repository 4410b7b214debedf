"""A store is read on from where the last look ended, and a timeline extended by what came."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import DamagedStoreError, StoreError
from replay.purchases.history import History

ROOT = Path(replay.__file__).parents[1]
GOLDEN = sorted((ROOT / "tests" / "golden").glob("**/*.events"))


def told(store: replay.EventStore) -> tuple[object, ...]:
    return store.events, store.frames_count, store.chain, store.tail, list(store.records())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
@given(data=st.data())
def test_a_store_read_on_is_the_store_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, path: Path, data: st.DataObject
) -> None:
    content = path.read_bytes()
    whole = replay.EventStore(path)
    growing = tmp_path_factory.mktemp("growing") / "store.events"
    start = replay.EventStore(path)._start
    # Writes may be cut anywhere, also within a frame.
    cuts = sorted(data.draw(st.lists(st.integers(start, len(content)), max_size=4)))
    growing.write_bytes(content[: cuts[0] if cuts else start])
    store = replay.EventStore(growing)
    frames = list(store.frames()) if data.draw(st.booleans()) else None
    came = []
    for cut in [*cuts[1:], len(content)]:
        growing.write_bytes(content[:cut])
        came += store.read_on()
    if frames is not None:
        read = [(frame.previous, list(frame.each())) for frame in (*frames, *came)]
        assert read == [(frame.previous, list(frame.each())) for frame in whole.frames()]
    assert told(store) == told(whole)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for name in ("batch", "stream"):
        shutil.copy(ROOT / "scripts" / "sample" / f"{name}_log.json", tmp_path)
    with replay.Logs(tmp_path / "batch_log.json", tmp_path / "stream_log.json") as logs:
        return replay.run(logs, tmp_path / "flagged.json").store_path


def test_timeline_that_is_extended_tells_what_one_made_afresh_does(sample: Path) -> None:
    content = sample.read_bytes()
    whole = replay.EventStore(sample)
    ends = [place.end for place in whole._frames]
    sample.write_bytes(content[: ends[-7]])
    with replay.Timeline(sample) as timeline:
        timeline.goto(15_000)
        before = timeline.user("457")
        came = 0
        for end in ends[-6:]:
            sample.write_bytes(content[:end])
            came += timeline.read_on()
        assert timeline.position == 15_000
        assert timeline.user("457") == before
        fresh = replay.Timeline(sample)
        assert came > 0
        assert len(timeline) == len(fresh) == 20_588
        assert timeline.history.recorded == fresh.history.recorded
        assert timeline.history.place(20_417) == fresh.history.place(20_417)
        for position in (20_417, 20_588, 16_000):
            timeline.goto(position)
            fresh.goto(position)
            assert timeline.user("457") == fresh.user("457")
        assert timeline.decision(20_417) == fresh.decision(20_417)
        assert timeline.read_on() == 0


def test_a_store_that_was_replaced_or_damaged_is_refused(sample: Path) -> None:
    content = sample.read_bytes()
    ends = [place.end for place in replay.EventStore(sample)._frames]
    sample.write_bytes(content[: ends[-3]])
    history = History(replay.EventStore(sample))
    spoiled = bytearray(content)
    spoiled[ends[-3] + 60] ^= 1
    sample.write_bytes(spoiled)
    with pytest.raises(DamagedStoreError, match=r"after event .* expected frame"):
        history.read_on()
    spoiled = bytearray(content)
    spoiled[ends[0] - 3] ^= 1
    sample.write_bytes(spoiled)
    with pytest.raises(StoreError, match="expected the store to go on as it was, found another"):
        replay.EventStore.read_on(history.store)
