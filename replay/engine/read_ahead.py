"""Reading a block of a log while the one before it is still at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.logs.block import Block


class ReadAhead:
    """Iterates over the blocks of a log, of which the next one can be looked at before its turn."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        """Iterate over ``blocks``."""
        self._blocks: Final = blocks
        # What was read ahead: a block, or why there is none.
        self._found: Block | Exception | None = None

    def __iter__(self) -> Iterator[Block]:
        """Iterate over them."""
        return self

    def __next__(self) -> Block:
        """Return the next block."""
        found, self._found = self._found, None
        if found is None:
            return next(self._blocks)
        if isinstance(found, Exception):
            raise found
        return found

    def peek(self) -> Block | None:
        """Return the block that comes next; None where none does, which `next` says in its turn.

        Raises:
            InterruptedRunError: nobody is to wait for it.

        """
        if self._found is None:
            try:
                self._found = next(self._blocks)
            except InterruptedRunError:
                raise
            except Exception as error:  # noqa: BLE001  whatever reading it raises
                self._found = error
        return None if isinstance(self._found, Exception) else self._found
