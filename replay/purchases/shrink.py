"""Shrinking: a smallest history in which one purchase still has its verdict.

It is 1-minimal: without any one of its lines the verdict is another. What is tried first
is what an explanation names: the purchases of the window, and the friendships of the
paths to their buyers. Only where that does not give the verdict, which takes a fault in
this program, more of the history is tried. Whole parts are taken away before single
lines, as in delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
Failure-Inducing Input", 2002), and every candidate is decided by actors of its own.
"""

from __future__ import annotations

import bisect
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from actors.dispatcher import ActorFailedError
from actors.sink import Nowhere
from events.errors import InputError, ReplayError
from events.journal.columns import Columns
from events.purchases.event import Befriend, Purchase, users_of
from replay.engine.detectors import check_detector
from replay.purchases.explain import WhyPurchase, explain
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from events.store.records import Decision
    from replay.purchases.history import History
    from replay.purchases.timeline import Timeline

Progress: TypeAlias = "Callable[[int, int], None]"
"""Is told how many lines are left, and how many candidates have been decided."""


class VerdictNotReplayedError(ReplayError):
    """A replay gives another verdict than the one that was recorded."""

    exit_status = 1


class Shrunk(NamedTuple):
    """A shrunk history."""

    numbers: tuple[int, ...]
    """The numbers in the original of the events that are left; the last one is the purchase."""
    past: int
    """How many of these are of the batch; they come first."""
    exact: bool
    """Whether not only the verdict had to stay, but also n, mean and sd."""
    recorded: Decision
    """What the original recorded of the purchase."""
    decision: Decision
    """What is decided of it in the shrunk history."""
    tried: int
    """How many candidates were decided."""


def shrink(
    timeline: Timeline,
    number: int,
    *,
    exact: bool = False,
    progress: Progress = lambda _lines, _tried: None,
) -> Shrunk:
    """Return a 1-minimal history that gives purchase ``number`` its recorded verdict.

    Args:
        timeline: the history; it goes to the moment after the event.
        number: a purchase that the run judged.
        exact: whether n, mean and sd have to stay too. Then hardly anything can go, and
            the time grows with the square of the window: 6 s for 200 purchases, 35 s
            for 1,000.
        progress: is told now and then how far it has come.

    Raises:
        OtherDetectorError: another detector than the built-in one decided the history.
        PositionError: the history has no such event.
        InputError: the event is no purchase, or was not judged.
        VerdictNotReplayedError: the whole history does not give the recorded verdict.

    """
    check_detector(timeline.history.store, Simulation)
    oracle = _Oracle(timeline.history, number, exact=exact, progress=progress)
    explanation = explain(timeline, number)
    assert isinstance(explanation, WhyPurchase), "the oracle takes nothing but purchases"
    # The timeline judges the purchase alone. That gives the same state, unless there is a
    # fault in it; so what it finds wrong is decided as the run did before it is said.
    replayed = timeline.decision(number)
    everything = oracle.accepted(range(1, number))
    if not oracle.wants(replayed) and not oracle.holds(everything):
        raise VerdictNotReplayedError(_not_replayed(timeline.history, number))
    for judging in (False, True):
        holds = partial(oracle.holds, judging=judging)
        for candidates in map(oracle.accepted, _candidates(timeline, explanation)):
            if holds(candidates):
                kept = _without_parts(candidates, holds)
                if oracle.holds(kept):
                    return oracle.shrunk(_without_lines(kept, oracle.holds))
                break
    raise VerdictNotReplayedError(_not_replayed(timeline.history, number))


def _not_replayed(history: History, number: int) -> str:
    gaps = [event for event, _ in history.gaps if event < number]
    lost = f" (something was lost after event {gaps[-1]})" if gaps else ""
    path = history.store.path
    refused = history.refused_before(number)
    if refused:
        lost = f" without event {refused[0]}, which an earlier release accepted{lost}"
        more = f"rerun {path} FLAGGED tells what a run decides now"
    else:
        more = f"verify {path} tells where they part"
    return (
        f"{path}: event {number}: expected a replay to give the verdict that was recorded, "
        f"found another{lost}; {more}"
    )


class _Oracle:
    """Tells which events before a purchase give it the verdict that was recorded."""

    def __init__(self, history: History, number: int, *, exact: bool, progress: Progress) -> None:
        self.number: Final = number
        self.tried = 0
        self._history: Final = history
        self._recorded: Final = _recorded(history, number)
        self._exact: Final = exact
        self._progress: Final = progress
        self._refused: Final = frozenset(history.refused_before(number))
        # Not by `History.stream_start`, which may be among what a saved store has lost.
        self._stream: Final = 1 + bisect.bisect_left(
            range(1, number), True, key=lambda each: history.place(each).source == "stream"
        )

    def accepted(self, numbers: Iterable[int]) -> list[int]:
        """Return those of ``numbers`` whose lines a run accepts; an earlier one took others, too.

        The shrunk history is logs, and a run on them has to decide what is decided here.
        """
        return [number for number in numbers if number not in self._refused]

    def wants(self, decision: Decision | None) -> bool:
        """Tell whether ``decision`` has of the recorded one what has to stay."""
        if decision is None:
            return False
        if self._exact:
            return _measures(decision) == _measures(self._recorded)
        return decision.flagged == self._recorded.flagged

    def holds(self, before: list[int], *, judging: bool = True) -> bool:
        """Tell whether the events ``before``, in any order, give the purchase its verdict.

        Args:
            before: numbers in the original.
            judging: whether all of the stream is judged, as a run does, or only the
                purchase. With a window of 20,000, 16,000 of them of the stream, one
                candidate took 4.5 s to judge and 0.26 s otherwise.

        """
        self._progress(len(before) + 1, self.tried)
        return self.wants(self._decide(before, judging=judging))

    def shrunk(self, before: list[int]) -> Shrunk:
        """Return the history of the events ``before`` and the purchase."""
        decision = self._decide(before, judging=True)
        assert decision is not None, "it has been decided before"
        numbers = (*sorted(before), self.number)
        past = bisect.bisect_left(numbers, self._stream)
        return Shrunk(numbers, past, self._exact, self._recorded, decision, self.tried)

    def _decide(self, before: list[int], *, judging: bool) -> Decision | None:
        self.tried += 1
        numbers = [*sorted(before), self.number]
        past = bisect.bisect_left(numbers, self._stream) if judging else len(before)
        with Simulation(self._history.parameters, Nowhere()) as simulation:
            # Numbered as a run on these lines alone would number them.
            events = [
                msgspec.structs.replace(self._history.events[each - 1], number=place)
                for place, each in enumerate(numbers, 1)
            ]
            decision = None
            try:
                simulation.extend(Columns.of(events))
                simulation.goto(past)
                for event in events[past:]:
                    decision = simulation.judge(event)
            except ActorFailedError:
                return None
        return decision


def _recorded(history: History, number: int) -> Decision:
    """Return what was recorded of purchase ``number``."""
    event = history.event(number)
    where = f"{history.store.path}: event {number}: expected a purchase that the run judged, found"
    if not isinstance(event, Purchase):
        raise InputError(f"{where} a change of a friendship; log --type purchase lists purchases")
    if history.place(number).source == "batch":
        raise InputError(f"{where} one of the past; name one of the stream")
    if (error := history.refused(number)) is not None:
        raise InputError(f"{where} one that a run rejects now ({error.reason}): {error.detail}")
    recorded = history.recorded.get(number)
    if recorded is None:
        raise InputError(f"{where} one before whose verdict it stopped; let the run go on first")
    return recorded


def _measures(decision: Decision) -> tuple[bool, int, int, int]:
    return decision.flagged, decision.purchases, decision.mean, decision.sd


# What to try


def _candidates(timeline: Timeline, why: WhyPurchase) -> Iterator[list[int]]:
    """Iterate over what may give the verdict, from little to all; what may go first is last."""
    yield _explained(timeline, why)
    events = timeline.history.events[: why.event.number - 1]
    network = {why.event.user}.union(*why.hops)
    yield [event.number for event in events if not network.isdisjoint(users_of(event))]
    yield [event.number for event in events]


def _explained(timeline: Timeline, why: WhyPurchase) -> list[int]:
    """Return the friendships and purchases that an explanation names, the nearest member first.

    Who is far away needs more friendships than who is near, so is to be let go first: of
    the 10 flags of a run on 501,000 events 5.5 lines were left, and 6.6 with the latest
    event let go first.
    """
    bought: dict[str, list[int]] = {}
    friend: dict[str, str] = {}
    for counted in why.window:
        bought.setdefault(counted.purchase.user, []).append(counted.purchase.number)
        friend.update((member, before) for before, member in pairwise(counted.path))
    made = _befriended(timeline, why.event.number, set(map(_pair, friend.items())))
    found: list[int] = []
    for member in (member for hop in why.hops for member in hop if member in friend):
        befriended = made.get(_pair((member, friend[member])))
        found += [] if befriended is None else [befriended]
        found += bought.get(member, ())
    return found


def _befriended(
    timeline: Timeline, before: int, pairs: set[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return for each pair the last event that made them friends, of those ``before`` an event."""
    return {
        pair: event.number
        for event in timeline.history.events[: before - 1]
        if type(event) is Befriend
        and (pair := _pair(users_of(event))) in pairs
        and timeline.changed(event.number)
    }


def _pair(users: tuple[str, ...]) -> tuple[str, str]:
    one, other = users
    return (one, other) if one < other else (other, one)


# Taking away


def _without_parts(kept: list[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Take away parts of ``kept`` while the verdict holds: all, then halves, quarters, and so on.

    Delta debugging also tries each part alone. Here a part seldom does without the
    friendships of another.
    """
    size = len(kept)
    while size > 1:
        end = len(kept)
        while end > 0:
            rest = kept[: max(end - size, 0)] + kept[end:]
            if holds(rest):
                kept = rest
            end -= size
        size = min(size, len(kept)) // 2
    return kept


def _without_lines(kept: list[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Take away single lines until each one was tried in vain on what is left."""
    at, needed = len(kept), 0
    while needed < len(kept):
        at = (at or len(kept)) - 1
        rest = kept[:at] + kept[at + 1 :]
        if holds(rest):
            kept, needed = rest, 0
        else:
            needed += 1
    return kept
