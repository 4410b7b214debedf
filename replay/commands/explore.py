"""``explore STORE``: whether any order of delivery or failure of actors changes a result."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from events.errors import counted
from events.escapes import plain
from replay.arguments import add_store, add_workers, whole
from replay.engine.difference import difference_fields, difference_lines
from replay.engine.explore import Explorer, RecordedOtherwiseError
from replay.engine.workers import shared, usable_cores
from replay.kinds import looks_at
from replay.loading import add_detector, workers_of
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_json, progress, shell_word

if TYPE_CHECKING:
    import argparse

    from replay.engine.explore import Exploration

SUMMARY = "play a history under many orders of delivery, with actors that fail, and compare"
EXAMPLE = "explore flagged.json.events --orders 1000"

EXIT_DIFFERENT = 1

_ORDERS: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    parser.add_argument(
        "--orders",
        metavar="N",
        type=whole("orders", 1),
        default=_ORDERS,
        help=f"how many orders to explore (default: {_ORDERS})",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole("seed", 0),
        default=1,
        help="seed of the first one, from which they are counted (default: 1)",
    )
    add_workers(parser, "explore (default: as many as there are cores)", "--jobs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what was explored and the first difference; return 1 if there is one."""
    looks = looks_at(options)
    explorer = Explorer(looks.explored())
    verify = f"python -m replay verify {shell_word(options.store)}"
    try:
        explorer.check(looks.recorded)
    except RecordedOtherwiseError as error:
        raise RecordedOtherwiseError(f"{options.store}: {error}; see {verify}") from None
    seeds = range(options.seed, options.seed + options.orders)
    explored = messages = restarts = 0
    different: Exploration | None = None
    with (
        workers_of(options) as workers,
        # What each seed gives, in their order: so the first difference has the lowest seed that
        # finds any, however many workers there are.
        closing(shared(explorer.explore, seeds, workers or usable_cores())) as found,
    ):
        for _ in progress(seeds, "explore"):
            exploration = next(found)
            explored += 1
            messages += exploration.messages
            restarts += exploration.restarts
            if exploration.difference is not None:
                different = exploration
                break
    subject = explorer.subject
    told: dict[str, Any] = {
        "orders": explored,
        "seeds": [seeds[0], seeds[explored - 1]],
        **subject.scope(),
        "judged": len(explorer.reference.verdicts),
        "restarts": restarts,
        "messages": messages,
        "difference": None,
    }
    if different is not None and different.difference is not None:
        seed = different.seed
        again = f"python -m replay explore {shell_word(options.store)} --orders 1 --seed {seed}"
        told["difference"] = {
            "seed": seed,
            **difference_fields(different.difference, looks),
            "command": again,
        }
    if options.json:
        print_json(told)
    else:
        _show(told, explorer)
    return 0 if different is None else EXIT_DIFFERENT


def _show(told: dict[str, Any], explorer: Explorer) -> None:
    """Print for a person what was explored and the first difference."""
    subject = explorer.subject
    first, last = told["seeds"]
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    say(
        f"explored {counted(told['orders'], 'order')} ({seeds}) of {subject.scope_text()}: "
        f"{counted(told['restarts'], 'restart')} of {subject.actors}, "
        f"{counted(told['messages'], 'message')}"
    )
    if (nothing := subject.nothing(explorer.reference)) is not None:
        say(nothing)
    difference = told["difference"]
    if difference is None:
        say("no difference")
        return
    event, actor = difference["event"], difference["actor"]
    after = "" if event is None else f", after event {event}"
    of_actor = "" if actor is None else f", {plain(actor)}"
    say(f"first difference: seed {difference['seed']}{after}{of_actor}")
    for line in difference_lines(difference):
        say(line)
    say(f"to see it again: {difference['command']}")
