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
# A word of one.
_WORD: Final = re.compile(
    r"""(?: [^\s'"\\] | \\.? | '[^']*(?:'|$) | "(?:[^"\\]|\\.?)*(?:"|$) )+""",
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
        # Of what there may be any number of, whoever reads it says what is expected.
        many = [each for each in arguments if "..." in each]
        least = sum(not each.startswith("[") for each in arguments if each not in many)
        most = len(words) if many else len(arguments)
        if least <= len(words) <= most:
            return
        bounds = str(least) if least == most or many else f"{least} to {most}"
        noun = "argument" if (least if many else most) == 1 else "arguments"
        what = f"{bounds} {noun}{' or more' if many else ''}"
        usage = f"{self.name} {self.usage}".rstrip()
        raise CommandError(f"{self.name}: expected {what}, found {len(words)}; usage: {usage}")


COMMON: Final = (
    Command("next", "[K]", "go forward by K events, by default 1"),
    Command("back", "[K]", "go back by K events, by default 1"),
    Command(
        "goto",
        "N|NAME",
        "go to the moment after event N, or to a mark",
        "N is a number, or a line as in stream:429; +5 and -5 count from here. Moment 0 is before\n"
        "the first event.",
    ),
    Command("first", "", "go to the first event"),
    Command("last", "", "go to the last event"),
    Command(
        "continue",
        "[K]",
        "go forward to the next stop, or to the end",
        "With K it passes over stops and halts at the K-th.",
    ),
    Command(
        "reverse-continue",
        "[K]",
        "go back to the stop before, or to the beginning",
        "With K it passes over stops and halts at the K-th.",
    ),
    Command(
        "until",
        "N|NAME",
        "go forward to event N or a mark, or to a stop before it",
    ),
    Command(
        "finish",
        "",
        "deliver the rest of the event's messages",
    ),
    Command(
        "break",
        "CONDITION...",
        "stop at events for which all conditions hold",
        repeated=False,
    ),
    Command(
        "tbreak",
        "CONDITION...",
        "stop there as with break, but only once",
        repeated=False,
    ),
    Command(
        "condition",
        "K [CONDITION...]",
        "let stop K hold only where these conditions do, too",
        "They take the place of those that an earlier condition gave; without any it has none.",
        repeated=False,
    ),
    Command(
        "ignore",
        "K COUNT",
        "pass over stop K so many times",
        repeated=False,
    ),
    Command(
        "delete",
        "[K|all]",
        "delete breakpoint or watch K, or all of them",
        "Without K, a person is asked before all of them are deleted.",
        repeated=False,
    ),
    Command(
        "info",
        "[break|marks|display]",
        "list breakpoints and watches, marks, and what is displayed",
    ),
    Command(
        "display",
        "[EXPRESSION...]",
        "show what an expression comes to at every moment",
        "Without one, all that are displayed are shown.",
        repeated=False,
    ),
    Command(
        "undisplay",
        "[K]",
        "display number K no more, or none",
        repeated=False,
    ),
    Command(
        "print",
        "[EXPRESSION...]",
        "show what an expression comes to, or all fields of the event",
        "An expression has fields of the event and its verdict, numbers, texts in quotes, + - * /\n"
        "and comparisons, and, or, not and parentheses: print amount - mean, print user = 457.",
    ),
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
    Command("history", "[ID]", "list all events that touched a user, by default the event's own"),
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
    Command(
        "source",
        "FILE",
        "carry out the commands in a file",
        "One that goes wrong ends it.",
        repeated=False,
    ),
    Command("help", "[COMMAND]", "list the commands, or say more of one"),
    Command("quit", "", "end the session"),
)

# What a word means that is no command's name: what it means to a hand used to pdb and gdb.
_WORDS: Final = {
    "?": "help",
    "advance": "until",
    "b": "break",
    "backtrace": "where",
    "bt": "where",
    "c": "continue",
    "cl": "delete",
    "clear": "delete",
    "cont": "continue",
    "disp": "display",
    "exit": "quit",
    "f": "where",
    "fin": "finish",
    "frame": "where",
    "h": "help",
    "i": "info",
    "l": "list",
    "m": "message",
    "n": "next",
    "ni": "next",
    "nexti": "next",
    "p": "print",
    "pp": "print",
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
    "tb": "tbreak",
    "unt": "until",
    "w": "where",
    "wh": "where",
}
_BEGIN: Final = "first begins again"
_REST: Final = "finish delivers the rest of an event"
_STATE: Final = "print shows the fields of the event, and {} show the state"
_MOVE: Final = "goto N moves there, and until N goes forward to it"
# What pdb and gdb have and this has not, or in which they differ: what to say instead.
_INSTEAD: Final = {
    "a": _STATE,
    "args": _STATE,
    "d": "it is down in pdb and deletes in gdb; delete K deletes a stop",
    "disable": "ignore K COUNT passes over a stop, and delete K deletes it",
    "enable": "break sets a stop",
    "j": _MOVE,
    "jump": _MOVE,
    "k": "quit ends the session",
    "kill": "quit ends the session",
    "ll": "list N shows the events around N",
    "r": f"it returns in pdb and runs in gdb; {_REST}, and {_BEGIN}",
    "restart": _BEGIN,
    "ret": _REST,
    "return": _REST,
    "reverse-step": "back goes back by an event",
    "rs": "back goes back by an event",
    "run": _BEGIN,
    "start": _BEGIN,
    "u": f"it is up in pdb and until in gdb; {_MOVE}",
    "x": _STATE,
}
# What begins with a word is counted as one of its meanings from so many letters on.
_WHOLE: Final = 3
_REMARKS: Final = """\
A command may be cut short as long as it is clear which one is meant; several
stand on one line with ; between. On a terminal an empty line repeats the last
one if all in it moves or shows something, and Ctrl-C stops what takes long."""
# Where summaries begin, and lines end.
_INDENT: Final = 34
_WIDTH: Final = 80


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
            conditions = "CONDITION..." in command.usage
            detail = "\n".join(
                filter(None, (command.detail, self._conditions() if conditions else ""))
            )
            return "\n".join(filter(None, (text, summary, detail)))
        shorts = [
            ", ".join(word for word in _words_of(each) if len(word) < _WHOLE) for each in self.all
        ]
        width = max(map(len, shorts))
        known = "; ".join(
            f"{', '.join(words)}: {command.name}"
            for command in self.all
            if (words := [word for word in _words_of(command) if len(word) >= _WHOLE])
        )
        instead = ", ".join(_INSTEAD)
        return "\n".join(
            [
                *(
                    _in_columns(f"{short:{width}}  {command.name} {command.usage}", command.summary)
                    for short, command in zip(shorts, self.all, strict=True)
                ),
                _REMARKS,
                textwrap.fill(f"Words of pdb and gdb that mean a command here: {known}.", _WIDTH),
                textwrap.fill(f"Answered with what to say instead: {instead}.", _WIDTH),
            ]
        )

    def _conditions(self) -> str:
        """Return what a breakpoint may be about."""
        conditions = self._tools.conditions.values()
        lines = (_in_columns(f"  {each.usage}", each.summary) for each in conditions)
        return "\n".join(["Conditions:", *lines, f"Example: {self._tools.example}"])


def _in_columns(name: str, text: str) -> str:
    """Return a name, and beside it a text of one or more lines."""
    first = f"{name:{_INDENT - 2}}  "
    lines = textwrap.wrap(text, _WIDTH - _INDENT)
    if len(first) > _INDENT:
        lines = [first.rstrip(), *(f"{'':{_INDENT}}{line}" for line in lines)]
    else:
        lines = [f"{first}{lines[0]}", *(f"{'':{_INDENT}}{line}" for line in lines[1:])]
    return "\n".join(lines)


def _words_of(command: Command) -> list[str]:
    return [word for word, name in _WORDS.items() if name == command.name]


def file_name(name: str, path: str) -> str:
    """Return the name of the file that a command is about, as it is or as it is shown."""
    if not path or "\0" in path:
        raise CommandError(f"{name}: expected the name of a file, found {shown(path)}")
    meant = unescaped(path)
    return meant if meant and not os.path.lexists(path) and os.path.lexists(meant) else path


class Typed(NamedTuple):
    """A command as it was typed."""

    words: list[str]
    """Its name and its arguments."""
    rest: str
    """All behind its name, with its quotes."""


def commands_in(line: str) -> list[Typed]:
    """Return each command in ``line``."""
    # Not by the punctuation of shlex.shlex, which forgets whether a ; was quoted.
    try:
        commands = [
            Typed(_words_in(part), "".join(part.split(maxsplit=1)[1:]).strip())
            for part in _COMMAND.findall(line)
        ]
    except ValueError as error:
        raise CommandError(f"expected a command, found one with {error}") from None
    return [each for each in commands if each.words]


def _words_in(part: str) -> list[str]:
    """Return the words of a command; what stands behind ``if`` is one, with its quotes."""
    for word in _WORD.finditer(part):
        if word[0] == "if":
            expression = part[word.end() :].strip()
            return [*shlex.split(_kept(part[: word.end()])), *filter(None, [expression])]
    return shlex.split(_kept(part))


def _kept(part: str) -> str:
    """Return ``part`` so that escapes of what is shown stay what they are, also without quotes."""
    return _BARE.sub(lambda match: match[1] or match[0] * 2, part)
