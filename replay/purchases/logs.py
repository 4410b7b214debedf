"""The two logs of a run of the detector of purchases, with D and T."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from events.errors import ParametersError
from events.logs.splitting import CutLine
from events.purchases.blocks import BlockParser
from events.purchases.parameters import Parameters, is_parameters_line, parse_parameters
from replay.judging.logs import ParametersLine, TwoLogs
from replay.purchases.history import PurchasesResumed
from replay.purchases.sharded import ShardedPurchases, check_sharded
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from actors.sink import Outlet
    from events.logs.file import Log, Portions
    from events.logs.tap import Wake
    from events.purchases.journal import PurchaseJournal
    from events.store.store import EventStore
    from events.times.timestamps import Zone
    from replay.judging.shards import Transport


class Logs(TwoLogs[Parameters]):
    """A batch log and a stream log, ready to be read.

    Raises:
        InputError: a log is missing, is a folder, or cannot be read.
        ParametersError: D or T is missing or wrong.

    """

    detectors = Simulation
    detector = Simulation
    output = "the flagged purchases"

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
        portions: Portions | None = None,
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
            portions: how they are read; by default `events.logs.file.PORTIONS`.

        """
        self._given: Final = degrees, tracked
        super().__init__(
            batch, stream, BlockParser, follow=follow, wake=wake, zone=zone, portions=portions
        )

    def read_parameters(self) -> ParametersLine[Parameters]:
        return _parameters(self.batch, *self._given)

    def setting(self) -> dict[str, Any]:
        return {"parameters": self.parameters}

    def resumed(self, kept: EventStore, journal: PurchaseJournal | None) -> PurchasesResumed:
        return PurchasesResumed(kept, journal)

    def check_sharded(self, detector: Any) -> None:
        check_sharded(detector)

    def sharded(self, detector: Any, outlet: Outlet, shards: Transport) -> ShardedPurchases:
        return ShardedPurchases(detector, self.parameters, outlet, shards)


def _parameters(batch: Log, degrees: int | None, tracked: int | None) -> ParametersLine[Parameters]:
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
