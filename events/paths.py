"""Names of files as somebody gives them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from events.errors import InputError

if TYPE_CHECKING:
    from events.errors import ReplayError


def path_of(name: str | Path, expected: str, error: type[ReplayError] = InputError) -> Path:
    """Return the path that ``name`` is, where ``expected`` is to be.

    Raises:
        ReplayError: the name is none, by which Python would take the current folder, or
            no file can have it; of the class ``error``.

    """
    text = str(name)
    if not text:
        raise error(f"expected {expected}, found an empty name")
    if "\0" in text:
        raise error(f"expected {expected}, found a name with a NUL")
    return Path(name)
