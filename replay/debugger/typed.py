"""What was typed in earlier sessions, which comes back with the arrows."""

from __future__ import annotations

import os
import readline
from contextlib import suppress
from pathlib import Path
from typing import Final

_LINES_MAX: Final = 1_000
_NAME: Final = "step_history"


def history_path() -> Path:
    """Return where it is kept: in the user's state folder, as the XDG base directories say."""
    folder = os.environ.get("XDG_STATE_HOME", "")
    state = Path(folder) if os.path.isabs(folder) else Path.home() / ".local" / "state"  # noqa: PTH117
    return state / "replay" / _NAME


class TypedLines:
    """Brings back what was typed, and keeps what is; where that cannot be, it is as without."""

    def __init__(self) -> None:
        """Bring back the lines of earlier sessions."""
        readline.clear_history()
        self._path: Path | None = None
        # There may be no home, or somebody else's file.
        with suppress(OSError, RuntimeError):
            path = history_path()
            if path.is_file():
                readline.read_history_file(path)
            if path.is_file() or not os.path.lexists(path):
                self._path = path
        self._before: Final = readline.get_current_history_length()

    def keep(self) -> None:
        """Append what was typed in this session; ids stand in it, so that others cannot read it."""
        typed = readline.get_current_history_length() - self._before
        if self._path is None or typed <= 0:
            return
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            readline.set_history_length(_LINES_MAX)
            readline.append_history_file(typed, self._path)
