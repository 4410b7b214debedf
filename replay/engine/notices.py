"""What is said of another history whose lines or store stood where a run writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import plain
from replay.terminal.tables import shell_word

if TYPE_CHECKING:
    from pathlib import Path


def notice(
    output: Path,
    before: int,
    lines: int | None,
    store: Path,
    aside: Path | None,
    *,
    live: bool = False,
) -> str | None:
    """Return one line for a person (SPEC.md section 4), or None where nothing was there.

    Args:
        output: where the lines of this history are.
        before: how many bytes stand before them.
        lines: how many lines this history has written, or None where that is to come.
        store: where its store is.
        aside: where what stood there has been moved.
        live: whether its stream is, so that it could have gone on with that of another run.

    """
    moved = "" if aside is None else f"what stood at {plain(store)} was moved to {plain(aside)}"
    if before and lines != 0:
        writes = "writes" if lines is None else "wrote"
        resume = "--resume goes on with a store that is there, " if moved and live else ""
        return (
            f"{plain(output)} had {counted(before, 'byte')} already, and what this run {writes} "
            f"comes behind them{f'; {moved}' if moved else ''}; {resume}--overwrite starts afresh"
        )
    return f"{moved}; --overwrite removes an earlier store instead" if moved else None


def rewritten_notice(store: Path, kept: Path) -> str:
    """Return one line for a person: a store is of another format now, and where the old one is."""
    return (
        f"{plain(store)} was of an earlier format, and is of the present one now, with the same "
        f"history; as it was it is kept as {plain(kept)}"
    )


def rebuild_cure(store: Path, output: Path) -> str:
    """Return what writes an output again that was altered, for a person to copy."""
    return f"python -m replay rebuild {shell_word(store)} {shell_word(output)} writes it again"
