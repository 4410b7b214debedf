"""What the word that is being typed may become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from replay.debugger.errors import CommandError
from replay.debugger.tools import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.debugger.session import Session


def completions(session: Session, text: str, before: str) -> list[str]:
    """Return, sorted, what ``text`` may become, which follows ``before`` on its line."""
    words = before.rpartition(";")[2].split()
    names = [each.name for each in session.commands.all]
    return sorted(
        word
        for word in (_arguments(session, words, names) if words else names)
        if word.startswith(text)
    )


def _arguments(session: Session, words: list[str], names: list[str]) -> Iterable[str]:
    """Return what may come after ``words``, a command and perhaps more."""
    try:
        command, last = session.commands.named(words[0]), words[-1]
    except CommandError:
        return []
    takes = command.usage.split()[0].strip("[]").split("|") if command.usage else []
    if takes[:1] in (["ID"], ["KEY"]) or (command.name == "break" and last == "user"):
        return map(quoted, session.looks.everyone)
    if command.name == "break":
        condition = session.tools.conditions.get(last)
        return (condition and condition.beginnings) or session.tools.words
    if takes == ["FILE"]:
        return (quoted(path.name) for path in Path().iterdir())
    if takes == ["COMMAND"]:
        return names
    return session.marks if "N" in takes else filter(str.islower, takes)
