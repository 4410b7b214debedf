"""``sweep STORE -D … -T …``: what each setting would have flagged."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import counted
from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN, Parameters
from replay.arguments import add_ranges, add_store, add_workers, numbers
from replay.engine.files import check_new
from replay.engine.forks import CAN_FORK
from replay.engine.output_file import write_new
from replay.engine.workers import shared, usable_cores
from replay.purchases.heatmap import heat_map
from replay.purchases.history import History
from replay.purchases.redecide import decide_again
from replay.terminal.standard_streams import say
from replay.terminal.tables import open_store, print_json, print_table, progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from replay.arguments import CommandParser

SUMMARY = "table how many purchases each setting of D and T flags"
EXAMPLE = "sweep flagged.json.events -D 1,2,3 -T 10,50,200"


# From so many decisions on at other settings than the first, it pays to fork.
_PAYS_DECISIONS: Final = 2_000


class Swept(NamedTuple):
    """What one setting flags, beside what the run flagged."""

    degrees: int
    tracked: int
    flagged: int
    both: int
    """How many purchases this setting and the run flag."""
    gained: int
    """How many only this setting flags."""
    lost: int
    """How many only the run flagged."""

    @property
    def agreement(self) -> int:
        """Of the purchases that either flags, the percentage that both flag, cut."""
        either = self.both + self.gained + self.lost
        return 100 * self.both // either if either else 100


def add_arguments(parser: CommandParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    for flag, name, what, least in (
        ("-D", "--degrees", "degrees of the network", DEGREES_MIN),
        ("-T", "--tracked", "numbers of purchases tracked", TRACKED_MIN),
    ):
        help_text = f"{what}, ranges and with commas between, as 1-3,5 (default: the run's)"
        add_ranges(parser, flag, name, of=numbers(flag[1], least), what=help_text)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="print comma-separated values")
    how.add_argument("--json", action="store_true", help="print one JSON object a setting")
    add_workers(
        parser,
        "decide, each at one setting (default: as many as there are cores, where it pays)",
        anywhere=False,
    )
    parser.add_argument("--svg", metavar="FILE", help="also draw a heat map; FILE must not exist")


def run(options: argparse.Namespace) -> int:
    """Print the table, and draw the heat map if one was asked for."""
    store = open_store(options.store)
    if options.svg is not None:
        # Before the work: it may take minutes.
        check_new(options.svg, "a drawing", (store.path,))
    history = History(store)
    original = history.store.parameters
    degrees = sorted(set(options.degrees)) or [original.degrees]
    tracked = sorted(set(options.tracked)) or [original.tracked]
    pairs = [Parameters(d, t) for d in degrees for t in tracked]
    settings = list(_settings(history, pairs, _workers(options, history, pairs)))
    columns = ("D", "T", "flagged", "both", "gained", "lost", "agreement")
    rows = [(*setting, setting.agreement) for setting in settings]
    if options.csv:
        # Words and numbers, none of which needs a quote.
        for row in (columns, *rows):
            say(",".join(map(str, row)))
    elif options.json:
        for row in rows:
            print_json(dict(zip(columns, row, strict=True)))
    else:
        judged = counted(len(history.recorded), "purchase")
        say(f"{judged} judged; the run had D={original.degrees} T={original.tracked}")
        print_table([f"{name}#" for name in columns], [(*row[:-1], f"{row[-1]} %") for row in rows])
    if options.svg is not None:
        counts = {(each.degrees, each.tracked): each.flagged for each in settings}
        drawing = heat_map(counts, (original.degrees, original.tracked))
        write_new(options.svg, drawing.encode(), "a drawing")
    return 0


def _workers(options: argparse.Namespace, history: History, pairs: Sequence[Parameters]) -> int:
    """Return how many processes decide."""
    pays = CAN_FORK and len(history.recorded) * (len(pairs) - 1) >= _PAYS_DECISIONS
    default = usable_cores() if pays else 1
    return min(options.workers or default, len(pairs))


def _flagged(history: History, parameters: Parameters) -> set[int]:
    """Return which purchases are flagged at ``parameters``, by event number."""
    decisions = decide_again(history, parameters).values()
    return {decision.number for decision in decisions if decision.flagged}


def _settings(history: History, pairs: Sequence[Parameters], workers: int) -> Iterator[Swept]:
    recorded = {number for number, decision in history.recorded.items() if decision.flagged}
    decide = partial(_flagged, history)
    with closing(shared(decide, pairs, workers)) as found:
        for parameters in progress(pairs, "settings"):
            yield _setting(parameters, next(found), recorded)


def _setting(parameters: Parameters, flagged: set[int], recorded: set[int]) -> Swept:
    return Swept(
        parameters.degrees,
        parameters.tracked,
        len(flagged),
        len(flagged & recorded),
        len(flagged - recorded),
        len(recorded - flagged),
    )
