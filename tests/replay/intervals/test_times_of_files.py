"""Times of any form in files of observations: what is found is what all pairs of instants have."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from events.store.store import EventStore
from replay.cli import main
from replay.intervals.run import Search
from tests.interval_runs import as_csv, read_back, search
from tests.replay.intervals.test_against_all_pairs import expected_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interval_runs import Row

# In UTC, or of no zone; a midnight is behind each.
FIRSTS = (dt.datetime(1969, 12, 30, 23, 59), dt.datetime(2020, 1, 1, 23, 59))  # noqa: DTZ001
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001
PLACES = {"s": 0, "ms": 3, "us": 6, "ns": 9}
OFFSETS = ("Z", "+00:00", "+02:30", "-11:00", "+23:59")
COLUMNS = ("time", "adid", "address")


class Moment:
    """A time, and how a log may have it."""

    def __init__(self, draw: random.Random, first: dt.datetime) -> None:
        self.draw = draw
        self.second = first + dt.timedelta(seconds=draw.choice([0, 30, 59, 60, 61, 90, 120]))
        self.digits = draw.choice(["", "", "", "5", "000001", "0000000001"])

    def text(self, second: dt.datetime | None = None) -> str:
        return f"{second or self.second}{'.' * bool(self.digits)}{self.digits}"

    def written(self, kind: str) -> str:
        """Return the time as a text without an offset, one with, or a number of some unit."""
        draw = self.draw
        if kind in PLACES:
            return self.number(10 ** PLACES[kind])
        if kind == "none":
            text = self.text()
            if not self.digits and not self.second.second:
                text = draw.choice([text, text[:16]])
            if text.endswith(" 00:00"):
                text = draw.choice([text, text[:10]])
            return text.replace(" ", draw.choice(" T"))
        offset = draw.choice(OFFSETS)
        hours, minutes = (0, 0) if offset == "Z" else map(int, offset[1:].split(":"))
        ahead = dt.timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
        return self.text(self.second + ahead).replace(" ", draw.choice(" T")) + offset

    def number(self, per_second: int) -> str:
        seconds = (self.second - EPOCH) // dt.timedelta(seconds=1)
        value = (seconds + Fraction(int(self.digits or 0), 10 ** len(self.digits))) * per_second
        scaled = value * 10**12
        assert scaled.denominator == 1
        whole, rest = divmod(abs(scaled.numerator), 10**12)
        text = f"{whole}.{rest:012}".rstrip("0").removesuffix(".")
        return "-" * (value < 0) + text + self.draw.choice(["", ".0"]) * ("." not in text)


def file_of(found: list[Row], kind: str, form: str, draw: random.Random) -> bytes:
    if form == "csv":
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n", quoting=draw.choice([0, 1])).writerows(
            [COLUMNS, *found]
        )
        return text.getvalue().encode()
    lines = []
    for row in found:
        line = json.dumps(dict(zip(COLUMNS, row, strict=True)))
        # A number stands there as one, or in a string.
        bare = kind in PLACES and row[1] != "W" and draw.random() < 0.5
        lines.append(line.replace(f'"{row[0]}"', row[0]) if bare else line)
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("kind", ["none", "utc", *PLACES])
def test_intervals_are_those_of_the_instants_however_they_are_written(
    tmp_path: Path, kind: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(f"{kind} {form}")
    other, reason = {"none": ("utc", "zone"), "utc": ("none", "zone")}.get(kind, ("none", "shape"))
    unit = ["--time-unit", kind] if kind in PLACES else []
    for number in range(2):
        first = FIRSTS[number % 2]
        moments = [Moment(draw, first) for _ in range(40)]
        rows = [(each, draw.choice("ABC"), f"k{draw.randrange(5)}") for each in moments]
        told: list[Row] = [(each.written(kind), *names) for each, *names in rows]  # type: ignore[misc]
        wrong = 2 * number
        for _ in range(wrong):
            told.insert(draw.randrange(1, 40), (Moment(draw, first).written(other), "W", "k0"))
        source, output = tmp_path / f"{number}.{form}", tmp_path / f"{number}.out.csv"
        source.write_bytes(file_of(told, kind, form, draw))
        words = ["--threshold", "60s", "--by", "address", *unit]
        assert main(["intervals", str(source), str(output), *words]) == 0
        assert capsys.readouterr().err.count(f"(timestamp-{reason})") == wrong
        zone = "" if kind == "none" else "Z"
        canonical: list[Row] = [(each.text(), *names) for each, *names in rows]  # type: ignore[misc]
        key = ("key", "start_index", "start_time", "end_time", "adids")
        assert sorted([*map(each.get, key)] for each in read_back(output)) == sorted(
            [each.key, each.start_index, f"{each.start_time}{zone}", f"{each.end_time}{zone}",
             list(each.adids)]
            for each in expected_of(canonical, Search(60 * 10**9))
        )  # fmt: skip
        store = f"{output}.events"
        assert EventStore(store).header.zone == ("none" if kind == "none" else "utc")
        assert main(["verify", store]) == 0
        # What is written again of the store, in both forms, is read as the log was.
        for again in ("csv", "jsonl"):
            exported, same = tmp_path / f"{number}.again.{again}", tmp_path / f"{number}.{again}"
            assert main(["export", store, "--observations", str(exported)]) == 0
            assert main(["intervals", str(exported), f"{same}.csv", *words]) == 0
            assert same.with_name(f"{same.name}.csv").read_bytes() == output.read_bytes()
        # So is a branch, in which a row comes before all and another threshold is asked for.
        before = {"time": Moment(draw, first).written(kind), "adid": "N", "address": "k0"}
        branch, fresh = str(tmp_path / f"{number}.branch.csv"), str(tmp_path / f"{number}.new.csv")
        asked = ["--threshold", "30s"]
        insert = ["--insert", f"{json.dumps(before)}@1"]
        assert main(["rerun", store, branch, *asked, *insert]) == 0, capsys.readouterr().err
        both = [(before["time"], "N", "k0"), *told]
        source.write_bytes(file_of(both, kind, form, draw))
        assert main(["intervals", str(source), fresh, *asked, *words[2:]]) == 0
        assert read_back(tmp_path / branch) == read_back(tmp_path / fresh)
        capsys.readouterr()


def test_store_is_good_whose_times_become_finer(tmp_path: Path) -> None:
    # Rounded to whole microseconds, as a float, the last time would be before the others.
    second = "2020-01-01 00:00:09"
    rows = [(second, "A", "x")] * 7 + [(f"{second}.000000000001", "B", "x")]
    (tmp_path / "seen.csv").write_bytes(as_csv(rows))
    summary = search(tmp_path / "seen.csv", tmp_path / "out.json")
    (finding,) = EventStore(summary.store_path).decisions()
    assert finding.interval.adids == ("A", "B")
