"""What every object that holds something open has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """A context manager that closes itself at the end."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held open; doing so again changes nothing."""

    def __enter__(self) -> Self:
        """Return the object itself."""
        return self

    def __exit__(self, kind: object, raised: BaseException | None, traceback: object) -> None:
        """Close."""
        self.close()
