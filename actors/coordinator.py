"""The coordinator actor: routes events to users and runs the network queries.

It judges one purchase at a time. What comes in meanwhile waits, so the users'
states are those just before the purchase, under any order of delivery.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors.baseline import baseline_of
from actors.digest import RunningSums
from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import (
    Apply,
    AskFriends,
    AskPurchases,
    Attest,
    Attested,
    Commit,
    Friends,
    Judge,
    Judged,
    Purchases,
    Recall,
    Retract,
    Route,
    Settle,
    UnaskedError,
)
from actors.network import NetworkQuery
from actors.recency import Recency
from events.event import Befriend, Event, Purchase, place_of, users_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from actors.baseline import Baseline
    from actors.user import Ref
    from events.parameters import Parameters


# Users are told at the latest after so many routed events. They will hold the
# events anyway, so waiting takes a pointer an event. With a million users, telling
# them every million of five million events took 64 s in all instead of 47.
UNSETTLED_MAX = 1 << 23
# Up to so many events are remembered to tell only the users that they concern.
FEW_MAX = 1 << 8


class Coordinator:
    """What a coordinator actor is and does, on any of Pykka's runtimes."""

    parameters: Parameters
    numbers: dict[str, int]
    """The number of each user, from 0 in order of first appearance."""
    users: list[Ref]
    """The user actors, by number."""
    recency: Recency
    """Who bought last; derived from what was routed."""
    sink: Ref
    spawn_user: Callable[[str, int], Ref]
    bought: dict[str, list[Purchase]]
    """The purchases that each user is still to be told of, in order of their numbers."""
    links: list[list[int]]
    """The friendships that each user is still to be told of, by number: ``n`` for one
    with user n that began, ``~n`` for one that ended, in the order of the events."""
    few: list[Event]
    """The first of these events, all of them while they are few."""
    unsettled: int
    """How many routed events the users are still to be told of."""
    routed: int
    """The last event that was routed or judged, by number."""
    told: int
    """The last event that the users have been told of, by number."""
    late: bool
    """Whether a purchase among them is older than one before it."""
    waiting: deque[Any]
    """Requests that came while a purchase is judged."""
    query: NetworkQuery | None
    """The network query that runs, if one does."""
    event: Purchase | None
    """The purchase that is being judged, if one is."""
    window: list[Purchase]
    """The purchases gathered for it."""
    sums: RunningSums | None
    """What the state adds up to, where the run is recorded."""
    owners_awaited: int
    """How many users have yet to answer with purchases."""

    def begin(
        self,
        parameters: Parameters,
        sink: Ref,
        spawn_user: Callable[[str, int], Ref],
        *,
        attesting: bool = False,
    ) -> None:
        """Begin without users.

        Args:
            parameters: D and T.
            sink: where verdicts go.
            spawn_user: starts a user for an id and a number.
            attesting: whether `Attest` will be asked.

        """
        self.parameters = parameters
        self.sink = sink
        self.spawn_user = spawn_user
        self.numbers = {}
        self.users = []
        self.recency = Recency()
        self.bought = {}
        self.links = []
        self.few = []
        self.unsettled = 0
        self.routed = 0
        self.told = 0
        self.late = False
        self.waiting = deque()
        self.query = None
        self.event = None
        self.window = []
        self.owners_awaited = 0
        self.sums = RunningSums() if attesting else None

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError, UnaskedError: it is neither, or an answer that nobody asked for.

        """
        kind = type(message)
        if kind is Purchases:
            self.window += message.purchases
            self.owners_awaited -= 1
            if self.owners_awaited <= 0:
                self._decide()
        elif kind is Friends:
            query = self.query
            if query is None:
                raise UnaskedError(f"expected answers to questions only, found {message}")
            if query.answer(message.friends):
                if query.frontier:
                    self._ask_friends(query.frontier, message.number)
                else:
                    self._ask_purchases(query.members, message.number)
        elif self.event is not None:
            self.waiting.append(message)
        else:
            self._start(message)

    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        """Tell whether ``purchase`` is anomalous; another detector has another rule here.

        Args:
            purchase: what is judged.
            window: its network's last T purchases, sorted by time and number.
            baseline: what they come to.

        """
        del window
        return baseline.flags(purchase.amount)

    def _start(self, message: Any) -> None:
        kind = type(message)
        if kind is Judge:
            if self.unsettled:
                self._settle()
            self._judge(message.event)
        elif kind is Route:
            self._route(message.events)
        elif kind is Settle:
            self._settle()
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Attest:
            assert self.sums is not None, "only a coordinator that attests is asked to"
            self.sink.tell(Attested(message.events, len(self.users), self.sums.now().reduced()))
        else:
            self._go_back(message)

    def _go_back(self, message: Any) -> None:
        if type(message) is Recall:
            self._forget_users(len(message.users))
            for user in message.users[len(self.users) :]:
                self._meet(user)
            self.recency.load(message.last, message.recent, message.total)
            self.routed = self.told = message.events
        elif type(message) is Retract:
            if isinstance(message.event, Purchase):
                buyer = self.numbers[message.event.user]
                self.recency.remove(buyer, message.event, message.last)
            self._forget_users(message.users)
            self.routed = self.told = message.event.number - 1
        else:
            raise TypeError(f"a coordinator understands no {type(message).__name__}")

    # Routing the past

    def _route(self, events: Sequence[Event]) -> None:
        """Put the events into what each user is to be told, and judge nothing.

        A message for each user and event would be some 600,000 for 500,000 events;
        each user gets one for some million events instead.
        """
        purchases = [event for event in events if type(event) is Purchase]
        changes = [event for event in events if type(event) is not Purchase]
        numbers, bought, links = self.numbers, self.bought, self.links
        try:
            own = [bought[purchase.user] for purchase in purchases]
            pairs = [(numbers[change.user1], numbers[change.user2]) for change in changes]
        except KeyError:
            self._meet_all(events)
            own = [bought[purchase.user] for purchase in purchases]
            pairs = [(numbers[change.user1], numbers[change.user2]) for change in changes]
        if self.sums is not None:
            self.sums.add_purchases([numbers[each.user] for each in purchases], purchases)
            self.sums.change_friendships(pairs, changes)
        for purchase, of_buyer in zip(purchases, own, strict=True):
            of_buyer.append(purchase)
        for (user1, user2), change in zip(pairs, changes, strict=True):
            if type(change) is Befriend:
                links[user1].append(user2)
                links[user2].append(user1)
            else:
                links[user1].append(~user2)
                links[user2].append(~user1)
        if self.recency.extend(purchases):
            self.late = True
        self.unsettled += len(events)
        if events:
            self.routed = events[-1].number
        if self.unsettled <= FEW_MAX:
            self.few += events
        elif self.unsettled >= UNSETTLED_MAX:
            self._settle()

    def _settle(self) -> None:
        """Tell each user in one message all that was routed to it."""
        note_last, users, since = self.recency.note_last, self.users, self.told
        names: Iterable[str] = self.numbers
        if self.unsettled <= FEW_MAX:
            # Of a few events not all users need to be looked at.
            concerned = {user for event in self.few for user in users_of(event)}
            names = sorted(concerned, key=self.numbers.__getitem__)
        for name in names:
            number, own = self.numbers[name], self.bought[name]
            changes = self.links[number]
            if own:
                if self.late:
                    own.sort(key=place_of)
                note_last(number, own[-1])
            elif not changes:
                continue
            befriended, unfriended = _net(changes)
            users[number].tell(Apply(tuple(own), befriended, unfriended, since))
            own.clear()
            changes.clear()
        self.few = []
        self.unsettled = 0
        self.told = self.routed
        self.late = False

    def _meet_all(self, events: Sequence[Event]) -> None:
        for event in events:
            for user in users_of(event):
                self._meet(user)

    def _meet(self, user: str) -> int:
        """Return the number of ``user``, who is numbered and started when first met."""
        number = self.numbers.get(user)
        if number is None:
            number = self.numbers[user] = len(self.users)
            self.users.append(self.spawn_user(user, number))
            self.bought[user] = []
            self.links.append([])
            self.recency.add_user()
        return number

    def _forget_users(self, known: int) -> None:
        """Stop all but the first ``known`` users: the others have not appeared yet."""
        while len(self.users) > known:
            user, _ = self.numbers.popitem()
            del self.bought[user]
            self.links.pop()
            self.recency.last.pop()
            self.users.pop().stop()

    # Judging what comes in

    def _judge(self, event: Event) -> None:
        if isinstance(event, Purchase):
            user = self._meet(event.user)
            self.event = event
            self.query = NetworkQuery(user, self.parameters.degrees)
            self._ask_friends([user], event.number)
            return
        user1, user2 = self._meet(event.user1), self._meet(event.user2)
        if self.sums is not None:
            self.sums.change_friendships([(user1, user2)], [event])
        since = self.told
        self.routed = self.told = event.number
        for user, other in ((user1, user2), (user2, user1)):
            begun, ended = ((other,), ()) if isinstance(event, Befriend) else ((), (other,))
            self.users[user].tell(Apply((), begun, ended, since))

    def _ask_friends(self, frontier: list[int], number: int) -> None:
        question, users = AskFriends(number), self.users
        for user in frontier:
            users[user].tell(question)

    def _ask_purchases(self, members: set[int], number: int) -> None:
        owners = self.recency.owners(members, self.parameters.tracked, self.numbers)
        self.query = None
        self.owners_awaited = len(owners.latest)
        if not owners.latest:
            self._decide()
            return
        questions: dict[int, AskPurchases] = {}
        for user, latest in owners.latest.items():
            question = questions.get(latest)
            if question is None:
                question = questions[latest] = AskPurchases(number, latest, *owners.since)
            self.users[user].tell(question)

    def _decide(self) -> None:
        event, window = self.event, self.window
        if event is None:
            raise UnaskedError("expected as many answers as questions, found one more")
        window.sort(key=place_of)
        del window[: -self.parameters.tracked]
        baseline = baseline_of([purchase.amount for purchase in window])
        flagged = bool(self.flags(event, window, baseline))
        self.sink.tell(Judged(event, flagged, baseline.n, baseline.mean, baseline.sd))
        buyer = self.numbers[event.user]
        self.users[buyer].tell(Apply((event,), since=self.told))
        self.routed = self.told = event.number
        self.recency.add(buyer, event, self.numbers)
        if self.sums is not None:
            self.sums.add_purchases([buyer], [event])
        self.event = None
        self.window = []
        while self.waiting and self.event is None:
            self._start(self.waiting.popleft())


def _net(changes: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return with whom ``changes`` leave a friendship, and with whom none.

    Of several changes with the same user only the last one matters.
    """
    if not changes or min(changes) >= 0:
        return tuple(changes), ()
    friends = {other if other >= 0 else ~other: other >= 0 for other in changes}
    befriended = tuple([other for other, begun in friends.items() if begun])
    return befriended, tuple([other for other, begun in friends.items() if not begun])


class CoordinatorActor(Coordinator, DispatchedActor):
    """A coordinator on the dispatcher."""

    __slots__ = (
        "bought",
        "event",
        "few",
        "late",
        "links",
        "numbers",
        "owners_awaited",
        "parameters",
        "query",
        "recency",
        "routed",
        "sink",
        "spawn_user",
        "sums",
        "told",
        "unsettled",
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
        *,
        attesting: bool = False,
    ) -> None:
        """Judge by ``parameters``, send verdicts to ``sink`` and start users as they appear."""
        super().__init__(dispatcher, urn)
        self.begin(parameters, sink, spawn_user, attesting=attesting)
