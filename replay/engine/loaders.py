"""Workers that parse the lines of a log while this process keeps those before them.

What a block of lines gives depends on the block alone, once the zone of the times is known;
only its numbers do on how many came before it, and these are put right here. So store and
journal are those of one process.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from functools import partial
from mmap import mmap
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import InputError
from events.journal.columns import EventColumns
from events.logs.reader import Piece
from events.logs.splitting import CutLine
from events.store.stored import encode_events
from replay.engine.forks import CAN_FORK
from replay.engine.workers import Workers, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from events.logs.block import Block
    from events.logs.file import Portions
    from events.logs.parser import Parser
    from events.logs.reader import LogReader
    from events.logs.tap import Change
    from replay.engine.forks import Fork

# A worker takes its lines for those from the second one on: before the first may stand a
# byte-order mark.
_LINE: Final = 2
_EVENT: Final = 1
# From so many bytes of a log on loaders pay: of 16 MB they gain nothing, of 47 MB two take 0.87
# of the time of a whole run at D=2 with 1,000 new lines, and of 479 MB 0.73.
_PAYS_BYTES: Final = 1 << 25
# This process has to put together what they give, which takes it half as long as one of them
# takes for all: more would wait for it.
_PAYING: Final = 2
# And however many are asked for, there are no more than these: each has its memory.
_LOADERS_MAX: Final = 16
# Nobody waits for this process to have taken what was parsed before.
_AHEAD: Final = 2
# So many pieces for each have a place in memory, whether they wait to be parsed or were.
_PLACES: Final = 2 * _AHEAD


def paying_loaders(log: LogReader) -> int:
    """Return how many loaders pay for a log of its size on disk; 1 where none do."""
    pay = CAN_FORK and log.bytes_total >= _PAYS_BYTES
    return min(usable_cores(), _PAYING) if pay else 1


class Loaders:
    """Parses the lines of a log, several blocks at a time."""

    def __init__(self, count: int, portions: Portions, check: Callable[[], None]) -> None:
        """Start no process yet.

        Args:
            count: how many there are to be; of very many only some.
            portions: how the log is read.
            check: called while they are waited for; raises where this process is to stop.

        """
        self._count: Final = min(count, _LOADERS_MAX)
        # What it gives is longer than a piece where the lines are kept: 2.2 times where each has
        # a key of its own, 2.6 where each is rejected for its time.
        self._size: Final = 4 * portions.batch_bytes
        self._check: Final = check

    def __call__(self, parser: Parser, found: Iterator[Piece | Change]) -> Iterator[Block]:
        """Iterate over what ``parser`` would give of each piece, and let it go on behind.

        Raises:
            InputError: the log cannot be read any further; what came before has come.

        """
        pieces = self._pieces(found)
        while parser.zone is None or parser.line_number < _LINE:
            piece = next(pieces, None)
            if piece is None:
                return
            yield parser.parse(piece.lines, last=piece.last)
        failure: list[InputError] = []
        with _Loading(self._count, parser, self._size, self._check) as loading:
            loading.start()
            for piece, parsed in loading.parsed(_until(pieces, failure)):
                if parsed is None:
                    yield parser.parse(piece.lines, last=piece.last)
                    continue
                block, lines = parsed
                block = block.moved(parser.line_number - _LINE, parser.next_number - _EVENT)
                parser.line_number += lines
                parser.next_number += block.events
                yield block
        if failure:
            raise failure[0]

    def _pieces(self, found: Iterator[Piece | Change]) -> Iterator[Piece]:
        """Iterate over pieces, and let this process stop while a long line is read over."""
        for each in found:
            if isinstance(each, Piece):
                yield each
            else:
                self._check()


def _until(pieces: Iterator[Piece], failure: list[InputError]) -> Iterator[Piece]:
    """Iterate over ``pieces`` up to where they cannot be read, and put why into ``failure``."""
    try:
        yield from pieces
    except InputError as error:
        failure.append(error)


class _Lent(NamedTuple):
    """A piece, and where in the memory of all its place begins."""

    piece: Piece
    place: int


class _Asked(NamedTuple):
    """What of a piece reaches a worker."""

    place: int
    bytes: int
    """How many bytes the lines have that lie there."""
    last: bool


class _Loading(Workers):
    """Workers that parse pieces, of which each has a place in memory that all have in common.

    There lie its lines, and then what they gave. What has no room there is for this process.
    """

    def __init__(self, count: int, parser: Parser, size: int, check: Callable[[], None]) -> None:
        """Start no process yet; see `Loaders`."""
        places = count * _PLACES
        super().__init__(count, partial(self._parse, parser), check, ahead=_AHEAD, taken_max=places)
        self._size: Final = size
        self._memory = mmap(-1, 1)
        with suppress(OSError):
            self._memory = mmap(-1, places * size)
        self._free: Final = [place * size for place in range(places)]

    def start(self) -> None:
        """Fork workers, unless there is no memory that they could have in common."""
        if len(self._memory) > 1:
            super().start()

    def close(self) -> None:
        super().close()
        # This is in a circle with what its workers do, and in a run nothing looks for such.
        self._memory.close()

    def parsed(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, tuple[Block, int] | None]]:
        """Iterate over ``pieces``, each with what it gives and how many lines it has.

        None stands for what is to be parsed by this process.
        """
        requests = (_Lent(piece, self._free.pop()) for piece in pieces)
        for (piece, place), answer in self.answers(requests):
            told = isinstance(answer, int)
            content = self._memory[place : place + answer] if told else b""
            self._free.append(place)
            yield piece, pickle.loads(content) if told else None  # noqa: S301  of our own

    def _ask(self, worker: Fork, request: _Lent) -> bool:
        (lines, last), place = request
        if isinstance(lines, CutLine) or len(lines) > self._size:
            return super()._ask(worker, None)
        self._memory[place : place + len(lines)] = lines
        return super()._ask(worker, _Asked(place, len(lines), last))

    def _parse(self, parser: Parser, asked: _Asked | None) -> int | None:
        """Return how many bytes of an answer lie where the lines were; in a worker."""
        if asked is None:
            return None
        place, size, last = asked
        parser.line_number, parser.next_number = _LINE, _EVENT
        block = parser.parse(self._memory[place : place + size], last=last)
        if block.events:
            columns = block.records[0]
            assert isinstance(columns, EventColumns), "so a block begins that has events"
            block = block._replace(encoded=encode_events(columns))
        parsed = block, parser.line_number - _LINE
        content = pickle.dumps(parsed, pickle.HIGHEST_PROTOCOL)
        if len(content) > self._size:
            return None
        self._memory[place : place + len(content)] = content
        return len(content)
