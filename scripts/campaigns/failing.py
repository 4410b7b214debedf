"""The n-th operation on a file fails, once or for ever; then the same command is run again."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from unittest import mock

import replay
from campaigns.cases import (
    Campaign,
    contents,
    expect,
    expect_outputs,
    put_back,
    small_frames,
    spread,
)
from campaigns.histories import begin, of_either_kind, overwrites, prepared, run
from replay import cli
from replay.commands import intervals
from replay.intervals.run import run_intervals
from replay.testing.disks import CountingDisk, DiedError, DyingDisk, FailingDisk

if TYPE_CHECKING:
    from pathlib import Path

    from campaigns.histories import History, Prepared
    from events.disk import Disk

_HISTORIES: Final = 120
_ERRORS: Final = (errno.ENOSPC, errno.EIO)


class Failing(Campaign):
    """Each case is one operation of one history, of a new run and of one that goes on."""

    name = "io"
    title = "the n-th operation on a file fails, once or for ever; then it works again"
    small = 50
    full = None

    def __init__(self, folder: Path) -> None:
        """List all operations of all histories."""
        super().__init__(folder)
        self._operations: list[tuple[Prepared, int]] = []
        for seed in range(_HISTORIES):
            one = prepared(seed, folder / f"history-{seed}", of_either_kind)
            self._operations += [(one, number) for number in range(1, len(one.operations) + 1)]

    def total(self) -> int:
        """Return how many operations there are."""
        return len(self._operations)

    def case(self, number: int, folder: Path) -> None:
        """Fail at one operation in each way, and run again."""
        (history, expected, operations), place = self._operations[spread(number, self.total())]
        begin(history, folder)
        fresh = contents(folder / "out")
        with suppress(DiedError):
            run(history, folder, DyingDisk(1 + number % len(operations), "after"))
        for what, start in (("a new run", fresh), ("a run that goes on", contents(folder / "out"))):
            for error in _ERRORS:
                for for_ever in (False, True):
                    put_back(folder / "out", start)
                    disk = FailingDisk(place, for_ever=for_ever, error=error)
                    times = "for ever" if for_ever else "once"
                    when = f"{what}, operation {place} fails {times} with {errno.errorcode[error]}"
                    status, said = command(history, folder, disk)
                    failed = len(disk.operations) >= place
                    self.done["errors"] += failed
                    _expect_said(status, said, failed=failed, when=when)
                    # Where to remove it failed, nothing can be done.
                    if failed and not for_ever and not disk.operations[place - 1].startswith("rem"):
                        new = contents(folder / "out").keys() - start.keys()
                        parts = [name for name in new if ".part." in name]
                        expect(not parts, f"{when}: expected nothing half made, found {parts}")
                    status, said = command(history, folder, CountingDisk())
                    expect(status == 0, f"{when}: then expected status 0, found {status}: {said}")
                    expect_outputs(contents(folder / "out"), expected, when)


def _expect_said(status: int, said: str, *, failed: bool, when: str) -> None:
    errors = [line for line in said.splitlines() if line.startswith("replay: ")]
    found = f"found status {status}, {len(errors)} errors: {said}"
    if failed:
        right = status == 1 and len(errors) == 1 and ": expected to " in errors[0]
        expect(right, f"{when}: expected status 1 and one error, {found}")
    else:
        expect(status == 0 and not errors, f"{when}: expected status 0, {found}")
    expect("Traceback" not in said, f"{when}: expected no traceback, {found}")


def command(history: History, folder: Path, disk: Disk) -> tuple[int, str]:
    """Run the command line with ``disk``; return its status and what it says of errors."""
    words = [*history.words(folder), "-q", *["--overwrite"] * overwrites(history, folder)]
    said = io.StringIO()
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with (
            small_frames(),
            mock.patch.object(cli, "run", functools.partial(replay.run, disk=disk)),
            mock.patch.object(
                intervals, "run_intervals", functools.partial(run_intervals, disk=disk)
            ),
            contextlib.redirect_stderr(said),
        ):
            return cli.main(words), said.getvalue()
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
