"""The strategies draw what they promise, and what they find shrinks to the lines that matter."""

from __future__ import annotations

import json
import random
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from events.logs.objects import BadLineError
from events.purchases.amounts import parse_amount
from events.purchases.lines import parse_line
from replay.engine.failing import WHENS
from replay.testing import (
    LoggedHistory,
    amounts,
    decide,
    event_lines,
    events,
    failures,
    histories,
    lines,
    model,
    orders,
    parameters,
)
from replay.testing.strategies import BAD_LINES, spellings
from tests.dice import fair
from tests.plain_lines import friendship, purchase

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from actors.orders import ChosenOrder

T = TypeVar("T")


def drawn(strategy: SearchStrategy[T], count: int = 50) -> list[T]:
    """Return ``count`` examples as fair dice give them, always the same ones."""
    found: list[T] = []

    @fair(count)
    @given(strategy)
    def draw(example: T) -> None:
        found.append(example)

    draw()
    return found


def shrunk(strategy: SearchStrategy[T], condition: Callable[[T], bool]) -> T:
    """Return the smallest example of ``condition`` that comes of the first one of fair dice."""
    return find(
        strategy,
        condition,
        settings=fair(2_000, shrinking=True),
        random=random.Random(0),
    )


def happenings(history: LoggedHistory) -> list[model.AcceptedLine]:
    """Return what the model accepts of ``history``."""
    return [found for found in model.happenings(history.lines) if found is not None]


def kinds(history: LoggedHistory) -> Counter[str]:
    return Counter(happening.kind for happening in happenings(history))


# Knobs


def test_without_density_no_line_is_of_a_friendship() -> None:
    counted: Counter[str] = Counter()
    for history in drawn(histories(density=0)):
        counted += kinds(history)
    assert counted.keys() == {"purchase"}


def test_with_full_density_every_line_is_of_a_friendship() -> None:
    counted: Counter[str] = Counter()
    for history in drawn(histories(density=1.0)):
        counted += kinds(history)
    assert counted.keys() == {"befriend", "unfriend"}


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.1, 0.4, 0.9])
def test_density_is_the_share_of_friendships_of_which_a_quarter_end(density: float) -> None:
    counted: Counter[str] = Counter()
    for history in drawn(histories(density=density, phases=1, bad=0), 100):
        counted += kinds(history)
    friendships = counted["befriend"] + counted["unfriend"]
    assert friendships / counted.total() == pytest.approx(density, abs=0.03)
    assert counted["unfriend"] / friendships == pytest.approx(0.25, abs=0.05)


@pytest.mark.slow
def test_ties_and_late_lines_are_drawn_as_often_as_is_said() -> None:
    steps: Counter[int] = Counter()
    for history in drawn(histories(ties=0.3, late=0.2, bad=0), 100):
        seconds = [line.time[0] for line in happenings(history)]
        steps += Counter((two > one) - (two < one) for one, two in pairwise(seconds))
    assert steps[0] / steps.total() == pytest.approx(0.3, abs=0.03)
    assert steps[-1] / steps.total() == pytest.approx(0.2, abs=0.03)


def test_bad_and_blank_lines_are_drawn_as_often_as_is_said() -> None:
    found = drawn(lines(bad=0.2), 1_000)
    instead = sum(line in BAD_LINES or not line.strip() for line in found)
    assert instead / len(found) == pytest.approx(0.2, abs=0.03)


def test_without_bad_lines_every_line_is_accepted() -> None:
    for history in drawn(histories(bad=0)):
        batch, stream = (log.removesuffix(b"\n").split(b"\n") for log in history)
        written = batch[1:] + (stream if history.stream else [])
        assert None not in map(model.read, written)
        assert history.lines == written


def test_with_nothing_but_bad_lines_none_is_accepted() -> None:
    found = drawn(histories(bad=1.0))
    assert [history for history in found if happenings(history)] == []
    assert {line for history in found for line in history.lines} == set(BAD_LINES)


@pytest.mark.slow
def test_with_nothing_but_ties_all_times_are_equal() -> None:
    found = drawn(histories(ties=1.0, density=0, users=1, phases=1, new_max=0, zoned=False), 200)
    assert all(len({line.time for line in happenings(history)}) <= 1 for history in found)
    spelled = {json.loads(line.line)["timestamp"] for each in found for line in happenings(each)}
    # The same time may be written with another fraction.
    assert len(spelled) == 5


@pytest.mark.slow
def test_times_of_a_history_are_of_one_kind_and_of_some_both_are_written() -> None:
    found = drawn(histories(past_max=40), 100)
    kinds_read = [{line.zoned for line in map(model.read, each.lines) if line} for each in found]
    assert all(len({line.zoned for line in happenings(each)}) <= 1 for each in found)
    assert {False} in kinds_read
    assert {True} in kinds_read
    assert {False, True} in kinds_read
    good = drawn(histories(bad=0), 100)
    assert all(len(happenings(each)) == len(each.lines) for each in good)
    plain = drawn(histories(zoned=False))
    assert not any(line.zoned for each in plain for line in map(model.read, each.lines) if line)


def test_without_ties_no_time_is_that_of_the_line_before() -> None:
    for history in drawn(histories(ties=0, bad=0)):
        seconds = [line.time[0] for line in happenings(history)]
        assert all(one != other for one, other in pairwise(seconds))


def test_without_late_lines_times_never_go_back() -> None:
    for history in drawn(histories(late=0)):
        times = [line.time for line in happenings(history)]
        assert times == sorted(times)


@pytest.mark.slow
def test_with_nothing_but_late_lines_times_always_go_back() -> None:
    for history in drawn(histories(late=1.0, ties=0, bad=0)):
        seconds = [line.time[0] for line in happenings(history)]
        assert seconds == sorted(set(seconds), reverse=True)


@pytest.mark.parametrize("users", [1, 2, 3, ("a", "ü"), ("01", "1")])
def test_users_are_the_only_ones_to_appear(users: int | tuple[str, ...]) -> None:
    found: set[str] = set()
    for history in drawn(histories(users=users)):
        found |= {user for happening in happenings(history) for user in happening.users}
    allowed = map(str, range(1, users + 1)) if isinstance(users, int) else users
    assert found == set(allowed)


@pytest.mark.slow
def test_bounds_of_lines_are_kept_and_reached() -> None:
    for past_max, new_max, phases in ((25, 12, 2), (3, 0, 1), (0, 4, 1), (9, 9, 3)):
        found = drawn(histories(past_max=past_max, new_max=new_max, phases=phases, bad=0), 50)
        counts = [(len(history.past), len(history.new), len(history.lines)) for history in found]
        assert all(past <= past_max and new <= new_max for past, new, _ in counts)
        assert max(past for past, _, _ in counts) > past_max // 2 - 1
        assert max(new for _, new, _ in counts) > new_max // 2 - 1


@pytest.mark.slow
def test_later_phases_befriend_and_unfriend_where_the_first_one_hardly_does() -> None:
    one, three = (
        [kinds(history) for history in drawn(few, 100)]
        for few in (
            histories(phases=n, density=0.01, bad=0, new_max=0, zoned=False) for n in (1, 3)
        )
    )
    for kind in ("befriend", "unfriend"):
        assert sum(each[kind] for each in three) > 10 * sum(each[kind] for each in one)
        assert max(each[kind] for each in one) <= 3
        assert max(each[kind] for each in three) >= 10


def test_parameters_are_inside_their_bounds_and_reach_them() -> None:
    found = drawn(parameters(degrees_max=3, tracked=(2, 7)))
    assert {each.degrees for each in found} == {1, 2, 3}
    assert {each.tracked for each in found} == {2, 7}
    found = [each.parameters for each in drawn(histories(past_max=0, new_max=0))]
    assert {each.degrees for each in found} == {1, 2, 3, 4}
    assert {each.tracked for each in found} == {2, 3, 5, 50}


def test_given_parameters_are_those_of_the_history() -> None:
    wide = parameters(degrees_max=1, tracked=(9,))
    for history in drawn(histories(drawn_parameters=wide, new_max=0, past_max=0), 10):
        assert (history.parameters.degrees, history.parameters.tracked) == (1, 9)


def test_amounts_are_accepted_and_of_every_length() -> None:
    found = drawn(amounts(), 300)
    assert all(parse_amount(amount) >= 0 for amount in found)
    assert {len(amount.partition(".")[2]) for amount in found} >= {0, 2, 4}


# Lines


@given(event_lines())
def test_event_lines_are_plain_and_program_and_model_read_the_same(line: bytes) -> None:
    event, happening = parse_line(line, 1), model.read(line)
    assert happening is not None
    # A line that is not written as the logs do is kept: here amounts and fractions alone.
    fields = json.loads(line)
    names = list(fields)
    assert line.decode().startswith(f'{{"event_type":"{fields["event_type"]}", "timestamp":"')
    assert names in (
        ["event_type", "timestamp", "id", "amount"],
        ["event_type", "timestamp", "id1", "id2"],
    )
    assert type(event).__name__.lower() == happening.kind
    assert event.number == 1


def test_events_are_what_event_lines_parse_to() -> None:
    parsed = [parse_line(line, 1) for line in drawn(event_lines())]
    assert drawn(events()) == parsed
    assert {type(event).__name__ for event in parsed} == {"Purchase", "Befriend", "Unfriend"}


def spelling_of(line: bytes) -> str:
    """Return in which of the ways that a line is written, as far as one can see."""
    fields: dict[str, Any] = json.loads(line)
    names = list(fields)
    if "note" in fields:
        return "noted"
    if names[-1] == "event_type":
        return "reversed"
    if not isinstance(fields.get("amount", ""), str) or any(
        not isinstance(value, str) for value in fields.values()
    ):
        return "numbers"
    if not line.endswith(b'"}') or not line.startswith(b'{"'):
        return "spaced"
    return "escaped" if line.startswith(b'{"event_type": ') else "plain"


def test_lines_are_written_in_every_way_and_some_are_bad_or_blank() -> None:
    found = drawn(lines(bad=0.2), 500)
    assert all(line.strip() == b"" or model.read(line) or line in BAD_LINES for line in found)
    assert any(not line.strip() for line in found)
    assert any(line in BAD_LINES for line in found)
    written = Counter(spelling_of(line) for line in found if model.read(line) is not None)
    assert written.keys() == {"plain", "spaced", "escaped", "reversed", "noted", "numbers"}
    assert written["plain"] > written.total() / 2


def test_lines_without_bad_ones_are_all_accepted() -> None:
    assert None not in map(model.read, drawn(lines(bad=0), 300))


@settings(max_examples=settings().max_examples * 3)
@given(lines(bad=0.3).filter(lambda line: line.strip(b" \t\r") != b""))
def test_program_and_model_accept_the_same_lines(line: bytes) -> None:
    try:
        parse_line(line, 1)
        accepted = True
    except BadLineError:
        accepted = False
    assert accepted == (model.read(line) is not None)


@given(st.sampled_from(BAD_LINES))
def test_bad_lines_are_rejected_by_program_and_model(line: bytes) -> None:
    with pytest.raises(BadLineError, match=r"."):
        parse_line(line, 1)
    assert model.read(line) is None


@given(st.data())
def test_spellings_say_the_same_in_another_way(data: st.DataObject) -> None:
    line = data.draw(event_lines())
    written = data.draw(spellings(line))
    one, other = model.read(line), model.read(written)
    assert one is not None
    assert other is not None
    same = one._replace(line=written)
    # Of an amount as a number there are some of other values.
    if spelling_of(written) != "numbers":
        assert other == same
    assert (other.kind, other.time, other.users) == (one.kind, one.time, one.users)


@pytest.mark.slow
def test_amounts_stand_just_on_the_threshold_and_just_above() -> None:
    on = above = 0
    near = histories(users=3, density=0.6, bad=0, drawn_parameters=parameters(2, (2, 3)))
    for history in drawn(near, 300):
        for verdict in model.verdicts(*history):
            if len(verdict.window) < model.PURCHASES_MIN or len(set(verdict.window)) == 1:
                continue
            on += not verdict.flagged and model.anomalous(
                verdict.amount + Fraction(1, 10_000), verdict.window
            )
            above += verdict.flagged and not model.anomalous(
                verdict.amount - Fraction(1, 10_000), verdict.window
            )
    assert on > 0
    assert above > 0


# Orders and failures


def test_orders_are_bounded_choices_of_which_some_overtake() -> None:
    found = drawn(orders(choices_max=5))
    assert max(len(order.choices) for order in found) == 5
    assert {choice for order in found for choice in order.choices} == set(range(10))


def test_failures_are_of_every_kind_and_happen_once() -> None:
    found = drawn(failures(messages_max=4))
    assert {failure.after for failure in found} == set(range(5))
    assert {failure.when for failure in found} == set(WHENS)
    assert {failure.times for failure in found} == {1}


# Shrinking


def flags(history: LoggedHistory) -> list[bool]:
    return [decision.flagged for decision in decide(history)]


def assert_shrunk_to(history: LoggedHistory, *friendships: str) -> None:
    """Assert that ``history`` is ``friendships``, two purchases and one that is judged by them.

    Which user buys is open, and which is named first: whoever is renamed in a line has to be
    in the others. So is what is past, for no line moves from a log to the other. An amount of
    0.00 would be no more than the mean, and two others are the least to be judged by.
    """
    assert history.batch.startswith(b'{"D":"1", "T":"2"}\n')
    (*before, judged) = happenings(history)
    (buyer,) = judged.users
    friend = {"1": "2", "2": "1"}[buyer]
    assert judged.line in (purchase(buyer, "1.00", 0), purchase(buyer, "0.0001", 0))
    assert history.stream.endswith(judged.line + b"\n")
    pairs = [happening.users for happening in before if len(happening.users) > 1]
    assert {frozenset(pair) for pair in pairs} == {frozenset((buyer, friend))}
    assert sorted(history.lines[:-1]) == sorted(
        [purchase(friend, "0.00", 0)] * 2
        + [
            friendship(one, other, kind, 0)
            for kind, (one, other) in zip(friendships, pairs, strict=True)
        ]
    )


@pytest.mark.slow
def test_flagged_purchase_shrinks_to_the_four_lines_that_it_takes() -> None:
    assert_shrunk_to(shrunk(histories(), lambda each: any(flags(each))), "befriend")


@pytest.mark.slow
def test_rejected_line_shrinks_to_itself() -> None:
    found = shrunk(histories(), lambda each: any(model.read(line) is None for line in each.lines))
    logs = [b'{"D":"1", "T":"2"}\n', b"not json\n"]
    # As the last line of either log it is the same to whoever shrinks.
    assert found in (LoggedHistory(*logs), LoggedHistory(b"".join(logs), b""))


@pytest.mark.slow
def test_unfriend_that_changes_a_verdict_shrinks_to_five_lines() -> None:
    def changes_one(history: LoggedHistory) -> bool:
        kept = (
            b"\n".join(line for line in log.split(b"\n") if b'"unfriend"' not in line)
            for log in history
        )
        return flags(history) != flags(LoggedHistory(*kept))

    found = shrunk(histories(users=3, past_max=8, new_max=6, density=0.5), changes_one)
    assert_shrunk_to(found, "befriend", "unfriend")


def test_single_line_shrinks_to_a_purchase_of_user_1() -> None:
    assert shrunk(lines(), lambda _: True) == purchase("1", "0.00", 0)
    unfriend = shrunk(event_lines(), lambda line: b"unfriend" in line)
    assert unfriend == friendship("1", "2", "unfriend", 0)


def test_order_that_matters_shrinks_to_few_choices_that_are_not_0() -> None:
    def last_lane_is_fifth(order: ChosenOrder) -> bool:
        return [order.choose(3) for _ in range(6)][4] == 2

    *before, last = shrunk(orders(), last_lane_is_fifth).choices
    assert before == [0, 0, 0, 0]
    assert last % 3 == 2
