"""``why STORE N``: why the verdict on an event is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.arguments import ROUNDED, add_event
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "explain one event to the last digit"
EXAMPLE = "why flagged.json.events 20010"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    add_detector(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounded", action="store_true", help=ROUNDED)


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    with looks_at(options) as looks:
        if options.rounded:
            looks.round_figures()
        number = looks.number_of(options.number)
        if options.json:
            print_json(looks.why_fields(number))
        else:
            looks.show_why(number)
    return 0
