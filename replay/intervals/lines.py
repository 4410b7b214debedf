"""Where intervals go: the findings to the event store, a line for each to a file."""

from __future__ import annotations

import re
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.observations.csvrows import csv_line
from events.observations.interval import FIELDS
from events.times.timestamps import in_zone
from replay.engine.output import KeptOutput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.observations.findings import FindingColumns
    from events.observations.interval import Interval
    from events.observations.parameters import IntervalParameters
    from events.records.record import StateDigest
    from events.store.writer import StoreWriter
    from events.times.timestamps import Zone
    from replay.engine.output import Output

_LINE: Final = (
    b'{%b"start_index":%d,"end_index":%d,"start_time":"%bZ","end_time":"%bZ","num_adid":%d,'
    b'"adids":[%b]}'
)
_QUOTES_ONLY = re.compile('[,"]')

_encode = msgspec.json.Encoder().encode
_values = attrgetter(*FIELDS)


class _Line(msgspec.Struct, gc=False):
    """An interval as a line of JSON; as a dict it took 2.8 times as long."""

    start_index: int
    end_index: int
    start_time: str
    end_time: str
    num_adid: int
    adids: tuple[str, ...]


class _KeyedLine(msgspec.Struct, gc=False):
    """The same with its key, which comes first."""

    key: str
    start_index: int
    end_index: int
    start_time: str
    end_time: str
    num_adid: int
    adids: tuple[str, ...]


def interval_in_zone(interval: Interval, zone: Zone | None) -> Interval:
    """Return an interval with its times as they are shown, of instants with a ``Z``."""
    if zone != "utc":
        return interval
    start, end = in_zone(interval.start_time, zone), in_zone(interval.end_time, zone)
    return msgspec.structs.replace(interval, start_time=start, end_time=end)


def interval_fields(interval: Interval, zone: Zone | None, *, keyed: bool) -> dict[str, Any]:
    """Return the fields of SPEC.md section 7, and the key in front where there is one.

    Args:
        interval: the interval.
        zone: that of its history.
        keyed: whether there are keys.

    """
    shown = interval_in_zone(interval, zone)
    fields = {name: getattr(shown, name) for name in FIELDS}
    return {"key": interval.key, **fields} if keyed else fields


def interval_lines(
    intervals: Sequence[Interval],
    parameters: IntervalParameters,
    zone: Zone | None,
    *,
    breaks_quoted: bool = True,
) -> list[bytes]:
    """Return a line for each interval, without newlines.

    In CSV the ids stand in one cell as a JSON array, since they may hold any character.

    Args:
        intervals: the intervals.
        parameters: which say what the lines are.
        zone: that of the history, which says how times are written.
        breaks_quoted: whether a key with a line break in it stands in quotes; releases
            that named no detector in their stores did not see to that.

    """
    if parameters.output == "parquet":
        # It is made of the store at the end.
        return []
    if parameters.output == "jsonl":
        return [_encode(each) for each in _rows(intervals, parameters, zone)]
    keyed = parameters.key is not None
    quoting = (_QUOTES_ONLY,) if not breaks_quoted else ()
    rows = (interval_fields(interval, zone, keyed=keyed) for interval in intervals)
    cells = ((row | {"adids": _encode(row["adids"]).decode()}).values() for row in rows)
    return [csv_line(each, *quoting) for each in cells]


def _rows(
    intervals: Sequence[Interval], parameters: IntervalParameters, zone: Zone | None
) -> list[_Line] | list[_KeyedLine]:
    if zone == "utc":
        intervals = [interval_in_zone(each, zone) for each in intervals]
    if parameters.key is not None:
        return [_KeyedLine(each.key, *_values(each)) for each in intervals]
    return [_Line(*_values(each)) for each in intervals]


def title_of(parameters: IntervalParameters) -> bytes:
    """Return the line of column names that a CSV file begins with."""
    return csv_line([*(["key"] if parameters.key is not None else []), *FIELDS])


class IntervalOutputs(KeptOutput):
    """Sends findings to a store and their lines to a file; an outlet of the interval sink.

    A line is written only when its finding is on the disk, and the store then tells,
    with what comes next, how far the file had come.
    """

    def __init__(self, store: StoreWriter, file: Output, parameters: IntervalParameters) -> None:
        """Send findings to ``store`` and lines to ``file``."""
        super().__init__(store, file)
        self._parameters = parameters
        self.intervals = 0
        """How many intervals were found."""
        self.zone: Zone | None = None
        """That of the observations they were found among."""
        self.breaks_quoted = True
        """Whether keys with line breaks stand in quotes; see `interval_lines`."""
        # The ids as JSON, by code.
        self._quoted: Final[list[bytes]] = []

    def record(self, findings: FindingColumns, digest: StateDigest) -> None:
        """Append ``findings`` and ``digest`` to the store, as one frame."""
        digest = msgspec.structs.replace(digest, chain=self._store.chain)
        self.append([findings, digest])

    def write(self, findings: FindingColumns) -> None:
        """Append a line for each of ``findings`` to the file."""
        self.intervals += len(findings)
        parameters, zone, quoted = self._parameters, self.zone, self.breaks_quoted
        if parameters.output == "jsonl":
            self.write_lines(self._json_lines(findings))
        elif parameters.output == "csv":
            found = [each.interval for each in findings]
            self.write_lines(interval_lines(found, parameters, zone, breaks_quoted=quoted))

    def _json_lines(self, findings: FindingColumns) -> list[bytes]:
        """Return a line of JSON for each, as `interval_lines` does, without an object for each."""
        quoted = self._quoted
        # No id or key gets another number while a search goes on.
        quoted.extend(map(_encode, findings.adids[len(quoted) :]))
        line = _LINE.replace(b"Z", b"Z" if self.zone == "utc" else b"")
        keys: Iterable[bytes] = repeat(b"")
        if self._parameters.key is not None:
            names = findings.names
            keys = [b'"key":%b,' % _encode(names[key]) for key in findings.keys.tolist()]
        starts, ends = (column.tolist() for column in findings.indexes)
        begins, finishes = (map(str.encode, texts) for texts in findings.times())
        counts, ids = findings.counts.tolist(), findings.ids(quoted, b",".join)
        rows = zip(keys, starts, ends, begins, finishes, counts, ids, strict=False)
        return list(map(line.__mod__, rows))
