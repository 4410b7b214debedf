"""The two logs of a run and its parameters, opened and checked together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from events.closing import Closing
from events.errors import ParametersError
from events.logs.file import Log
from events.logs.live import LiveLog
from events.logs.splitting import CutLine
from events.paths import is_stream
from events.purchases.blocks import BlockParser
from events.purchases.parameters import Parameters, is_parameters_line, parse_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from events.logs.tap import Wake
    from events.times.timestamps import Zone


class ParametersLine(NamedTuple):
    """The parameters and the line that they were read from."""

    parameters: Parameters
    line: bytes | None
    """The batch's first line where it is parameters, byte for byte; else None."""


class Logs(Closing):
    """A batch log and a stream log, ready to be read.

    Raises:
        InputError: a log is missing, is a folder, or cannot be read.
        ParametersError: D or T is missing or wrong.

    """

    def __init__(
        self,
        batch: str | Path | Log,
        stream: str | Path | Log,
        degrees: int | None = None,
        tracked: int | None = None,
        *,
        follow: bool = False,
        wake: Wake | None = None,
        zone: Zone | None = None,
    ) -> None:
        """Open both logs and read the parameters.

        Args:
            batch: the past, with the parameters on its first line; a log that is open
                is closed with these.
            stream: what comes in; ``-`` for standard input.
            degrees: D to use instead of the batch's.
            tracked: T to use instead of the batch's.
            follow: whether the stream is a file that grows.
            wake: ends the waiting for a stream that is live.
            zone: whether their times have an offset; None where their first event decides.

        """
        self.live: Final = not isinstance(stream, Log) and (follow or is_stream(stream))
        """Whether the stream is read while it is written."""
        self.batch: Final = batch if isinstance(batch, Log) else Log(batch, "batch", BlockParser)
        try:
            self.stream: Final[Log | LiveLog] = (
                stream
                if isinstance(stream, Log)
                else LiveLog(stream, "stream", BlockParser, follow=follow, wake=wake)
                if self.live
                else Log(stream, "stream", BlockParser)
            )
            try:
                self.parameters, self.line = _parameters(self.batch, degrees, tracked)
                if isinstance(self.stream, Log):
                    # Of what cannot be read, such as no gzip file, no outputs are begun.
                    self.stream.peek_line()
            except BaseException:
                self.stream.close()
                raise
        except BaseException:
            self.batch.close()
            raise
        self.bind(zone)

    def bind(self, zone: Zone | None) -> None:
        """Let the times of both be of ``zone``; None where it is not decided yet."""
        self.batch.zone = self.stream.zone = zone

    def look_ahead(self) -> None:
        """Find out what the first event decides; nothing of the logs is lost.

        It stays undecided where that event is far off, or comes from a stream that is live.

        Raises:
            InputError: a log cannot be read so far.

        """
        if self.batch.zone is None:
            found = self.batch.look_ahead()
            if found.ended and found.zone is None and isinstance(self.stream, Log):
                found = self.stream.look_ahead()
            self.bind(found.zone)

    @property
    def logs(self) -> tuple[Log, Log | LiveLog]:
        """Both, in the order in which they are read."""
        return self.batch, self.stream

    def close(self) -> None:
        """Close both logs."""
        self.batch.close()
        self.stream.close()


def _parameters(batch: Log, degrees: int | None, tracked: int | None) -> ParametersLine:
    line = batch.peek_line()
    where = f"{batch.path}:{batch.lines_read + 1}"
    if degrees is not None and tracked is not None:
        # The first line is not needed; it may be parameters or already an event.
        parameters = Parameters(degrees, tracked)
        if not isinstance(line, bytes) or not is_parameters_line(line):
            return ParametersLine(parameters, None)
        return ParametersLine(parameters, batch.skip_line())
    if line is None:
        raise ParametersError(
            f'{batch.path}: expected the parameters on the first line, such as {{"D":"2", '
            '"T":"50"}, found an empty file; add the line or give both -D and -T'
        )
    if isinstance(line, CutLine):
        raise ParametersError(
            f'{where}: expected the parameters, such as {{"D":"2", "T":"50"}}, found a line of '
            f"{line.length:,} bytes; correct the line or give both -D and -T"
        )
    parameters = parse_parameters(line, where, degrees, tracked)
    return ParametersLine(parameters, batch.skip_line())
