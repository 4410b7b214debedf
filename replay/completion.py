"""A script that completes the command line in a shell, made by shtab of the parsers themselves."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from events.errors import InputError
from replay.terminal.standard_streams import say_rendered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.arguments import CommandParser

SHELLS: Final = ("bash", "zsh", "fish", "tcsh")
"""The shells that there are scripts for."""

_PROGRAM: Final = "replay"
_FILES: Final = frozenset(
    (
        *("BATCH", "STREAM", "FLAGGED", "OBSERVATIONS", "OUTPUT"),
        *("STORE", "STORE_A", "STORE_B", "FILE", "NEW", "PATH"),
    )
)
_FOLDERS: Final = frozenset(("DIR",))


class PrintCompletion(argparse.Action):
    """Prints the script of a shell and ends, as ``--version`` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Print the script of the shell ``values``."""
        del namespace, option_string
        given: Any = parser
        for line in completion(given.commands(), values).split("\n"):
            # It is what a shell is to obey; none of it came from outside.
            say_rendered(line)
        parser.exit(0)


def completion(parsers: Mapping[str, CommandParser], shell: str) -> str:
    """Return the script that completes commands, options, their choices, and files.

    Raises:
        InputError: shtab is not installed, or is too old for this shell.

    """
    try:
        # Needed once by those who want it, and by nothing else: an extra.
        import shtab
    except ImportError:
        raise InputError(
            "expected shtab, which makes completions, found none; install it with "
            "python -m pip install shtab"
        ) from None
    program = _program(parsers)
    completed: Any
    for parser in (program, *parsers.values()):
        for completed in parser._actions:
            if completed.metavar in _FILES:
                completed.complete = shtab.FILE
            elif completed.metavar in _FOLDERS:
                completed.complete = shtab.DIRECTORY
    try:
        script: str = shtab.complete(program, shell)
    except NotImplementedError:
        raise InputError(
            f"expected a newer shtab, found one that has nothing for {shell}"
        ) from None
    # A word that begins no command is a log.
    files = f"complete -o bashdefault -o default -F _shtab_{_PROGRAM} {_PROGRAM}"
    return f"{script}\n{files if shell == 'bash' else ''}".rstrip("\n")


def _program(parsers: Mapping[str, CommandParser]) -> argparse.ArgumentParser:
    """Return the parser of the program: that of a run, whose name may be left out, or a command."""
    program = argparse.ArgumentParser(_PROGRAM, add_help=False)
    for action in dict.fromkeys(parsers["run"].actions.values()):
        program._add_action(action)
    made: Any = program
    commands = made.add_subparsers(parser_class=lambda prog, **_: parsers[prog.split()[-1]])
    for name, parser in parsers.items():
        commands.add_parser(name, help=parser.description)
    return program
