"""Words of the command line that more than one command takes."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from events.errors import BadValueError, InputError, ParametersError, shown
from events.logs.splitting import LINE_BYTES_BOUND, LINE_BYTES_MAX
from events.observations.csvrows import DELIMITER
from events.observations.parameters import check_distinct
from events.paths import STANDARD_STREAM, descriptor_of
from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN, check
from events.times.durations import parse_duration
from replay.engine.forks import check_processes, wrong_processes
from replay.engine.references import Reference, ranges_in, reference_in
from replay.terminal.standard_streams import report, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from replay.engine.references import References

# Python refuses to convert thousands of digits, with a message of its own.
_DIGITS_MAX: Final = 30
_DELIMITERS: Final = {"tab": "\t", r"\t": "\t"}
_SHIFTS: Final = {"": 0, "K": 10, "M": 20}
# So many values an option of ranges takes.
_VALUES_MAX: Final = 10_000


class CommandParser(argparse.ArgumentParser):
    """A parser that answers wrong use with one line and status 2."""

    def __init__(self, prog: str, description: str, epilog: str, command: str = "run") -> None:
        """Parse the arguments of ``command``, called ``prog``, which its help describes."""
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.command: Final = command
        """The name of the command."""
        self.hint = ""
        """What else is said of wrong use."""
        self.commands: Callable[[], Mapping[str, CommandParser]] = dict
        """Gives the parsers of all commands."""
        self.settings: Callable[[str, Sequence[str]], list[str]] = lambda _name, _words: []
        """Returns what a settings file says besides the words that are given."""
        self.several: Final[set[str]] = set()
        """The options that take any number of words that are ranges."""

    def add_config(self) -> None:
        """Declare the settings file, behind all other options."""
        self.add_argument(
            "--config",
            metavar="FILE",
            help="take options from [tool.replay] and [tool.replay.COMMAND] of a TOML file; the "
            "command line counts first, then COMMAND's table, then the other",
        )

    @property
    def actions(self) -> Mapping[str, argparse.Action]:
        """All options, by each of their names."""
        return self._option_string_actions

    @property
    def exclusive(self) -> list[list[argparse.Action]]:
        """Options of which only one may be given."""
        return [group._group_actions for group in self._mutually_exclusive_groups]  # noqa: SLF001

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Return what ``words`` say; wrong use ends the process.

        Raises:
            InputError: they name a settings file that is none.

        """
        for word in words[: words.index("--") if "--" in words else None]:
            option = word.partition("=")[0]
            if word.startswith("--") and " " not in word and not self._knows(option):
                self.hint = did_you_mean(option, self._option_string_actions) or self.hint
                self.error(f"expected an option, found {shown(option)}")
        words = self._each_with_option([*self._settings(words), *words])
        options, more = self.parse_known_args(words)
        if more:
            what = " ".join(str(each.metavar) for each in self._get_positional_actions())
            self.error(f"expected {what} and options, found also {' '.join(map(shown, more))}")
        return options

    def _settings(self, words: Sequence[str]) -> list[str]:
        """Return what the settings file says that ``words`` name, if they do."""
        finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        finder.add_argument("--config")
        if "--config" not in self.actions or {"-h", "--help", "--version"}.intersection(words):
            return []
        try:
            name = finder.parse_known_args(words)[0].config
        except argparse.ArgumentError:
            # There is no word behind it, which is told with all else.
            return []
        if name is None:
            return []
        return self.settings(name, words)

    def _each_with_option(self, words: Sequence[str]) -> list[str]:
        """Repeat the option of ranges before each of its words, so that it takes no other word."""
        found: list[str] = []
        option = ""
        for word in words:
            if option and found[-1] != option and ranges_in(word) is not None:
                found.append(option)
            elif found[-1:] != [option]:
                option = word if word in self.several else ""
            found.append(word)
        return found

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


ROUNDED: Final = (
    "mean and sd rounded half up to 2 places, not cut, to compare with programs that do"
)
"""What the option ``--rounded`` does."""


def add_store(parser: argparse.ArgumentParser) -> None:
    """Declare the store that a command looks at."""
    parser.add_argument("store", metavar="STORE", help="event store of a run")


def add_event(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Declare the store and the event in it that a command looks at; ``nargs`` as argparse has."""
    add_store(parser)
    parser.add_argument(
        "number",
        metavar="N",
        type=reference,
        nargs=nargs,
        help="an event: its number, from 1, or its log and line, as in stream:429",
    )


def add_setting(parser: argparse.ArgumentParser, how: str) -> None:
    """Declare D and T; ``how`` says what they are instead of, or by default."""
    for flag, name, what, least in (
        ("-D", "--degrees", "degree of the network", DEGREES_MIN),
        ("-T", "--tracked", "purchases tracked in the network", TRACKED_MIN),
    ):
        kind = whole(flag[1], least)
        parser.add_argument(flag, name, metavar=flag[1], type=kind, help=f"{what}{how}")


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
    add(
        "--max-line",
        metavar="BYTES",
        type=line_bytes,
        default=LINE_BYTES_MAX,
        help=f"reject {row}s of more than so many bytes, such as 64K or 60M (default: 16M)",
    )
    add("--strict", action="store_true", help=f"stop at the first rejected {row}, with status 1")
    add(
        "--rejected",
        metavar="FILE",
        help=f"collect rejected {row}s in FILE as they stand in the logs, to be corrected and fed "
        "in again; a new file",
    )
    add("--json", action="store_true", help="print what was done as one JSON object")
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="count", default=0, help=verbose)
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help=f"say nothing but errors and rejected {row}s"
    )


def check_printable(options: argparse.Namespace, output: str) -> None:
    """Refuse a summary on standard output where lines go that are written.

    Raises:
        InputError: both would go there.

    """
    if options.json and (output == STANDARD_STREAM or descriptor_of(output) == 1):
        raise InputError(
            f"{output}: expected a file for the lines where --json is printed on standard output"
        )


def reference(text: str) -> Reference:
    """Return the event that ``text`` names; a number below 1 is none, which the history says."""
    if is_whole(text.removeprefix("-")):
        return Reference(int(text))
    found = reference_in(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"expected the number of an event, or a line as in stream:429, found {text!r}"
        )
    return found


def ranges(text: str) -> list[References]:
    """Return the ranges of events that ``text`` names."""
    found = ranges_in(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            "expected events as in 7, 7-9, stream:7-9 or several with commas between, "
            f"found {text!r}"
        )
    return found


def numbers(name: str, least: int) -> Callable[[str], list[int]]:
    """Return the type of an argument that says several values of parameter ``name``."""

    def parse(text: str) -> list[int]:
        found = ranges_in(text)
        if found is None or any(each.first.source or each.last.source for each in found):
            raise argparse.ArgumentTypeError(
                f"expected whole numbers as in 2, 2-4 or several with commas between, "
                f"found {text!r}"
            )
        values = [range(one.number, other.number + 1) for one, other in found]
        if sum(each.stop - each.start for each in values) > _VALUES_MAX:
            raise argparse.ArgumentTypeError(f"expected at most {_VALUES_MAX:,} values, found more")
        try:
            return sorted({check(name, value, least) for each in values for value in each})
        except ParametersError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def add_ranges(
    parser: CommandParser,
    *flags: str,
    of: Callable[[str], list[Any]],
    what: str,
    metavar: str = "N",
) -> None:
    """Declare an option of ranges: with commas, in several words, or given again.

    Args:
        parser: takes it.
        flags: its names, the long one last.
        of: reads a word.
        what: what it is, for help.
        metavar: what one range is called there.

    """
    parser.several.update(flags)
    parser.add_argument(
        *flags, metavar=f"{metavar}[-M][,...]", type=of, action="extend", default=[], help=what
    )


def _processes(what: str) -> Callable[[str], int]:
    """Return the type of an argument that says how many of ``what`` there are to be."""

    def parse(text: str) -> int:
        try:
            if not is_whole(text):
                raise wrong_processes(what, repr(text))
            return check_processes(what, int(text))
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def add_workers(
    parser: argparse.ArgumentParser, what: str, *more: str, anywhere: bool = True
) -> None:
    """Declare how many processes share the work, and where they are.

    Args:
        parser: takes it.
        what: what they do, and how many do it by default.
        more: other names of the option.
        anywhere: whether they may be in a cluster.

    """
    parser.add_argument(
        "--workers",
        *more,
        metavar="N",
        dest="workers",
        type=_processes("workers"),
        help=f"how many processes {what}; the result is the same",
    )
    if anywhere:
        parser.add_argument(
            "--ray",
            metavar="ADDRESS",
            help="let these be processes of a cluster of Ray, as many as it has cores unless "
            "--workers says so: auto, HOST:PORT, or local to start one here",
        )


def add_shards(parser: argparse.ArgumentParser) -> None:
    """Declare over how many shards users are spread."""
    parser.add_argument(
        "--shards",
        metavar="N",
        type=_processes("shards"),
        help="spread the users over N processes, each of which holds a part of the history, and "
        "judge all purchases of a block at once; with --ray for a history that no machine holds; "
        "the result is the same (default: one process holds all)",
    )


def duration(text: str) -> int:
    """Return how many nanoseconds a duration is."""
    try:
        return parse_duration(text)
    except BadValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def line_bytes(text: str) -> int:
    """Return how many bytes a line may have."""
    found = re.fullmatch(r"([0-9]{1,9})([KM]?)", text)
    count = int(found[1]) << _SHIFTS[found[2]] if found else 0
    if not 1 <= count <= LINE_BYTES_BOUND:
        raise argparse.ArgumentTypeError(
            f"expected 1 to {LINE_BYTES_BOUND >> 20}M bytes, such as 64K, found {text!r}"
        )
    return count


def delimiter(text: str) -> str:
    """Return what stands between the cells of CSV."""
    found = _DELIMITERS.get(text, text)
    if re.fullmatch(DELIMITER, found) is None:
        raise argparse.ArgumentTypeError(
            "expected tab or one character of ASCII that is no letter, digit or quote, "
            f"found {text!r}"
        )
    return found


def assignment(text: str) -> tuple[str, str]:
    """Return the name and the value that NAME=VALUE says."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {shown(text)}")
    return name, value


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
