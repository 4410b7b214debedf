"""Words of the command line that more than one command takes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, NoReturn

from events.errors import BadValueError, ParametersError, shown
from events.observations.parameters import check_distinct
from events.purchases.parameters import check
from events.times.durations import parse_duration
from replay.terminal.standard_streams import report, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# Python refuses to convert thousands of digits, with a message of its own.
_DIGITS_MAX: Final = 30


class CommandParser(argparse.ArgumentParser):
    """A parser that answers wrong use with one line and status 2."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        """Parse the arguments of the command ``prog``, which its help describes."""
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.hint = ""
        """What else is said of wrong use."""

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Return what ``words`` say; wrong use ends the process."""
        for word in words[: words.index("--") if "--" in words else None]:
            option = word.partition("=")[0]
            if word.startswith("--") and " " not in word and not self._knows(option):
                self.hint = did_you_mean(option, self._option_string_actions) or self.hint
                self.error(f"expected an option, found {shown(option)}")
        options, more = self.parse_known_args(words)
        if more:
            what = " ".join(str(each.metavar) for each in self._get_positional_actions())
            self.error(f"expected {what} and options, found also {' '.join(map(shown, more))}")
        return options

    def _knows(self, option: str) -> bool:
        return option in self._option_string_actions

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        report(f"replay: {message}; see {self.prog} --help{self.hint}")
        self.exit(2)

    def _print_message(self, message: str, file: object = None) -> None:
        """Print help or the version, which argparse would do without a look at errors."""
        del file
        for line in message.splitlines():
            say(line)


def did_you_mean(word: str, known: Iterable[str], what: str = "") -> str:
    """Return what a message says where ``word`` is none of ``known``, but much like one."""
    # Imported only where it is needed.
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), 1)
    return f"; did you mean {what}{found[0]}?" if found else ""


def whole(name: str, least: int) -> Callable[[str], int]:
    """Return the type of an argument for parameter ``name``, which is at least ``least``."""

    def parse(text: str) -> int:
        if not is_whole(text):
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, found {text!r}"
            )
        try:
            return check(name, int(text), least)
        except ParametersError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def is_whole(text: str) -> bool:
    """Tell whether ``text`` is a whole number, of no more digits than any has here."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX


def as_utf8(word: str) -> str:
    """Return ``word`` as the UTF-8 that it is, where Python took it for another encoding's."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Declare the store that a command looks at."""
    parser.add_argument("store", metavar="STORE", help="event store of a run")


def add_event(parser: argparse.ArgumentParser) -> None:
    """Declare the store and the event in it that a command looks at."""
    add_store(parser)
    parser.add_argument("number", metavar="N", type=number, help="number of an event, from 1")


def add_run(parser: argparse.ArgumentParser, names: tuple[str, str, str], verbose: str) -> None:
    """Declare what all runs take.

    Args:
        parser: takes it.
        names: what the log is called that may be live, the output, and what holds an event.
        verbose: what is said where more is to be said.

    """
    log, output, row = names
    add = parser.add_argument
    add("--store", metavar="PATH", help=f"where to keep the events (default: {output}.events)")
    add("--overwrite", action="store_true", help=f"start {output} and the store afresh")
    add(
        "--follow",
        action="store_true",
        help=f"wait at the end of {log}, a file that grows (also when rotated) or a named pipe",
    )
    add(
        "--resume",
        action="store_true",
        help=f"go on with the store of a live {log}, if there is one: behind the {row}s that were "
        "read of a file with --follow; a pipe has to begin with the line that check names",
    )
    add("--strict", action="store_true", help=f"stop at the first rejected {row}, with status 1")
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="count", default=0, help=verbose)
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help=f"say nothing but errors and rejected {row}s"
    )


def add_workers(parser: argparse.ArgumentParser, what: str, *more: str) -> None:
    """Declare how many processes share the work.

    Args:
        parser: takes it.
        what: what they do, and how many do it by default.
        more: other names of the option.

    """
    parser.add_argument(
        "--workers",
        *more,
        metavar="N",
        dest="workers",
        type=whole("workers", 1),
        help=f"how many processes {what}; the result is the same",
    )


def number(text: str) -> int:
    """Return the number of an event."""
    if not is_whole(text.removeprefix("-")):
        raise argparse.ArgumentTypeError(f"expected the number of an event, found {text!r}")
    return int(text)


def duration(text: str) -> int:
    """Return how many nanoseconds a duration is."""
    try:
        return parse_duration(text)
    except BadValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def distinct(text: str) -> int:
    """Return how many different ids an interval has at least."""
    if not is_whole(text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")
    try:
        return check_distinct(int(text))
    except BadValueError as error:
        # The option is named by argparse, which calls it otherwise than Python does.
        detail = str(error).removeprefix("min_distinct: ")
        raise argparse.ArgumentTypeError(detail) from None
