"""The coordinator actor of purchases: passes events on to users and runs the network queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from actors.judging import JudgingCoordinator, JudgingCoordinatorActor
from actors.messages import UnaskedError
from actors.purchases.baseline import baseline_of
from actors.purchases.digest import RunningSums
from actors.purchases.messages import Apply, AskFriends, AskPurchases, Friends, Purchases
from actors.purchases.network import NetworkQuery
from actors.purchases.recency import WALK, Recency, Walk
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.purchases.baseline import Baseline
    from actors.purchases.digest import Sums
    from events.purchases.journal import PurchaseJournal
    from events.purchases.parameters import Parameters


class Coordinator(JudgingCoordinator):
    """What a coordinator of purchases is and does, on any of Pykka's runtimes."""

    walk: ClassVar[Walk] = WALK
    """How far it looks back for whom to ask; what it decides does not depend on it."""
    parameters: Parameters
    """D and T."""
    journal: PurchaseJournal
    recency: Recency
    """Who bought last."""
    query: NetworkQuery | None
    """The network query that runs, if one does."""
    event: Purchase | None
    window: list[Purchase]
    """The purchases gathered for the one that is judged."""
    sums: RunningSums | None
    """What the state adds up to, where the run is recorded."""
    owners_awaited: int
    """How many users have yet to answer with purchases."""

    def begin(self, *given: Any, attesting: bool = False) -> None:
        super().begin(*given)
        self.recency = Recency(self.journal, self.walk)
        self.query = None
        self.window = []
        self.owners_awaited = 0
        self.sums = RunningSums(self.journal) if attesting else None

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError: it is neither.
            UnaskedError: it is an answer that nobody asked for.

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
            purchase: what is judged; its amount is in units of 1/10,000.
            window: its network's last T purchases, sorted by time and number.
            baseline: what they come to; its mean and sd are in cents (1/100), cut.

        """
        del window
        return baseline.flags(purchase.amount)

    def _stand(self, number: int) -> None:
        self.position = number
        self.recency.stand(number)
        if self.sums is not None:
            self.sums.stand(number)

    def _tell(self, event: Event) -> None:
        numbers, users, since = self.journal.numbers, self.users, self.position
        if isinstance(event, Purchase):
            users[numbers[event.user]].tell(Apply((event,), since=since))
        else:
            user1, user2 = numbers[event.user1], numbers[event.user2]
            for user, other in ((user1, user2), (user2, user1)):
                begun, ended = ((other,), ()) if isinstance(event, Befriend) else ((), (other,))
                users[user].tell(Apply((), begun, ended, since))
        self._stand(event.number)

    def _sums(self) -> Sums:
        assert self.sums is not None, "only a coordinator that attests is asked to"
        return self.sums.now()

    # Judging what comes in

    def _judge(self, event: Event) -> None:
        if isinstance(event, Purchase):
            user = self.journal.numbers[event.user]
            self.event = event
            self.query = NetworkQuery(user, self.parameters.degrees)
            self._ask_friends([user], event.number)
        else:
            self._tell(event)

    def _ask_friends(self, frontier: list[int], number: int) -> None:
        question, users = AskFriends(number), self.users
        for user in frontier:
            users[user].tell(question)

    def _ask_purchases(self, members: set[int], number: int) -> None:
        owners = self.recency.owners(members, self.parameters.tracked)
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
        self.window = []
        self._decided(Decision(event.number, flagged, baseline.n, baseline.mean, baseline.sd))


class CoordinatorActor(Coordinator, JudgingCoordinatorActor):
    """A coordinator on the dispatcher."""
