"""A history as its two logs, which is what every check here takes and every failure shows."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from events.logs.block import numbered
from events.logs.objects import BYTE_ORDER_MARK
from events.logs.splitting import whole_lines
from events.purchases.blocks import BlockParser
from events.purchases.parameters import parse_parameters
from events.records.record import Rejected
from replay.engine.history import texts_by_log
from replay.judging.shrink import BATCH, STREAM
from replay.purchases.history import History

if TYPE_CHECKING:
    from events.purchases.event import Event
    from events.purchases.parameters import Parameters
    from events.store.store import EventStore
    from events.times.timestamps import Zone


class LoggedHistory(NamedTuple):
    """A batch log, its first line the parameters, and a stream log, byte for byte."""

    batch: bytes
    """The past."""
    stream: bytes
    """What comes in."""

    @property
    def parameters(self) -> Parameters:
        """D and T, from the batch's first line that is not blank."""
        return parse_parameters(self._split()[0], BATCH)

    @property
    def past(self) -> list[Event]:
        """The events of the batch; lines that are rejected make none."""
        return self._past()[0]

    @property
    def new(self) -> list[Event]:
        """The events of the stream, numbered on from those of the batch."""
        past, zone = self._past()
        return _events(self.stream, BlockParser("stream", len(past) + 1, zone=zone))

    @property
    def lines(self) -> list[bytes]:
        """The lines of both logs that are neither blank nor the parameters."""
        stream = self.stream.removeprefix(BYTE_ORDER_MARK)
        return [line for log in (self._split()[1], stream) for line in _lines(log)]

    def write(self, folder: str | Path) -> tuple[Path, Path]:
        """Write the two logs into ``folder`` and return where they are."""
        paths = (Path(folder) / BATCH, Path(folder) / STREAM)
        for path, log in zip(paths, self, strict=True):
            path.write_bytes(log)
        return paths

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Return the history that `write` has written into ``folder``."""
        return cls(*[(Path(folder) / name).read_bytes() for name in (BATCH, STREAM)])

    @classmethod
    def of(cls, store: EventStore) -> Self:
        """Return the history that ``store`` holds, with its D and T on the first line."""
        history = History(store)
        lines = islice(history.log_lines(), store.header.line is not None, None)
        texts = texts_by_log(chain([history.parameters_line], lines))
        return cls(*(history.log_content(source, found) for source, found in texts.items()))

    def __repr__(self) -> str:
        """Return how to make it again, a line for each line of the logs."""
        logs = (f"    {name}={_shown(log)},\n" for name, log in self._asdict().items())
        return f"{type(self).__name__}(\n{''.join(logs)})"

    def _past(self) -> tuple[list[Event], Zone | None]:
        """Return the events of the batch, and what they decide about times."""
        parser = BlockParser("batch", 1, 2)
        return _events(self._split()[1], parser), parser.zone

    def _split(self) -> tuple[bytes, bytes]:
        """Return the parameters' line and what comes after it."""
        batch = self.batch.removeprefix(BYTE_ORDER_MARK).lstrip(b" \t\r\n")
        first, _, rest = batch.partition(b"\n")
        return first, rest


def _lines(log: bytes) -> list[bytes]:
    return [line for line in log.split(b"\n") if line.strip(b" \t\r")]


def _events(log: bytes, parser: BlockParser) -> list[Event]:
    blocks = whole_lines([log if log.endswith(b"\n") else log + b"\n"])
    return [
        event
        for block in blocks
        for _, event in numbered(parser.parse(block).records)
        if not isinstance(event, Rejected)
    ]


def _shown(log: bytes) -> str:
    lines = log.splitlines(keepends=True)
    if len(lines) <= 1:
        return repr(log)
    return "(\n" + "".join(f"        {line!r}\n" for line in lines) + "    )"
