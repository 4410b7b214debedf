"""The command line in this process, with bounds on its time and its memory."""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import traceback
from typing import TYPE_CHECKING, Final, NamedTuple

from campaigns.cases import CaseFailedError
from replay import cli

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import FrameType

SECONDS_MAX: Final = 20
"""Of the processor; commands on the stores of campaigns take less than a tenth of one."""
MEMORY_BYTES_MAX: Final = 1 << 30
"""Of address space, beyond what the process has before."""

_PAGE_BYTES: Final = resource.getpagesize()


class HungError(BaseException):
    """A command has taken too long; no `except Exception` is to hide it."""


class Outcome(NamedTuple):
    """What came of a command."""

    words: list[str]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        """Return it for a person."""
        return f"{' '.join(self.words)}: status {self.status}: {self.err[-1_000:]}"


def outcome(words: Sequence[str | Path]) -> Outcome:
    """Run the command line with ``words``.

    Raises:
        CaseFailedError: it ended with a traceback, or kept to no bound.

    """
    given = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    said = f"{' '.join(given)}: "
    try:
        with _bounds(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main(given)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 1
    except HungError:
        raise CaseFailedError(f"{said}more than {SECONDS_MAX} s of processor time") from None
    except Exception:  # noqa: BLE001  whatever it is, no user is to see it
        raise CaseFailedError(f"{said}{traceback.format_exc()}") from None
    found = Outcome(given, status, out.getvalue(), err.getvalue())
    if "found none left" in found.err:
        raise CaseFailedError(f"{said}more than {MEMORY_BYTES_MAX:,} bytes of memory")
    return found


@contextlib.contextmanager
def _bounds() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        pages = int(file.read().split()[0])
    before = signal.signal(signal.SIGPROF, _hung)
    resource.setrlimit(resource.RLIMIT_AS, (pages * _PAGE_BYTES + MEMORY_BYTES_MAX, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def _hung(_number: int, _frame: FrameType | None) -> None:
    raise HungError
