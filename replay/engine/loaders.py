"""Workers that parse the lines of a log while this process keeps those before them.

What a block of lines gives depends on the block alone, once the zone of the times is known;
only its numbers do on how many came before it, and these are put right here. So store and
journal are those of one process.
"""

from __future__ import annotations

from functools import partial
from mmap import mmap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import InputError
from events.journal.columns import EventColumns
from events.logs.splitting import CutLine
from events.store.stored import encode_events
from replay.engine.forks import LOST
from replay.engine.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.logs.block import Block
    from events.logs.parser import Parser
    from events.logs.reader import Piece

# A worker takes its lines for those from the second one on: before the first may stand a
# byte-order mark.
_LINE: Final = 2
_EVENT: Final = 1
# So many pieces for each worker have a place in memory that all have in common.
_PIECES: Final = 4


class Loaders:
    """Parses the lines of a log, several blocks at a time."""

    def __init__(self, count: int, check: Callable[[], None]) -> None:
        """Start no process yet.

        Args:
            count: how many there are to be.
            check: called while they are waited for; raises where this process is to stop.

        """
        self._count: Final = count
        self._check: Final = check

    def __call__(self, parser: Parser, pieces: Iterator[Piece]) -> Iterator[Block]:
        """Iterate over what ``parser`` would give of each of ``pieces``, and let it go on behind.

        Raises:
            InputError: the log cannot be read any further; what came before has come.

        """
        size = 0
        while parser.zone is None or parser.line_number < _LINE:
            piece = next(pieces, None)
            if piece is None:
                return
            size = max(size, len(piece.lines))
            yield parser.parse(piece.lines, last=piece.last)
        failure: list[InputError] = []
        room = _Room(_PIECES * self._count, size + size // 2)
        with Workers(self._count, partial(_parsed, parser, room), self._check) as workers:
            workers.start()
            for asked, found in workers.answers(map(room.lend, _until(pieces, failure))):
                room.give_back(asked)
                if found is LOST:
                    yield parser.parse(asked.piece.lines, last=asked.piece.last)
                    continue
                block, lines = found
                block = block.moved(parser.line_number - _LINE, parser.next_number - _EVENT)
                parser.line_number += lines
                parser.next_number += block.events
                yield block
        if failure:
            raise failure[0]


def _until(pieces: Iterator[Piece], failure: list[InputError]) -> Iterator[Piece]:
    """Iterate over ``pieces`` up to where they cannot be read, and put why into ``failure``."""
    try:
        yield from pieces
    except InputError as error:
        failure.append(error)


class _Lent:
    """A piece on its way to a worker, whose lines lie in a room if they have a place there."""

    __slots__ = ("piece", "place")

    def __init__(self, piece: Piece, place: int | None) -> None:
        self.piece = piece
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        piece, place = self.piece, self.place
        return _Asked, ((piece.lines if place is None else len(piece.lines)), piece.last, place)


class _Asked(NamedTuple):
    """What of a piece reaches a worker."""

    lines: Any
    """The lines, or how many bytes they are, at their place."""
    last: bool
    place: int | None


class _Room:
    """Memory that workers have in common with this process: what lies there is not sent."""

    def __init__(self, places: int, size: int) -> None:
        """Have room for so many pieces, each of so many bytes."""
        self._size: Final = size
        self._memory: Final = mmap(-1, max(places * size, 1))
        self._free: Final = [place * size for place in range(places)]

    def lend(self, piece: Piece) -> _Lent:
        """Put a piece into a place, if one is free and large enough."""
        lines = piece.lines
        if isinstance(lines, CutLine) or len(lines) > self._size or not self._free:
            return _Lent(piece, None)
        place = self._free.pop()
        self._memory[place : place + len(lines)] = lines
        return _Lent(piece, place)

    def give_back(self, lent: _Lent) -> None:
        """Let another piece have its place; no worker reads there any more."""
        if lent.place is not None:
            self._free.append(lent.place)

    def lines(self, asked: _Asked) -> Any:
        """Return the lines of a piece, where somebody is asked about it."""
        place, lines = asked.place, asked.lines
        return lines if place is None else self._memory[place : place + lines]


def _parsed(parser: Parser, room: _Room, asked: _Asked) -> tuple[Block, int]:
    """Return what a piece gives, and how many lines it has."""
    parser.line_number, parser.next_number = _LINE, _EVENT
    block = parser.parse(room.lines(asked), last=asked.last)
    if block.events:
        columns = block.records[0]
        assert isinstance(columns, EventColumns), "so a block begins that has events"
        block = block._replace(encoded=encode_events(columns))
    return block, parser.line_number - _LINE
