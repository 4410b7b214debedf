"""The two logs of a run that judges events, and its parameters: opened and checked together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from events.closing import Closing
from events.errors import DetectorError
from events.logs.file import Log
from events.logs.live import LiveLog
from events.paths import is_stream
from replay.engine.detectors import detector_version

if TYPE_CHECKING:
    from pathlib import Path

    from actors.sink import Outlet
    from events.logs.file import Portions
    from events.logs.parser import ParserType
    from events.logs.tap import Wake
    from events.store.store import EventStore
    from events.times.timestamps import Zone
    from replay.judging.history import JudgedResumed
    from replay.judging.shards import ShardedSystem, Transport

P = TypeVar("P")


class ParametersLine(NamedTuple, Generic[P]):
    """The parameters and the line that they were read from."""

    parameters: P
    """What the detector is told to look for."""
    line: bytes | None
    """The batch's first line where it is parameters, byte for byte; else None."""


class TwoLogs(Closing, ABC, Generic[P]):
    """A batch log and a stream log, ready to be read.

    Raises:
        InputError: a log is missing, is a folder, or cannot be read.
        ParametersError: a parameter is missing or wrong.

    """

    detectors: type
    """The base class of the detectors that read such logs."""
    detector: Any
    """The detector of a run on them, by default."""
    output: ClassVar[str]
    """The name of their output in messages."""
    own_events: ClassVar[bool] = False
    """Whether their lines are read by what somebody has written, and may expect to be alone."""

    def __init__(
        self,
        batch: str | Path | Log,
        stream: str | Path | Log,
        parser: ParserType,
        *,
        follow: bool = False,
        wake: Wake | None = None,
        zone: Zone | None = None,
        portions: Portions | None = None,
    ) -> None:
        """Open both logs and read the parameters; see `replay.Logs`.

        A log that is open is closed with these; ``parser`` makes what turns lines into blocks.
        """
        self.live: Final = not isinstance(stream, Log) and (follow or is_stream(stream))
        """Whether the stream is live: read while it is written."""
        self.batch: Final = (
            batch if isinstance(batch, Log) else Log(batch, "batch", parser, portions=portions)
        )
        try:
            self.stream: Final[Log | LiveLog] = (
                stream
                if isinstance(stream, Log)
                else LiveLog(stream, "stream", parser, follow=follow, wake=wake, portions=portions)
                if self.live
                else Log(stream, "stream", parser, portions=portions)
            )
            try:
                self.parameters, self.line = self.read_parameters()
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

    @abstractmethod
    def read_parameters(self) -> ParametersLine[P]:
        """Read the parameters, and their line off the batch if they stand there.

        Raises:
            ParametersError: one is missing or wrong.

        """

    @abstractmethod
    def setting(self) -> dict[str, Any]:
        """Return the parameters as fields of a store's header."""

    @abstractmethod
    def resumed(self, kept: EventStore, journal: Any) -> JudgedResumed[Any, Any, Any]:
        """Return how far the history in a store has come, with its events in ``journal``."""

    def check_sharded(self, detector: Any) -> None:
        """Refuse a detector whose subjects cannot be spread over shards.

        Raises:
            DetectorError: it is one.

        """
        raise DetectorError(
            f"{detector_version(detector).name}: expected a detector of purchases, whose users can "
            "be spread over shards, found one with events of its own; run it without shards"
        )

    def sharded(self, detector: Any, outlet: Outlet, shards: Transport) -> ShardedSystem:
        """Return ``detector`` with its subjects in ``shards``, which are started."""
        raise NotImplementedError

    def bind(self, zone: Zone | None) -> None:
        """Set the time zone of both logs; None: their first event decides."""
        self.batch.zone = self.stream.zone = zone

    def look_ahead(self) -> None:
        """Read ahead to the first event for the time zone; no line is lost.

        The zone stays undecided if that event is far off, or in a live stream.

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
        """Both logs, in reading order."""
        return self.batch, self.stream

    def close(self) -> None:
        self.batch.close()
        self.stream.close()
