"""The debugger's commands: names, usage and help; `replay.debugger.shell` carries them out."""

from __future__ import annotations

import textwrap
from typing import Final, NamedTuple

from events.errors import shown
from replay.debugger.errors import CommandError


class Command(NamedTuple):
    """A command as help shows it."""

    name: str
    """Its full name."""
    usage: str
    """What it takes."""
    summary: str
    """What it does, in one line."""
    detail: str = ""
    """What else there is to say."""


COMMANDS: Final = (
    Command("next", "[K]", "go forward by K events, by default 1"),
    Command("back", "[K]", "go back by K events, by default 1"),
    Command(
        "goto",
        "N|NAME",
        "go to the moment after event N, or to a mark",
        "Moment 0 is before the first event.",
    ),
    Command("first", "", "go to the first event"),
    Command("last", "", "go to the last event"),
    Command("stream", "", "go to the first event of the stream"),
    Command("continue", "", "go forward to the next stop, or to the end"),
    Command("reverse-continue", "", "go back to the stop before, or to the beginning"),
    Command(
        "break",
        "CONDITION...",
        "stop at events for which all conditions hold",
        "Conditions:\n"
        "  N, event N             event N\n"
        "  user ID                an event of this user\n"
        "  T, type T              a purchase, a befriend or an unfriend\n"
        "  flagged                a purchase that was flagged\n"
        "  rejected               a rejected line comes next\n"
        "  amount SIGN X          a purchase for > >= < <= or = X\n"
        "  near X                 a purchase within X standard deviations of the threshold, on\n"
        "                         either side, by the recorded mean and sd\n"
        "Example: break user 12 amount > 99.50",
    ),
    Command("watch", "ID", "stop when the state of this user changes, forward and backward"),
    Command("delete", "[K]", "delete breakpoint or watch K, or all of them"),
    Command("info", "[break|marks]", "list breakpoints and watches, marks, or both"),
    Command(
        "message",
        "",
        "deliver a single message of the next event, and show which wait",
        "What is looked at then shows the actors between two messages. Any command that moves,\n"
        "and why, trace and diff, deliver the rest first. To see the messages of the current\n"
        "event, go back first.",
    ),
    Command("where", "", "show event, time, phase and verdict"),
    Command("list", "[N]", "list the events around N, by default around here"),
    Command("user", "ID", "show a user's friends and purchases"),
    Command("network", "ID [D]", "show a user's network by hop, at degree D or the run's"),
    Command("window", "ID", "show what a purchase of this user would be judged by now"),
    Command("latest", "[K]", "show everyone's K latest purchases, by default 10"),
    Command("why", "[N]", "explain event N, by default the current one"),
    Command("trace", "[N]", "show every message of event N, by default of the current one"),
    Command("diff", "N [M]", "show what changed in the state between N and M, by default here"),
    Command("history", "ID", "list all events that touched a user"),
    Command("mark", "NAME", "give this moment a name"),
    Command("save", "FILE", "save position, breakpoints, watches and marks"),
    Command("load", "FILE", "restore what was saved"),
    Command("help", "[COMMAND]", "list the commands, or say more of one"),
    Command("quit", "", "end the session"),
)

_BY_NAME: Final = {command.name: command for command in COMMANDS}

# Which of several commands a short word means; as in gdb and pdb where they have it.
_SHORT: Final = {
    "b": "break",
    "c": "continue",
    "d": "delete",
    "f": "first",
    "h": "help",
    "i": "info",
    "l": "list",
    "m": "message",
    "n": "next",
    "rc": "reverse-continue",
    "s": "stream",
    "w": "why",
    "wh": "where",
}
_ALSO: Final = {"exit": "quit", "EOF": "quit"}


def command_of(word: str) -> Command:
    """Return the command that ``word`` names or begins.

    Raises:
        CommandError: none, or several.

    """
    name = _SHORT.get(word) or _ALSO.get(word) or word
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = [command for command in COMMANDS if command.name.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(command.name for command in found)
        raise CommandError(f"expected one command, found {shown(word)}, which begins {names}")
    raise CommandError(f"expected a command, found {shown(word)}; help lists them")


def help_text(word: str | None) -> str:
    """Return help on the command ``word``, or on all.

    Raises:
        CommandError: there is no such command.

    """
    if word is not None:
        command = command_of(word)
        text = f"{command.name} {command.usage}".rstrip()
        summary = f"{command.summary[0].upper()}{command.summary[1:]}."
        return "\n".join(filter(None, (text, summary, command.detail)))
    width = max(len(f"{command.name} {command.usage}") for command in COMMANDS)
    lines = [
        f"{f'{command.name} {command.usage}':{width}}  {command.summary}" for command in COMMANDS
    ]
    return "\n".join(
        [
            *lines,
            "A command may be cut short as long as it is clear which one is meant; several stand",
            "on one line with ; between; an empty line repeats the last line.",
            textwrap.fill(f"{', '.join(_SHORT)} mean {', '.join(_SHORT.values())}.", 88),
        ]
    )
