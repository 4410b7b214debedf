"""The run of a detector that judges events: two logs in, a store and the flagged lines out.

`replay.engine.run` is its way, and `replay.judging.drive` what is done on it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from events.disk import DISK, Disk
from events.errors import InputError
from replay.engine.files import check_outputs, store_beside
from replay.engine.logging_listener import LoggingListener
from replay.engine.notices import rebuild_cure
from replay.engine.output_streams import output_at
from replay.engine.rejected_file import rejected_file
from replay.engine.run import Run
from replay.judging.drive import JudgingDrive
from replay.judging.history import Summary
from replay.judging.shards import ShardedDrive

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.engine.listener import RunListener
    from replay.engine.run import ShouldStop
    from replay.engine.workers import Workforce
    from replay.judging.logs import TwoLogs
    from replay.judging.shards import Transport
    from replay.judging.system import ActorSystem


def run(
    logs: TwoLogs[Any],
    flagged: str | Path,
    *,
    store: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    resume: bool = False,
    rejected: str | Path | None = None,
    listener: RunListener | None = None,
    should_stop: ShouldStop = bool,
    disk: Disk = DISK,
    detector: Callable[..., ActorSystem[Any, Any, Any]] | None = None,
    workers: int | Workforce | None = 1,
    shards: int | Transport | None = None,
) -> Summary:
    """Read both logs, keep their events, write the flagged ones; return what was done.

    An unfinished run on the same inputs is continued, and gives what it would have without the
    stop; a finished one is left as it is. A store of another history or detector is moved aside.

    Args:
        logs: the two logs; of a detector with events of its own, its `logs`.
        flagged: the file to append flagged lines to; or ``-`` for standard output, a
            pipe or a character device, to which lines are written once.
        store: the event store, by default ``flagged`` with ``.events``; none beside a device.
        overwrite: start the flagged file and the store afresh.
        strict: stop at the first line that is rejected.
        resume: go on with the history of a stream that was live.
        rejected: a file for the rejected lines; see `replay.engine.rejected_file`.
        listener: is told how the run goes; by default it is told to the logger ``replay``.
        should_stop: asked between events; when it says True the run stops in good order.
        disk: does what is done to files that are written.
        detector: makes the actors, by default those of the logs; see `replay.engine.detectors`.
        workers: how many load the past and judge; None: as many as pay; or a
            `replay.RayCluster`. One judges where `replay.judging.workers.why_alone` says why.
        shards: over how many processes users are spread, or who has such: a `replay.RayShards`.

    Raises:
        InputError: the logs are another detector's or cannot be read, an output would overwrite one
            or is no file, a history in a pipe is to be gone on with, or shards cannot be had.
        OutputError: an output cannot be written, or was changed since it was written.
        StoreError: the store that stands there is damaged, or of a newer format.
        DetectorError: the detector has to declare its name or version, or shards cannot take it.
        ActorFailedError: an actor raised, and again when it had recovered.
        LineRejectedError: a line was rejected and the run is strict.
        InterruptedRunError: ``should_stop`` said True.
        ShardsLostError: shards were lost again and again, or all with their cluster.

    """
    detector = _given(logs, detector)
    store = store_beside(flagged, store)
    inputs = [(f"{log.source} log", log.identity) for log in logs.logs]
    check_outputs(inputs, flagged, store)
    summary = Summary(Path(flagged), store)
    cure = rebuild_cure(summary.store_path, summary.output_path)
    output = output_at(flagged, disk, logs.output, cure, should_stop)
    listener = listener or LoggingListener()
    drive = JudgingDrive if shards is None else partial(ShardedDrive, shards=shards)
    driven = drive(logs, summary, detector, listener, should_stop, workers=workers)
    running = Run(
        *(logs, output, summary, driven),
        strict=strict,
        listener=listener,
        should_stop=should_stop,
        disk=disk,
        rejected=rejected_file(rejected, inputs, (summary.output_path, store), disk),
    )
    running.whole(overwrite=overwrite, resume=resume)
    return summary


def _given(logs: TwoLogs[Any], detector: Any) -> Any:
    """Return who decides; refuse a detector that is given logs of another kind."""
    given, own = detector or logs.detector, logs.detectors
    if isinstance(given, type) and not issubclass(given, own):
        raise InputError(
            f"{logs.batch.path}: expected a detector made of {own.__qualname__}, whose logs these "
            f"are, found {given.__qualname__}"
        )
    return given
