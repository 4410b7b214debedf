"""``intervals OBSERVATIONS OUTPUT``: time intervals in which several advertising ids appear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.escapes import plain
from events.logs.extent import HashedExtent
from events.logs.file import portions_of
from events.observations.csvrows import Dialect
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from events.store.store import EventStore
from events.times.epoch import EXPONENTS
from replay.arguments import add_run, as_utf8, check_printable, delimiter, distinct, duration
from replay.engine.console import Console
from replay.engine.files import check_new, store_beside
from replay.engine.output_file import write_new
from replay.intervals.history import IntervalHistory
from replay.intervals.picture import intervals_picture
from replay.intervals.run import Search, run_intervals
from replay.intervals.words import IntervalWords
from replay.terminal.signals import StopSignals
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from replay.intervals.resume import IntervalSummary

_LEAVABLE: Final = (HashedExtent.digest.__code__, Observations.in_order.__code__)

SUMMARY = "find the time intervals in which several advertising ids appear"
EXAMPLE = "intervals scripts/sample/observations.csv intervals.csv --threshold 10m --by address"
DETAIL = """\
An observation is a time and an id. The intervals are those shorter than the threshold, and not
inside another one, that hold more than one id. OBSERVATIONS is CSV with a row of column names,
or JSON lines, by its name (.csv, .json, .jsonl, .ndjson; also with .gz) or by --format; - is
standard input, CSV by default. A file of JSON may also be an array of objects, and where pyarrow
is installed a file may be Parquet (.parquet). A file that is not in order of time is put in order
first, ties as they stand there, which takes memory for all of it. Of a pipe, or with --lateness,
what comes later than that is rejected.

A time is YYYY-MM-DD HH:MM:SS with a fraction, or without the seconds or the clock. T may stand
for the space, and Z or an offset such as +02:00 behind the clock: such times are shown and
written in UTC, with a Z, as are the numbers since 1970 that --time-unit is for. All times have
an offset or none has: what differs from the first is rejected. Names of columns are found
regardless of case and of spaces around them.

From standard input, a named pipe, or a file with --follow, intervals are written as soon as they
are final; --resume goes on with the store, behind the rows that were read. Rows are not kept as
they are written, so whether a followed file still is the same is told by times, ids, keys and
rejected rows: changes elsewhere in it are not seen. A pipe of CSV that goes on begins with the row
of column names, and then the line that "check" names.

OUTPUT is CSV if it ends in .csv, Parquet if in .parquet, else JSON lines. Lines are appended;
Parquet is written at the end, where no such file is. Run again, it goes on where it was stopped. A
search with other settings is not appended to OUTPUT, since nothing in a row says which search
it is from. The settings of the rows there are read from the store beside OUTPUT, or the one of
--store."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = f"{parser.description}\n\n{DETAIL}"
    add = parser.add_argument
    add(
        "observations",
        metavar="OBSERVATIONS",
        help="file of observations, a pipe, or - for standard input",
    )
    add(
        "output",
        metavar="OUTPUT",
        help="file to append intervals to, .csv or JSON lines, or to make, .parquet; or -, a pipe "
        "or a device, with --store",
    )
    add(
        "--threshold",
        metavar="TIME",
        type=duration,
        required=True,
        help="an interval is shorter than this, such as 90s, 10m (minutes), 1h30m; more than 0s",
    )
    add("--inclusive", action="store_true", help="an interval may be just as long; then 0s will do")
    add("--by", metavar="COLUMN", type=as_utf8, help="look at each value of this column by itself")
    add(
        "--min-distinct",
        metavar="N",
        type=distinct,
        default=2,
        help="how many different ids an interval has at least (default: 2)",
    )
    add(
        "--lateness",
        metavar="TIME",
        type=duration,
        default=0,
        help="put in order what comes late by up to this much (default: 0s)",
    )
    for flag, name, what in (("--time-column", "time", "times"), ("--id-column", "adid", "ids")):
        help_text = f"column of {what} (default: {name})"
        add(flag, metavar="NAME", type=as_utf8, default=name, help=help_text)
    add("--format", choices=("csv", "jsonl", "parquet"), help="format of the observations")
    add(
        "--time-unit",
        choices=tuple(EXPONENTS),
        help="times are numbers of this unit since 1970, whole or fractional",
    )
    add(
        "--delimiter",
        metavar="CHAR",
        type=delimiter,
        help="what stands between cells of CSV, a character or tab (default: the comma, tab, "
        "semicolon or bar that the row of column names has)",
    )
    add("--svg", metavar="FILE", help="also draw a picture; FILE must not exist")
    add_run(
        parser,
        ("OBSERVATIONS", "OUTPUT", "row"),
        "say what is read and how long each phase took: fingerprint (hashing the file, and looking "
        "whether it is in order), observations, resume, check, close",
    )


def _may_be_left(frame: FrameType) -> bool:
    """Tell whether a file is hashed, or its order looked at, in ``frame``: nothing is written."""
    return frame.f_code in _LEAVABLE


def run(options: argparse.Namespace) -> int:
    """Find the intervals, and draw them if that was asked for."""
    check_printable(options, options.output)
    if options.svg is not None:
        outputs = [Path(options.output), store_beside(options.output, options.store)]
        check_new(options.svg, "a drawing", outputs)
    words = IntervalWords(keyed=options.by is not None)
    console = Console(-1 if options.quiet else options.verbose, words)
    columns = ColumnNames(options.time_column, options.id_column, options.by)
    search = Search(options.threshold, options.inclusive, options.min_distinct, options.lateness)
    given = options.observations
    with (
        StopSignals(_may_be_left) as stop,
        console,
        Observations(
            given,
            columns,
            form=options.format,
            dialect=Dialect(options.time_unit, options.delimiter),
            follow=options.follow,
            wake=stop,
            portions=portions_of(options.max_line),
        ) as opened,
    ):
        for note in opened.format.notes if not options.quiet else ():
            console.say(f"{plain(given)}: {note}")
        summary = run_intervals(
            opened,
            options.output,
            search,
            store=options.store,
            overwrite=options.overwrite,
            strict=options.strict,
            resume=options.resume,
            rejected=options.rejected,
            listener=console,
            should_stop=stop,
        )
    console.summarize(summary, machine=options.json)
    if options.json:
        print_json(words.fields(summary))
    if options.svg is not None:
        title = (
            f"{Path(given).name if given != '-' else 'standard input'}: intervals with several ids"
        )
        write_new(options.svg, _picture(summary, title).encode(), "a drawing")
    return 0


def _picture(summary: IntervalSummary, title: str) -> str:
    """Return the drawing of a history; where there is a key, each id has it in front."""
    history = IntervalHistory(EventStore(summary.store_path))
    times, adids, keys = history.journal.texts(history.journal.in_order())
    if history.journal.keyed:
        adids = [f"{key} {adid}" for key, adid in zip(keys, adids, strict=True)]
    intervals = [finding.interval for finding in history.findings()]
    return intervals_picture(times, adids, intervals, title)
