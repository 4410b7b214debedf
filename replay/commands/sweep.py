"""``sweep STORE -D … -T …``: what each setting would have flagged."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import ParametersError, counted
from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN, Parameters, check
from replay.arguments import add_store, add_workers, is_whole
from replay.engine.files import check_new
from replay.engine.output_file import write_new
from replay.engine.workers import CAN_FORK, LOST, Workers, usable_cores
from replay.purchases.heatmap import heat_map
from replay.purchases.history import History
from replay.purchases.redecide import decide_again
from replay.terminal.standard_streams import say
from replay.terminal.tables import open_store, print_json, print_table, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SUMMARY = "table how many purchases each setting of D and T flags"
EXAMPLE = "sweep flagged.json.events -D 1,2,3 -T 10,50,200"


# From so many decisions on at other settings than the first, it pays to fork.
_PAYS_DECISIONS: Final = 2_000


class Setting(NamedTuple):
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    for flag, name, what, least in (
        ("-D", "--degrees", "degrees of the network", DEGREES_MIN),
        ("-T", "--tracked", "numbers of purchases tracked", TRACKED_MIN),
    ):
        parser.add_argument(
            flag,
            name,
            metavar="N,N,...",
            type=_numbers(flag[1], least),
            help=f"{what}, with commas between (default: the run's)",
        )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="print comma-separated values")
    how.add_argument("--json", action="store_true", help="print one JSON object a setting")
    add_workers(
        parser, "decide, each at one setting (default: as many as there are cores, where it pays)"
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
    degrees = options.degrees or [original.degrees]
    tracked = options.tracked or [original.tracked]
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


def _settings(history: History, pairs: Sequence[Parameters], workers: int) -> Iterator[Setting]:
    recorded = {number for number, decision in history.recorded.items() if decision.flagged}
    decide = partial(_flagged, history)
    with Workers(workers, decide) as forked:
        if workers > 1 and CAN_FORK:
            forked.start()
        answers = forked.answers(pairs)
        for parameters in progress(pairs, "settings"):
            _, found = next(answers)
            flagged = decide(parameters) if found is LOST else found
            yield _setting(parameters, flagged, recorded)


def _setting(parameters: Parameters, flagged: set[int], recorded: set[int]) -> Setting:
    return Setting(
        parameters.degrees,
        parameters.tracked,
        len(flagged),
        len(flagged & recorded),
        len(flagged - recorded),
        len(recorded - flagged),
    )


def _numbers(name: str, least: int) -> Callable[[str], list[int]]:
    def parse(text: str) -> list[int]:
        words = text.split(",")
        if not all(is_whole(word) for word in words):
            raise argparse.ArgumentTypeError(
                f"expected whole numbers with commas between, found {text!r}"
            )
        try:
            return sorted({check(name, int(word), least) for word in words})
        except ParametersError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse
