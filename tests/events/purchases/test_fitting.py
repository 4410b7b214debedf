"""Lines that a template writes are taken at once, with what they say, and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.journal.ticks import tick_of
from events.logs.objects import BadLineError
from events.purchases.amounts import format_amount, parse_amount
from events.purchases.columns import BEFRIEND, PURCHASE, UNFRIEND
from events.purchases.event import Purchase, render
from events.purchases.fitting import NEITHER, Fitting
from events.purchases.lines import parse_line
from events.purchases.numbering import FACTORS, first_places
from events.purchases.styles import CANONICAL, Style, Template, template_of
from events.purchases.words import QUOTED_BYTES_MAX, Workspace, numbers_written

if TYPE_CHECKING:
    from events.purchases.fitting import Said

KINDS = (PURCHASE, BEFRIEND, UNFRIEND)
TEMPLATES = [
    Template(kind, text)
    for kind, text in zip(KINDS, msgspec.structs.astuple(CANONICAL), strict=True)
]


def said(*lines: str, templates: list[Template] = TEMPLATES) -> Said:
    """Return what ``lines`` say that are written by ``templates``."""
    data = "".join(f"{line}\n" for line in lines).encode()
    fitting = Fitting(data, Workspace())
    for template in templates:
        fitting.look_for(template)
    return fitting.said()


def purchase(time: str = "2017-06-13 11:33:01", user: str = "1", amount: str = "16.83") -> str:
    return (
        f'{{"event_type":"purchase", "timestamp":"{time}", "id": "{user}", "amount": "{amount}"}}'
    )


times = st.builds(
    lambda time, fraction: f"{time.isoformat(' ', 'seconds')}{fraction}",
    st.datetimes(),
    st.sampled_from(["", "", ".5", ".25", ".000001", ".999999"]),
)
cents = st.one_of(st.integers(0, 10**17 - 1), st.integers(0, 10**6)).map(lambda cents: 100 * cents)
letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\')
users = st.text(letters, min_size=1, max_size=16).filter(lambda user: len(user.encode()) <= 64)


@pytest.mark.slow
@given(st.lists(st.tuples(times, users, cents), min_size=1, max_size=20))
def test_canonical_purchases_are_taken_with_what_they_say(
    told: list[tuple[str, str, int]],
) -> None:
    lines = [purchase(time, user, format_amount(amount)) for time, user, amount in told]
    found = said(*lines)
    assert found.fits.all()
    assert found.kinds.tolist() == [PURCHASE] * len(told)
    assert found.amounts.tolist() == [amount for _, _, amount in told]
    assert found.ticks.tolist() == [tick_of(time)[0] for time, _, _ in told]
    sizes = 8 * found.users.shape[2]
    names = found.users.view(f"S{sizes}").reshape(-1, 2).tolist()
    assert names == [[user.encode(), b""] for _, user, _ in told]


@pytest.mark.parametrize("length", range(1, 19))
def test_amount_of_any_length_is_taken_unless_it_is_no_canonical_one(length: int) -> None:
    cut = "123456789012345.67"[-length:]
    fits = re.fullmatch(r"[1-9][0-9]*\.[0-9]{2}", cut) is not None
    found = said(purchase(amount=cut))
    assert found.fits.tolist() == [fits]
    if fits:
        assert found.amounts.tolist() == [parse_amount(cut)]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"amount": text} for text in ("", ".", "5", "1.5", "01.00", "1.000", "1:00", "-1.00")),
        *({"amount": text} for text in ("1000000000000000.00", "1.00 ", "12345 78.00", "1.0/")),
        *({"amount": f"1{digit}34567.00"} for digit in "/:.\x7f\N{DEGREE SIGN}"),
        *({"user": text} for text in ("", "a\tb", "\\u0031", "x" * (QUOTED_BYTES_MAX + 1))),
        *({"time": f"2017-06-13 11:33:01{rest}"} for rest in (".", ".0", ".1234567", "Z", "5")),
        *({"time": text} for text in ("2017-02-29 11:33:01", "2017-06-13T11:33:01", "", "x" * 19)),
        *({"time": text} for text in ("2017-06-13 24:00:00", "2017-06-13 11-33-01")),
        {"time": '2017", "x":"06 '},
    ],
)
def test_value_that_is_not_canonical_keeps_its_line_alone_out(wrong: dict[str, str]) -> None:
    found = said(purchase(), purchase(**wrong), purchase(user="2"))
    assert found.fits.tolist() == [True, False, True]


@pytest.mark.parametrize("place", range(len(purchase())))
def test_byte_that_is_another_keeps_its_line_out_or_is_said(place: int) -> None:
    line = purchase(user="12345678")
    for byte in '\x00\x1f" \\01z{}\N{SNOWMAN}':
        other = f"{line[:place]}{byte}{line[place + 1 :]}"
        found = said(other)
        if found.fits.all():
            event = parse_line(other.encode(), 1)
            assert isinstance(event, Purchase)
            assert render(event) == other
            assert found.amounts.tolist() == [event.amount]


def test_value_does_not_go_on_in_the_next_line() -> None:
    line = purchase(user="a\nb")
    assert said(line).kinds.tolist() == [NEITHER, NEITHER]


def test_friends_are_two() -> None:
    lines = [
        f'{{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "{one}", '
        f'"id2": "{other}"}}'
        for one, other in [("1", "2"), ("1", "1"), ("", "1"), ("1", ""), ("x" * 64, "x" * 63)]
    ]
    assert said(*lines).fits.tolist() == [True, False, False, False, True]


@given(st.integers(0, 10**8 - 1), st.integers(0, 8))
def test_number_is_read_from_the_last_digits_of_a_word(value: int, length: int) -> None:
    text = f"{value:08}"
    word = np.frombuffer(f"{'x' * (8 - length)}{text[8 - length :]}".encode(), np.uint64)
    found, are_digits = numbers_written(word, np.array([length]))
    assert (found.tolist(), are_digits.tolist()) == ([value % 10**length], [True])


@given(st.binary(min_size=8, max_size=8))
def test_word_is_a_number_only_if_it_is_of_digits(text: bytes) -> None:
    _, are_digits = numbers_written(np.frombuffer(text, np.uint64), np.array([8]))
    assert are_digits.tolist() == [re.fullmatch(rb"[0-9]{8}", text) is not None]


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(st.integers(0, 3), min_size=width, max_size=width))
    ),
    st.integers(0, 4),
)
def test_names_are_found_where_they_come_first(names: list[list[int]], rounds: int) -> None:
    width = len(names[0]) if names else 1
    # Where no round is left, all the same.
    words = np.array(names, np.uint64).reshape(-1, width)
    found = first_places(words, FACTORS[:rounds], room=1)
    assert found.tolist() == [names.index(name) for name in names]


@pytest.mark.parametrize(
    "line",
    [
        purchase(user="\\u0031"),
        purchase().replace('"id"', '"timestamp"'),
        purchase().replace('"16.83"', "16.83"),
        purchase().replace("purchase", "gift"),
        purchase().replace('"id"', '"id1"'),
        purchase().replace("{", "[{"),
        purchase() + purchase(),
        purchase()[:-1],
        purchase(time="2017-06-13"),
        "{}",
        "",
    ],
)
def test_line_that_is_not_simple_has_no_template(line: str) -> None:
    assert template_of(line.encode()) is None


def test_template_writes_the_line_it_was_made_of() -> None:
    line = b'\t{ "amount":"7.50" ,"x{}": "%s{0}", "id":"\xe2\x98\x83", '
    line += b'"timestamp":"2017-06-13 11:33:01.5","event_type" : "purchase"}\r'
    template = template_of(line)
    assert template is not None
    event = parse_line(line, 1)
    style = Style(template.text)
    assert style.line(event) == line
    assert style.styled(msgspec.structs.replace(event, line=None)) == event
    canonical = parse_line(purchase().encode(), 1)
    assert style.styled(msgspec.structs.replace(canonical, line=purchase().encode())) == canonical
    friendship = parse_line(
        b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}', 1
    )
    with pytest.raises(ValueError, match="expected a template for each kind of events, found none"):
        style.line(friendship)


@pytest.mark.parametrize("offset", ["Z", "+00:00", "-00:00", "+02:00", "-23:59", "+05:30"])
@pytest.mark.parametrize("time", ["2017-06-13 11:33:01", "2016-02-29T00:00:00.25"])
def test_offset_that_all_lines_have_is_part_of_their_template(time: str, offset: str) -> None:
    line = purchase(time=f"{time}{offset}").encode()
    template, event = template_of(line), parse_line(line, 1)
    assert template is not None
    assert (template.zone, template_of(purchase().encode())) == ("utc", TEMPLATES[0])
    assert TEMPLATES[0].zone == "none"
    assert Style(template.text).line(event) == line
    assert Style(template.text).styled(msgspec.structs.replace(event, line=None)) == event
    found = said(line.decode(), purchase(), templates=[template])
    assert found.fits.tolist() == [True, False]
    assert found.ticks[0] == tick_of(event.time)[0]


@pytest.mark.parametrize("offset", ["+24:00", "+02:60", "z", "+02", "ZZ", " Z"])
def test_offset_that_is_none_is_part_of_no_template(offset: str) -> None:
    assert template_of(purchase(time=f"2017-06-13 11:33:01{offset}").encode()) is None


@given(times, st.integers(-1439, 1439))
def test_instant_is_said_if_it_is_one_in_utc(time: str, minutes: int) -> None:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    line = purchase(time=f"{time}{sign}{hours:02}:{rest:02}")
    template = template_of(line.encode())
    assert template is not None
    found = said(line, templates=[template])
    try:
        event = parse_line(line.encode(), 1)
    except BadLineError:
        assert not found.fits.any()
        return
    assert found.fits.all()
    assert found.ticks[0] == tick_of(event.time)[0]


def test_style_writes_no_time_that_its_clock_cannot_show() -> None:
    style = Style(TEMPLATES[0].text.replace("\2", "\2-01:00"))
    event = Purchase("0001-01-01 00:59:59", 1, "1", 100)
    with pytest.raises(ValueError, match="expected a time that its clock can show, found 0001-01"):
        style.line(event)
