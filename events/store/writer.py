"""Writing an event store: appending frames, going on with one, moving one aside."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from events.closing import Closing
from events.disk import DISK, Disk, NewFile, free_name, permissions_of
from events.errors import OutputError, unwritable
from events.store.frames import Frame, chain_of, encode_frame
from events.store.header import encode_header
from events.store.stored import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from events.disk import DiskFile, Permissions
    from events.records.record import Record
    from events.store.header import Header
    from events.store.store import EventStore


class StoreWriter(Closing):
    """Appends records to an event store; make one with `create` or `resume`.

    Every call of `append` is one frame and one write to the operating system, so
    what was appended survives the end of the process, however it comes; after `sync`
    it survives the end of the machine.

    Raises:
        OutputError: the file cannot be made or written; also while appending.

    """

    # It is locked while it is written: two runs on one store would mix their frames.

    def __init__(  # noqa: PLR0917  all of them are parts of the store
        self,
        path: Path,
        file: DiskFile,
        chain: bytes,
        frames: int,
        events: int,
        new: NewFile | None,
        keys: Iterable[str] = (),
    ) -> None:
        """Append to ``file``, whose last frame or header has the hash ``chain``."""
        self._encoder: Final = Encoder(keys)
        self.path: Final = path
        self.chain = chain
        """The hash by which the next frame will refer to what stands before it."""
        self.frames = frames
        """How many frames the store holds."""
        self.events = events
        """How many events the store holds."""
        self._file = file
        self._new = new
        self._replacing = False
        self._unsynced = False
        self._failure: OutputError | None = None

    @classmethod
    def begin(
        cls,
        path: str | Path,
        header: Header,
        disk: Disk = DISK,
        permissions: Permissions | None = None,
        *,
        replacing: bool = False,
    ) -> Self:
        """Begin a store that has its name, ``path``, when it is `complete`.

        None must be there, unless it is replacing that.
        """
        path = Path(path)
        data = encode_header(header)
        try:
            if os.path.lexists(path) and not replacing:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            new = NewFile(path, disk)
            try:
                new.file.lock()
                if permissions is not None:
                    new.file.permit(permissions)
                new.write(data)
            except BaseException:
                new.close()
                raise
        except OSError as error:
            raise unwritable(path, error, "the event store") from None
        writer = cls(path, new.file, chain_of(data), 0, 0, new)
        writer._replacing = replacing
        return writer

    @classmethod
    def create(
        cls,
        path: str | Path,
        header: Header,
        disk: Disk = DISK,
        permissions: Permissions | None = None,
    ) -> Self:
        """Make a store that has its name from the beginning; the arguments are those of `begin`.

        It gets its name when its header is on the disk, so there is no store with half
        a header, and its folder's entry is on the disk too.
        """
        writer = cls.begin(path, header, disk, permissions)
        try:
            writer.complete()
        except BaseException:
            writer.close()
            raise
        return writer

    @classmethod
    def resume(cls, store: EventStore, disk: Disk = DISK) -> Self:
        """Go on with ``store``; a tail that was cut short is moved to a file of its own.

        All that the store holds is on the disk then, and its folder's entry too: whoever
        wrote it may have stopped before that.
        """
        keys = store.keys
        try:
            file = disk.extend(store.path)
            try:
                file.lock()
                if store.tail is not None:
                    keep_aside(store.path, file.read(*store.tail[:2]), "tail", disk)
                    file.truncate(store.tail.offset)
                file.sync()
                disk.sync_folder(store.path.parent)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise unwritable(store.path, error, "the event store") from None
        return cls(store.path, file, store.chain, store.frames_count, store.events, None, keys)

    def complete(self) -> None:
        """Let the store have its name; all that was appended is on the disk then."""
        new = self._new
        assert new is not None, "a store that was gone on with has its name"
        self._do(lambda: new.complete(replace=self._replacing))
        self._unsynced = False

    def append(self, records: Sequence[Record], events: int, encoded: bytes | None = None) -> None:
        """Append ``records``, which hold ``events`` events, as one frame.

        Args:
            records: what is appended.
            events: how many events they hold.
            encoded: what `events.store.stored.encode_events` gives of these, where it is known.

        """
        body = self._encoder.encode(records, encoded)
        frame = Frame(self.frames, self.events, events, self.chain, body)
        data = encode_frame(frame)
        self._do(lambda: self._file.write(data))
        self.chain = chain_of(data)
        self.frames += 1
        self.events += events
        self._unsynced = True

    def sync(self) -> None:
        """Return only when all that was appended is on the disk, under the store's name."""
        if self._unsynced:
            self._do(self._file.sync)
            self._unsynced = False
        self._do(self._file.check_in_place)

    def close(self) -> None:
        """Close the file; a store that has not got its name is removed."""
        (self._file if self._new is None else self._new).close()

    def _do(self, operation: Callable[[], None]) -> None:
        if self._failure is not None:
            # Half a frame may lie at the end: what came behind it would be lost.
            raise self._failure
        try:
            operation()
        except OSError as error:
            self._failure = unwritable(self.path, error, "the event store")
            raise self._failure from None


def set_aside(path: Path, disk: Disk = DISK) -> Path | None:
    """Move what stands at ``path`` to the first free numbered name beside it.

    Returns:
        The new name (``NAME.~1~`` and so on), or None where nothing stood there.

    Raises:
        OutputError: it cannot be moved.

    """
    if not os.path.lexists(path):
        return None
    numbered = free_name(path)
    try:
        disk.rename_new(path, numbered)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: expected to move it to {numbered.name}, found: {error.strerror}"
        ) from None
    return numbered


def keep_aside(path: Path, data: bytes, what: str, disk: Disk = DISK) -> Path:
    """Write ``data``, which is to be cut off the file at ``path``, to a numbered name beside it.

    Returns:
        The name: ``NAME.WHAT.~1~`` and so on.

    Raises:
        OSError: it cannot be written.

    """
    permissions = permissions_of(path)
    with NewFile(free_name(path, what), disk) as new:
        if permissions is not None:
            new.file.permit(permissions)
        new.write(data)
        new.complete()
    return new.path
