"""However a log is cut into blocks, it means what its lines mean one by one."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import os
import re
import sys
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InputError
from events.logs.block import Block, numbered
from events.logs.extent import Fingerprint
from events.logs.file import Log, Portions
from events.logs.objects import BadLineError
from events.logs.splitting import LINE_BYTES_MAX
from events.purchases.blocks import BlockParser
from events.purchases.columns import Columns
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of
from events.purchases.lines import flagged_line, parse_line, read_zoned
from events.records.record import EventRun, Lines, LogEnd, Record, Rejected, StreamStart
from replay.testing import model
from replay.testing.strategies import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from events.logs.splitting import WholeLines
    from events.times.timestamps import Zone

MARK = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"


def purchase(amount: str, time: str = "2017-06-13 11:33:01", user: str = "1") -> bytes:
    """Return the canonical line of a purchase, whether its values qualify or not."""
    return (
        f'{{"event_type":"purchase", "timestamp":"{time}", "id": "{user}", "amount": "{amount}"}}'
    ).encode()


def friendship(kind: str, user: str) -> bytes:
    return (
        f'{{"event_type":"{kind}", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "{user}"}}'
    ).encode()


GOOD = purchase("16.83")
ZIPPED = gzip.compress(GOOD, mtime=0)
# Each looks canonical, but is not one good event.
TRAPS = (
    *(purchase(amount) for amount in ("", "1.0", "01.00", "1.00 ", "1.00 2.00", f"1{0:015}.00")),
    *(purchase("1.00", f"2017-{time}") for time in ("02-29 11:33:01", "06-13 25:00:00")),
    *(purchase("1.00", time) for time in ("", "2017-06-13 11:33:01.5", "2017-06-13 11:33:01.50")),
    *(purchase("1.00", f"2017-06-13 11:33:01.{digits}") for digits in ("123456", "1234567", "")),
    *(purchase(amount, user="x" * 64) for amount in ("5", "7.125", "999999999999999.9999", "-1")),
    *(purchase("1.00", user="x" * count) for count in (8, 9, 65)),
    *(purchase("1.00", user=user) for user in ("a\\nb", "a\\u0000", "a\\\\", "\\u0000")),
    *(GOOD.replace(b'"1"', user) for user in (b'"\xff"', b'"\xed\xa0\x80"', b'"\xe2\x98"')),
    *(purchase("1.00", user=user) for user in ("", '", "id": "2', "\\u0031")),
    *(friendship("befriend", user) for user in ("1", "")),
    *(GOOD + GOOD, GOOD[:40], GOOD[40:], MARK + GOOD, b"\xff"),
)


class Reading(NamedTuple):
    """What reading a log gives."""

    first_line: WholeLines | None
    blocks: list[Block]
    end: LogEnd

    def items(self) -> list[tuple[int, Event | Rejected]]:
        """Return events and rejected lines with their line numbers, as the records say."""
        return list(numbered(record for block in self.blocks for record in block.records))

    def events(self) -> list[Event]:
        """Return the events; the blocks count them."""
        events = [item for _, item in self.items() if not isinstance(item, Rejected)]
        assert len(events) == sum(block.events for block in self.blocks)
        return events

    def rejected(self) -> list[Rejected]:
        """Return the rejected lines, as the blocks list them."""
        return [bad for block in self.blocks for bad in block.rejected]


def at_once(bytes_min: int) -> type[BlockParser]:
    """Return a parser that looks at so many bytes, or more, all at once."""

    class Parser(BlockParser):
        at_once_bytes_min = bytes_min

    return Parser


def read(
    path: Path,
    block_bytes: int = 1 << 16,
    parser: type[BlockParser] = BlockParser,
    *,
    peek: bool = False,
    skip: bool = False,
    line_bytes: int = LINE_BYTES_MAX,
) -> Reading:
    """Read the log at ``path`` in blocks of ``block_bytes``."""
    portions = Portions(batch_bytes=16 * block_bytes, line_bytes=line_bytes)
    with Log(path, "batch", parser, portions=portions) as log:
        first_line = log.peek_line() if peek or skip else None
        if skip:
            log.skip_line()
        return Reading(first_line, list(log.blocks(1)), log.end())


def by_hand(content: bytes, zone: Zone | None = None) -> Iterator[tuple[int, Event | Rejected]]:
    """Read a log the obvious way: one line after the other."""
    event_number = 1
    for number, line in enumerate(content.split(b"\n"), 1):
        text = line.removeprefix(MARK) if number == 1 else line
        if not text.strip(SPACE):
            continue
        try:
            event = parse_line(text, event_number, zone)
        except BadLineError as error:
            yield number, Rejected("batch", number, error.reason, error.detail, line)
        else:
            event_number += 1
            zone = zone or read_zoned(text, 1)[1]
            yield number, event if text is line else msgspec.structs.replace(event, line=line)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "batch.json"


canonical_lines = st.one_of(
    st.builds(
        purchase,
        st.sampled_from(["16.83", "0.00", "0.05", "1601.83", "999999999999999.99"]),
        st.sampled_from(["2017-06-13 11:33:01", "2016-02-29 11:33:01", "2017-06-13 00:00:00"]),
        st.sampled_from(["1", "2", "\N{SNOWMAN}"]),
    ),
    st.builds(friendship, st.sampled_from(["befriend", "unfriend"]), st.sampled_from("23")),
)
trapped_lines = st.one_of(canonical_lines, canonical_lines, st.sampled_from(TRAPS))
mixed_lines = st.one_of(lines(), trapped_lines)
line_ends = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\n \n"])


ZONES: tuple[Zone, Zone] = ("none", "utc")
TOLD = (GOOD, friendship("befriend", "2"), purchase("7.50"), friendship("unfriend", "2"))


def reordered(line: bytes) -> bytes:
    """Return a canonical line with its keys in another order, and others as they are."""
    return re.sub(
        rb'\{("event_type":"\w*"), ("timestamp":"[^"]*"), (.*)\}',
        rb'{ \3,\t\2, "x": "y", \1 }',
        line,
    )


def at_offset(line: bytes, offset: str, mark: str = " ") -> bytes:
    """Return a line with the same time, which a clock of this offset shows, if it is one."""
    old = re.search(rb'"([0-9-]{10} [0-9:]{8})([.0-9]*)"', line)
    try:
        time = dt.datetime.fromisoformat(old[1].decode() if old else "")
    except ValueError:
        return line
    assert old is not None
    local = time + (model.offset_of(offset) if offset else dt.timedelta())
    text = f'"{local.isoformat(mark)}{old[2].decode()}{offset}"'
    return line.replace(old[0], text.encode())


STYLES: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line,
    lambda line: line,
    lambda line: line + b"\r",
    lambda line: line.replace(b'": "', b'":"').replace(b", ", b","),
    lambda line: line.replace(b"-13 ", b"-13T"),
    reordered,
    lambda line: reordered(line).replace(b'"y"', b'"%d%s"') + b" \r",
    lambda line: at_offset(line, "Z"),
    lambda line: at_offset(line, "Z", "T"),
    lambda line: at_offset(line, "+00:00"),
    lambda line: at_offset(line, "+02:00", "T"),
    lambda line: reordered(at_offset(line, "-23:59")),
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    content = draw(st.sampled_from([b"", b"", b"", MARK + GOOD + b"\n"]))
    some_lines = draw(st.sampled_from([canonical_lines, trapped_lines, mixed_lines]))
    ends = line_ends if some_lines is mixed_lines else st.just(b"\n")
    style = draw(st.sampled_from(STYLES))
    for line in draw(st.lists(some_lines, max_size=12)):
        content += style(line) + draw(ends)
    return content[: -1 if draw(st.booleans()) else None]


block_sizes = st.sampled_from([1, 7, 100, 300, 1 << 16])


@given(contents(), block_sizes, st.sampled_from([1, 300]))
def test_blocks_of_any_size_mean_what_their_lines_mean_one_by_one(
    path: Path, content: bytes, block_bytes: int, bytes_min: int
) -> None:
    path.write_bytes(content)
    reading, expected = read(path, block_bytes, at_once(bytes_min)), list(by_hand(content))
    assert reading.items() == expected
    assert reading.events() == [item for _, item in expected if not isinstance(item, Rejected)]
    assert reading.rejected() == [item for _, item in expected if isinstance(item, Rejected)]


@given(contents(), block_sizes)
def test_end_of_a_log_counts_its_lines(path: Path, content: bytes, block_bytes: int) -> None:
    path.write_bytes(content)
    whole = content.endswith(b"\n") or not content
    expected = LogEnd("batch", content.count(b"\n") + (not whole), whole)
    assert read(path, block_bytes).end == expected


@given(contents(), block_sizes)
def test_kept_lines_put_together_are_the_log_without_its_blank_lines(
    path: Path, content: bytes, block_bytes: int
) -> None:
    path.write_bytes(content)
    kept = [
        item.line if isinstance(item, Rejected) else line_of(item)
        for _, item in read(path, block_bytes).items()
    ]
    assert kept == [line for line in content.split(b"\n") if line.strip(SPACE)]


@given(contents(), block_sizes)
def test_peeking_shows_the_first_line_and_changes_nothing(
    path: Path, content: bytes, block_bytes: int
) -> None:
    path.write_bytes(content)
    unmarked = content.removeprefix(MARK).split(b"\n")
    plain, peeked = read(path, block_bytes), read(path, block_bytes, peek=True)
    assert peeked.first_line == next((line for line in unmarked if line.strip(SPACE)), None)
    assert peeked.items() == plain.items()
    assert peeked.end == plain.end


@given(contents().filter(bytes.strip), block_sizes)
def test_skipped_line_is_the_only_one_missing(path: Path, content: bytes, block_bytes: int) -> None:
    path.write_bytes(content)
    plain, skipped = read(path, block_bytes), read(path, block_bytes, skip=True)
    lines_left = [number for number, _ in skipped.items()]
    assert lines_left == [number for number, _ in plain.items()][1:]
    assert skipped.end == plain.end


@pytest.mark.parametrize("style", STYLES)
def test_log_in_one_style_is_kept_without_its_lines(style: Callable[[bytes], bytes]) -> None:
    block = b"".join(style(line) + b"\n" for line in TOLD * 50)
    columns, *others = BlockParser("batch", 1).parse(block).records
    assert others == [Lines("batch", 1), EventRun(len(TOLD) * 50)]
    assert isinstance(columns, Columns)
    assert columns.events() == [item for _, item in by_hand(block)]
    assert not columns.lines


@pytest.mark.parametrize("style", STYLES)
def test_odd_lines_cost_only_themselves(style: Callable[[bytes], bytes]) -> None:
    block = b"".join(style(line) + b"\n" for line in [*TOLD * 50, *TRAPS, *TOLD * 60])
    records = BlockParser("batch", 1).parse(block).records
    assert list(numbered(records)) == list(by_hand(block))
    kept = sum(len(record.lines) for record in records if isinstance(record, Columns))
    assert kept <= len(TRAPS)


@pytest.mark.parametrize("odd", TRAPS)
def test_any_odd_line_leaves_the_others_as_they_are(odd: bytes) -> None:
    block = b"".join(line + b"\n" for line in [*TOLD * 30, odd, *TOLD * 30])
    assert list(numbered(BlockParser("batch", 1).parse(block).records)) == list(by_hand(block))


def test_how_a_block_is_kept_does_not_depend_on_those_before_it() -> None:
    parsers = {zone: BlockParser("batch", 1, zone=zone) for zone in ZONES}
    for style in (*STYLES, *reversed(STYLES)):
        block = b"".join(style(line) + b"\n" for line in TOLD * 50)
        columns, *_ = parsers[read_zoned(style(GOOD), 1)[1]].parse(block).records
        alone, *_ = BlockParser("batch", 1).parse(block).records
        assert isinstance(columns, Columns)
        assert isinstance(alone, Columns)
        assert (columns.style, columns.lines) == (alone.style, alone.lines)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("style", STYLES)
def test_lines_of_the_other_kind_are_rejected_in_a_block_as_one_by_one(
    style: Callable[[bytes], bytes], count: int, zone: Zone
) -> None:
    block = b"".join(style(line) + b"\n" for line in TOLD * count)
    parser = BlockParser("batch", 1, zone=zone)
    parsed = parser.parse(block)
    assert list(numbered(parsed.records)) == list(by_hand(block, zone))
    assert parsed.events == (len(TOLD) * count if read_zoned(style(GOOD), 1)[1] == zone else 0)
    assert {bad.reason for bad in parsed.rejected} <= {"timestamp-zone"}
    assert parser.zone == zone


@pytest.mark.parametrize("first", STYLES)
@pytest.mark.parametrize("style", STYLES)
def test_first_event_of_a_block_decides_about_the_others(
    style: Callable[[bytes], bytes], first: Callable[[bytes], bytes]
) -> None:
    # A line with another fault decides nothing, and is rejected for that.
    bad = style(purchase("-1.00"))
    block = b"".join(line + b"\n" for line in [bad, first(GOOD), *map(style, TOLD * 50)])
    parsed = BlockParser("batch", 1).parse(block)
    assert list(numbered(parsed.records)) == list(by_hand(block))
    assert parsed.rejected[0].reason == "amount-sign"
    assert parsed.events > 0


@pytest.mark.parametrize(
    ("time", "offset"),
    [
        *(("0001-01-01 00:59:59", "+01:00"), ("0001-01-01 01:00:00", "+01:00")),
        *(("9999-12-31 22:59:59.5", "-01:00"), ("9999-12-31 23:00:00", "-01:00")),
        *(("2016-02-29 00:30:00", "+01:00"), ("2017-02-29 00:30:00", "+01:00")),
        *(("2016-12-31 23:59:59.123456789", "-00:01"), ("2017-06-13 11:33:01", "+24:00")),
        *(("2017-06-13 11:33:01", "ZZ"), ("2017-06-13 11:33:01", "Z\\u0000"), ("", "Z")),
    ],
)
def test_odd_instants_in_a_block_are_what_they_are_by_themselves(time: str, offset: str) -> None:
    zone = "+01:00" if offset.startswith("+") else "-01:00" if offset.startswith("-") else "Z"
    lines = [at_offset(line, zone) for line in TOLD * 30]
    odd = purchase("1.00", f"{time}{offset}")
    block = b"".join(line + b"\n" for line in [*lines, odd, *lines])
    records = BlockParser("batch", 1).parse(block).records
    assert list(numbered(records)) == list(by_hand(block))
    assert isinstance(records[0], Columns)
    assert len(records[0].lines) <= 1


def test_commonest_style_of_a_block_is_its_style() -> None:
    lines = [STYLES[2](line) for line in TOLD]
    others = [STYLES[3](line) for line in TOLD]
    block = b"".join(line + b"\n" for line in [*others, *lines * 50, *TOLD])
    columns, *_ = BlockParser("batch", 1).parse(block).records
    assert isinstance(columns, Columns)
    assert columns.events() == [item for _, item in by_hand(block)]
    assert list(columns.lines.values()) == [*others, *TOLD]
    block = b"".join(line + b"\n" for line in [*lines, *TOLD * 50])
    columns, *_ = BlockParser("batch", 1).parse(block).records
    assert isinstance(columns, Columns)
    assert (columns.style, list(columns.lines.values())) == (None, lines)


@pytest.mark.parametrize("time", ["2017-06-13 25:00:00", "2017-02-29 11:33:01"])
def test_date_and_clock_that_the_fast_path_has_seen_excuse_no_other(path: Path, time: str) -> None:
    path.write_bytes(GOOD + b"\n" + purchase("1.00", time) + b"\n")
    assert [(bad.number, bad.reason) for bad in read(path).rejected()] == [(2, "timestamp-date")]


def test_canonical_lines_are_kept_as_columns_alone() -> None:
    block = b"".join(line + b"\n" for line in TOLD * 50)
    columns, *_ = BlockParser("batch", 5).parse(block).records
    assert isinstance(columns, Columns)
    assert (columns.style, columns.lines, columns.finer) == (None, {}, {})
    assert columns.events()[:4] == [
        Purchase("2017-06-13 11:33:01", 5, "1", 168_300),
        Befriend("2017-06-13 11:33:01", 6, "1", "2"),
        Purchase("2017-06-13 11:33:01", 7, "1", 75_000),
        Unfriend("2017-06-13 11:33:01", 8, "1", "2"),
    ]


@given(contents(), st.sampled_from([1, 300]))
def test_columns_are_those_of_their_events(content: bytes, bytes_min: int) -> None:
    records = at_once(bytes_min)("batch", 1).parse(content + b"\n").records
    for columns in records:
        if isinstance(columns, Columns):
            again = Columns.of(columns.events())
            assert columns.names == again.names
            assert columns.finer == again.finer
            for name in ("kinds", "users", "others", "amounts", "ticks"):
                one, other = getattr(columns, name), getattr(again, name)
                assert one.dtype == other.dtype
                assert one.tolist() == other.tolist()


def test_two_times_that_come_to_the_right_length_together_are_both_rejected(path: Path) -> None:
    times = ["2017-06-13 11:33:0", "02017-06-13 11:33:00"]
    bad = b"".join(purchase("1.00", time) + b"\n" for time in times)
    path.write_bytes(bad + (GOOD + b"\n") * 300 + bad)
    numbers = [(each.number, each.reason) for each in read(path).rejected()]
    assert numbers == [(number, "timestamp-shape") for number in (1, 2, 303, 304)]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (GOOD + GOOD + b"\n", ["not-json"]),
        (GOOD + b" " + GOOD + b"\n" + GOOD, ["not-json"]),
        (GOOD[:40] + b"\n" + GOOD[40:] + b"\n", ["not-json", "not-json"]),
        (GOOD + b"\n" + GOOD.replace(b", ", b",\n", 1) + b"\n", ["not-json", "not-object"]),
        (purchase("1.00", user="a\nb") + b"\n", ["not-json", "not-json"]),
        (GOOD.replace(b", ", b",\r") + b"\n", []),
        (b"[" + GOOD + b"]\n", ["not-object"]),
        (GOOD + b"\n" + MARK + GOOD + b"\n", ["not-json"]),
    ],
)
def test_line_is_one_object_and_an_object_is_one_line(
    path: Path, content: bytes, reasons: list[str]
) -> None:
    path.write_bytes(content)
    assert [bad.reason for bad in read(path).rejected()] == reasons


def test_two_amounts_in_one_string_are_rejected_and_shift_no_other_amount(path: Path) -> None:
    path.write_bytes(purchase("1.00 2.00") + b"\n" + purchase("3.00") + b"\n")
    reading = read(path)
    assert [bad.reason for bad in reading.rejected()] == ["amount-text"]
    assert reading.events() == [Purchase("2017-06-13 11:33:01", 1, "1", 30_000)]


def test_empty_timestamp_is_rejected_in_the_first_line_too(path: Path) -> None:
    path.write_bytes(purchase("1.00", time="") + b"\n" + GOOD + b"\n")
    assert [bad.reason for bad in read(path).rejected()] == ["timestamp-shape"]


def test_byte_order_mark_is_dropped_from_the_event_and_kept_in_its_line(path: Path) -> None:
    path.write_bytes(MARK + GOOD)
    assert read(path).events() == [msgspec.structs.replace(parse_line(GOOD, 1), line=MARK + GOOD)]
    assert read(path, peek=True).first_line == GOOD


def test_byte_order_mark_elsewhere_is_part_of_its_line(path: Path) -> None:
    path.write_bytes(b"\n" + MARK + GOOD)
    assert [(bad.number, bad.line) for bad in read(path).rejected()] == [(2, MARK + GOOD)]
    assert read(path, peek=True).first_line == MARK + GOOD


@pytest.mark.parametrize("end", [b"", b"\n", b"  \r\n", b"\n" + GOOD])
def test_line_with_only_a_byte_order_mark_is_blank_peeked_at_or_not(path: Path, end: bytes) -> None:
    path.write_bytes(MARK + end)
    assert read(path, peek=True).items() == read(path).items()


@pytest.mark.parametrize("blank", [b"", b"\n", b" \t\r\n\n", MARK + b"\n\n", b"\n" * 500])
def test_peeking_steps_over_blank_lines_at_the_start(path: Path, blank: bytes) -> None:
    path.write_bytes(blank + b'{"D":"3", "T":"50"}\n' + GOOD)
    with Log(path, "batch", BlockParser) as log:
        assert log.peek_line() == log.peek_line() == log.skip_line() == b'{"D":"3", "T":"50"}'
        assert log.lines_read == blank.count(b"\n") + 1
        records = [record for block in log.blocks(1) for record in block.records]
        assert list(numbered(records)) == [(blank.count(b"\n") + 2, parse_line(GOOD, 1))]
        assert log.end() == LogEnd("batch", blank.count(b"\n") + 2, newline=False)


@pytest.mark.parametrize(
    ("content", "count"), [(b"", 0), (b"\n", 1), (b" ", 1), (b"\r\n \t\n\n", 3), (MARK + b"\n", 1)]
)
def test_peeking_at_a_log_of_blank_lines_finds_none(path: Path, content: bytes, count: int) -> None:
    path.write_bytes(content)
    first_line, _, end = read(path, peek=True)
    assert (first_line, end.lines) == (None, count)


def test_numbered_begins_anew_at_each_lines_record_and_leaves_other_records_out() -> None:
    events = [parse_line(GOOD, number) for number in (1, 2, 3, 4)]
    bad = Rejected("stream", 9, "not-json", "", b"")
    records: list[Record] = [
        *(Columns.of(events[:2]), Lines("batch", 2), EventRun(2), LogEnd("batch", 3, newline=True)),
        *(StreamStart(2), Columns.of(events[2:]), Lines("stream", 8), EventRun(1)),
        *(Decision(3, False, 0, 0, 0), bad, Lines("stream", 20), EventRun(1)),
    ]
    one, two, three, four = events
    assert list(numbered(records)) == [(2, one), (3, two), (8, three), (9, bad), (20, four)]


@given(contents())
def test_gzip_log_reads_like_the_plain_one(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    zipped = path.with_name("batch.json.gz")
    zipped.write_bytes(gzip.compress(content, mtime=0))
    unzipped, plain = read(zipped), read(path)
    assert unzipped.items() == plain.items()
    assert unzipped.end == plain.end


def test_gzip_log_cut_short_anywhere_is_refused(path: Path) -> None:
    zipped, whole = path.with_name("cut.gz"), gzip.compress(GOOD * 3, mtime=0)
    for length in range(len(whole)):
        zipped.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.gz: expected a readable batch log, found: "):
            read(zipped)


@pytest.mark.parametrize("cut", [0, 12, -8])
def test_damaged_gzip_log_is_refused(path: Path, cut: int) -> None:
    zipped = path.with_name("damaged.gz")
    zipped.write_bytes(gzip.compress(GOOD, mtime=0)[:cut] + bytes(50))
    with pytest.raises(InputError, match=r"damaged\.gz: expected a readable batch log, found: "):
        read(zipped)


def test_missing_log_and_folder_are_refused_by_name(tmp_path: Path) -> None:
    expected = re.escape(
        f"{tmp_path / 'absent.json'}: expected a readable stream log, found: No such"
    )
    with pytest.raises(InputError, match=expected):
        Log(tmp_path / "absent.json", "stream", BlockParser)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}: expected a readable stream log")):
        Log(tmp_path, "stream", BlockParser)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens but cannot be read")
@pytest.mark.parametrize("suffix", ["json", "gz"])
def test_log_that_opens_but_cannot_be_read_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"batch.{suffix}"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match="readable batch log, found: Input/output error"):
        read(path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_fingerprint_and_progress_are_those_of_the_file_on_disk(
    tmp_path: Path, suffix: str
) -> None:
    on_disk = gzip.compress(GOOD, mtime=0) if suffix else GOOD
    path = tmp_path / f"batch.json{suffix}"
    path.write_bytes(on_disk)
    digest = hashlib.sha256(on_disk).digest()
    with Log(path, "batch", BlockParser) as log:
        assert log.fingerprint() == Fingerprint(path.name, len(on_disk), digest)
        assert len(list(log.blocks(1))) == 1
        assert log.bytes_read == log.bytes_total == len(on_disk)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("reads", [0, 1, 2, None])
def test_what_was_read_first_is_not_read_for_the_fingerprint_once_more(
    tmp_path: Path, suffix: str, reads: int | None
) -> None:
    lines = b"".join(b"%d\n" % number for number in range(400_000))
    on_disk = gzip.compress(lines, mtime=0) if suffix else lines
    path = tmp_path / f"batch.json{suffix}"
    path.write_bytes(on_disk)
    with Log(path, "batch", BlockParser) as log:
        assert all(piece.lines for piece in islice(log.again(), reads))
        # Who looks again sees nothing of what was read first.
        assert all(piece.lines for piece in log.again())
        read = None if reads == 0 else 1 << 17 if reads else len(on_disk)
        with path.open("r+b") as file:
            file.write(bytes(read or len(on_disk)))
        digest = hashlib.sha256(bytes(len(on_disk)) if read is None else on_disk).digest()
        assert log.fingerprint() == Fingerprint(path.name, len(on_disk), digest)


def test_pipe_is_read_like_a_file_but_has_no_fingerprint(tmp_path: Path) -> None:
    pipe = tmp_path / "batch.json"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    with Log(pipe, "batch", BlockParser) as log:
        os.write(writer, GOOD + b"\n")
        os.close(writer)
        assert log.fingerprint() is None
        found = [item for block in log.blocks(1) for _, item in numbered(block.records)]
        assert found == [parse_line(GOOD, 1)]
        assert log.bytes_read == 0


json_spaces = st.text(" \t\r", max_size=3).map(str.encode)


@given(json_spaces, json_spaces, json_spaces, st.integers(0, 10**17), st.integers(0, 10**17))
def test_flagged_line_is_the_stripped_line_with_mean_and_sd_put_in(
    before: bytes, inside: bytes, after: bytes, mean: int, sd: int
) -> None:
    line = before + GOOD[:-1] + inside + b"}" + after
    flagged = flagged_line(line, mean, sd)
    assert flagged.startswith(GOOD[:-1] + b', "mean": "')
    added = {"mean": f"{mean // 100}.{mean % 100:02}", "sd": f"{sd // 100}.{sd % 100:02}"}
    assert json.loads(flagged) == json.loads(GOOD) | added


@pytest.mark.parametrize(
    ("line", "flagged"),
    [
        (MARK + GOOD, GOOD[:-1]),
        (b'{ "note" : {"a":{ } } }', b'{ "note" : {"a":{ } }'),
        (b'{"note":"} "}', b'{"note":"} "'),
        (b'{"note":"\xc2\xa0\xe2\x80\xa8"}\r', b'{"note":"\xc2\xa0\xe2\x80\xa8"'),
    ],
)
def test_flagged_line_drops_only_space_around_the_line_and_before_the_brace(
    line: bytes, flagged: bytes
) -> None:
    assert flagged_line(line, 2910, 5) == flagged + b', "mean": "29.10", "sd": "0.05"}'


def test_flagged_line_is_the_specs_own_example() -> None:
    line = purchase("1601.83", time="2017-06-13 11:33:02", user="2")
    assert flagged_line(line, 2910, 2146) == (
        b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", '
        b'"amount": "1601.83", "mean": "29.10", "sd": "21.46"}'
    )
