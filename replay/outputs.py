"""Where verdicts go: the decisions to the event store, the flagged lines to their file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from events.closing import Closing
from events.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.records import Decision, StateDigest
    from events.store import StoreWriter


def write_new(path: str | Path, content: bytes, what: str) -> None:
    """Write ``content`` to a file that must not exist; ``what`` names it in errors.

    Raises:
        OutputError: the file exists or cannot be written.

    """
    try:
        with Path(path).open("xb") as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"{path}: expected to write {what}, found: {error.strerror}") from None


class FlaggedFile(Closing):
    """The file of flagged purchases, to which lines are appended (SPEC.md section 4).

    Raises:
        OutputError: the file cannot be opened or written; also while writing.

    """

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Open the file at ``path``, keeping what stands in it unless ``overwrite``."""
        self.path: Final = Path(path)
        self._file: BinaryIO
        try:
            self._file = self.path.open("wb" if overwrite else "ab", buffering=0)
            if not overwrite and not self._ends_with_newline():
                self._file.write(b"\n")
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines``, which have no newlines."""
        view = memoryview(b"".join([line + b"\n" for line in lines]))
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _ends_with_newline(self) -> bool:
        if not self.path.is_file() or self.path.stat().st_size == 0:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path}: expected to write the flagged purchases, found: {error.strerror}"
        )


class Outputs:
    """Sends decisions to a store and flagged lines to a file; an outlet of the sink actor."""

    def __init__(self, store: StoreWriter, flagged: FlaggedFile) -> None:
        """Send decisions to ``store`` and lines to ``flagged``."""
        self._store = store
        self._flagged = flagged

    def record(self, decisions: Sequence[Decision]) -> None:
        """Append ``decisions`` to the store."""
        if decisions:
            self._store.append(decisions, 0)

    def attest(self, digest: StateDigest) -> None:
        """Append ``digest`` to the store."""
        self._store.append([msgspec.structs.replace(digest, chain=self._store.chain)], 0)

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines`` to the flagged purchases."""
        if lines:
            self._flagged.write(lines)
