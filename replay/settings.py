"""Options that stand in a file: ``[tool.replay]`` of a TOML that ``--config`` names.

What is given on the command line counts, then ``[tool.replay.COMMAND]``, then ``[tool.replay]``,
then the default.
"""

from __future__ import annotations

import argparse
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import InputError, shown
from events.paths import path_of
from replay.arguments import did_you_mean
from replay.engine.files import read_by_hand

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from replay.arguments import CommandParser

_TABLE: Final = "tool.replay"
# What a file says of these would be nothing that saves typing.
_NOT_THERE: Final = frozenset({"completion", "config", "help", "version"})


class _Entry(NamedTuple):
    """A value in a settings file."""

    place: str
    """Where it stands, for messages."""
    value: Any
    """What stands there."""


class Settings:
    """The settings of one command in a file.

    Raises:
        InputError: the file cannot be read, is no TOML, or holds what no command has.

    """

    def __init__(
        self,
        name: str,
        parser: CommandParser,
        commands: Callable[[], Mapping[str, CommandParser]],
    ) -> None:
        """Read the file called ``name``.

        Args:
            name: the file.
            parser: that of the command; it has the options.
            commands: gives the parsers of all commands: what is not for this one is for another.

        """
        self._path: Final = path_of(name, "a settings file")
        self._parser: Final = parser
        table = _table_in(self._path)
        options = _options_of(parser)
        plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
        if any(_key(written) not in options for written in plain) or len(plain) < len(table):
            self._check(table, commands())
        own = {**plain, **table.get(parser.command, {})}
        self._settings: Final = {
            _key(written): _Entry(
                f"{_TABLE}.{parser.command}.{written}"
                if written in table.get(parser.command, {})
                else f"{_TABLE}.{written}",
                value,
            )
            for written, value in own.items()
            if _key(written) in options
        }

    def words(self, given: Sequence[str]) -> list[str]:
        """Return the settings as words of a command line, but what is ``given`` there.

        Raises:
            InputError: a value is none for its option.

        """
        taken = self._taken(given)
        return [
            word
            for key, setting in self._settings.items()
            if (action := self._parser.actions[f"--{key}"]) not in taken
            for word in self._words_of(f"--{key}", action, setting)
        ]

    def _check(self, table: Mapping[str, Any], parsers: Mapping[str, CommandParser]) -> None:
        """Refuse what is an option of no command, or of another than its table is for."""
        options = {name: _options_of(parser) for name, parser in parsers.items()}
        everywhere = frozenset().union(*options.values())
        for written, value in table.items():
            place = f"{_TABLE}.{written}"
            if not isinstance(value, dict):
                self._check_key(place, written, everywhere, "an option")
                continue
            self._check_key(place, written, options, "a command")
            for each in value:
                self._check_key(
                    f"{place}.{each}", each, options[written], f"an option of {written}"
                )

    def _check_key(self, place: str, written: str, known: Collection[str], what: str) -> None:
        if _key(written) not in known:
            hint = did_you_mean(_key(written), known)
            found = f"found {shown(written)}{hint}"
            raise InputError(f"{self._path}: {place}: expected {what}, {found}")

    def _taken(self, given: Sequence[str]) -> set[argparse.Action]:
        """Return the options that the command line has, and those that they exclude."""
        actions, taken = self._parser.actions, set[argparse.Action]()
        for word in given[: given.index("--") if "--" in given else None]:
            name = word.partition("=")[0] if word[:2] == "--" else word[:2]
            if word[:1] == "-" and (action := actions.get(name)) is not None:
                taken.add(action)
                # Several that take no value may stand together, as in -vq.
                if word[:2] != "--" and action.nargs == 0:
                    taken |= {actions[f"-{c}"] for c in word[1:] if f"-{c}" in actions}
        for exclusive in self._parser.exclusive:
            if not taken.isdisjoint(exclusive):
                taken.update(exclusive)
        return taken

    def _words_of(self, flag: str, action: argparse.Action, setting: _Entry) -> Iterator[str]:
        place, value = setting
        if isinstance(action, argparse.BooleanOptionalAction):
            if not isinstance(value, bool):
                raise self._wrong(place, "true or false", value)
            yield flag if value else f"--no-{flag.removeprefix('--')}"
        elif action.nargs == 0:
            # Of -v there may be more than one.
            counts = "count" in type(action).__name__.lower()
            if not isinstance(value, int if counts else bool) or value < 0:
                raise self._wrong(place, "true or false" + " or how many" * counts, value)
            yield from [flag] * min(int(value), 2)
        else:
            values = value if isinstance(value, list) else [value]
            if len(values) != 1 and "extend" not in type(action).__name__.lower():
                raise self._wrong(place, "one value", value)
            yield from (f"{flag}={self._text(place, action, each)}" for each in values)

    def _text(self, place: str, action: argparse.Action, value: Any) -> str:
        """Return a value as it would be typed, if it is one."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(place, "text or a number", value)
        text = str(value)
        read: Any = action.type or str
        try:
            found = read(text)
        except (argparse.ArgumentTypeError, ValueError) as error:
            raise InputError(f"{self._path}: {place}: {error}") from None
        if action.choices is not None and found not in action.choices:
            raise self._wrong(place, " or ".join(map(str, action.choices)), value)
        return text

    def _wrong(self, place: str, expected: str, found: object) -> InputError:
        text = found if isinstance(found, str) else repr(found)
        return InputError(f"{self._path}: {place}: expected {expected}, found {shown(text)}")


def _key(written: str) -> str:
    return written.replace("_", "-")


def _options_of(parser: CommandParser) -> frozenset[str]:
    """Return the long names of the options of a command that a file may have."""
    names = (each.removeprefix("--") for each in parser.actions if each.startswith("--"))
    return frozenset(names) - _NOT_THERE


def _table_in(path: Path) -> Mapping[str, Any]:
    """Return the table in a settings file; one without any says nothing."""
    content = read_by_hand(path, "a settings file")
    try:
        found: Any = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected TOML, found: {shown(str(error), 120)}") from None
    for name in _TABLE.split("."):
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise InputError(f"{path}: {_TABLE}: expected a table, found {shown(repr(found))}")
    table: Mapping[str, Any] = found
    return table
