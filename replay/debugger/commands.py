"""The debugger's commands: names, usage and help, and the lines in which they stand.

`replay.debugger.shell` carries out those that every store has, and `replay.debugger.tools`
those of a detector.
"""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import ReplayError, shown
from events.escapes import unescaped
from replay.arguments import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.debugger.tools import Tools


# What stands between two ; outside of quotes. A quote that stays open goes to the end.
_COMMAND: Final = re.compile(
    r"""(?: [^;'"\\] | \\.? | '[^']*(?:'|$) | "(?:[^"\\]|\\.?)*(?:"|$) )+""",
    re.VERBOSE | re.DOTALL,
)
# What is quoted, which stays as it is, or the backslash of an escape that is not.
_BARE: Final = re.compile(
    r"""('[^']*' | "(?:[^"\\]|\\.)*") | \\(?:\\|(?=[nrtxuU]))""", re.VERBOSE | re.DOTALL
)


class CommandError(ReplayError):
    """A command does not exist, or was given what it does not take."""


class Command(NamedTuple):
    """A command as help shows it."""

    name: str
    """Its full name."""
    usage: str
    """What it takes: a word for each argument, in brackets if it may be left out, or many."""
    summary: str
    """What it does, in one line."""
    detail: str = ""
    """What else there is to say."""
    repeated: bool = True
    """Whether an empty line does it again: it moves or shows something."""
    after: str = "list"
    """Behind which command of all stores help lists one that a detector has."""

    def check(self, words: Sequence[str]) -> None:
        """Refuse ``words`` unless it takes so many.

        Raises:
            CommandError: there are more or fewer.

        """
        arguments = self.usage.split()
        least, most = sum(not each.startswith("[") for each in arguments), len(arguments)
        if self.usage.endswith("...") or least <= len(words) <= most:
            return
        bounds = str(least) if least == most else f"{least} to {most}"
        what = f"{bounds} {'argument' if most == 1 else 'arguments'}"
        usage = f"{self.name} {self.usage}".rstrip()
        raise CommandError(f"{self.name}: expected {what}, found {len(words)}; usage: {usage}")


COMMON: Final = (
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
    Command("continue", "", "go forward to the next stop, or to the end"),
    Command("reverse-continue", "", "go back to the stop before, or to the beginning"),
    Command(
        "break",
        "CONDITION...",
        "stop at events for which all conditions hold",
        repeated=False,
    ),
    Command(
        "delete",
        "[K|all]",
        "delete breakpoint or watch K, or all of them",
        "Without K, a person is asked before all of them are deleted.",
        repeated=False,
    ),
    Command("info", "[break|marks]", "list breakpoints and watches, marks, or both"),
    Command(
        "message",
        "",
        "deliver a single message of the next event, and show which wait",
        "What is looked at then shows the actors between two messages. Any command that moves,\n"
        "and why and trace, deliver the rest first. To see the messages of the current event, go\n"
        "back first.",
    ),
    Command("where", "", "show event, time, phase and verdict"),
    Command("list", "[N]", "list the events around N, by default around here"),
    Command("why", "[N]", "explain event N, by default the current one"),
    Command("trace", "[N]", "show every message of event N, by default of the current one"),
    Command("history", "ID", "list all events that touched a user"),
    Command("mark", "NAME", "give this moment a name", repeated=False),
    Command(
        "save",
        "FILE",
        "save position, breakpoints, watches and marks",
        "A person is asked before another saved session is overwritten; no other file is.",
        repeated=False,
    ),
    Command(
        "load",
        "FILE",
        "restore what was saved, in place of what there is",
        "What is lost with that is listed.",
        repeated=False,
    ),
    Command("help", "[COMMAND]", "list the commands, or say more of one"),
    Command("quit", "", "end the session"),
)

# What a word means that is no command's name: what it means to a hand used to pdb and gdb.
_WORDS: Final = {
    "b": "break",
    "backtrace": "where",
    "bt": "where",
    "c": "continue",
    "cl": "delete",
    "clear": "delete",
    "cont": "continue",
    "exit": "quit",
    "f": "where",
    "frame": "where",
    "h": "help",
    "i": "info",
    "l": "list",
    "m": "message",
    "n": "next",
    "ni": "next",
    "nexti": "next",
    "q": "quit",
    "rc": "reverse-continue",
    "rev": "reverse-continue",
    "reverse-next": "back",
    "rn": "back",
    "s": "message",
    "si": "message",
    "step": "message",
    "stepi": "message",
    "t": "trace",
    "w": "where",
    "wh": "where",
}
_BEGIN: Final = "first begins again"
_REST: Final = "next delivers the rest of an event"
_MOVE: Final = "goto N moves there, and break N stops there"
_STATE: Final = "{} show the state"
_AROUND: Final = "there are no frames; list shows the events around here"
# What pdb and gdb have and this has not, or in which they differ: what to say instead.
_INSTEAD: Final = {
    "a": _STATE,
    "advance": _MOVE,
    "args": _STATE,
    "condition": "break takes all conditions at once",
    "d": "it is down in pdb and deletes in gdb; delete K deletes a stop",
    "disable": "delete K deletes a stop",
    "disp": _STATE,
    "display": _STATE,
    "down": _AROUND,
    "enable": "break sets a stop",
    "fin": _REST,
    "finish": _REST,
    "j": _MOVE,
    "jump": _MOVE,
    "k": "quit ends the session",
    "kill": "quit ends the session",
    "ll": "list N shows the events around N",
    "p": _STATE,
    "pp": _STATE,
    "print": _STATE,
    "r": f"it returns in pdb and runs in gdb; {_REST}, and {_BEGIN}",
    "restart": _BEGIN,
    "ret": _REST,
    "return": _REST,
    "reverse-step": "back goes back by an event",
    "rs": "back goes back by an event",
    "run": _BEGIN,
    "source": "load FILE restores a session; commands come from a pipe, or from -c",
    "start": _BEGIN,
    "tb": "break stops each time, and delete K deletes it",
    "tbreak": "break stops each time, and delete K deletes it",
    "u": f"it is up in pdb and until in gdb; {_MOVE}",
    "unt": _MOVE,
    "until": _MOVE,
    "up": _AROUND,
    "x": _STATE,
}
# What begins with a word is counted as one of its meanings from so many letters on.
_WHOLE: Final = 3
_REMARKS: Final = """\
A command may be cut short as long as it is clear which one is meant; several stand
on one line with ; between. On a terminal an empty line repeats the last one if all
in it moves or shows something, and Ctrl-C stops what takes long."""
# Where the summaries of conditions begin.
_INDENT: Final = 25


class Commands:
    """The commands of the debugger on one store."""

    def __init__(self, tools: Tools[Any], refused: Mapping[str, str]) -> None:
        """Have those of all stores and of ``tools``.

        Args:
            tools: what belongs to the detector.
            refused: what errors say of commands that only other detectors have, by name.

        """
        self.all: Final = [
            command
            for common in COMMON
            for command in (common, *(own for own in tools.commands if own.after == common.name))
        ]
        """All of them, as help lists them."""
        self._by_name: Final = {command.name: command for command in self.all}
        self._tools: Final = tools
        self._refused: Final = refused

    def named(self, word: str) -> Command:
        """Return the command that ``word`` names or begins.

        Raises:
            CommandError: none, or several.

        """
        name = _WORDS.get(word, word)
        if name in self._by_name:
            return self._by_name[name]
        if name == "EOF":
            return self._by_name["quit"]
        if name in _INSTEAD:
            instead = _INSTEAD[name].format(self._tools.shows_state)
            raise CommandError(f"expected a command, found {shown(word)}; {instead}")
        found = [command.name for command in self.all if command.name.startswith(word)]
        # Where a longer word means something else to the hand that has begun it, this asks.
        others = [
            other
            for other in (*_WORDS, *_INSTEAD)
            if other.startswith(word) and len(other) >= _WHOLE and _WORDS.get(other) not in found
        ]
        if len(found) == 1 and not others:
            return self._by_name[found[0]]
        refused = [name for name in self._refused if not found and name.startswith(word)]
        if len(refused) == 1 or word in refused:
            name = word if word in refused else refused[0]
            raise CommandError(f"{name} {self._refused[name]}")
        if found:
            names = ", ".join([*found, *others])
            raise CommandError(f"expected one command, found {shown(word)}, which begins {names}")
        hint = did_you_mean(word, (*self._by_name, *_WORDS)) or "; help lists them"
        raise CommandError(f"expected a command, found {shown(word)}{hint}")

    def help(self, word: str | None) -> str:
        """Return help on the command ``word``, or on all.

        Raises:
            CommandError: there is no such command.

        """
        if word is not None:
            command = self.named(word)
            text = f"{command.name} {command.usage}".rstrip()
            summary = f"{command.summary[0].upper()}{command.summary[1:]}."
            detail = self._conditions() if command.name == "break" else command.detail
            return "\n".join(filter(None, (text, summary, detail)))
        shorts = [
            ", ".join(word for word in _words_of(each) if len(word) < _WHOLE) for each in self.all
        ]
        usages = [f"{command.name} {command.usage}" for command in self.all]
        widths = [max(map(len, column)) for column in (shorts, usages)]
        lines = [
            f"{short:{widths[0]}}  {usage:{widths[1]}}  {command.summary}"
            for short, usage, command in zip(shorts, usages, self.all, strict=True)
        ]
        known = "; ".join(
            f"{', '.join(words)}: {command.name}"
            for command in self.all
            if (words := [word for word in _words_of(command) if len(word) >= _WHOLE])
        )
        return "\n".join(
            [
                *lines,
                _REMARKS,
                textwrap.fill(f"Words of pdb and gdb that mean a command here: {known}.", 88),
                textwrap.fill(f"Answered with what to say instead: {', '.join(_INSTEAD)}.", 88),
            ]
        )

    def _conditions(self) -> str:
        """Return what a breakpoint may be about."""
        conditions = self._tools.conditions.values()
        width = _INDENT - 2
        texts = (f"  {each.usage:{width}}{each.summary}" for each in conditions)
        lines = (textwrap.fill(text, 90, subsequent_indent=" " * _INDENT) for text in texts)
        return "\n".join(["Conditions:", *lines, f"Example: {self._tools.example}"])


def _words_of(command: Command) -> list[str]:
    return [word for word, name in _WORDS.items() if name == command.name]


def file_name(name: str, path: str) -> str:
    """Return the name of the file that a command is about, as it is or as it is shown."""
    if not path or "\0" in path:
        raise CommandError(f"{name}: expected the name of a file, found {shown(path)}")
    meant = unescaped(path)
    return meant if meant and not os.path.lexists(path) and os.path.lexists(meant) else path


def commands_in(line: str) -> list[list[str]]:
    """Return the words of each command in ``line``."""
    # Not by the punctuation of shlex.shlex, which forgets whether a ; was quoted.
    try:
        commands = [shlex.split(_kept(part)) for part in _COMMAND.findall(line)]
    except ValueError as error:
        raise CommandError(f"expected a command, found one with {error}") from None
    return [words for words in commands if words]


def _kept(part: str) -> str:
    """Return ``part`` so that escapes of what is shown stay what they are, also without quotes."""
    return _BARE.sub(lambda match: match[1] or match[0] * 2, part)
