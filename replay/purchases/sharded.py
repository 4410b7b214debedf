"""Purchases judged by users in shards: all of a block at once, hop by hop.

`actors.purchases.shard` says what a round is. Here is who begins one and ends it: numbers the
users, cuts blocks into what each shard gets, and puts together what their networks bought.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
import numpy as np

from actors.dispatcher import ActorFailedError, Dispatcher
from actors.messages import Attested, Commit, Judged
from actors.purchases.acting_shard import ActingShard, Asked
from actors.purchases.baseline import baseline_of
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.digest import Sums, total_of
from actors.purchases.messages import Purchases
from actors.purchases.shard import Again, Bought, Round, Shard
from actors.purchases.user import UserActor
from actors.sink import SinkActor
from actors.urns import COORDINATOR, SINK
from events.errors import DetectorError, InterruptedRunError, ReplayError
from events.journal.packing import pack, pack_ascending, unpack
from events.purchases.decision import Decision
from events.purchases.event import Purchase, place_of
from events.purchases.ledger import Ledger
from events.purchases.part import cut
from events.records.record import EventRun
from replay.engine.detectors import answers_as_of, detector_version
from replay.engine.supervision import Reactivation
from replay.judging.drive import call_own
from replay.judging.shards import TRIES_MAX, LostShardError, ShardedSystem, ShardsLostError
from replay.purchases.history import PurchasesResumed
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from actors.purchases.baseline import Baseline
    from actors.sink import Outlet
    from events.purchases.columns import Codes, Columns
    from events.purchases.parameters import Parameters
    from events.records.record import Record
    from events.store.store import EventStore
    from replay.judging.shards import Transport

    Make = Callable[[int], Shard]

A = TypeVar("A")

# A round has at most so many purchases, and networks of about so many users in one shard. With
# sixteen times as many, which no cache holds, two shards took 1.15 to 1.25 of the time at D=3 and
# with hubs, and twice the memory. The first rounds are small, while nobody knows how large networks
# are.
_PURCHASES_MAX: Final = 512
_REACHED_MAX: Final = 1 << 18
_PURCHASES_FIRST: Final = 32
# Of each shard its share of the latest purchases is asked for, half as many again, and so many
# more: few are asked a second time.
_ASKED_MORE: Final = 8
_NUMBER_BITS: Final = 32
# What a detector may have of its own: its users, and whether a purchase is anomalous.
_OWN: Final = {"name", "version", "answers_as_of", "coordinator_type", "user_type", "checked_line"}
_RULE: Final = {"flags"}

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_bought: Final = msgspec.msgpack.Decoder(Bought).decode
_decode_sums: Final = msgspec.msgpack.Decoder(Sums).decode
_decode_answers: Final = msgspec.msgpack.Decoder(list[Purchases]).decode


def check_sharded(detector: Any) -> None:
    """Refuse a detector whose users cannot be spread over shards.

    Raises:
        DetectorError: it is one.

    """
    name = detector_version(detector).name
    if not answers_as_of(detector):
        raise DetectorError(
            f"{name}: expected a detector that declares answers_as_of = True, since shards judge "
            "all purchases of a block at once, found none; run it without shards"
        )
    found = ["a callable"]
    if isinstance(detector, type) and issubclass(detector, Simulation):
        found = _overridden(detector, Simulation, _OWN)
        found += _overridden(detector.coordinator_type, CoordinatorActor, _RULE)
        if UserActor not in detector.user_type.__mro__:
            found += _overridden(detector.user_type, UserActor, set())
    if found:
        raise DetectorError(
            f"{name}: expected a detector with users and a coordinator's flags of its own, which "
            f"is what shards take, found {', '.join(found)}; run it without shards"
        )


def _overridden(cls: type, base: type, allowed: set[str]) -> list[str]:
    """Return what of ``base`` the class has otherwise, but for what is ``allowed``."""
    if base not in cls.__mro__:
        return [f"{cls.__qualname__}, which is no {base.__qualname__}"]
    return sorted(
        f"{each.__qualname__}.{name}"
        for each in cls.__mro__[: cls.__mro__.index(base)]
        for name in vars(each)
        if name not in allowed
        and (name == "__init__" or not name.startswith(("__", "_abc_")))
        and hasattr(base, name)
    )


class _Window(NamedTuple):
    """The last purchases of a network."""

    purchases: list[Purchase]
    """They; none by columns alone."""
    amounts: list[int]
    """Their amounts in units of 1/10,000."""


class _Found(NamedTuple):
    """Purchases of the networks of a round; an entry for each."""

    shards: NDArray[np.int64]
    """Which shard knows it."""
    places: NDArray[np.int64]
    """For which of the round's purchases."""
    ticks: NDArray[np.int64]
    finer: NDArray[np.object_]
    """The digits of its time that ticks cannot tell."""
    numbers: NDArray[np.int64]
    amounts: NDArray[np.uint64]
    users: NDArray[np.int64]
    """Whose it is, where users answer themselves."""

    def of(self, entries: NDArray[Any]) -> _Found:
        """Return some of the entries."""
        return _Found(*[column[entries] for column in self])

    def last(self, count: int) -> _Found:
        """Return of each place the last ``count``, in the order of time and number."""
        found = self.of(np.argsort(self.places << _NUMBER_BITS | self.numbers))
        ahead = (np.diff(found.ticks) < 0) & (np.diff(found.places) == 0)
        if ahead.any() or found.finer.any():
            ranks = np.unique(found.finer, return_inverse=True)[1]
            found = found.of(np.lexsort((found.numbers, ranks, found.ticks, found.places)))
        ends = np.searchsorted(found.places, found.places, side="right")
        return found.of(ends - np.arange(len(ends)) <= count)


def _together(parts: Sequence[_Found]) -> _Found:
    return _Found(*map(np.concatenate, zip(*parts, strict=True)))


def _unpacked(
    shard: int, places: NDArray[np.int64], numbers: NDArray[np.int64], bought: Bought
) -> _Found:
    """Return what a shard has answered about ``places`` of a round of purchases ``numbers``."""
    places = places.repeat(unpack(bought.counts).astype(np.int64))
    finer = np.full(len(places), "", np.object_)
    for index, digits in bought.finer.items():
        finer[index] = digits
    users = unpack(bought.buyers).astype(np.int64)
    return _Found(
        np.full(len(places), shard),
        places,
        bought.tick - unpack(bought.ticks).astype(np.int64) * bought.unit,
        finer,
        numbers[places] - unpack(bought.numbers).astype(np.int64),
        unpack(bought.amounts),
        users if len(users) else np.zeros(len(places), np.int64),
    )


def _shard(place: int, *, shards: int, count: int, user_type: type[UserActor] | None) -> Shard:
    if user_type is None:
        return Shard(place, shards, count)
    return ActingShard(place, shards, count, user_type, supervisor=Reactivation())


class ShardedPurchases(ShardedSystem):
    """A detector of purchases whose users are in shards."""

    def __init__(
        self, detector: type[Simulation], parameters: Parameters, outlet: Outlet, shards: Transport
    ) -> None:
        """Start the sink, the coordinator, whose rule decides, and the shards.

        Args:
            detector: what decides.
            parameters: D and T.
            outlet: where verdicts and lines go.
            shards: carries what the shards are told and answer.

        """
        self._detector: Final = detector
        self._parameters: Final = parameters
        self._shards: Final = shards
        self.journal: Final = Ledger(self._spread)
        """The names of all users and the latest events."""
        self.position = 0
        self.dispatcher: Final = Dispatcher()
        self.sink: Final = self.dispatcher.spawn(
            partial(SinkActor, outlet=outlet, line=detector.checked_line), SINK
        )
        journal: Any = self.journal
        self._coordinator: Final = self.dispatcher.spawn(
            lambda dispatcher, urn: detector.coordinator_type(
                *(dispatcher, urn, parameters, self.sink.actor_ref, journal, _nobody)
            ),
            COORDINATOR,
        )
        # By columns alone a window is no more than amounts.
        self._acting: Final = bool(
            _overridden(detector.user_type, UserActor, set())
            or _overridden(detector.coordinator_type, CoordinatorActor, set())
        )
        self._tracked: Final = parameters.tracked
        even = 3 * parameters.tracked // (2 * shards.count) + _ASKED_MORE
        self._asked: Final = min(parameters.tracked, max(even, 1))
        self._size = _PURCHASES_FIRST
        # The last event that users were told of who answer themselves.
        self._told = 0
        make: Make = partial(
            _shard,
            shards=shards.count,
            count=self._asked,
            user_type=detector.user_type if self._acting else None,
        )
        shards.start(make)

    def connect(self, blocks: Callable[[], Iterator[Any]], check: Callable[[], None]) -> None:
        self._blocks = blocks
        self._check = check

    def close(self) -> None:
        self.dispatcher.stop()

    @property
    def users(self) -> int:
        """How many users have appeared."""
        return len(self.journal.names)

    def judges(self, event: Any) -> bool:
        """Tell whether there is a verdict on ``event`` if it is of the stream."""
        return self._detector.judges(event)

    def extend(self, events: Columns) -> None:
        """Append events, also in the shards; `goto` lets them happen."""
        self.journal.extend(events)

    def goto(self, position: int) -> None:
        """Let the events up to ``position`` happen without being judged."""
        self.position = self._told = position
        self.journal.forget(position)

    def commit(self) -> None:
        """Send the decisions since the last commit to the outlet."""
        self.sink.actor_ref.tell(Commit())
        self.dispatcher.run()

    def abandon(self) -> None:
        """Drop all waiting messages, and send the decisions so far to the outlet."""
        while self.dispatcher.queue:
            self.dispatcher.queue.popleft()
        if not self.sink.stopped:
            self.commit()

    def attest(self, events: int) -> None:
        """Send the digest of the state after ``events`` events to the outlet."""
        self.sink.actor_ref.tell(Attested(events, self.users, self.sums()))
        self.commit()

    def sums(self) -> Sums:
        """Return what the state adds up to after all events that came."""
        everywhere = dict.fromkeys(range(self._shards.count), b"")
        found = self._safely(lambda: self._shards.query("sums", everywhere))
        return total_of(map(_decode_sums, found.values())).reduced()

    def resumed(self, kept: EventStore) -> _Resumed:
        return _Resumed(kept, self)

    # Spreading

    def _spread(self, columns: Columns, users: Codes) -> None:
        blocks = self._packed(columns, users, range(self._shards.count))
        self._safely(lambda: self._shards.take(blocks))

    def _packed(self, columns: Columns, users: Codes, places: Sequence[int]) -> dict[int, bytes]:
        known, count = len(self.journal.names), self._shards.count
        parts = cut(columns, users, known, count, places, whole=self._acting)
        return {place: _encode(part) for place, part in zip(places, parts, strict=True)}

    def _safely(self, do: Callable[[], A]) -> A:
        """Do something with all shards; lost ones get all events again, and it is done again.

        Raises:
            ShardsLostError: that has not helped.

        """
        lost: set[int] = set()
        for _ in range(TRIES_MAX):
            try:
                for place in sorted(lost):
                    self._reload(place)
                    lost.remove(place)
                return do()
            except LostShardError as error:
                lost.update(error.places)
        raise ShardsLostError(
            f"shards: expected them to last for a block, found some lost {TRIES_MAX} times; see "
            "whether there is memory enough, and run the same command again to go on"
        )

    def _reload(self, place: int) -> None:
        """Start a shard anew, with all events that came."""
        self._shards.renew(place)
        for columns in self._blocks():
            self._check()
            if columns.number > len(self.journal):
                break
            users = self.journal.users_of(columns)
            self._shards.take(self._packed(columns, users, [place]))

    # Judging

    def decide(self, first: int, last: int) -> Iterator[Decision]:
        events = self.journal.events(first, last)
        purchases = [event for event in events if isinstance(event, Purchase)]
        start = one_by_one = 0
        while start < len(purchases):
            self._check()
            some = purchases[start : start + (self._size if start >= one_by_one else 1)]
            try:
                self._tell(some[-1].number - 1)
                windows = self._safely(partial(self._windows, some))
            except (InterruptedRunError, ShardsLostError):
                raise
            except ReplayError:
                if len(some) == 1:
                    raise
                # A user has failed, and what comes before that is to be decided. What failed once
                # gives no other answer.
                self._safely(self._reload_all)
                one_by_one = start + len(some)
                continue
            yield from self._decided(some, windows)
            start += len(some)
        self._tell(last)
        self.goto(last)

    def _tell(self, last: int) -> None:
        """Tell users of their events up to event ``last``, where they answer themselves."""
        if self._acting and self._told < last:
            asked = _encode((self._told + 1, last))
            everywhere = dict.fromkeys(range(self._shards.count), asked)
            self._safely(lambda: self._shards.query("tell", everywhere))
        self._told = last

    def _reload_all(self) -> None:
        for place in range(self._shards.count):
            self._reload(place)

    def _decided(self, purchases: Sequence[Purchase], windows: Sequence[_Window]) -> list[Decision]:
        """Decide on purchases, of which each has its window, and tell the sink."""
        flags = self._coordinator.flags
        decisions: list[Decision] = []
        try:
            for purchase, (window, amounts) in zip(purchases, windows, strict=True):
                baseline = baseline_of(amounts)
                flagged = _flagged(flags, purchase, window, baseline)
                decision = Decision(
                    purchase.number, flagged, baseline.n, baseline.mean, baseline.sd
                )
                decisions.append(decision)
                self.sink.actor_ref.tell(Judged(purchase, decision))
        finally:
            # Also where the rule has failed: what came before that is decided.
            call_own(self.dispatcher.run)
        return decisions

    def _windows(self, purchases: Sequence[Purchase]) -> list[_Window]:
        """Return the windows of purchases, of which the shards have all events before."""
        found = self._last_bought(purchases)
        if self._acting:
            answered = self._answered(purchases, found)
            return [_Window(window, [each.amount for each in window]) for window in answered]
        ends = np.searchsorted(found.places, np.arange(len(purchases)), side="right").tolist()
        amounts = found.amounts.tolist()
        return [
            _Window([], amounts[start:end])
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]

    def _last_bought(self, purchases: Sequence[Purchase]) -> _Found:
        """Return the last T purchases of the network of each of ``purchases``."""
        numbers = np.array([purchase.number for purchase in purchases], np.int64)
        buyers = np.array([self.journal.numbers[each.user] for each in purchases], np.int64)
        shards, packed, rounds = self._shards.count, pack_ascending(numbers), []
        for shard in range(shards):
            places = np.flatnonzero(buyers % shards == shard)
            rounds.append(_encode(Round(packed, pack(places), pack(buyers[places] // shards))))
        answers = self._shards.judge(rounds, self._parameters.degrees - 1)
        bought, everything = list(map(_decode_bought, answers)), np.arange(len(numbers))
        found = _together(
            [_unpacked(shard, everything, numbers, own) for shard, own in enumerate(bought)]
        )
        largest = max(max(own.reached for own in bought) // len(numbers), 1)
        self._size = min(2 * self._size, _PURCHASES_MAX, max(_REACHED_MAX // largest, 1))
        last = found.last(self._tracked)
        if self._asked < self._tracked:
            last = self._asked_again(found, last, numbers)
        return last

    def _asked_again(self, found: _Found, last: _Found, numbers: NDArray[np.int64]) -> _Found:
        """Ask shards for more of whom all they have told of is among the last."""
        keys = last.shards * len(numbers) + last.places
        told, counts = np.unique(keys, return_counts=True)
        full = told[counts == self._asked]
        if not len(full):
            return last
        among = np.isin(found.shards * len(numbers) + found.places, full)
        parts, asked = [found.of(~among)], {}
        for shard in np.unique(full // len(numbers)).tolist():
            places = full[full // len(numbers) == shard] % len(numbers)
            asked[shard] = _encode(Again(pack_ascending(places), self._tracked))
        for shard, answer in self._shards.query("again", asked).items():
            places = full[full // len(numbers) == shard] % len(numbers)
            parts.append(_unpacked(shard, places, numbers, _decode_bought(answer)))
        return _together(parts).last(self._tracked)

    def _answered(self, purchases: Sequence[Purchase], found: _Found) -> list[list[Purchase]]:
        """Return the window of each of ``purchases``, as those answer whose ``found`` are."""
        windows: list[list[Purchase]] = [[] for _ in purchases]
        asked: dict[int, list[tuple[int, int]]] = {}
        counts: dict[tuple[int, int], int] = {}
        for place, user in zip(found.places.tolist(), found.users.tolist(), strict=True):
            if (place, user) not in counts:
                asked.setdefault(user % self._shards.count, []).append((place, user))
            counts[place, user] = counts.get((place, user), 0) + 1
        questions = {
            shard: _encode(
                Asked(
                    *(
                        pack(np.array(column, np.int64))
                        for column in (
                            [purchases[place].number for place, _ in pairs],
                            [user for _, user in pairs],
                            [counts[pair] for pair in pairs],
                        )
                    )
                )
            )
            for shard, pairs in asked.items()
        }
        for shard, answer in self._shards.query("answers", questions).items():
            for (place, _), own in zip(asked[shard], _decode_answers(answer), strict=True):
                windows[place] += own.purchases
        for window in windows:
            window.sort(key=place_of)
            del window[: -self._tracked]
        return windows


def _flagged(
    flags: Callable[..., Any], purchase: Purchase, window: list[Purchase], baseline: Baseline
) -> bool:
    """Return what a coordinator's rule says, which fails on a purchase if that raises."""
    try:
        return bool(call_own(flags, purchase, window, baseline))
    except ReplayError:
        raise
    except Exception as error:
        raise ActorFailedError(
            f"{COORDINATOR} failed on event {purchase.number}: {type(error).__name__}: {error}"
        ) from error


def _nobody(number: int) -> Any:
    raise NotImplementedError(f"user {number} is in a shard")


class _Resumed(PurchasesResumed):
    """How far a history has come whose events are in shards."""

    def __init__(self, store: EventStore, system: ShardedPurchases) -> None:
        self._system: Final = system
        super().__init__(store, system.journal)  # type: ignore[arg-type]

    def next_judged(self, number: int) -> int | None:
        following = self._system.journal.events(number + 1, len(self._system.journal))
        return next((each.number for each in following if self.detector.judges(each)), None)

    def sums(self) -> Sums:
        return self._system.sums()

    def note(self, record: Record, frame: int) -> None:
        super().note(record, frame)
        if isinstance(record, EventRun | Decision):
            # What is past, and what is decided, nobody looks at again.
            self._system.journal.forget(max(self.events["batch"], self._decided))
