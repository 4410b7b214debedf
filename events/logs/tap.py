"""What a stream that is read while it is written gives: bytes, or what else has happened."""

from __future__ import annotations

import enum
import select
from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

from events.closing import Closing
from events.errors import unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from events.errors import InputError
    from events.logs.file import Portions

READ_BYTES: Final = 1 << 16
STREAM_EXPECTED: Final = "a readable stream"
"""What is expected of a name."""


class Change(enum.Enum):
    """What a tap says where it gives no bytes."""

    NOTHING = "nothing came for a while"
    AGAIN = "the line that is not finished comes again, from its start"
    LEFT = "the line that is not finished ends here: nobody goes on with it"
    OTHER_FILE = "the same, and the next line is the first one of another file"
    END = "the same, and nothing more will come"
    STOPPED = "the reading was to stop"


class Wake(Protocol):
    """Something that may end the waiting for lines."""

    def __call__(self) -> bool:
        """Tell whether to stop."""

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable then."""


class Tap(Closing):
    """A stream that is read while it is written.

    Raises:
        InputError: it cannot be read any further.

    """

    def __init__(self, path: Path, wake: Wake | None, portions: Portions) -> None:
        """Read what is at ``path``; ``wake`` ends the waiting, which is as ``portions`` say."""
        self.offset = 0
        """How much was read, in bytes; of a file that took another's place, of that one."""
        self._path: Final = path
        self._wake: Final = wake
        self._portions: Final = portions

    @property
    @abstractmethod
    def descriptor(self) -> int:
        """The file descriptor of what is read."""

    @property
    @abstractmethod
    def waiting(self) -> bool:
        """Whether something has come that was not read."""

    @abstractmethod
    def next(self) -> bytes | Change:
        """Return what comes next: some bytes, or what has happened instead."""

    def _stopping(self) -> bool:
        """Tell whether the reading is to stop."""
        return self._wake is not None and self._wake()

    def _unreadable(self, error: OSError) -> InputError:
        return unreadable(self._path, error, STREAM_EXPECTED)


def wait(wake: Wake | None, seconds: float, descriptor: int | None = None) -> bool:
    """Wait until there is something to read or the waiting is to end; tell if the former."""
    watched = [] if descriptor is None else [descriptor]
    wakes = [] if wake is None else [wake.fileno()]
    readable, _, _ = select.select([*watched, *wakes], [], [], seconds)
    return descriptor in readable
