"""Differences are told with ids and in money, for people and for machines alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import replay
from actors.purchases.digest import Sums
from events.observations.interval import Finding, Interval
from events.purchases.decision import Decision
from events.purchases.event import Purchase
from events.records.record import StateDigest
from replay.engine.difference import Difference, difference_fields, text_beside
from replay.intervals.looks import IntervalLooks
from replay.purchases.looks import PurchaseLooks

GOLDEN = Path(__file__).parents[2] / "golden"
STORES = {"purchases": "flagged.json.events", "intervals": "intervals.json.events"}
TIME = "2017-06-13 11:33:01"
INTERVAL = Interval(0, 1, TIME, TIME, 2, ("a\x1b", "b"), "k")
DIGEST = StateDigest(7, b"", 2, Sums(1, 2, 3, 168_300, 336_600, 4, 5, 6))


@pytest.mark.parametrize(
    ("field", "value", "told", "text"),
    [
        ("mean", 2910, "29.10", "29.10"),
        ("sd", 5, "0.05", "0.05"),
        ("amounts", 168_325, "16.8325", "16.8325"),
        ("spent", 336_600, "33.66", "33.66"),
        ("purchases", 2910, 2910, "2910"),
        ("numbers", 168_300, 168_300, "168300"),
        ("flagged", True, True, "True"),
        ("decision", None, None, "none"),
        (
            "decision",
            Decision(7, True, 3, 2910, 2146),
            {"flagged": True, "n": 3, "mean": "29.10", "sd": "21.46"},
            "flagged=True, n=3, mean=29.10, sd=21.46",
        ),
        (
            "recency",
            Purchase(TIME, 7, "a\x1b", 168_300),
            {"type": "purchase", "event": 7, "time": TIME, "user": "a\x1b", "amount": "16.83"},
            rf"type=purchase, event=7, time={TIME}, user=a\x1b, amount=16.83",
        ),
        ("friends", ["a\n", 3], ["a\n", 3], r"[a\n, 3]"),
        ("adids", ("a\u202e", "b"), ["a\u202e", "b"], r"[a\u202e, b]"),
        (
            "finding",
            Finding(7, INTERVAL),
            {
                "event": 7,
                "key": "k",
                "start_index": 0,
                "end_index": 1,
                "start_time": TIME,
                "end_time": TIME,
                "num_adid": 2,
                "adids": ["a\x1b", "b"],
            },
            rf"event=7, key=k, start_index=0, end_index=1, start_time={TIME}, end_time={TIME}, "
            r"num_adid=2, adids=[a\x1b, b]",
        ),
        (
            "digests",
            [DIGEST],
            [
                {
                    "events": 7,
                    "users": 2,
                    "purchases": 1,
                    "numbers": 2,
                    "buyers": 3,
                    "amounts": "16.83",
                    "spent": "33.66",
                    "friends": 4,
                    "friendships": 5,
                    "pairs": 6,
                }
            ],
            "[events=7, users=2, purchases=1, numbers=2, buyers=3, amounts=16.83, spent=33.66, "
            "friends=4, friendships=5, pairs=6]",
        ),
    ],
)
def test_values_are_told_as_elsewhere(field: str, value: object, told: object, text: str) -> None:
    kind = IntervalLooks if field in {"adids", "finding"} else PurchaseLooks
    looks = kind(replay.EventStore(GOLDEN / STORES[kind.kind]))
    fields = difference_fields(Difference(7, "urn:coordinator", field, value, None), looks)
    # As JSON has it, in which there are no tuples.
    assert json.loads(json.dumps(fields)) == {
        "event": 7, "actor": "urn:coordinator", "field": field, "expected": told, "actual": None
    }  # fmt: skip
    assert text_beside(fields["expected"], None) == text
