"""Entry point of ``python -m replay`` and of the ``replay`` command."""

from __future__ import annotations

import os
import sys


def entry() -> None:
    """Run the command line and end the process with its status."""
    try:
        from replay.cli import main

        status = main()
    except KeyboardInterrupt:
        # Before the command line could take care of it.
        status = 130
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    # Every file is closed by now. Taking a history of a million objects apart, only
    # to give its memory back, takes 0.4 s.
    os._exit(status)


if __name__ == "__main__":
    entry()
