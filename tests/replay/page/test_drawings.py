"""Drawings are pure functions: everybody is in them, nothing covers another, and always alike."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from math import atan2, hypot, pi
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.purchases.baseline import baseline_of
from events.escapes import plain
from replay.page.chart import HEIGHT, WIDTH, Bar, axis_for, chart
from replay.page.markup import Markup, element, escaped, ident, short_ident
from replay.page.rings import rings
from tests.replay.page.stores import NASTY

SVG = "{http://www.w3.org/2000/svg}"


def drawn(markup: Markup) -> ET.Element:
    return ET.fromstring(markup)


def text_of(found: ET.Element) -> str:
    return "".join(found.itertext())


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[dict[int, int]], dict[int, int]]:
    """Draw hops, each with a friend of every member one hop nearer, and who bought how often."""
    hops: list[dict[int, int]] = []
    before, number = [0], 1
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.integers(1, 60))
        hop = {number + place: draw(st.sampled_from(before)) for place in range(size)}
        hops.append(hop)
        before, number = list(hop), number + size
    members = list(range(1, number))
    buyers = draw(st.lists(st.sampled_from(members), unique=True, max_size=50)) if members else []
    return hops, {buyer: draw(st.integers(1, 9)) for buyer in buyers}


def positions(svg: ET.Element) -> list[tuple[float, float]]:
    """Return where everybody but the buyer is: marks, and dots of paths."""
    marks = [
        (float(each.get("cx", "")), float(each.get("cy", "")))
        for each in svg.iter(f"{SVG}circle")
        if (each.get("class") or "").startswith("hop")
    ]
    dots = [
        (float(x), float(y))
        for path in svg.iter(f"{SVG}path")
        if (path.get("class") or "").startswith("others")
        for x, y in re.findall(r"M(\S+) (\S+)h0", path.get("d", ""))
    ]
    return marks + dots


@settings(max_examples=60)
@given(networks())
def test_everybody_is_drawn_at_a_place_of_its_own_inside_the_picture(
    network: tuple[list[dict[int, int]], dict[int, int]],
) -> None:
    hops, bought = network
    svg = drawn(rings("buyer", hops, bought, str))
    found = positions(svg)
    assert len(found) == sum(map(len, hops))
    edge = -float(svg.get("viewBox", "").split()[0])
    assert all(hypot(x, y) < edge for x, y in found)
    assert all(
        hypot(one[0] - two[0], one[1] - two[1]) > 1.5 for one, two in pairwise(sorted(found))
    )
    # Rings are in order: who is farther away is farther out.
    assert rings("buyer", hops, bought, str) == rings("buyer", hops, bought, str)


def named(svg: ET.Element) -> dict[str, tuple[float, float]]:
    """Return radius and angle of each name."""
    found = {}
    for text in svg.iter(f"{SVG}text"):
        if text.get("class") == "name":
            match = re.match(r"translate\((\S+) (\S+)\)", text.get("transform", ""))
            assert match is not None
            x, y = map(float, match.groups())
            found[text_of(text)] = hypot(x, y), atan2(y, x)
    return found


def network_of(sizes: tuple[int, ...], buyers: int) -> tuple[list[dict[int, int]], dict[int, int]]:
    draw = random.Random(1)
    hops: list[dict[int, int]] = []
    before, number = [0], 1
    for size in sizes:
        hops.append({number + place: draw.choice(before) for place in range(size)})
        before, number = list(hops[-1]), number + size
    return hops, {draw.choice(before): 1 for _ in range(buyers)}


@pytest.mark.parametrize("sizes", [(5, 40), (22, 404, 4_916), (1,), (300,), (2, 3, 4, 5)])
def test_direct_friends_and_buyers_are_named_and_no_name_covers_another(
    sizes: tuple[int, ...],
) -> None:
    hops, bought = network_of(sizes, 45)
    svg = drawn(rings("buyer", hops, bought, str))
    names = named(svg)
    wanted = {str(each) for each in (*hops[0], *bought)}
    assert names.keys() <= wanted
    if max(map(len, (hops[0], bought))) <= 110:
        assert names.keys() == wanted
    for hop in hops:
        placed = sorted(names[str(each)][::-1] for each in hop if str(each) in names)
        for (one, radius), (two, _) in pairwise(placed):
            assert (two - one) * radius > 8
        if len(placed) > 1:
            assert (placed[0][0] + 2 * pi - placed[-1][0]) * placed[0][1] > 8
    # Friend paths are drawn from the buyer to each buyer of the window.
    (path,) = [each for each in svg.iter(f"{SVG}path") if each.get("class") == "path"]
    steps = path.get("d", "").count("M")
    ways = set(bought)
    for hop in reversed(hops[1:]):
        ways |= {hop[each] for each in hop if each in ways}
    assert steps == len(ways)


def test_a_network_of_thousands_is_one_path_a_ring_and_small() -> None:
    hops, bought = network_of((22, 404, 4_916), 45)
    svg = rings("buyer", hops, bought, str)
    assert len(list(drawn(svg).iter(f"{SVG}path"))) <= 5
    assert len(svg) < 110_000


amounts = st.integers(0, 10**19 - 1)


@settings(max_examples=60)
@given(st.lists(amounts, max_size=60), amounts)
def test_a_chart_holds_whatever_was_bought(window: list[int], amount: int) -> None:
    baseline = baseline_of(window)
    bars = [Bar(number, "u", each, 1 + number % 5) for number, each in enumerate(window)]
    svg = drawn(chart(bars, amount, baseline, flagged=baseline.flags(amount)))
    for each in svg.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(each.get(name, 0)) <= WIDTH
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(each.get(name, 0)) <= HEIGHT
    heights = sorted(
        float(each.get("y", ""))
        for each in svg.iter(f"{SVG}text")
        if (each.get("class") or "").startswith("level")
    )
    assert all(two - one >= 22 for one, two in pairwise(heights))
    marks = [each for each in svg.iter() if "dot hop" in (each.get("class") or "")]
    assert len(marks) == len(window)


def test_an_axis_is_not_flattened_by_one_outlier() -> None:
    window = [500_000 + 1_000 * place for place in range(49)]
    baseline = baseline_of([*window, 100_000_000])
    axis = axis_for([*window, 100_000_000], [550_000, baseline.threshold])
    assert not axis.holds(100_000_000)
    assert axis.top < 3 * max(window)
    svg = chart(
        [Bar(1, "u", each, 1) for each in [*window, 10**8]], 550_000, baseline, flagged=False
    )
    assert "10000.00" in svg
    assert "threshold" in svg
    # Without one, all is inside.
    assert all(map(axis_for(window, [550_000]).holds, window))


@pytest.mark.parametrize("name", NASTY)
def test_an_id_is_shown_and_never_obeyed(name: str) -> None:
    shown = drawn(element("p", ident(name), name, title=name))
    assert [each.tag for each in shown.iter()] == ["p", "bdi"]
    assert text_of(shown[0]) == plain(name)
    network = drawn(rings(name, [{1: 0}], {1: 1}, lambda _: name))
    assert {each.tag.removeprefix(SVG) for each in network.iter()} <= {
        "svg", "title", "circle", "path", "text", "tspan",
    }  # fmt: skip
    assert plain(name) in "".join(map(text_of, network.iter(f"{SVG}title")))


@pytest.mark.parametrize("letters", [72, 73, 2_000])
def test_a_long_id_shows_both_ends_in_a_table_and_all_of_it_as_a_hint(letters: int) -> None:
    name = "<" + "x" * (letters - 2) + ">"
    shown = drawn(short_ident(name))
    if letters == 72:
        assert text_of(shown) == name
        assert shown.get("title") is None
    else:
        assert text_of(shown) == f"<{'x' * 59}\u2026{'x' * 11}>"
        assert shown.get("title") == name


def test_a_level_beyond_the_axis_is_said_to_be_above() -> None:
    # One purchase of a million among 39 of 10.00, which is not let flatten the axis.
    amounts = [100_000] * 39 + [10_000_000_000]
    bars = [Bar(place, "u", amount, 1) for place, amount in enumerate(amounts, 1)]
    svg = drawn(chart(bars, 100_000, baseline_of(amounts), flagged=False))
    told = {text_of(each) for each in svg.iter(f"{SVG}text")}
    assert "mean 25009.75 \u2191" in told
    assert "this 10.00" in told
    assert any(each.startswith("threshold ") and each.endswith(" \u2191") for each in told)


def test_text_is_escaped_and_markup_is_not() -> None:
    assert escaped("<b>") == "&lt;b&gt;"
    assert escaped(Markup("<b/>")) == "<b/>"
    assert element("a", "x", href='"', class_="k", aria_label=None, data_x=True) == (
        '<a href="&quot;" class="k" data-x="">x</a>'
    )
