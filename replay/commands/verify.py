"""``verify STORE``: whether a replay gives what the run recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import counted
from events.escapes import plain
from replay.arguments import add_store, add_workers
from replay.engine.difference import difference_fields, difference_lines
from replay.kinds import looks_at
from replay.loading import add_detector, workers_of
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_json, progress

if TYPE_CHECKING:
    import argparse

    from replay.engine.difference import Difference
    from replay.engine.looks import Looks

SUMMARY = "play a history again and compare every decision and digest with what was recorded"
EXAMPLE = "verify flagged.json.events"

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    add_workers(parser, "judge (default: as many as there are cores, where it pays)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what was compared and the first difference; return 1 if there is one."""
    looks = looks_at(options)
    with workers_of(options, looks.alone) as workers:
        found = looks.verify(lambda moments: progress(moments, "verify"), workers)
    difference = found.difference
    if options.json:
        fields = None if difference is None else difference_fields(difference, looks)
        lost = [each._asdict() for each in found.lost]
        print_json({**found._asdict(), "difference": fields, "lost": lost})
    else:
        say(
            f"played {counted(found.events, 'event')} again, "
            f"compared {counted(found.decisions, looks.verdict)} "
            f"and {counted(found.digests, 'state digest')}"
        )
        for after, events, size in found.lost:
            say(
                f"incomplete: something was lost after event {after}, "
                f"{counted(events, 'event')} in {counted(size, 'byte')}"
            )
        if difference is not None:
            _show(difference, looks)
        elif found.events or found.digests:
            say("no difference")
        else:
            # As where a run was stopped, or all was lost, before the first event.
            say("there was no event to compare")
    return 0 if difference is None else EXIT_DIFFERENT


def _show(difference: Difference, looks: Looks[Any]) -> None:
    say(f"first difference: after event {difference.event}, {plain(difference.actor)}")
    for line in difference_lines(difference_fields(difference, looks), ", as recorded"):
        say(line)
