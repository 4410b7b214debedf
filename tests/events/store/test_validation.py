"""What stands in a store is checked where it is read, and every command says the same of it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from campaigns.remade import Packed, Piece, Remade, nested_heads

import replay
from events.logs.file import Portions
from events.purchases.columns import Columns
from events.purchases.event import Purchase
from events.purchases.own_lines import OwnLines
from events.purchases.styles import Style
from replay.cli import main
from tests.interval_runs import MINUTE, search
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = "flagged.json.events"
FOUND = "found.json.events"
DEPTH = 200_000
EARLIER_FOUND = "three-intervals.json.events"
GOLDEN = Path(replay.__file__).parents[1] / "tests" / "golden"

Change: TypeAlias = "Callable[[Remade], object]"
Refuse: TypeAlias = "Callable[..., None]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a store of each kind, of several frames."""
    run_in_process(SPEC_EXAMPLE, tmp_path, Portions(300, 300, digest_events=2))
    rows = [(f"2020-01-01 00:00:{second}0", "AB"[second % 2], "x") for second in range(5)]
    lines = ["time,adid,address", *(",".join(row) for row in rows), "yesterday,A,x"]
    (tmp_path / "in.csv").write_text("\n".join(lines), encoding="utf-8")
    portions = Portions(observation_bytes=300, settle_rows=3)
    search(tmp_path / "in.csv", tmp_path / "found.json", MINUTE, key="address", portions=portions)
    return tmp_path


def records(remade: Remade, tag: str) -> list[list[Any]]:
    """Return the records of a tag, to be changed."""
    found = [each for piece in remade.pieces for each in piece.records if each[0] == tag]
    assert found, f"expected a {tag} in the store"
    return found


def piece_with(remade: Remade, tag: str) -> Piece:
    return next(p for p in remade.pieces if any(each[0] == tag for each in p.records))


def put(
    tag: str, place: int | tuple[int, ...], value: Any, which: int = 0
) -> Callable[[Remade], None]:
    """Put a value into a field of a record, or deeper into one."""

    def change(remade: Remade) -> None:
        holder = records(remade, tag)[which]
        *outer, last = (place,) if isinstance(place, int) else place
        for each in outer:
            holder = holder[each]
        holder[last : last + 1] = [value]

    return change


def add(record: list[Any], beside: str, *, after: bool = True) -> Callable[[Remade], None]:
    """Add a record beside the first one of a tag."""

    def change(remade: Remade) -> None:
        piece = piece_with(remade, beside)
        place = [each[0] for each in piece.records].index(beside)
        piece.records.insert(place + after, record)

    return change


def drop(tag: str, which: int = 0) -> Callable[[Remade], None]:
    def change(remade: Remade) -> None:
        record = records(remade, tag)[which]
        for piece in remade.pieces:
            piece.records = [each for each in piece.records if each is not record]

    return change


def head(name: str, value: Any) -> Callable[[Remade], None]:
    def change(remade: Remade) -> None:
        remade.header[name] = value

    return change


def sought(name: str, value: Any) -> Callable[[Remade], None]:
    def change(remade: Remade) -> None:
        remade.header["intervals"][name] = value

    return change


def many_events(remade: Remade) -> None:
    piece_with(remade, "events").events = 2**32 - 1


def no_events(remade: Remade) -> None:
    piece_with(remade, "events").events = 0


def many_sums(remade: Remade) -> None:
    records(remade, "digest")[0][4] += [0]


def body(data: bytes) -> Callable[[Remade], None]:
    def change(remade: Remade) -> None:
        remade.pieces[0].body = data

    return change


def decided_twice(remade: Remade) -> None:
    piece = piece_with(remade, "decision")
    piece.records += [list(record) for record in piece.records if record[0] == "decision"]


def undecided(remade: Remade) -> None:
    drop("decision")(remade)
    drop("written")(remade)


def keys_without_pairs(remade: Remade) -> None:
    observed = records(remade, "observed")[0]
    observed[2:] = [["A", "B"], [0, 0, 1, 2, 1]], [["x"], [0, 1, 1, 1, 1]], None, None


def pair_twice(remade: Remade) -> None:
    observed = records(remade, "observed")[0]
    observed[2], observed[3] = [["A"], [0, 1]], [["x"], [0, 1]]


def finding_in_another(remade: Remade) -> None:
    records(remade, "findings")[0][1:] = [[5, 0], [1, 1], [0, 1], [4, 2], [2, 2]]


def interval(
    start: int = 0, ids: list[str] | None = None, key: str = "x", begin: str = "2020-01-01 00:00:00"
) -> list[Any]:
    ids = ["A", "B"] if ids is None else ids
    return ["interval", start, 4, begin, "2020-01-01 00:00:40", 2, ids, key]


DEEP = Packed(b"\x91" * DEPTH + b"\xc0")
LOST_TEXT = Packed(b"\xa2\xff\xfe")
SURROGATE = Packed(b"\xa3\xed\xa0\x80")
PURCHASES = [
    (put("events", (3, 0, 0), LOST_TEXT), "expected records, found: 'utf-8' codec"),
    (put("events", (3, 0, 0), SURROGATE), "expected records, found: 'utf-8' codec"),
    (put("events", 9, DEEP), "expected records, found: maximum recursion depth"),
    (put("events", (3, 0, 0), ""), r"expected records, found: Expected `str` of length >= 1 - at"),
    (put("events", (5, 0), -1), r"expected records, found: Expected `int` >= 0 - at"),
    (put("events", (5, 0), 10**18), "expected amounts of at most 9999999999999999999 units, found"),
    (put("events", (3, 1, 1), 2), "expected names that the frame has, each of them used, found"),
    (put("events", (3, 0, 1), "1"), "expected each name once in a frame, found one twice"),
    (put("events", (3, 1, 3), 1), "expected names that the frame has, each of them used, found"),
    (put("events", (3, 1, 1), 1, which=1), "expected names that the frame has, each of them used"),
    (put("events", (3, 1, 4), 2, which=1), "expected two different users of a friendship, found"),
    (put("events", (2, 0), 6), "expected places among 3 events, found one behind them"),
    (put("events", (1, 0, 0), ""), "expected YYYY-MM-DD HH:MM:SS, found ''"),
    (put("events", (1, 0, 0), "0000-01-01 00:00:00"), "expected a real date and time, found"),
    (put("events", (1, 0, 0), "2017-06-13T11:33:01"), "expected a time with a space in it"),
    (put("events", (1, 3, 0), 4), "expected the times of 3 events, found others"),
    (put("events", (6, 0), 3), "expected 1 kept lines, found 0"),
    (put("events", 8, ["x", None, None]), "expected each value of a line once in a template"),
    (
        add(["purchase", "2017-06-13 11:33:01", 1, "1", 5], "lines"),
        "found: Invalid value 'purchase",
    ),
    (put("lines", 2, 2**64 - 1), "expected records, found: Expected `int` <= 9223372036854775807"),
    (put("lines", 2, 0), "expected records, found: Expected `int` >= 1"),
    (put("lines", 1, "observations"), "expected lines of a batch or a stream, found some of obs"),
    (put("lines", 2, 1, which=1), "expected lines behind line . of the batch, found line 1"),
    (drop("lines"), "expected lines before an event, found event 1 first"),
    (many_events, "expected 4294967295 events, as the frame's head says, found "),
    (no_events, "expected 0 events, as the frame's head says, found 3 in runs of 3"),
    (
        add(["observed", [[], 0, [], None], [[], []], None], "lines"),
        "expected records, found: Invalid value 'obse",
    ),
    (add(["unknown"], "lines"), "expected records, found: Invalid value 'unknown'"),
    (add(["gap", 1, 1], "lines"), "expected a complete store, as its header says, found a gap"),
    (add(["stream", 2], "lines"), "expected the end of the batch, found the beginning of the"),
    (add(["stream", 6], "stream"), "expected one beginning of the stream, found another one"),
    (put("stream", 1, 5), "expected a stream that begins behind event 6, found event 5"),
    (drop("stream"), "expected the beginning of the stream with the end of the batch, found none"),
    (add(["end", "batch", 99, True], "stream"), "expected one end of the batch, found another"),
    (put("end", 2, 2), "expected . lines of the batch or more, found 2"),
    (add(["lines", "batch", 99], "stream"), "expected no lines behind the end of the batch"),
    (many_sums, "expected a digest of 8 sums, found 9 sums"),
    (put("digest", 2, 5), "expected records, found: Expected `bytes`, got `int`"),
    (put("decision", 1, 3), "purchases of the stream in order, and one on event 7, found one on e"),
    (decided_twice, "purchases of the stream in order, and none, found one on event 7"),
    (undecided, "expected a decision on event 7, found "),
    (drop("decision"), "expected whole lines of the 0 flagged bytes, found 125 bytes written"),
    (add(["written", 7], "decision"), "expected whole lines of the .* flagged bytes, found 7 byt"),
    (add(["rejected", "batch", 99, "x", "y", b""], "lines"), "expected line 2 of the batch, found"),
    (add(["rejected", "batch", 2, "x", "y", b"\n"], "lines"), "expected one rejected line, found"),
    (body(b""), "expected records, found: Input data was truncated"),
    (body(b"\xdd\xff\xff\xff\xff"), "expected records, found: Input data was truncated"),
    (body(b"\xdd\x00\x00\x00\x02\x92"), "expected records, found: Input data was truncated"),
    (head("flagged", -1), "expected a header as this program writes it, .*: Expected `int` >= 0"),
    (head("flagged", 2**63), "expected a header as this program writes it, .*: Expected `int` <="),
    (head("line", b"a\nb"), "expected one line of parameters, found several"),
    (head("later", DEEP), "expected a header as this program writes it, .*: maximum recursion"),
    (head("parameters", None), "expected the parameters of one detector"),
    (head("batch", {"name": "x", "size": -1, "sha256": bytes(32)}), "Expected `int` >= 0"),
    (head("batch", {"name": "x", "size": 1, "sha256": b""}), "Expected `bytes` of length >= 32"),
    (lambda remade: setattr(remade, "version", 2), "expected the parameters of one detector"),
    (lambda remade: setattr(remade, "version", 0), "expected the parameters of one detector"),
]
INTERVALS = [
    (put("observed", (1, 2), [10]), "expected the times of 5 events, found others"),
    (put("observed", 5, []), "expected 2 events, as the frame's head says, found 0 in runs of 5"),
    (keys_without_pairs, "expected pairs of ids and keys, found keys without pairs"),
    (put("observed", (5, 1), 9), "expected names that the frame has, each of them used"),
    (put("observed", (2, 1), [0]), "expected 2 names, found 1"),
    (put("observed", 3, None), "expected pairs of ids and keys, found pairs without keys"),
    (put("observed", (3, 1), [0]), "expected 2 names, found 1"),
    (pair_twice, "expected each pair of an id and a key once in a frame, found one twice"),
    (put("observed", (1, 0, 0), "yesterday"), "expected YYYY-MM-DD HH:MM:SS, found 'yesterday'"),
    (put("observed", (1, 0, 0), "0000-01-01 00:00:00"), "expected a real date and time, found"),
    (
        put("observed", (1, 0, 0), "2020-01-01 00:00:00.50"),
        "expected a time with a space in it",
    ),
    (
        put("observed", 1, [[f"2020-01-01 00:00:00.{'1' * 601}"] * 5, None, [], None]),
        "expected fractions of a second of at most 600 digits, found one of 601",
    ),
    (put("observed", (1, 2, 0), 10**12), "expected times of the years 1 to 9999, found another"),
    (put("observed", (1, 2, 3), -1), "expected times in order, as none may be late, found some"),
    (put("observed", (2, 0, 0), ""), "expected records, found: Expected `str` of len"),
    (drop("lines"), "expected lines before an observation, found none in the frame"),
    (put("rejected", 2, 9), "expected line 7, found line 9, rejected"),
    (put("end", 2, 1), "expected 7 lines or more, found 1"),
    (add(["end", "observations", 9, True], "end"), "expected one end of the observations, found"),
    (
        add(["purchase", "2020-01-01 00:00:00", 1, "1", 1], "lines"),
        "found: Invalid value 'purchase",
    ),
    (put("findings", (1, 0), 99), "expected findings after one of 5 observations, found one after"),
    (put("findings", (1, 0), 0), "expected findings after observations, and from one on"),
    (put("findings", (1, 0), 2**33), "expected numbers of findings of at most"),
    (put("findings", 1, []), "expected columns of findings of one length"),
    (put("findings", 2, None), "expected keys of findings, as the header says"),
    (put("findings", (2, 0), 2), "expected intervals of observations within the threshold, none"),
    (put("findings", (3, 0), -1), "expected findings after observations, and from one on"),
    (put("findings", (3, 0), 9), "expected intervals of observations within the threshold, none"),
    (put("findings", (4, 0), 5), "expected intervals of observations within the threshold, none"),
    (put("findings", (5, 0), 1), "expected 2 or more different ids, and their number"),
    (add(["findings", [5], [1], [0], [4], [2]], "findings"), "expected the findings of a frame as"),
    (finding_in_another, "expected intervals of observations within the threshold, none in an"),
    (put("digest", (4, 0), 9), "expected 0 to 5 observations that are settled, found -"),
    (put("written", 1, 10**6), "expected the .* bytes of what was found so far to be written"),
    (
        sought("lateness", -1),
        "expected a header as this program writes it, .*: Expected `int` >= 0",
    ),
    (sought("threshold", -1), "expected a header as this program writes it, .*: Expected `int` >="),
    (sought("distinct_min", 0), "expected a header as this program writes it, .*: Expected `int`"),
    (sought("form", "xml"), "expected a header as this program writes it, .*: Invalid enum value"),
    (head("line", b"x"), "expected no logs of purchases in a store of intervals, found some"),
    (many_sums, "expected a digest of 6 sums, found 7 sums"),
]

# A store of version 3 has all of each finding.
EARLIER = [
    (put("finding", 1, 999), "expected findings after one of 138 observations, found one after 9"),
    (put("finding", 1, 0), "expected records, found: Expected `int` >= 1"),
    (
        put("finding", 2, interval(start=999)),
        "expected an interval among 138 ob",
    ),
    (put("finding", 2, interval(ids=["A"])), "expected 2 or more different"),
    (put("finding", 2, interval(ids=["A", "A"])), "expected 2 or more diff"),
    (
        put("finding", 2, interval(key="")),
        "expected a key, as the header sa",
    ),
    (put("finding", 2, interval(begin="x")), "expected YYYY-MM-DD HH:MM:SS"),
]


def spoiled(folder: Path, name: str, change: Callable[[Remade], object]) -> str:
    """Change the store called ``name`` in place, mend its checksums, and return its path."""
    path = folder / name
    remade = Remade(path)
    change(remade)
    path.write_bytes(remade.data())
    return str(path)


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Return what asserts that commands end with one line that says why."""

    def assert_refused(said: str, *commands: list[str]) -> None:
        for words in commands:
            capsys.readouterr()
            status = main(words)
            out, err = capsys.readouterr()
            assert (status, out) == (2, ""), words
            assert err.count("\n") == 1
            assert err.startswith("replay: ")
            assert re.search(said, err), err

    return assert_refused


@pytest.mark.parametrize(("change", "said"), PURCHASES)
def test_history_that_no_run_writes_is_refused_by_every_command(
    folder: Path, change: Change, said: str, refuse: Refuse
) -> None:
    store = spoiled(folder, STORE, change)
    content = Path(store).read_bytes()
    refuse(
        said,
        *(["check", store], ["verify", store], ["log", store], ["why", store, "7"]),
        *(["trace", store, "7"], ["export", store], ["sweep", store, "-D", "1", "-T", "2"]),
        *(["rebuild", store, str(folder / "new")], ["repair", store, "--output", f"{store}2"]),
        ["diff", store, str(GOLDEN / STORE)],
    )
    assert not (folder / "new").exists()
    logs = [str(folder / name) for name in ("batch.json", "stream.json", "flagged.json")]
    status = main([*logs, "-q"])
    aside = folder / f"{STORE}.~1~"
    if aside.exists():
        # Whose store it is, the header could not say.
        assert status in (0, 1)
        assert aside.read_bytes() == content
    else:
        assert status == 2
        assert Path(store).read_bytes() == content


@pytest.mark.parametrize(("change", "said"), INTERVALS)
def test_search_that_no_run_writes_is_refused_by_every_command(
    folder: Path, change: Change, said: str, refuse: Refuse
) -> None:
    store = spoiled(folder, FOUND, change)
    words = [["check", store], ["verify", store]]
    if "to be written" not in said:
        words += [["log", store], ["trace", store, "1"], ["export", store]]
        words += [["repair", store, "--output", f"{store}2"], ["why", store, "1"]]
        words += [["rebuild", store, str(folder / "new")]]
    refuse(said, *words)


@pytest.mark.parametrize(("change", "said"), EARLIER)
def test_search_that_no_earlier_run_wrote_is_refused(
    folder: Path, change: Change, said: str, refuse: Refuse
) -> None:
    shutil.copy(GOLDEN / EARLIER_FOUND, folder)
    store = spoiled(folder, EARLIER_FOUND, change)
    refuse(said, ["check", store], ["verify", store])


def own_line(line: bytes) -> Callable[[Remade], None]:
    """Keep a line of the first purchase."""

    def change(remade: Remade) -> None:
        records(remade, "events")[0][6:8] = [[0], [line]]

    return change


def escaped_name(remade: Remade) -> None:
    records(remade, "events")[0][3][0][0] = 'a"b'


def style(*templates: str | None) -> Callable[[Remade], None]:
    return put("events", 8, list(templates))


PURCHASE_LINE = '{"event_type":"purchase", "timestamp":"\1 \2", "id": "\3", "amount": "\5"}'
BEFRIEND_LINE = '{"event_type":"befriend", "timestamp":"\1 \2", "id1": "\3", "id2": "\4"}'
CANONICAL = '{"event_type":"%s", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "16.83"}'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (own_line(b"{}"), "event 1: expected the line that it was read from, found '{}'"),
        (own_line((CANONICAL % "purchase").encode() + b"\n"), "event 1: expected the line that it"),
        (own_line(b""), "event 1: expected the line that it was read from, found ''"),
        (escaped_name, "event 1: expected its line, since 'a\"b' is escaped, found"),
        (put("digest", 3, 99), "after event .: expected a digest of the events before it, found"),
    ],
)
def test_event_whose_line_is_not_its_own_is_refused_by_those_who_need_the_line(
    folder: Path, change: Change, said: str, refuse: Refuse
) -> None:
    store = spoiled(folder, STORE, change)
    assert main(["log", store]) == 0
    refuse(said, ["check", store])
    if "digest" in said:
        assert main(["verify", store]) == 1
        return
    rerun = ["rerun", store, str(folder / "branch")]
    refuse(said, ["verify", store], ["export", store], rerun)


@pytest.mark.parametrize(
    "templates",
    [
        (PURCHASE_LINE, BEFRIEND_LINE.replace("befriend", "unfriend")),
        (PURCHASE_LINE.replace('"\3"', "\3"), BEFRIEND_LINE),
        (PURCHASE_LINE, BEFRIEND_LINE.replace("\3", "\0").replace("\4", "\3").replace("\0", "\4")),
        (PURCHASE_LINE.replace("}", ', "amount": "5"}'), BEFRIEND_LINE),
        (PURCHASE_LINE.replace("\3", "\3 "), BEFRIEND_LINE),
        (PURCHASE_LINE.replace("\1 \2", "\2 \1"), BEFRIEND_LINE),
        (PURCHASE_LINE.replace("\2", "\2Z"), BEFRIEND_LINE.replace("\2", "\2Z")),
        (PURCHASE_LINE.replace("\2", "\2+02:00"), BEFRIEND_LINE),
        (PURCHASE_LINE.replace("\2", "\2+24:00"), BEFRIEND_LINE),
    ],
)
def test_style_whose_lines_are_not_their_events_own_is_refused(
    folder: Path, templates: tuple[str, str], refuse: Refuse
) -> None:
    store = spoiled(folder, STORE, style(*templates, None))
    refuse("event 1: expected the line that it was read from, found", ["check", store])


def test_style_whose_lines_are_their_events_own_is_taken(folder: Path) -> None:
    style_ = style(PURCHASE_LINE.replace(", ", ","), BEFRIEND_LINE.replace('"id1": "\3", ', "")
                   .replace("}", ', "id1":"\3"}\r'), None)  # fmt: skip
    assert main(["check", spoiled(folder, STORE, style_)]) == 0


def zoned(zone: str | None, offset: str = "", time: str | None = None) -> Callable[[Remade], None]:
    """Say of times that they are of a zone, and write the lines with an offset."""

    def change(remade: Remade) -> None:
        remade.header["zone"] = zone
        unfriend_line = BEFRIEND_LINE.replace("befriend", "unfriend")
        lines = [
            line.replace("\2", f"\2{offset}")
            for line in (PURCHASE_LINE, BEFRIEND_LINE, unfriend_line)
        ]
        if offset:
            for record in records(remade, "events"):
                record[8] = lines
            for record in records(remade, "written"):
                # One line was flagged.
                record[1] += len(offset)
        if time is not None:
            put("events", (1, 0), [time])(remade)

    return change


def own_line_of_utc(remade: Remade) -> None:
    remade.header["zone"] = "utc"
    own_line((CANONICAL % "purchase").encode())(remade)


@pytest.mark.parametrize("offset", ["Z", "+02:00", "-23:59"])
@pytest.mark.parametrize("zone", ["utc", None])
def test_lines_with_the_offset_that_the_header_or_the_first_of_them_has_are_taken(
    folder: Path, zone: str | None, offset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = spoiled(folder, STORE, zoned(zone, offset))
    assert replay.EventStore(store).zone == "utc"
    assert main(["check", store]) == 0
    assert main(["verify", store]) == 0
    capsys.readouterr()
    assert main(["log", store]) == 0
    assert "2017-06-13 11:33:01Z" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (zoned("utc"), "event 1: expected its line, since its time has an offset, found none"),
        (own_line_of_utc, "event 1: expected the line that it was read from, found"),
        (zoned("none", "Z"), "event 1: expected the line that it was read from, found"),
        (zoned("none", "-23:59"), "event 1: expected the line that it was read from, found"),
    ],
)
def test_times_of_another_kind_than_the_header_says_are_refused_by_those_who_need_the_line(
    folder: Path, change: Change, said: str, refuse: Refuse
) -> None:
    store = spoiled(folder, STORE, change)
    assert main(["log", store]) == 0
    refuse(said, ["check", store], ["verify", store], ["export", store])


@pytest.mark.parametrize(
    ("offset", "time"),
    [("-23:59", "0001-01-01 00:00:00"), ("+00:01", "9999-12-31 23:59:59.5")],
)
def test_times_that_no_clock_of_the_offset_shows_are_refused_by_every_command(
    folder: Path, offset: str, time: str, refuse: Refuse
) -> None:
    store = spoiled(folder, STORE, zoned("utc", offset, time))
    commands = ([word, store] for word in ("log", "check", "verify", "export"))
    refuse("expected times that a template's clock can show, found", *commands)


def test_lines_that_earlier_releases_took_are_their_events_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def deep(remade: Remade) -> None:
        # As 3.13 took it.
        nested = b"[" * 5_000 + b"]" * 5_000
        line = (CANONICAL % "purchase").encode()[:-1]
        own_line(line + b', "x": %b, "y": {"z": [1, "]"]}}' % nested)(remade)

    first = next(replay.EventStore(folder / STORE).events_from())
    assert first == replay.Purchase("2017-06-13 11:33:01", 1, "1", 168_300)
    store = spoiled(folder, STORE, deep)
    assert main(["check", store]) == 0
    assert main(["verify", store]) == 0
    capsys.readouterr()


# What is no store


@pytest.mark.parametrize("command", ["check", "verify", "log", "export"])
def test_pipe_device_folder_and_empty_file_are_refused_at_once(
    folder: Path, command: str, refuse: Refuse
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "empty").write_bytes(b"")
    for name, said in (
        (str(folder / "pipe"), "expected an event store, found: a pipe, a device or a socket"),
        ("/dev/zero", "expected an event store, found: a pipe, a device or a socket"),
        (str(folder), "expected an event store, found: Is a directory"),
        (str(folder / "empty"), "expected an event store, found an empty file"),
        (str(folder / "absent"), f"found: {os.strerror(errno.ENOENT)}"),
    ):
        refuse(said, [command, name])


def test_large_file_that_is_no_store_is_not_read(folder: Path) -> None:
    with (folder / "hole").open("wb") as file:
        # More than there is memory, and no room taken on the disk.
        file.truncate(1 << 43)
    with pytest.raises(replay.ForeignStoreError, match="expected an event store, found "):
        replay.EventStore(folder / "hole")


def test_store_that_grows_while_it_is_read_is_read_as_far_as_it_was(folder: Path) -> None:
    store = folder / STORE
    whole = list(replay.EventStore(store).records())
    stopped = threading.Event()

    def grow() -> None:
        with store.open("ab") as file:
            while not stopped.is_set():
                file.write(bytes(1 << 16))

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        found = replay.EventStore(store)
    finally:
        stopped.set()
        thread.join()
    assert list(found.records()) == whole


def test_heads_in_one_another_are_told_before_the_year_is_over(
    folder: Path, refuse: Refuse
) -> None:
    def add_heads(remade: Remade) -> None:
        remade.tail = nested_heads(20_000)

    store = spoiled(folder, STORE, add_heads)
    commands = ([word, store] for word in ("check", "verify", "log"))
    refuse("expected frames one behind the other, found many", *commands)


# A finished history with something behind it


def test_what_stands_behind_a_finished_history_is_moved_aside_as_check_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / STORE
    whole = store.read_bytes()
    store.write_bytes(whole + b"torn")
    assert main(["check", str(store)]) == 1
    assert (
        "are torn: the frame is cut short, and nothing whole comes after; the next run moves "
        in (capsys.readouterr().out)
    )
    logs = [str(folder / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main(logs) == 0
    assert "this run was finished before" in capsys.readouterr().err
    assert store.read_bytes() == whole
    assert (folder / f"{STORE}.tail.~1~").read_bytes() == b"torn"
    assert main(["check", str(store)]) == 0


def test_finished_history_whose_lines_are_missing_is_not_said_to_be_done(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [str(folder / name) for name in ("batch.json", "stream.json", "other.json")]
    assert main([*logs, "--store", str(folder / STORE)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "of the flagged purchases or more, found no file" in line


def test_search_that_lost_everything_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / FOUND
    remade = Remade(store)
    data = bytearray(store.read_bytes())
    # A bit of each frame with observations, so that none of them is whole.
    at = data.index(b"observed")
    while at >= 0:
        data[at] ^= 1
        at = data.find(b"observed", at)
    (folder / "damaged").write_bytes(data)
    assert remade.pieces
    assert main(["repair", str(folder / "damaged"), "--output", str(folder / "saved")]) == 0
    capsys.readouterr()
    assert main(["verify", str(folder / "saved")]) == 0
    out = capsys.readouterr().out
    assert "incomplete: something was lost after event 0, 5 events in " in out
    assert out.endswith("\nthere was no event to compare\n")
    assert main(["verify", str(folder / "saved"), "--json"]) == 0
    assert '"lost": [{"after": 0, "events": 5, "size": ' in capsys.readouterr().out


@pytest.mark.parametrize("user", ["buyer", "one", "7"])
@pytest.mark.parametrize("tail", ['"id":"{}"', '"x":"{}"'])
def test_template_that_fixes_a_user_is_no_events_own(user: str, tail: str, tmp_path: Path) -> None:
    # Of a key that stands twice the last value counts.
    first = "\x03" if "id" in tail else user
    key = '"id"' if "id" in tail else '"x"'
    fixed = user if "id" in tail else "\x03"
    template = (
        f'{{"event_type":"purchase","timestamp":"\x01 \x02","id":"{first}","amount":"\x05",'
        f'{key}:"{fixed}"}}'
    )
    columns = Columns.of([Purchase("2017-06-13 11:33:01", 1, user, 168_300)])
    columns.style = Style(template)
    with pytest.raises(replay.DamagedStoreError, match="expected the line that it was read from"):
        OwnLines(tmp_path, "none").check_columns(columns)
