"""The command line: ``python -m replay BATCH STREAM FLAGGED``.

The first word may be the name of a command; without one it is ``run``. A file that
is named like a command is given as ``./name``.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.errors import DetectorFailedError, InputError, ParametersError, ReplayError, shown
from events.logs.file import portions_of
from events.store.store import EventStore
from replay.arguments import (
    CommandParser,
    add_run,
    add_setting,
    add_shards,
    add_workers,
    assignment,
    check_printable,
    did_you_mean,
)
from replay.completion import SHELLS, PrintCompletion
from replay.custom.console import FactWords
from replay.custom.detector import Detector
from replay.custom.logs import FactLogs
from replay.engine.console import Console
from replay.engine.files import STORE_SUFFIX
from replay.judging.drive import may_be_left
from replay.judging.run import run
from replay.loading import add_detector, given_detector, shards_of, workers_of
from replay.purchases.console import PurchaseWords
from replay.purchases.logs import Logs
from replay.terminal.interrupts import EXIT_INTERRUPTED
from replay.terminal.signals import StopSignals
from replay.terminal.standard_streams import NobodyReadsError, flush, report
from replay.terminal.tables import print_json
from replay.version import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from events.logs.tap import Wake

COMMANDS: Final = (
    "run",
    "verify",
    "explore",
    "step",
    "log",
    "why",
    "trace",
    "report",
    "view",
    "diff",
    "export",
    "rerun",
    "sweep",
    "shrink",
    "check",
    "repair",
    "rebuild",
    "intervals",
)

# Options of a run whose value is a word of its own.
_WITH_VALUE: Final = frozenset(
    (
        *("-D", "--degrees", "-T", "--tracked", "--store", "--detector"),
        *("--rejected", "--max-line", "--set", "--config", "--completion"),
        *("--workers", "--ray", "--shards"),
    )
)

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_RUN_EPILOG = """\
commands:
  run          what is described here; the word itself may be left out
  verify       play a history again and compare it with what was recorded
  explore      play a history under many orders of delivery, with failures
  step         step through a history, forward and back, with breakpoints
  log          list the events of a store
  why          explain one event of a store to the last digit
  trace        show every message delivered for an event
  report       write what is to be known of an event to one HTML file
  view         show stores as a page in the browser
  diff         find where two stores part
  export       write a store's logs back
  rerun        decide a history again with other settings or events
  sweep        table what other settings of D and T would flag
  shrink       keep the few lines that give an event its verdict, with a test
  check        say what of a store is whole, and what is damaged
  repair       save what is whole of a damaged store to a new one
  rebuild      write the flagged lines, or the intervals, again from a store
  intervals    the second detector: time intervals with several advertising ids

"python -m replay COMMAND --help" says more of each. A file named like a command is
given with its folder, as ./run.

exit status:
  0  done, also when lines were rejected
  1  --strict and a line was rejected, an output could not be written, or a detector of
     your own failed
  2  wrong usage or parameters, or a log that is missing or cannot be read
  130  interrupted (Ctrl-C), 143 terminated; what was done is kept, and how to go on is said.
  A live stream ends with 0 then.

live streams, for the first time and after every stop:
  python -m replay BATCH STREAM FLAGGED --follow --resume
  tail -n +K -f STREAM | python -m replay BATCH - FLAGGED --resume
  with K = 1, and after a stop the line that "check FLAGGED.events" names

example:
  python -m replay scripts/sample/batch_log.json scripts/sample/stream_log.json flagged.json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        arguments: the words after the program's name, by default those of the process.

    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words.pop(0) if words and words[0] in COMMANDS else ""
    hint = _hint(name, words)
    try:
        return _command(name, words, hint) if name not in ("", "run") else command_run(words, hint)
    except NobodyReadsError:
        return EXIT_OK
    except ReplayError as error:
        report(f"replay: {error}{hint if error.exit_status == EXIT_USAGE else ''}")
        return error.exit_status
    except KeyboardInterrupt:
        report("replay: interrupted")
        return EXIT_INTERRUPTED
    except OSError as error:
        report(f"replay: expected to read and write files, found: {error}")
        return EXIT_FAILED
    except MemoryError:
        report("replay: expected enough memory, found none left")
        return EXIT_FAILED


def _hint(name: str, words: Sequence[str]) -> str:
    """Return what is said of wrong use, where a command and a file may have been mixed up."""
    if name:
        here = os.path.lexists(name) and name != "run"
        return f"; the file {name} here is given as ./{name}" if here else ""
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            if os.path.lexists(word):
                return ""
            if word in COMMANDS:
                return f"; if you meant the command {word}, it comes before all options"
            return did_you_mean(word, COMMANDS, "the command ")
    return ""


def command_run(words: Sequence[str], hint: str = "") -> int:
    """Read two logs, keep their events and write the flagged purchases."""
    parser = _run_parser()
    parser.hint = hint
    options = parser.read(words)
    check_printable(options, options.flagged)
    detector = given_detector(options)
    own = detector if detector is not None and issubclass(detector, Detector) else None
    console = Console(
        -1 if options.quiet else options.verbose,
        PurchaseWords() if own is None else FactWords(own),
    )
    with (
        _blaming(options),
        workers_of(options) as workers,
        shards_of(options) as shards,
        StopSignals(may_be_left) as stop,
        console,
        _logs(options, own, stop) as logs,
    ):
        summary = run(
            logs,
            options.flagged,
            store=options.store,
            overwrite=options.overwrite,
            strict=options.strict,
            resume=options.resume,
            rejected=options.rejected,
            listener=console,
            should_stop=stop,
            detector=detector,
            workers=workers,
            shards=shards,
        )
    console.summarize(summary, machine=options.json)
    if options.json:
        print_json(console.words.fields(summary))
        flush()
    return EXIT_OK


@contextmanager
def _blaming(options: argparse.Namespace) -> Iterator[None]:
    """Say of what fails in a detector that was given that it is the detector.

    Raises:
        DetectorFailedError: it failed.

    """
    try:
        yield
    except (ReplayError, NobodyReadsError, OSError, MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if getattr(options, "detector", None) is None:
            raise
        # It is not ours, and does what it likes, even end the program.
        raise DetectorFailedError(
            f"{options.detector}: expected a detector that decides, found that it failed: "
            f"{type(error).__name__}: {shown(str(error))}"
        ) from None


def _logs(options: argparse.Namespace, own: type[Detector] | None, wake: Wake) -> Logs | FactLogs:
    """Return the logs of a run, of the detector's ``own`` events if it declares some."""
    paths = (options.batch, options.stream)
    portions = portions_of(options.max_line)
    if own is None and options.set:
        raise InputError(
            "--set: expected a detector with parameters of its own, which --detector names, "
            "found none"
        )
    if own is None:
        degrees, tracked = options.degrees, options.tracked
        try:
            return Logs(
                *paths, degrees, tracked, follow=options.follow, wake=wake, portions=portions
            )
        except ParametersError as error:
            raise ParametersError(f"{error}{_whose_store(options)}") from None
    if (options.degrees, options.tracked) != (None, None):
        raise InputError(
            f"{options.detector}: expected the detector's own parameters on the first line of "
            "the batch, found -D or -T"
        )
    return FactLogs(
        *paths, own, follow=options.follow, wake=wake, portions=portions, changes=options.set
    )


def _whose_store(options: argparse.Namespace) -> str:
    """Return a hint if the store that is there is of a detector that was not named."""
    path = options.store or f"{options.flagged}{STORE_SUFFIX}"
    try:
        store = EventStore(path)
    except ReplayError:
        return ""
    if store.header.declared is None:
        return ""
    return f"; if you meant to go on with {path}, name {store.detector} with --detector"


def _command(name: str, words: Sequence[str], hint: str) -> int:
    """Run one of `replay.commands`."""
    module = importlib.import_module(f"replay.commands.{name}")
    parser = _parser(name)
    parser.hint = hint
    options = parser.read(words)
    with _blaming(options):
        status: int = module.run(options)
    flush()
    return status


def parsers() -> dict[str, CommandParser]:
    """Return the parsers of all commands, by name."""
    return {name: _run_parser() if name == "run" else _parser(name) for name in COMMANDS}


def _parser(name: str) -> CommandParser:
    """Return the parser of one of `replay.commands`."""
    module = importlib.import_module(f"replay.commands.{name}")
    parser = CommandParser(
        f"{_program()} {name}",
        f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.",
        f"example:\n  python -m replay {module.EXAMPLE}\n",
        name,
    )
    module.add_arguments(parser)
    parser.add_config()
    return _among_all(parser)


def _among_all(parser: CommandParser) -> CommandParser:
    """Return ``parser``, which knows of those of all commands, and of settings files."""
    parser.commands = parsers
    parser.settings = partial(_settings, parser)
    return parser


def _settings(parser: CommandParser, name: str, words: Sequence[str]) -> list[str]:
    # Imported only where it is needed.
    from replay.settings import Settings

    return Settings(name, parser, parsers).words(words)


def _program() -> str:
    return "replay" if Path(sys.argv[0]).name == "replay" else "python -m replay"


def _run_parser() -> CommandParser:
    parser = CommandParser(
        _program(),
        "Flag purchases that are anomalous for the buyer's network of degree D, or with "
        "--detector\nwhat a detector of your own looks for.",
        _RUN_EPILOG,
    )
    parser.add_argument(
        "batch", metavar="BATCH", help="log of past events, its first line the parameters: D and T"
    )
    parser.add_argument(
        "stream",
        metavar="STREAM",
        help="log of new events, each one judged; - for standard input, or a pipe",
    )
    parser.add_argument(
        "flagged",
        metavar="FLAGGED",
        help="file to append flagged lines to; or -, a pipe or a device, with --store",
    )
    add_setting(parser, ", instead of the batch's first line")
    add_detector(parser)
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        type=assignment,
        nargs=1,
        action="extend",
        default=[],
        help="a parameter of the detector that --detector names, and its value, instead of the "
        "batch's first line; may be given more than once",
    )
    add_run(
        parser,
        ("STREAM", "FLAGGED", "line"),
        "say what is read and how long each phase took: fingerprint (hashing the logs), "
        "batch and stream (reading them and acting on them), resume (being where a store ends), "
        "check (looking over a finished run), close; -vv: also each event of the stream",
    )
    add_workers(
        parser,
        "load the past and judge the stream (default: two load a past of 32 MiB or more, and one "
        "for each core judges where it pays, else 1)",
    )
    add_shards(parser)
    parser.add_config()
    parser.add_argument(
        "--completion",
        choices=SHELLS,
        action=PrintCompletion,
        help="print a script that completes the command line in this shell; needs shtab",
    )
    parser.add_argument("--version", action="version", version=f"replay {__version__}")
    return _among_all(parser)
