"""The files of a branch: its logs, and its outputs, which have their names when complete."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import TYPE_CHECKING

from events.disk import NewFile, free_name, permissions_of
from events.errors import unwritable
from events.store.header import is_store
from events.store.writer import set_aside
from replay.engine.opening import refuse_locked
from replay.engine.output_file import OutputFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.disk import Disk
    from events.records.record import Source
    from replay.engine.listener import RunSummary


class BranchFiles:
    """Where the outputs of a branch are while it is decided, and then."""

    def __init__(self, output: NewFile, store: Path, disk: Disk, *, overwrite: bool) -> None:
        """Let them be called as ``output`` is to be, and ``store``, in the end."""
        self.output = output.file.path
        """The output in the making."""
        self.store = free_name(store, "part")
        """The event store in the making."""
        self._new = output
        self._final = store
        self._disk = disk
        self._overwrite = overwrite

    def complete(self, summary: RunSummary) -> None:
        """Let both have their names, and say so in ``summary``; the store comes first.

        Raises:
            OutputError: one of them cannot be written.

        """
        disk, store = self._disk, self._final
        refuse_locked(store)
        # What is no event store is not the program's own, and so only moved.
        replaced = self._overwrite and is_store(store)
        if not replaced:
            summary.store_set_aside = set_aside(store, disk)
        try:
            if replaced and (permissions := permissions_of(store)) is not None:
                with disk.extend(self.store) as file:
                    file.permit(permissions)
            (disk.rename if replaced else disk.rename_new)(self.store, store)
            self._new.complete(replace=self._overwrite)
        except OSError as error:
            raise unwritable(self._new.path, error, "the branch") from None
        summary.output_path, summary.store_path = self._new.path, store


@contextmanager
def branch_files(
    output: Path, store: Path, disk: Disk, *, overwrite: bool
) -> Iterator[BranchFiles]:
    """Begin the outputs of a branch; what is not complete in the end is removed.

    Raises:
        OutputError: another run writes one that is to be replaced, or one cannot be made.

    """
    refuse_locked(store)
    with OutputFile(output, disk) as standing:
        standing.hold()
        try:
            new = NewFile(output, disk)
        except OSError as error:
            raise unwritable(output, error, "the branch") from None
        with new:
            files = BranchFiles(new, store, disk, overwrite=overwrite)
            try:
                yield files
            finally:
                if os.path.lexists(files.store):
                    with suppress(OSError):
                        disk.remove(files.store)


def _temporary_folder() -> str:
    """Return where `tempfile` puts what has no other place, without trying to write there.

    It tries that with a file of a name, which stays there if this process is killed meanwhile.
    """
    if tempfile.tempdir is not None:
        return os.fsdecode(tempfile.tempdir)
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    places = [*filter(None, named), "/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108  as it does
    return next((each for each in places if os.access(each, os.W_OK | os.X_OK)), os.curdir)


def unnamed_log(content: bytes, source: Source) -> BufferedReader:
    """Return ``content``, a branch's log, to be read from a temporary file that nobody finds.

    Raises:
        OutputError: it cannot be written there.

    """
    folder = _temporary_folder()
    try:
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  whoever reads it closes it
        file.write(content)
        file.seek(0)
    except OSError as error:
        what = f"the branch's {source} log, which is read from there"
        raise unwritable(folder, error, what) from None
    return BufferedReader(file.detach())
