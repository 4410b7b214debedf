"""The brute-force model, by hand: it is the judge of everything else."""

from __future__ import annotations

from fractions import Fraction

import pytest

from replay.testing import model
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED


def windows(batch: list[bytes], stream: list[bytes], degrees: int, tracked: int) -> list[list[str]]:
    """Return the window that each purchase of the stream is judged by."""
    found = model.verdicts(b'{"D":1,"T":2}\n' + log_of(batch), log_of(stream), degrees, tracked)
    return [[str(amount) for amount in verdict.window] for verdict in found]


def test_example_of_the_challenge() -> None:
    (verdict,) = model.verdicts(*SPEC_EXAMPLE)
    assert verdict == model.ExpectedVerdict(
        place=6,
        user="2",
        amount=Fraction("1601.83"),
        window=(Fraction("16.83"), Fraction("59.28"), Fraction("11.20")),
        flagged=True,
        line=SPEC_FLAGGED,
    )
    assert (verdict.mean, verdict.sd) == (2910, 2146)


def test_network_is_everyone_within_degrees_but_the_buyer() -> None:
    chain = [friendship(one, other) for one, other in ("12", "23", "34", "42")]
    told = model.Model(1, 2)
    for line in chain:
        told.take(line, judged=False)
    found = {}
    for degrees in (1, 2, 3):
        other = model.Model(degrees, 2)
        for line in chain:
            other.take(line, judged=False)
        found[degrees] = other.network("1")
    assert found == {1: {"2"}, 2: {"2", "3", "4"}, 3: {"2", "3", "4"}}
    assert told.network("stranger") == set()


def test_unfriend_takes_a_friend_and_those_behind_it_away() -> None:
    chain = [friendship("1", "2"), friendship("3", "2")]
    paid = [purchase("3", "1"), purchase("2", "2")]
    gone = friendship("2", "1", "unfriend")
    found = windows([*chain, *paid], [purchase("1", "3"), gone, purchase("1", "4")], 2, 5)
    assert found == [["1", "2"], []]


def test_late_purchase_takes_its_place_by_time_and_a_tie_by_arrival() -> None:
    paid = [
        purchase("2", "1", 5),
        purchase("2", "2", 7),
        purchase("2", "3", 6),
        purchase("2", "4", 7),
    ]
    batch = [friendship("1", "2"), *paid]
    assert windows(batch, [purchase("1", "9")], 1, 2) == [["2", "4"]]
    assert windows(batch, [purchase("1", "9")], 1, 3) == [["3", "2", "4"]]
    assert windows(batch, [purchase("2", "8", 4), purchase("1", "9")], 1, 50) == [
        [],
        ["8", "1", "3", "2", "4"],
    ]


@pytest.mark.parametrize(
    ("amount", "window", "flagged"),
    [
        # Of 1 and 3 the mean is 2 and the deviation 1.
        ("5", "1 3", False),
        ("5.0001", "1 3", True),
        ("1", "1 1", False),
        ("1.0001", "1 1", True),
        ("999", "1", False),
        ("999", "", False),
        # As far below as the others are above.
        ("0", "9 9 9", False),
    ],
)
def test_rule_is_more_than_the_mean_and_three_deviations(
    amount: str, window: str, *, flagged: bool
) -> None:
    amounts = [Fraction(each) for each in window.split()]
    assert model.anomalous(Fraction(amount), amounts) == flagged


def test_mean_and_deviation_are_cut_to_cents() -> None:
    window = (Fraction(1), Fraction(1), Fraction(3))
    verdict = model.ExpectedVerdict(0, "1", Fraction(0), window, flagged=False, line=b"")
    # 1.666 and 0.942.
    assert (verdict.mean, verdict.sd) == (166, 94)
    assert verdict._replace(window=()).mean == verdict._replace(window=()).sd == 0


def test_byte_order_mark_is_passed_over_at_the_start_of_a_log_alone() -> None:
    mark = b"\xef\xbb\xbf"
    assert model.read_lines(mark + b"a\n \n" + mark + b"b") == [b"a", mark + b"b"]


def test_another_rule_can_be_given() -> None:
    found = model.verdicts(*SPEC_EXAMPLE, rule=lambda amount, window: amount < len(window))
    assert [verdict.flagged for verdict in found] == [False]
    found = model.verdicts(*SPEC_EXAMPLE, rule=lambda amount, window: amount > len(window))
    assert [verdict.flagged for verdict in found] == [True]
