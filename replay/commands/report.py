"""``report STORE N --output FILE``: what a person has to know of an event, in one file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from events.disk import free_name
from events.errors import InputError, counted, unwritable
from events.escapes import plain
from replay.arguments import add_event, add_setting
from replay.engine.files import check_new
from replay.engine.output_file import write_new
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.page.content import Links, Setting, messages
from replay.page.document import Listed, Origin, index_of, report
from replay.page.tellers import teller_of
from replay.terminal.standard_streams import mention
from replay.terminal.tables import progress, shell_word

if TYPE_CHECKING:
    import argparse

    from replay.engine.looks import Looks

SUMMARY = "write what is to be known of an event to one HTML file, or of all that was flagged"
EXAMPLE = "report flagged.json.events 20010 --output report.html"

INDEX = "index.html"
_WHAT = "a report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser, nargs="?")
    add_detector(parser)
    parser.add_argument(
        "--flagged",
        action="store_true",
        help="a report on each flagged event, or each after which intervals were final, and an "
        "index, in a new folder",
    )
    add_setting(parser, ", of a store of purchases (default: the run's)")
    parser.add_argument(
        "--output",
        metavar="PATH",
        required=True,
        help="the file to write, which must not exist; with --flagged the folder",
    )


def run(options: argparse.Namespace) -> int:
    """Write the file, or the folder."""
    if options.flagged == (options.number is not None):
        raise InputError(
            "expected the number of an event, or --flagged, found "
            f"{'both' if options.flagged else 'neither'}"
        )
    looks = looks_at(options)
    with looks:
        made = _Reports(looks, options)
        if options.flagged:
            return _folder(made, options.output)
        check_new(options.output, _WHAT, (looks.store.path,))
        number = looks.number_of(options.number)
        write_new(options.output, made.report(number).encode(), _WHAT)
    mention(f"report: {plain(options.output)}")
    return 0


class _Reports(NamedTuple):
    """Makes the reports on one store."""

    looks: Looks[Any]
    options: argparse.Namespace

    @property
    def setting(self) -> Setting | None:
        """At which D and T events are told of; None for those of the run.

        Raises:
            InputError: the store has none.

        """
        options, own = self.options, {each.name for each in self.looks.parameter_options}
        if (options.degrees, options.tracked) == (None, None):
            return None
        if not {"degrees", "tracked"} <= own:
            raise InputError(
                f"{options.store}: expected a store of purchases with -D or -T, found one of "
                f"{self.looks.kind}"
            )
        run = self.looks.store.parameters
        return Setting(options.degrees or run.degrees, options.tracked or run.tracked)

    def report(self, event: int, index: str | None = None) -> str:
        """Return the report on an event."""
        looks, teller = self.looks, teller_of(self.looks)
        content = teller.content(looks, event, self.setting, Links())
        subjects = teller.subjects(looks, event)
        content.sections.append(messages(looks.timeline.trace(event), event, subjects))
        return report(content, self.origin(str(event)), index)

    def listed(self, event: int) -> Listed:
        """Return what the index says of an event."""
        looks = self.looks
        found = looks.history.event(event)
        happened = teller_of(looks).happened(looks, found)
        return Listed(event, looks.time(found), happened, f"event-{event}.html")

    def origin(self, event: str) -> Origin:
        """Return where the reports come from."""
        looks, options = self.looks, self.options
        words = ["python -m replay", "why" if event else "log", shell_word(options.store)]
        words.append(event or "--flagged")
        if options.detector is not None:
            words += ["--detector", shell_word(options.detector)]
        return Origin(
            looks.store.path.name, str(looks.store.detector), looks.setting, " ".join(words)
        )


def _folder(made: _Reports, output: str) -> int:
    """Write a folder of reports, which has its name when all of it is there."""
    looks, what = made.looks, "a folder of reports"
    folder = check_new(output, what, (looks.store.path,))
    found = [event for event in range(1, len(looks.history) + 1) if looks.found(event)]
    part = free_name(folder, "part")
    try:
        part.mkdir()
    except OSError as error:
        raise unwritable(folder, error, what) from None
    try:
        listed = list(map(made.listed, found))
        for each in progress(listed, "reports"):
            write_new(part / each.file, made.report(each.event, INDEX).encode(), _WHAT)
        index = index_of(listed, made.origin(""))
        write_new(part / INDEX, index.encode(), _WHAT)
        try:
            part.rename(folder)
        except OSError as error:
            raise unwritable(folder, error, what) from None
    except BaseException:
        shutil.rmtree(part)
        raise
    mention(f"{counted(len(found), 'report')}: {plain(folder / INDEX)}")
    return 0
