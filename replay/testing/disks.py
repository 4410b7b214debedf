"""Disks that fail, die, or forget, in place of the real one; all on real files.

Give one to `replay.run` to see what becomes of a run whose machine lets it down.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from events.disk import CREATED, EXTENDED, Disk, DiskFile

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class DiedError(BaseException):
    """The death of the process, at this place; nothing in the program catches it on purpose."""


def _nothing() -> None:
    pass


class Operation(NamedTuple, Generic[T]):
    """Something that is to be done to a file."""

    what: str
    """create, extend, write, sync, truncate, link, rename, remove or sync folder."""
    path: Path
    """To which file or folder."""
    do: Callable[[], T]
    """Does it."""
    file: WatchedFile | None = None
    """Of a write: the file that is written to."""
    data: bytes | memoryview = b""
    """Of a write: what is written."""

    def tear(self, share: float = 0.5) -> bytes:
        """Do but a part of a write, and return what was written."""
        if self.file is None:
            return b""
        piece = bytes(self.data[: int(len(self.data) * share)])
        self.file.write_really(piece)
        return piece


class WatchedFile(DiskFile):
    """A file that asks its disk before each operation."""

    def __init__(self, path: Path, flags: int, disk: WatchedDisk) -> None:
        super().__init__(path, flags)
        self._disk: Final = disk

    def write(self, data: bytes | memoryview) -> None:
        self._disk.watch(Operation("write", self.path, lambda: self.write_really(data), self, data))

    def sync(self) -> None:
        # The machine stays on: a sync that waits for its disk made runs four times as long.
        self._disk.watch(Operation("sync", self.path, _nothing))

    def truncate(self, size: int) -> None:
        cut = super().truncate
        self._disk.watch(Operation("truncate", self.path, lambda: cut(size)))

    def write_really(self, data: bytes | memoryview) -> None:
        """Append ``data`` without asking."""
        super().write(data)


class WatchedDisk(Disk):
    """Passes every operation to `watch`, which does it; to be overridden."""

    def create(self, path: Path) -> DiskFile:
        return self.watch(Operation("create", path, lambda: WatchedFile(path, CREATED, self)))

    def extend(self, path: Path) -> DiskFile:
        return self.watch(Operation("extend", path, lambda: WatchedFile(path, EXTENDED, self)))

    def link(self, old: Path, new: Path) -> None:
        do = super().link
        self.watch(Operation("link", old, lambda: do(old, new)))

    def rename(self, old: Path, new: Path) -> None:
        do = super().rename
        self.watch(Operation("rename", old, lambda: do(old, new)))

    def remove(self, path: Path) -> None:
        do = super().remove
        self.watch(Operation("remove", path, lambda: do(path)))

    def sync_folder(self, folder: Path) -> None:
        self.watch(Operation("sync folder", folder, _nothing))

    def watch(self, operation: Operation[T]) -> T:
        """Do ``operation``, or something else."""
        raise NotImplementedError


class CountingDisk(WatchedDisk):
    """Counts the operations, and lists them."""

    def __init__(self) -> None:
        self.operations: list[str] = []

    def watch(self, operation: Operation[T]) -> T:
        """Do it."""
        self.operations.append(f"{operation.what} {operation.path.name}")
        return operation.do()


class DyingDisk(CountingDisk):
    """A disk on which the process dies: before an operation, after it, or within a write."""

    def __init__(self, operation: int | None = None, when: str = "before") -> None:
        """Die at ``operation``, from 1, or never; ``when``: before, within or after."""
        super().__init__()
        self._last = operation
        self._name: str | None = None
        self._when = when

    def die_after(self, operations: int, when: str) -> None:
        """Die at the operation that comes after so many more."""
        self._last, self._name = len(self.operations) + operations + 1, None
        self._when = when

    def die_at(self, name: str, when: str) -> None:
        """Die at the next operation of that name, such as ``write flagged.json``."""
        self._last, self._name = None, name
        self._when = when

    def watch(self, operation: Operation[T]) -> T:
        """Do it, unless the process dies at it or has died before."""
        count = len(self.operations) + 1
        name = f"{operation.what} {operation.path.name}"
        if name == self._name:
            self._last, self._name = count, None
        if self._last is None or count < self._last:
            return super().watch(operation)
        self.operations.append(name)
        if count == self._last:
            if self._when == "after":
                done = operation.do()
                if isinstance(done, DiskFile):
                    # It was opened, and nobody will get to know it.
                    done.close()
            elif self._when == "within":
                operation.tear()
        raise DiedError


class FailingDisk(CountingDisk):
    """A disk whose n-th operation fails, and all later ones if ``for_ever``."""

    def __init__(self, operation: int, *, for_ever: bool, error: int) -> None:
        """Fail at ``operation``, from 1, with the error number ``error``."""
        super().__init__()
        self._operation: Final = operation
        self._for_ever: Final = for_ever
        self._error: Final = error

    def watch(self, operation: Operation[T]) -> T:
        """Do it, unless it is to fail."""
        count = len(self.operations) + 1
        if count < self._operation or (count > self._operation and not self._for_ever):
            return super().watch(operation)
        self.operations.append(f"{operation.what} {operation.path.name}")
        # A full disk takes what fits.
        operation.tear()
        raise OSError(self._error, os.strerror(self._error))


class _Kept:
    """What a file holds on the disk for sure, and what was done to it since."""

    def __init__(self, synced: bytes) -> None:
        self.synced = synced
        self.since: list[bytes | int] = []
        """Bytes that were appended, and sizes that it was cut to."""

    def sync(self) -> None:
        for change in self.since:
            self.synced = self.synced[:change] if isinstance(change, int) else self.synced + change
        self.since = []

    def cut(self, drawn: random.Random | None) -> None:
        """Be what a power cut leaves: some of the changes, the last one torn, maybe with zeros."""
        if drawn is None:
            self.since = []
            return
        done = self.since[: drawn.randint(0, len(self.since))]
        pieces: list[tuple[int, int]] = []
        for place, change in enumerate(done, 1):
            if isinstance(change, int):
                self.synced = self.synced[:change]
                continue
            torn = place == len(done) and drawn.random() < 0.5
            piece = change[: drawn.randint(0, len(change))] if torn else change
            pieces.append((len(self.synced), len(self.synced) + len(piece)))
            self.synced += piece
        if pieces and drawn.random() < 0.25:
            start, end = drawn.choice(pieces)
            if drawn.random() < 0.5:
                start, end = sorted((drawn.randint(start, end), drawn.randint(start, end)))
            zeros = bytes(max(0, min(end, len(self.synced)) - start))
            self.synced = self.synced[:start] + zeros + self.synced[start + len(zeros) :]
        self.since = []


class _Entry(NamedTuple):
    """A change of a folder: a name that is gone, a new name, or both."""

    old: str | None
    new: str | None
    file: _Kept


class ForgettingDisk(CountingDisk):
    """One folder on a disk that loses in a power cut what was not synced.

    What the folder holds in the beginning is on the disk. A change of the folder that was
    not synced may be lost though a later one was kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder: Final = folder
        self._operations_max: int | None = None
        self._share_written = 0.0
        self._synced = {path.name: _Kept(path.read_bytes()) for path in folder.iterdir()}
        self._now = dict(self._synced)
        self._since: list[_Entry] = []

    def stop_after(self, operations: int | None, share_written: float = 0.0) -> None:
        """Let the process die after so many more operations; None: never.

        If the next operation is a write, ``share_written`` of it is done.
        """
        more = operations if operations is None else len(self.operations) + operations
        self._operations_max, self._share_written = more, share_written

    def cut(self, drawn: random.Random | None = None) -> None:
        """Let the folder be what a power cut leaves of it; None: nothing that was not synced."""
        entries = dict(self._synced)
        for entry in self._since:
            if drawn is not None and drawn.random() < 0.5:
                _change(entries, entry)
        for path in self._folder.iterdir():
            path.unlink()
        for name, file in entries.items():
            file.cut(drawn)
            (self._folder / name).write_bytes(file.synced)
        self._synced, self._now, self._since = entries, dict(entries), []

    def create(self, path: Path) -> DiskFile:
        file = super().create(path)
        self._change(_Entry(None, path.name, _Kept(b"")))
        return file

    def link(self, old: Path, new: Path) -> None:
        super().link(old, new)
        self._change(_Entry(None, new.name, self._now[old.name]))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._change(_Entry(old.name, new.name, self._now[old.name]))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._change(_Entry(path.name, None, self._now[path.name]))

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self._synced, self._since = dict(self._now), []

    def watch(self, operation: Operation[T]) -> T:
        """Do it and note what of it is not on the disk yet, unless the process dies."""
        name = operation.path.name
        if self._operations_max is not None and len(self.operations) >= self._operations_max:
            if operation.file is not None:
                self._now[name].since.append(operation.tear(self._share_written))
            raise DiedError
        done = super().watch(operation)
        if operation.file is not None:
            self._now[name].since.append(bytes(operation.data))
        elif operation.what == "truncate":
            self._now[name].since.append(operation.path.stat().st_size)
        elif operation.what == "sync":
            self._now[name].sync()
        return done

    def _change(self, entry: _Entry) -> None:
        _change(self._now, entry)
        self._since.append(entry)


def _change(entries: dict[str, _Kept], entry: _Entry) -> None:
    if entry.old is not None and entries.get(entry.old) is entry.file:
        del entries[entry.old]
    if entry.new is not None:
        entries[entry.new] = entry.file
