"""Going through the frames of a store, and past what is damaged.

Torn is not rotten: what is not whole at the end, with nothing intact behind it, is what
an interrupted write leaves; with intact frames behind it something was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from events.store.frames import HEAD_BYTES, Fault, Frame, FrameFinder, chain_of, decode_frame

if TYPE_CHECKING:
    from collections.abc import Iterator


class Whole(NamedTuple):
    """A frame that is whole, and follows the one before it unless that is damaged."""

    frame: Frame
    """The frame."""
    body: int
    """Where its body begins, in bytes."""
    end: int
    """Where it ends, in bytes."""
    chain: bytes
    """The hash by which the next frame refers to it."""


class Damage(NamedTuple):
    """Bytes that are no frame, or not the one that should be there."""

    offset: int
    """Where they begin."""
    end: int | None
    """Where the next whole frame begins, or None where there is none."""
    fault: Fault
    """What is wrong where they begin."""
    position: int
    """How many frames stand before them."""
    events_before: int
    """How many events stand before them."""
    events_after: int | None
    """How many events stand before the next whole frame, or None where there is none."""

    @property
    def events_lost(self) -> int:
        """How many events were between, where that is known; else 0."""
        return 0 if self.events_after is None else self.events_after - self.events_before

    @property
    def loss(self) -> str:
        """Which events were between, in words."""
        if not self.events_lost:
            return "no event is lost"
        return f"events {self.events_before + 1} to {self.events_after} are lost"


def scan(data: memoryview, start: int, first: Frame | None = None) -> Iterator[Whole | Damage]:
    """Iterate over the frames of a store and over what is damaged between them.

    Args:
        data: the content of a store; a view of bytes.
        start: where its header ends, or the first frame to look at begins, in bytes.
        first: what that one is to be like; by default the first of all.

    Raises:
        BadValueError: there are more frames in one another than any damage makes.

    """
    finder: FrameFinder | None = None
    if first is None:
        first = Frame(0, 0, 0, chain_of(data[:start]), b"")
    offset, position, events = start, first.position, first.events_before
    chain: bytes | None = first.previous
    while offset < len(data):
        expected = None if chain is None else Frame(position, events, 0, chain, b"")
        decoded = decode_frame(data, offset, expected)
        if decoded is Fault.ORDER and (earlier := _earlier_frame(data, offset, position)):
            yield Damage(offset, earlier, decoded, position, events, events)
            offset = earlier
            continue
        if isinstance(decoded, Fault):
            # A frame that does not follow is whole in itself, and found where it is.
            finder = finder or FrameFinder(data)
            following = finder.find(offset, position)
            if following is None:
                yield Damage(offset, None, decoded, position, events, None)
                return
            end, frame, _ = following
            yield Damage(offset, end, decoded, position, events, frame.events_before)
            offset, position, events, chain = end, frame.position, frame.events_before, None
            continue
        frame, end = decoded
        chain = chain_of(data[offset:end])
        yield Whole(frame, offset + HEAD_BYTES, end, chain)
        offset, position, events = end, frame.position + 1, frame.events_before + frame.events


def _earlier_frame(data: memoryview, offset: int, position: int) -> int | None:
    """Return where the frame at ``offset`` ends if it is one that should have come before."""
    decoded = decode_frame(data, offset, None)
    if isinstance(decoded, Fault):
        return None
    frame, end = decoded
    return end if frame.position < position else None
