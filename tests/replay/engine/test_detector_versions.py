"""What each version of the shipped detectors decides, once and for all.

A store names the detector and the version that decided it. So a rule that decides
otherwise is another version: whoever changes one raises its number, and adds below
what it decides. What stands below is never changed.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

import replay
from actors.intervals.finder import IntervalFinder
from actors.purchases.coordinator import CoordinatorActor
from events.observations.observed import Observed
from events.observations.parameters import IntervalParameters
from replay.intervals.simulation import IntervalSimulation
from replay.testing.logged import LoggedHistory
from replay.testing.playing import play

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.purchases.baseline import Baseline
    from events.observations.interval import Finding
    from events.purchases.event import Purchase
    from events.records.record import StateDigest

# By version: the SHA-256 of all that it decides on the histories below.
PURCHASES: Final = {
    1: "7924d89bebe5564bebbf4516e2c73f7712f58b6397be041c7122df39dadb0271",
}
INTERVALS: Final = {
    1: "780d584de79ebed97022585aa8452791b3a29a0d4dfba8ea33de2a38061b793a",
}

_START: Final = datetime(2020, 1, 1, tzinfo=UTC)


def numbers(seed: int) -> Iterator[int]:
    """Give numbers below 2^31 that look random, the same on every machine for ever."""
    while True:
        seed = (seed * 1_103_515_245 + 12_345) % 2**31
        yield seed >> 8


def purchase_lines(seed: int) -> list[bytes]:
    """Return lines of few users, with equal times, late ones, and amounts at thresholds."""
    draw = numbers(seed)
    lines = []
    for place in range(400):
        kind, late, one, other = (next(draw) for _ in range(4))
        time = _START + timedelta(seconds=place // 3 - 5 * (late % 7 == 0))
        user, friend = f"{one % 9}", f"{other % 9}"
        line: dict[str, str] = {"timestamp": f"{time + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"}
        if kind % 8 < 5:
            # Where all of a window are alike, its mean is the threshold.
            amount = "10" if kind % 3 else f"{(kind >> 4) % 90}.{(kind >> 9) % 100:02}"
            line |= {"event_type": "purchase", "id": user, "amount": amount}
        else:
            what = "befriend" if kind % 16 < 8 else "unfriend"
            line |= {"event_type": what, "id1": user, "id2": friend}
        lines.append(json.dumps(line).encode())
    return lines


def purchases_decided(detector: type[replay.Simulation] = replay.Simulation) -> str:
    """Return the hash of all decisions and flagged lines on some histories."""
    digest = hashlib.sha256()
    for seed, (degrees, tracked) in enumerate([(1, 2), (1, 5), (2, 3), (2, 50), (3, 8)]):
        first, lines = f'{{"D":"{degrees}", "T":"{tracked}"}}'.encode(), purchase_lines(seed)
        logs = (b"\n".join([first, *lines[:20]]), b"\n".join(lines[20:]))
        decisions, flagged, _ = play(LoggedHistory(*logs), detector)
        for each in decisions:
            digest.update(msgspec.json.encode(each))
        digest.update(b"\n".join(flagged))
    return digest.hexdigest()


class Kept:
    """An outlet that keeps the findings."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def record(self, findings: Sequence[Finding], digest: StateDigest) -> None:
        del digest
        self.findings += findings

    def write(self, findings: object) -> None:
        """Drop ``intervals``, which are in the findings."""


def intervals_decided() -> str:
    """Return the hash of all findings in some observations."""
    digest = hashlib.sha256()
    settings = [(5, False, 2, 0), (5, True, 2, None), (20, False, 3, 4), (1, True, 1, 30)]
    for seed, (threshold, inclusive, distinct, lateness) in enumerate(settings):
        late = None if lateness is None else lateness * 10**9
        parameters = IntervalParameters(
            *(threshold * 10**9, inclusive, distinct, late, "time", "adid", "key"),
            *("csv", "csv", None),
        )
        kept = Kept()
        with IntervalSimulation(parameters, kept) as simulation:
            draw = numbers(seed)
            for number in range(1, 301):
                second = number // 2 - (next(draw) % 5 if lateness != 0 else 0)
                time = f"{_START + timedelta(minutes=1, seconds=second):%Y-%m-%d %H:%M:%S}"
                adid, key = "ABCD"[next(draw) % 4], "xy"[next(draw) % 2]
                simulation.observe(Observed(number, (time,), (adid,), (key,)))
                if number % 50 == 0:
                    simulation.settle()
            simulation.conclude()
            simulation.settle()
        assert kept.findings
        for each in kept.findings:
            digest.update(msgspec.json.encode(each))
    return digest.hexdigest()


CHANGED: Final = (
    "the rule decides otherwise than its version did before: raise the version of {}, and add "
    "what it decides here, beside what is there"
)


def test_purchases_are_decided_as_their_version_says() -> None:
    decided = PURCHASES.get(int(replay.Simulation.version))
    assert purchases_decided() == decided, CHANGED.format("replay.Simulation")


def test_intervals_are_found_as_their_version_says() -> None:
    decided = INTERVALS.get(IntervalSimulation.version)
    assert intervals_decided() == decided, CHANGED.format("IntervalSimulation")


def test_no_two_versions_decide_alike() -> None:
    for versions in (PURCHASES, INTERVALS):
        assert list(versions) == list(range(1, len(versions) + 1))
        assert len(set(versions.values())) == len(versions)


class _Equal(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del window
        return baseline.n >= 2 and (
            baseline.flags(purchase.amount)
            or (baseline.n * purchase.amount - baseline.total) ** 2 == 9 * baseline.v
        )


class _Single(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del window
        return baseline.n * purchase.amount > baseline.total and (
            baseline.n == 1 or baseline.flags(purchase.amount)
        )


class _Sample(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del window
        n, excess = baseline.n, baseline.n * purchase.amount - baseline.total
        return n >= 2 and excess > 0 and excess**2 * (n - 1) > 9 * baseline.v * n


class _Lower(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del window
        excess = baseline.n * purchase.amount - baseline.total
        return baseline.n >= 2 and excess > 0 and 100 * excess**2 > 870 * baseline.v


@pytest.mark.parametrize("changed", [_Equal, _Single, _Sample, _Lower])
def test_a_small_change_of_the_rule_is_noticed(changed: type[CoordinatorActor]) -> None:
    detector = type("Changed", (replay.Simulation,), {"coordinator_type": changed})
    assert purchases_decided(detector) != purchases_decided()


@pytest.mark.parametrize(("name", "value"), [("PURCHASES_MIN", 3), ("SD_FACTOR", 4)])
def test_a_changed_constant_of_the_rule_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    expected = purchases_decided()
    monkeypatch.setattr(f"actors.purchases.baseline.{name}", value)
    assert purchases_decided() != expected


def test_a_changed_search_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = intervals_decided()

    def other(*words: Any, inclusive: bool, **more: Any) -> IntervalFinder:
        return IntervalFinder(*words, inclusive=not inclusive, **more)

    monkeypatch.setattr("actors.intervals.past.IntervalFinder", other)
    assert intervals_decided() != expected
