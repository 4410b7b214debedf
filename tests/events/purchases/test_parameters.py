"""D and T come from the batch's first line or the command line, and are checked either way."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import ParametersError
from events.purchases.parameters import Parameters, is_parameters_line, parse_parameters

VALUE_MAX = 2**63 - 1
CURE = "; correct the line or give both -D and -T"

degrees = st.integers(1, VALUE_MAX)
tracked = st.integers(2, VALUE_MAX)
spellings = st.sampled_from([int, str, "{:025}".format])
json_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)
near_misses = st.fixed_dictionaries({}, optional={"D": json_values, "T": json_values})


def refusal(line: bytes) -> str | None:
    """Return the message with which ``line`` is refused, or None."""
    try:
        parse_parameters(line, "batch.json:1")
    except ParametersError as error:
        return str(error)
    return None


@given(degrees, tracked, spellings, spellings, st.permutations(["D", "T", "extra"]))
def test_numbers_and_numbers_in_strings_mean_the_same_in_any_order(
    d: int, t: int, spell_d: type[int | str], spell_t: type[int | str], order: list[str]
) -> None:
    values: dict[str, object] = {"D": spell_d(d), "T": spell_t(t), "extra": [None, {}]}
    line = json.dumps({name: values[name] for name in order}).encode()
    assert parse_parameters(line, "batch.json:1") == Parameters(d, t)


@given(st.binary(), degrees, tracked)
def test_both_given_instead_leave_the_line_unread(line: bytes, d: int, t: int) -> None:
    assert parse_parameters(line, "batch.json:1", d, t) == Parameters(d, t)


@given(degrees, tracked)
def test_one_given_instead_leaves_the_other_to_the_line(d: int, t: int) -> None:
    assert parse_parameters(b'{"D":"3", "T":"50"}', "batch.json:1", d) == Parameters(d, 50)
    line = b'{"D":"3", "T":"50"}'
    assert parse_parameters(line, "batch.json:1", tracked=t) == Parameters(3, t)


@given(
    st.one_of(st.binary(), st.text().map(str.encode), near_misses.map(json.dumps).map(str.encode))
)
def test_any_line_holds_parameters_or_is_refused_with_its_place_and_the_cure(line: bytes) -> None:
    message = refusal(line)
    if message is None:
        assert is_parameters_line(line)
    else:
        assert re.fullmatch(rf"batch\.json:1: .*expected .*, found .*{CURE}", message)


@pytest.mark.parametrize(
    "line",
    [
        b'{"D":"3", "T":"50"}',
        b'{"D":3, "T":50}',
        b'{"D":"3", "T":50}',
        b'{"T":"50", "D":"3"}',
        b' \t{ "D" : "3" , "T" : "0050" } \r',
        b'{"D":"1", "T":"50", "D":"3"}',
        b'{"\\u0044":"\\u0033", "T":"50", "note":"\xc3\xbc"}',
    ],
)
def test_good_line_is_taken(line: bytes) -> None:
    assert parse_parameters(line, "batch.json:1") == Parameters(3, 50)


@pytest.mark.parametrize(
    "value",
    [
        *("0", '"0"', "-1", '"-1"', '"+3"', '""', '" 3"', '"3 "', '"3\\n"', '"three"', '"1_0"'),
        *("3.0", '"3.0"', "3.5", "3e0", '"3e0"', "1e400", '"\\u0663"', '"\\u00b2"'),
        *("true", "false", "null", "[]", "[3]", "{}"),
    ],
)
def test_value_that_is_no_whole_number_from_one_on_is_refused(value: str) -> None:
    message = f": expected a whole number of at least 1, found {value!a}{CURE}"
    with pytest.raises(ParametersError, match=re.escape(f"batch.json:1: D{message}")):
        parse_parameters(f'{{"D":{value}, "T":"50"}}'.encode(), "batch.json:1")
    with pytest.raises(ParametersError, match=re.escape("batch.json:1: T: expected a whole")):
        parse_parameters(f'{{"D":"3", "T":{value}}}'.encode(), "batch.json:1")


@pytest.mark.parametrize("value", ["1", '"1"', "0", '"01"'])
def test_fewer_than_two_tracked_purchases_are_refused(value: str) -> None:
    message = f"batch.json:1: T: expected a whole number of at least 2, found {value!a}{CURE}"
    with pytest.raises(ParametersError, match=re.escape(message)):
        parse_parameters(f'{{"D":"3", "T":{value}}}'.encode(), "batch.json:1")


@pytest.mark.parametrize("digits", [19, 30, 31, 1_000, 5_000])
@pytest.mark.parametrize("quote", ["", '"'])
def test_value_beyond_any_network_is_refused_for_its_size_in_a_short_message(
    digits: int, quote: str
) -> None:
    line = f'{{"D":{quote}{"9" * digits}{quote}, "T":"50"}}'.encode()
    message = r"^batch\.json:1: D: expected .*to 2\^63 - 1, found .{,100}; correct the line"
    with pytest.raises(ParametersError, match=message):
        parse_parameters(line, "batch.json:1")


@pytest.mark.parametrize(
    ("line", "name"),
    [(b"{}", "D"), (b'{"T":"50"}', "D"), (b'{"D":"3"}', "T"), (b'{"d":"3", "T":"50"}', "D")],
)
def test_missing_value_is_named(line: bytes, name: str) -> None:
    message = (
        f'batch.json:1: expected the parameters, such as {{"D":"2", "T":"50"}}, '
        f"found no {name}{CURE}"
    )
    with pytest.raises(ParametersError, match=re.escape(message)):
        parse_parameters(line, "batch.json:1")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", "''"),
        (b"D=3 T=50", "'D=3 T=50'"),
        (b"[3, 50]", "'[3, 50]'"),
        (b"null", "'null'"),
        (b'"D"', "'\"D\"'"),
        (b'{"D":"3", "T":"50"', '\'{"D":"3", "T":"50"\''),
        (b'{"D":"3", "T":"50"} {}', '\'{"D":"3", "T":"50"} {}\''),
        (b'{"D":NaN, "T":"50"}', '\'{"D":NaN, "T":"50"}\''),
        (b"\xff\xfe{", r"'\xff\xfe{'"),
        (
            b'{"D":"3", "T":"50", "x":' + b"[" * 100_000,
            f'a line nested too deep: \'{{"D":"3", "T":"50", "x":{"[" * 33}...\'',
        ),
    ],
)
def test_line_that_is_no_json_object_is_shown(line: bytes, found: str) -> None:
    message = f'batch.json:1: expected the parameters, such as {{"D":"2", "T":"50"}}, found {found}'
    with pytest.raises(ParametersError, match=re.escape(message + CURE)):
        parse_parameters(line, "batch.json:1")


def test_one_given_instead_does_not_excuse_what_the_line_lacks() -> None:
    with pytest.raises(ParametersError, match=r"batch.json:1: expected .*, found no T; correct"):
        parse_parameters(b'{"D":"3"}', "batch.json:1", degrees=2)
    with pytest.raises(ParametersError, match=r"batch.json:1: D: expected .*, found '0'; correct"):
        parse_parameters(b'{"D":0}', "batch.json:1", tracked=50)


@pytest.mark.parametrize("wrong", [0, -1, 2**63])
def test_value_out_of_bounds_is_refused_wherever_it_comes_from(wrong: int) -> None:
    for_d = rf"^D: expected a whole number from 1 to 2\^63 - 1, found {wrong}$"
    with pytest.raises(ParametersError, match=for_d):
        Parameters(wrong, 50)
    with pytest.raises(ParametersError, match=for_d):
        parse_parameters(b"", "batch.json:1", wrong, 50)
    with pytest.raises(ParametersError, match=for_d):
        parse_parameters(b'{"D":"3", "T":"50"}', "batch.json:1", wrong)
    for_t = rf"^T: expected a whole number from 2 to 2\^63 - 1, found {wrong}$"
    with pytest.raises(ParametersError, match=for_t):
        Parameters(3, wrong)


def test_bounds_themselves_are_taken() -> None:
    assert Parameters(1, 2).tracked == 2
    assert Parameters(VALUE_MAX, VALUE_MAX).degrees == VALUE_MAX
    with pytest.raises(ParametersError, match=r"T: expected a whole number from 2 .*, found 1"):
        Parameters(1, 1)


@pytest.mark.parametrize(
    ("line", "is_meant"),
    [
        (b'{"D":"3", "T":"50"}', True),
        (b'{"D":"wrong"}', True),
        (b'{"T":null, "extra":1}', True),
        (b"{}", False),
        (b'{"d":"3", "t":"50"}', False),
        (b'{"event_type":"purchase", "D":"3", "T":"50"}', False),
        (b'["D", "T"]', False),
        (b'{"D":"3", "T":"50"', False),
        (b"\xff", False),
        (b"", False),
        (b'{"D":' + b"[" * 100_000, False),
    ],
)
def test_parameters_line_is_an_object_with_d_or_t_and_no_event_type(
    line: bytes, *, is_meant: bool
) -> None:
    assert is_parameters_line(line) is is_meant
