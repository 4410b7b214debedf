"""Libraries that only those need who ask for what they do: they may not be installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from events.errors import MissingLibraryError


def is_installed(library: str) -> bool:
    """Tell whether a library is installed, without importing it.

    A folder of that name, where modules are looked for, is none: Python takes it for a package
    with nothing in it.
    """
    found = find_spec(library)
    return found is not None and found.origin is not None


def imported(name: str, expected: str) -> Any:
    """Return a module of a library, such as ``pyarrow.csv``.

    Args:
        name: that of the module.
        expected: what is expected, in words, where the library is not installed.

    Raises:
        MissingLibraryError: the library is not installed, or cannot be imported.

    """
    library = name.partition(".")[0]
    try:
        if is_installed(library):
            return import_module(name)
        found = "none"
    except ImportError as error:
        found = f"one that does not load: {error}"
    raise MissingLibraryError(
        f"{expected}, found {found}; python -m pip install {library}"
    ) from None
