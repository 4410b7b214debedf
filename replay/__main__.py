"""Entry point of ``python -m replay`` and of the ``replay`` command."""

from __future__ import annotations

import os

from replay.terminal import interrupts


def entry() -> None:
    """Run the command line and end the process with its status."""
    interrupts.end_at_once()
    from replay.cli import main
    from replay.terminal import standard_streams

    standard_streams.prepare()
    try:
        interrupts.interrupt()
        status = main()
    except KeyboardInterrupt:
        # Outside of where the command line takes care of it.
        status = interrupts.EXIT_INTERRUPTED
    except SystemExit as end:
        # Of the parser, which gives a number.
        status = end.code if isinstance(end.code, int) else 1
    interrupts.end_at_once()
    status = standard_streams.finish(status)
    # Every file is closed by now. Taking a history of a million objects apart, only
    # to give its memory back, takes 0.4 s.
    os._exit(status)


if __name__ == "__main__":
    entry()
