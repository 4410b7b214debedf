"""The picture shows every observation and interval, or says what it leaves out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import NamedTuple

import pytest

from events.observations.interval import Interval
from events.times.instants import instant_of
from replay.intervals.find import find_intervals
from replay.intervals.picture import LANES_MAX, ROWS_MAX, WIDTH, intervals_picture
from tests.interval_cases import CASES, Case


class Picture(NamedTuple):
    """A drawing that was read again."""

    root: ET.Element

    def of(self, name: str) -> list[ET.Element]:
        """Return the parts of one class."""
        return [each for each in self.root.iter() if each.get("class") == name]

    def texts(self, name: str) -> list[str]:
        """Return what stands in the parts of one class."""
        return ["".join(each.itertext()) for each in self.of(name)]

    def lanes(self) -> int:
        """Return how many different heights brackets have."""
        return len({each.attrib["d"].split("v")[0].split()[1] for each in self.of("bracket")})


def drawn(times: list[str], ids: list[str], threshold: str = "10m", title: str = "") -> Picture:
    text = intervals_picture(times, ids, find_intervals(times, ids, threshold), title or "Ids")
    return Picture(ET.fromstring(text))


def minute(number: int) -> str:
    return f"2020-01-{1 + number // 1440:02} {number // 60 % 24:02}:{number % 60:02}:00"


def drawn_case(case: Case) -> Picture:
    rows = sorted(case.rows(), key=lambda row: instant_of(row[0]))
    return drawn([time for time, _ in rows], [adid for _, adid in rows])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_named_case_has_a_dot_for_each_observation_and_a_bracket_for_each_interval(
    case: Case,
) -> None:
    picture = drawn_case(case)
    ids = {adid for _, adid in case.rows()}
    assert len(picture.of("dot")) == len(case.rows())
    assert len(picture.of("bracket")) == len(case.intervals)
    assert picture.texts("count") == [f"{len(each.adids)} ids" for each in case.expected()]
    assert len(picture.of("row")) == len(ids)
    assert picture.texts("thinned") == []


def test_each_id_has_a_look_of_its_own() -> None:
    ids = [f"id{number}" for number in range(ROWS_MAX)]
    picture = drawn([minute(number) for number in range(ROWS_MAX)], ids)
    looks = {
        (dot.tag, dot.get("fill"), (dot.get("d") or "")[-20:].split("m")[-1])
        for dot in picture.of("dot")
    }
    assert len(looks) == ROWS_MAX


def test_brackets_that_overlap_lie_in_different_lanes() -> None:
    picture = drawn_case(CASES["three that overlap, and one out of order"])
    assert picture.lanes() == 3
    assert drawn_case(CASES["two groups of five ids"]).lanes() == 1


def test_dots_lie_where_their_times_are() -> None:
    picture = drawn([minute(0), minute(10), minute(30)], ["A", "A", "A"])
    first, middle, last = (int(dot.attrib["cx"]) for dot in picture.of("dot"))
    assert abs(3 * (middle - first) - (last - first)) <= 3
    assert {dot.get("cy") for dot in picture.of("dot")} == {"95"}


def test_axis_has_times_and_dates() -> None:
    picture = drawn([minute(1430), minute(1450)], ["A", "B"])
    assert picture.texts("tick") == ["23:50", "23:55", "00:00", "00:05", "00:10"]
    assert picture.texts("date") == ["2020-01-01", "2020-01-02"]


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        ("2020-01-01 00:00:00.000000004", ["59.999999999s", "00.000000000s"]),
        ("2020-01-01 00:00:00.4", ["00.0s", "00.1s"]),
        ("2020-01-01 00:00:04", ["00:00:00", "00:00:01"]),
        ("2020-01-04 00:00:00", ["00:00", "12:00"]),
        ("2020-01-09 00:00:00", ["2020-01-01", "2020-01-03"]),
        ("2090-01-01 00:00:00", ["2020-01-01", "2030-01-01"]),
    ],
)
def test_axis_is_as_fine_as_its_span(last: str, ticks: list[str]) -> None:
    picture = drawn(["2020-01-01 00:00:00", last], ["A", "B"])
    assert picture.texts("tick")[:2] == ticks
    assert 2 <= len(picture.of("tick")) <= 9


def test_some_hundred_observations_are_all_drawn() -> None:
    times = [minute(3 * number) for number in range(500)]
    picture = drawn(times, [f"id{number % 7}" for number in range(500)], "1m")
    assert len(picture.of("dot")) == 500
    assert picture.texts("thinned") == []


def test_what_is_thinned_is_said() -> None:
    times = [minute(number) for number in range(5_000)]
    picture = drawn(times, [f"id{number % 50}" for number in range(5_000)])
    dots, brackets = len(picture.of("dot")), len(picture.of("bracket"))
    assert dots < 5_000
    assert picture.texts("count-note") == ["5,000 observations of 50 ids, 4,991 intervals"]
    assert picture.texts("thinned") == [
        f"thinned: {dots:,} of 5,000 dots, one for all that would cover each other; "
        f"{brackets:,} of 4,991 brackets, evenly chosen"
    ]
    assert picture.lanes() <= LANES_MAX


def test_rare_ids_share_the_last_row() -> None:
    ids = [*("A" * 30), *(f"id{number}" for number in range(99))]
    picture = drawn([minute(number) for number in range(len(ids))], ids, "1m")
    assert len(picture.of("row")) == ROWS_MAX
    assert picture.texts("row")[0] == "AA"
    assert picture.texts("row")[-1] == "81 other ids" * 2


def test_ids_are_escaped_and_long_ones_cut() -> None:
    picture = drawn([minute(0)] * 2, ["<b>&\"'\x00", "x" * 40], title="<i>")
    title, label = list(picture.of("row")[0]), picture.texts("row")
    assert title[0].text == "<b>&\"'\\x00"
    assert label[1] == "x" * 40 + "x" * 14 + "\u2026"
    assert picture.root[0].text == "<i>"


@pytest.mark.parametrize("count", [0, 1])
def test_little_is_drawn_too(count: int) -> None:
    picture = drawn([minute(0)] * count, ["A"] * count)
    assert len(picture.of("dot")) == count
    assert picture.root.get("width") == str(WIDTH)
    plural = "1 observation of 1 id" if count else "0 observations of 0 ids"
    assert picture.texts("count-note") == [f"{plural}, 0 intervals"]


def test_first_and_last_years_have_an_axis() -> None:
    times = ["0001-01-01 00:00:00", "9999-12-31 23:59:59"]
    whole = Interval(0, 1, times[0], times[1], 2, ("A", "B"))
    picture = Picture(ET.fromstring(intervals_picture(times, ["A", "B"], [whole], "Ids")))
    assert len(picture.of("bracket")) == 1
    assert len(picture.of("tick")) >= 2
    picture = drawn(["9999-12-31 23:59:59.8"], ["A"])
    assert picture.texts("tick") == ["59.4s", "59.6s", "59.8s"]
