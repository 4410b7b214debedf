"""Every bit of a store is flipped, every block zeroed, every truncation point tried.

All of it is to be noticed, no intact frame given up, and no damage before the last frame
taken for what an interrupted write leaves.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import workload

import replay
from campaigns.cases import FLAGGED, STORE, Campaign, CaseFailedError, expect, spread
from events.errors import StoreError
from events.logs.file import Portions
from events.store.frames import Frame, chain_of, encode_frame
from events.store.header import decode_header
from events.store.scan import Damage, Whole, scan
from events.store.store import EventStore
from replay.purchases.history import PurchasesResumed

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_BYTES: Final = 512
_FRAMES_MIN: Final = 12


class Flips(Campaign):
    """Each case is one block of the store: its bits, its truncation points, all of it."""

    name = "flips"
    title = "every bit flipped, every truncation, every block zeroed, of a 1,000-event store"
    small = 2
    full = None

    def __init__(self, folder: Path) -> None:
        """Make the store."""
        super().__init__(folder)
        self._path: Final = _store(folder)
        self._data: Final = self._path.read_bytes()
        *_, self._start = decode_header(self._data, self._path)
        whole = [each for each in self._scan(self._data) if isinstance(each, Whole)]
        self._frames: Final = [each.frame for each in whole]
        self._ends: Final = [self._start, *(each.end for each in whole)]
        expect(len(whole) >= _FRAMES_MIN, f"expected {_FRAMES_MIN} frames, found {len(whole)}")
        expect(PurchasesResumed(EventStore(self._path)).finished, "expected a finished history")

    def total(self) -> int:
        """Return how many blocks there are."""
        return -(-len(self._data) // BLOCK_BYTES)

    def case(self, number: int, folder: Path) -> None:
        """Damage one block in every way."""
        self._expect_moved_frames_noticed(number % len(self._frames))
        start = spread(number, self.total()) * BLOCK_BYTES
        end = min(start + BLOCK_BYTES, len(self._data))
        damaged = bytearray(self._data)
        for bit in range(8 * start, 8 * end):
            damaged[bit // 8] ^= 1 << bit % 8
            self._expect_noticed(bytes(damaged), f"bit {bit} flipped")
            damaged[bit // 8] ^= 1 << bit % 8
        self.done["bits"] += 8 * (end - start)
        zeroed = self._data[:start] + bytes(end - start) + self._data[end:]
        self._expect_noticed(zeroed, f"bytes {start} to {end} zeroed")
        self.done["blocks"] += 1
        path = folder / STORE
        self._expect_refused(path, zeroed)
        for size in range(start, end):
            self._expect_cut(path, size)
        self.done["truncations"] += end - start

    def _scan(self, data: bytes) -> list[Whole | Damage]:
        return list(scan(memoryview(data), self._start))

    def _damaged(self, data: bytes) -> list[int]:
        """Return which frames of ``data``, of the store's size, are not as they were."""
        return [
            place
            for place, (start, end) in enumerate(itertools.pairwise(self._ends))
            if data[start:end] != self._data[start:end]
        ]

    def _expect_noticed(self, data: bytes, what: str) -> None:
        """Expect the damage, and nothing but it, to be found where it is."""
        if data[: self._start] != self._data[: self._start]:
            with suppress(StoreError):
                decode_header(data, self._path)
                raise CaseFailedError(f"{what}: expected a damaged header, found a whole one")
            return
        bad = self._damaged(data)
        found = self._scan(data)
        damages = [each for each in found if isinstance(each, Damage)]
        ends = [each.end for each in found if isinstance(each, Whole)]
        intact = [place for place in range(len(self._frames)) if place not in bad]
        expected = [self._ends[place + 1] for place in intact]
        expect(
            ends == expected,
            f"{what}: expected the frames that end at {expected} to be whole, found {ends}",
        )
        behind = self._ends[bad[-1] + 1] if bad[-1] + 1 < len(self._frames) else None
        places = [(each.offset, each.end) for each in damages]
        expect(
            places == [(self._ends[bad[0]], behind)],
            f"{what}: expected damage from {self._ends[bad[0]]} to {behind}, found {places}",
        )

    def _expect_refused(self, path: Path, data: bytes) -> None:
        """Expect the store to be refused where a frame behind the damage is intact."""
        path.write_bytes(data)
        bad = self._damaged(data)
        torn = data[: self._start] == self._data[: self._start] and bad[-1] + 1 == len(self._frames)
        try:
            store = EventStore(path)
        except StoreError:
            expect(not torn, "expected a torn tail, found a refusal")
            return
        expect(torn, "expected a refusal, found a store that opens")
        offset = None if store.tail is None else store.tail.offset
        expect(
            offset == self._ends[bad[0]],
            f"expected a torn tail from {self._ends[bad[0]]} on, found it from {offset} on",
        )

    def _expect_cut(self, path: Path, size: int) -> None:
        """Expect a truncated store to give its whole frames, and not to be a finished history."""
        path.write_bytes(self._data[:size])
        try:
            store = EventStore(path)
        except StoreError:
            expect(size < self._start, f"cut to {size} bytes: expected whole frames, found none")
            return
        whole = sum(end <= size for end in self._ends) - 1
        torn = size - self._ends[whole]
        found = store.frames_count, store.tail.length if store.tail is not None else 0
        expect(
            size >= self._start and found == (whole, torn),
            f"cut to {size} bytes: expected {whole} frames and {torn} bytes, found {found}",
        )
        if not torn:
            expect(
                not PurchasesResumed(store).finished,
                f"cut to {size} bytes, {whole} frames: expected an unfinished history",
            )

    def _expect_moved_frames_noticed(self, place: int) -> None:
        """Drop a frame, double it, and alter it together with its checksums."""
        pieces = [self._data[start:end] for start, end in itertools.pairwise(self._ends)]
        frame = self._frames[place]
        body = bytes(frame.body[:-1]) + bytes([frame.body[-1] ^ 1])
        altered = encode_frame(Frame(*frame[:-1], body))
        assert chain_of(altered) != chain_of(pieces[place])
        ways = {
            "dropped": pieces[:place] + pieces[place + 1 :],
            "doubled": [*pieces[: place + 1], *pieces[place:]],
            "altered": [*pieces[:place], altered, *pieces[place + 1 :]],
        }
        if place == len(pieces) - 1:
            # Nothing behind it refers to it.
            del ways["dropped"], ways["altered"]
        for way, changed in ways.items():
            data = self._data[: self._start] + b"".join(changed)
            noticed = any(isinstance(each, Damage) for each in self._scan(data))
            expect(noticed, f"frame {place} {way}: expected damage, found none")
            self.done["frames moved or altered"] += 1


def _store(folder: Path) -> Path:
    """Make a store of about 1,000 events, from a run with small blocks."""
    settings = workload.Workload(
        users=30,
        lines=800,
        stream_lines=200,
        tracked=5,
        seed=1,
        spikes=0.1,
        late=0.05,
        bad=0.02,
        rate=20,
    )
    workload.write(settings, folder)
    paths = folder / workload.BATCH_NAME, folder / workload.STREAM_NAME
    with replay.Logs(*paths, portions=Portions(10_000, 10_000)) as logs:
        return replay.run(logs, folder / FLAGGED).store_path
