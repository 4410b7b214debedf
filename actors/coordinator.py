"""The coordinator actor: routes events to users and runs the network queries.

It judges one purchase at a time. What comes in meanwhile waits, so the users'
states are those just before the purchase, under any order of delivery.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from operator import gt
from typing import TYPE_CHECKING, Any

from actors.baseline import baseline_of
from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import (
    Apply,
    AskFriends,
    AskPurchases,
    Commit,
    Friends,
    Judge,
    Judged,
    Purchases,
    Route,
)
from actors.network import NetworkQuery
from actors.recency import Recency
from events.event import Befriend, Event, Purchase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.user import Ref
    from events.parameters import Parameters


class Coordinator:
    """What a coordinator actor is and does, on any of Pykka's runtimes."""

    __slots__ = ()

    parameters: Parameters
    numbers: dict[str, int]
    """The number of each user, in order of first appearance."""
    users: list[Ref]
    """The user actors, by number."""
    recency: Recency
    """Who bought last; derived from what was routed."""
    sink: Ref
    spawn_user: Callable[[str, int], Ref]
    waiting: deque[Any]
    """Requests that came while a purchase is judged."""
    query: NetworkQuery | None
    """The network query that runs, if one does."""
    event: Purchase | None
    """The purchase that is being judged, if one is."""
    window: list[Purchase]
    """The purchases gathered for it."""
    owners_awaited: int
    """How many users have yet to answer with purchases."""

    def begin(
        self, parameters: Parameters, sink: Ref, spawn_user: Callable[[str, int], Ref]
    ) -> None:
        """Begin without users; ``spawn_user`` starts one for an id and a number."""
        self.parameters = parameters
        self.sink = sink
        self.spawn_user = spawn_user
        self.numbers = {}
        self.users = []
        self.recency = Recency()
        self.waiting = deque()
        self.query = None
        self.event = None
        self.window = []
        self.owners_awaited = 0

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError: it is neither.

        """
        kind = type(message)
        if kind is Purchases:
            self._take_purchases(message)
        elif kind is Friends:
            self._take_friends(message)
        elif self.event is not None:
            self.waiting.append(message)
        else:
            self._start(message)

    def _start(self, message: Any) -> None:
        kind = type(message)
        if kind is Judge:
            self._judge(message.event)
        elif kind is Route:
            self._route(message.events)
        elif kind is Commit:
            self.sink.tell(message)
        else:
            raise TypeError(f"a coordinator understands no {kind.__name__}")

    # Routing the past

    def _route(self, events: Iterable[Event]) -> None:
        """Tell each user all that concerns it in one message, and judge nothing."""
        purchases, bought, links = self._group(events)
        times = [purchase.time for purchase in purchases]
        if any(map(gt, times, islice(times, 1, None))):
            purchases.sort()
            bought = {user: sorted(own) for user, own in bought.items()}
        for user in bought:
            self._number(user)
        recency, users, numbers = self.recency, self.users, self.numbers
        recency.extend(purchases)
        for user, own in bought.items():
            befriended: tuple[int, ...] = ()
            unfriended: tuple[int, ...] = ()
            if user in links:
                changes = links[user].items()
                befriended = tuple([numbers[other] for other, friends in changes if friends])
                unfriended = tuple([numbers[other] for other, friends in changes if not friends])
            number = numbers[user]
            users[number].tell(Apply(tuple(own), befriended, unfriended))
            if own:
                recency.note_last(number, own[-1])

    def _group(
        self, events: Iterable[Event]
    ) -> tuple[list[Purchase], dict[str, list[Purchase]], dict[str, dict[str, bool]]]:
        """Return all purchases, those of each user, and each user's changed friendships.

        The second has a key for each user in the events, in order of appearance.
        Of several changes between the same two users only the last one matters.
        """
        purchases: list[Purchase] = []
        bought: dict[str, list[Purchase]] = {}
        links: dict[str, dict[str, bool]] = {}
        add = purchases.append
        for event in events:
            if type(event) is Purchase:
                add(event)
                user = event.user
                if user in bought:
                    bought[user].append(event)
                else:
                    bought[user] = [event]
            else:
                friends = type(event) is Befriend
                user1, user2 = event.user1, event.user2  # type: ignore[union-attr]
                bought.setdefault(user1, [])
                bought.setdefault(user2, [])
                links.setdefault(user1, {})[user2] = friends
                links.setdefault(user2, {})[user1] = friends
        return purchases, bought, links

    def _number(self, user: str) -> int:
        number = self.numbers.get(user)
        if number is None:
            number = len(self.users)
            self.numbers[user] = number
            self.users.append(self.spawn_user(user, number))
            self.recency.add_user()
        return number

    # Judging what comes in

    def _judge(self, event: Event) -> None:
        if isinstance(event, Purchase):
            user = self._number(event.user)
            self.event = event
            self.query = NetworkQuery(user, self.parameters.degrees)
            self._ask_friends([user])
            return
        user1, user2 = self._number(event.user1), self._number(event.user2)
        if isinstance(event, Befriend):
            self.users[user1].tell(Apply(befriended=(user2,)))
            self.users[user2].tell(Apply(befriended=(user1,)))
        else:
            self.users[user1].tell(Apply(unfriended=(user2,)))
            self.users[user2].tell(Apply(unfriended=(user1,)))

    def _ask_friends(self, frontier: list[int]) -> None:
        assert self.event is not None, "friends are asked for a purchase"
        question = AskFriends(self.event.number)
        users = self.users
        for user in frontier:
            users[user].tell(question)

    def _take_friends(self, answer: Friends) -> None:
        query = self.query
        assert query is not None, "only users asked for this purchase answer"
        if query.answer(answer.friends):
            if query.frontier:
                self._ask_friends(query.frontier)
            else:
                self._ask_purchases(query.members)

    def _ask_purchases(self, members: set[int]) -> None:
        assert self.event is not None, "purchases are asked for a purchase"
        owners, (time, number) = self.recency.owners(
            members, self.parameters.tracked, self.numbers
        )
        self.query = None
        self.owners_awaited = len(owners)
        if not owners:
            self._decide()
            return
        question = AskPurchases(self.event.number, time, number)
        users = self.users
        for user in owners:
            users[user].tell(question)

    def _take_purchases(self, answer: Purchases) -> None:
        self.window += answer.purchases
        self.owners_awaited -= 1
        if not self.owners_awaited:
            self._decide()

    def _decide(self) -> None:
        event, window, tracked = self.event, self.window, self.parameters.tracked
        assert event is not None, "a verdict is on a purchase"
        if len(window) > tracked:
            window.sort()
            del window[:-tracked]
        baseline = baseline_of([purchase.amount for purchase in window])
        self.sink.tell(
            Judged(
                event, baseline.flags(event.amount), baseline.n, baseline.mean, baseline.sd
            )
        )
        user = self.numbers[event.user]
        self.users[user].tell(Apply((event,)))
        self.recency.add(user, event, self.numbers)
        self.event = None
        self.window = []
        while self.waiting and self.event is None:
            self._start(self.waiting.popleft())


class CoordinatorActor(Coordinator, DispatchedActor):
    """A coordinator on the dispatcher."""

    __slots__ = (
        "event",
        "numbers",
        "owners_awaited",
        "parameters",
        "query",
        "recency",
        "sink",
        "spawn_user",
        "users",
        "waiting",
        "window",
    )

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        parameters: Parameters,
        sink: Ref,
        spawn_user: Callable[[str, int], Ref],
    ) -> None:
        """Judge by ``parameters``, send verdicts to ``sink`` and start users as they appear."""
        super().__init__(dispatcher, urn)
        self.begin(parameters, sink, spawn_user)
