"""``step STORE``: step through a history, forward and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import plain
from events.paths import standard_input
from replay.arguments import add_store
from replay.debugger.shell import Shell
from replay.kinds import KINDS, looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import report, say

if TYPE_CHECKING:
    import argparse

SUMMARY = "step through a history, forward and back, with breakpoints"
EXAMPLE = "step flagged.json.events -c 'break flagged; continue; why'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    parser.add_argument(
        "-c",
        "--commands",
        metavar="COMMANDS",
        help="carry out these commands, with ; between them, and end; without it, commands "
        'are read from standard input, and "help" lists them',
    )
    parser.add_argument(
        "--no-history",
        action="store_true",
        help="keep nothing of what is typed for the next session",
    )


def run(options: argparse.Namespace) -> int:
    """Obey commands until they end; return what a command of a script that went wrong ends with."""
    interactive = options.commands is None and standard_input("commands (or use -c)").isatty()
    with looks_at(options, of_another=True) as looks:
        shell = Shell(looks, interactive=interactive, history=not options.no_history, kinds=KINDS)
        if (other := looks.other) is not None:
            rule = "by whose rule why, trace and message show it"
            report(f"replay: {plain(options.store)}: {other}, {rule}")
        return _obey(shell, options, looks.setting)


def _obey(shell: Shell, options: argparse.Namespace, greeting: str) -> int:
    with shell.interrupts.heard():
        if options.commands is not None:
            for line in options.commands.split("\n"):
                if shell.onecmd(line):
                    break
        else:
            if isinstance(given := standard_input("commands"), io.TextIOWrapper):
                # What is no UTF-8 names no user, which is an error of its command alone.
                given.reconfigure(errors="surrogateescape")
            if shell.interactive:
                events = counted(len(shell.session.timeline), "event")
                say(f"{events}, {greeting}; help lists the commands")
                shell.show_position()
            shell.talk()
    return 0 if shell.interactive else shell.status
