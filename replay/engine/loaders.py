"""Workers that parse the lines of a log while this process keeps those before them.

What a block of lines gives depends on the block alone, once the zone of the times is known;
only its numbers do on how many came before it, and these are put right here. So store and
journal are those of one process.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from events.errors import InputError
from events.logs.splitting import CutLine
from events.store.records import EventRun
from events.store.stored import encode_records
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
        while parser.zone is None or parser.line_number < _LINE:
            piece = next(pieces, None)
            if piece is None:
                return
            yield parser.parse(piece.lines, last=piece.last)
        failure: list[InputError] = []
        with Workers(self._count, partial(_parsed, parser), self._check) as workers:
            workers.start()
            for piece, found in workers.answers(_until(pieces, failure)):
                if found is LOST:
                    yield parser.parse(piece.lines, last=piece.last)
                    continue
                lines = piece.lines
                block = found.moved(parser.line_number - _LINE, parser.next_number - _EVENT)
                parser.line_number += 1 if isinstance(lines, CutLine) else lines.count(b"\n")
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


def _parsed(parser: Parser, piece: Piece) -> Block:
    parser.line_number, parser.next_number = _LINE, _EVENT
    block = parser.parse(piece.lines, last=piece.last)
    if [type(record) for record in block.records[1:]] != [EventRun]:
        return block
    return block._replace(body=encode_records(block.records))
