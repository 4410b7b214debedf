"""What this process is like while it is this program, and not somebody else's that uses it."""

from __future__ import annotations

import os
import sys

from replay.terminal.interrupts import end_at_once
from replay.terminal.isolation import is_command


def prepare_if_program() -> None:
    """Let Ctrl-C end it at once, and numpy start no threads, if it is this program.

    numpy's algebra has threads for matrices, of which there are none here. To start them took 0.1 s
    of processor time, more than half of what the smallest run takes, and processes that are
    forked would have to do without them. A variable that is set says how many a detector has.
    """
    if is_command() or os.path.basename(sys.argv[0]) == "replay":  # noqa: PTH119
        end_at_once()
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
