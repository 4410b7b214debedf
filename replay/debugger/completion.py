"""What the word that is being typed may become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from replay.debugger.commands import COMMANDS, command_of
from replay.debugger.conditions import KINDS, TYPES, quoted
from replay.debugger.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.debugger.session import Session

_TAKES_USER: Final = frozenset({"history", "network", "user", "watch", "window"})
_TAKES_MARK: Final = ("diff", "goto", "list", "trace", "why")
_TAKES_FILE: Final = frozenset({"save", "load"})


def completions(session: Session, text: str, before: str) -> list[str]:
    """Return, sorted, what ``text`` may become, which follows ``before`` on its line."""
    words = before.rpartition(";")[2].split()
    if not words:
        return [word for word in sorted(each.name for each in COMMANDS) if word.startswith(text)]
    try:
        name = command_of(words[0]).name
    except CommandError:
        return []
    return sorted(word for word in _arguments(session, name, words[-1]) if word.startswith(text))


def _arguments(session: Session, name: str, last: str) -> Iterable[str]:
    """Return what may come after ``last``, a word after command ``name`` or the command itself."""
    if name in _TAKES_USER or (name == "break" and last == "user"):
        return map(quoted, session.timeline.everyone)
    if name in _TAKES_FILE:
        return (quoted(path.name) for path in Path().iterdir())
    fixed = {
        "break": TYPES if last == "type" else KINDS,
        **dict.fromkeys(_TAKES_MARK, tuple(session.marks)),
        "help": tuple(each.name for each in COMMANDS),
        "info": ("break", "marks"),
    }
    return fixed.get(name, ())
