"""A file of the lines that a run rejected, byte for byte, to be corrected and fed in again.

They come in the order of the logs, rows of CSV behind the row of column names; lines that were
too long to be kept as a whole are left out. Where a history begins, the file is new or empty. It
is made of the store alone, which has each rejected line before it comes here; so after a
crash, or where it is asked for later, it is completed from there, and no line is lost or comes
twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.disk import DISK
from events.errors import InputError
from events.paths import STANDARD_STREAM, is_output_stream
from replay.engine.files import check_outputs, same_file
from replay.engine.output import WrittenLines
from replay.engine.output_file import OutputFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from events.disk import Disk, Identity
    from events.records.record import Rejected
    from events.store.store import EventStore

_WHAT: Final = "file of rejected lines"


class RejectedFile(Closing):
    """Holds the rejected lines of one history, and nothing else.

    Raises:
        OutputError: the file cannot be opened or written, or another run writes it; also
            while writing.

    """

    def __init__(self, path: str | Path, disk: Disk = DISK, heading: bytes = b"") -> None:
        """Take the file at ``path``; the ``heading`` stands before its first line."""
        self.path: Final = Path(path)
        """Where it is."""
        self.left_out = 0
        """How many lines were too long to be kept as a whole, and are not in it."""
        cure = "another --rejected FILE has all lines again"
        self._file: Final = OutputFile(path, disk, "the rejected lines", cure)
        self._heading: Final = heading

    def check_new(self, *, overwrite: bool) -> None:
        """Refuse a file that holds something, where a history begins.

        Raises:
            InputError: it does, and is not to be started afresh.

        """
        self._file.hold()
        if self._file.start(overwrite=overwrite):
            raise InputError(
                f"{self.path}: expected a new or empty file for the rejected lines, found one that "
                "holds something, which may have been corrected; name another file"
            )

    def begin(self, *, overwrite: bool) -> None:
        """Begin without lines."""
        self._file.begin(0, overwrite=overwrite)

    def recover(self, kept: EventStore, *, finished: bool) -> None:
        """Make sure that it holds the rejected lines of a history, each once."""
        # One look for both: each one reads the whole store.
        sizes = list(map(len, self._pieces(kept)))
        self.left_out = sizes.count(0)
        written = WrittenLines(lambda: self._pieces(kept), sum(sizes), 0)
        self._file.recover(0, written, finished=finished)

    def write(self, rejected: Sequence[Rejected]) -> None:
        """Append lines that are in the store, and on the disk."""
        lines = [each.line for each in rejected if not each.is_cut]
        self.left_out += len(rejected) - len(lines)
        if lines:
            begins = bool(self._heading) and not self._file.size
            heading = [self._heading.removesuffix(b"\n")] if begins else []
            self._file.write([*heading, *lines])

    def sync(self) -> None:
        """Return only when all of it is on the disk, under its name."""
        self._file.sync()

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _pieces(self, kept: EventStore) -> Iterator[bytes]:
        """Iterate over the lines as they stand in the file; an empty one where one is left out."""
        heading = self._heading
        for rejected in kept.rejected():
            if rejected.is_cut:
                yield b""
            else:
                yield heading + rejected.line + b"\n"
                heading = b""


def rejected_file(
    path: str | Path | None,
    inputs: Iterable[tuple[str, Identity | None]],
    others: Iterable[Path],
    disk: Disk,
    heading: bytes = b"",
) -> RejectedFile | None:
    """Return the file at ``path``, if one is asked for; its first line is the ``heading``.

    Raises:
        InputError: it would be one of those, or cannot be made there.

    """
    if path is None:
        return None
    if path == STANDARD_STREAM or is_output_stream(path):
        raise InputError(f"{path}: expected a file for the rejected lines, found a stream")
    check_outputs(inputs, path, None, _WHAT)
    for other in others:
        if str(other) != STANDARD_STREAM and same_file(Path(path), other):
            raise InputError(f"{path}: expected a file of its own for the rejected lines")
    return RejectedFile(path, disk, heading)
