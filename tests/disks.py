"""Disks that fail, die, or forget, in place of the real one; all on real files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

from events.disk import Disk, DiskFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class DiedError(BaseException):
    """The process would be gone here; nothing in the program catches it on purpose."""


class WatchedFile(DiskFile):
    """A file that asks its disk before each operation."""

    def __init__(self, path: Path, flags: int, disk: WatchedDisk) -> None:
        super().__init__(path, flags)
        self._disk: Final = disk

    def write(self, data: bytes | memoryview) -> None:
        self._disk.watch(
            "write", self.path, lambda: super(WatchedFile, self).write(data), self, data
        )

    def sync(self) -> None:
        self._disk.watch("sync", self.path, super().sync)

    def truncate(self, size: int) -> None:
        self._disk.watch("truncate", self.path, lambda: super(WatchedFile, self).truncate(size))

    def write_really(self, data: bytes | memoryview) -> None:
        super().write(data)


class WatchedDisk(Disk):
    """Passes every operation to `watch`, which does it; to be overridden."""

    def create(self, path: Path) -> DiskFile:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return self.watch("create", path, lambda: WatchedFile(path, flags, self))

    def extend(self, path: Path) -> DiskFile:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        return self.watch("extend", path, lambda: WatchedFile(path, flags, self))

    def rename(self, old: Path, new: Path) -> None:
        self.watch("rename", old, lambda: super(WatchedDisk, self).rename(old, new))

    def remove(self, path: Path) -> None:
        self.watch("remove", path, lambda: super(WatchedDisk, self).remove(path))

    def sync_folder(self, folder: Path) -> None:
        self.watch("sync folder", folder, lambda: super(WatchedDisk, self).sync_folder(folder))

    def watch(
        self,
        what: str,
        path: Path,
        do: Callable[[], T],
        file: WatchedFile | None = None,
        data: bytes | memoryview = b"",
        /,
    ) -> T:
        """Do the operation ``what``; of a write, ``file`` and ``data`` are given."""
        raise NotImplementedError


class CountingDisk(WatchedDisk):
    """Counts the operations, and lists them."""

    def __init__(self) -> None:
        self.operations: list[str] = []

    def watch(
        self,
        what: str,
        path: Path,
        do: Callable[[], T],
        _file: WatchedFile | None = None,
        _data: bytes | memoryview = b"",
        /,
    ) -> T:
        self.operations.append(f"{what} {path.name}")
        return do()


class DyingDisk(CountingDisk):
    """Dies at the n-th operation: before it, after it, or in the middle of a write."""

    def __init__(self, operation: int, when: str) -> None:
        """Die at ``operation``, from 1; ``when``: before, within or after."""
        super().__init__()
        self._operation: Final = operation
        self._when: Final = when

    def watch(
        self,
        what: str,
        path: Path,
        do: Callable[[], T],
        file: WatchedFile | None = None,
        data: bytes | memoryview = b"",
        /,
    ) -> T:
        self.operations.append(f"{what} {path.name}")
        if len(self.operations) < self._operation:
            return do()
        if len(self.operations) == self._operation:
            if self._when == "after":
                do()
            elif self._when == "within" and file is not None:
                file.write_really(data[: len(data) // 2])
        raise DiedError


class FailingDisk(CountingDisk):
    """The n-th operation fails, and all after it if that is for ever."""

    def __init__(self, operation: int, *, for_ever: bool, error: int) -> None:
        """Fail at ``operation``, from 1, with the error number ``error``."""
        super().__init__()
        self._operation: Final = operation
        self._for_ever: Final = for_ever
        self._error: Final = error

    def watch(
        self,
        what: str,
        path: Path,
        do: Callable[[], T],
        file: WatchedFile | None = None,
        data: bytes | memoryview = b"",
        /,
    ) -> T:
        self.operations.append(f"{what} {path.name}")
        count = len(self.operations)
        if count == self._operation or (count > self._operation and self._for_ever):
            if file is not None:
                # A full disk takes what fits.
                file.write_really(data[: len(data) // 2])
            raise OSError(self._error, os.strerror(self._error))
        return do()
