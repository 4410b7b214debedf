"""Detectors with one fault each, for the tests of the test kit; other processes import them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import msgspec

from actors.messages import Judge, Judged
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.messages import Apply, Purchases
from actors.purchases.user import OwnPurchases, UserActor
from events.purchases.event import Befriend, Event, Purchase, users_of
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.activation import Ref
    from actors.purchases.baseline import Baseline


class _TwiceCoordinator(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del baseline
        amounts = [bought.amount for bought in window]
        return len(amounts) > 1 and purchase.amount * len(amounts) > 2 * sum(amounts)


class Twice(Simulation):
    """Has another rule, and no fault: what is more than twice the mean is anomalous."""

    coordinator_type = _TwiceCoordinator


class _DeafCoordinator(CoordinatorActor):
    def on_receive(self, message: Any) -> None:
        if not (isinstance(message, Judge) and isinstance(message.event, Purchase)):
            super().on_receive(message)


class Deaf(Simulation):
    """Judges nothing."""

    coordinator_type = _DeafCoordinator


class _ScribblingCoordinator(CoordinatorActor):
    def _decide(self) -> None:
        sink = self.sink
        self.sink = self._Scribe(sink)
        super()._decide()
        self.sink = sink

    class _Scribe:
        def __init__(self, sink: Any) -> None:
            self._sink = sink

        def tell(self, message: Judged[Any, Any]) -> None:
            event = msgspec.structs.replace(message.event, line=b'{"lost":1}')
            self._sink.tell(msgspec.structs.replace(message, event=event))

        def stop(self) -> NoReturn:
            raise NotImplementedError


class Scribbling(Simulation):
    """Decides as it should, and writes other lines."""

    coordinator_type = _ScribblingCoordinator


class _RememberingCoordinator(CoordinatorActor):
    runs: ClassVar[int] = 0
    wrong: ClassVar[int] = 0

    def begin(self, *arguments: Any, **options: Any) -> None:
        super().begin(*arguments, **options)
        type(self).runs += 1

    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del purchase, window, baseline
        return self.runs == self.wrong


class Remembering(Simulation):
    """Counts its runs, in a class attribute, and flags everything in one of them."""

    coordinator_type = _RememberingCoordinator

    @classmethod
    def flag_in_run(cls, number: int) -> None:
        """Begin to count, and flag in run ``number``, from 1."""
        _RememberingCoordinator.runs, _RememberingCoordinator.wrong = 0, number


class _UnorderedCoordinator(CoordinatorActor):
    def _judge(self, event: Event) -> None:
        if isinstance(event, Purchase):
            super()._judge(event)
            return
        numbers, since = self.journal.numbers, self.position
        # The set is of strings, whose order is another one in each process.
        for user in set(users_of(event)):
            (other,) = set(users_of(event)) - {user}
            friend, began = (numbers[other],), isinstance(event, Befriend)
            begun, ended = (friend, ()) if began else ((), friend)
            self.users[numbers[user]].tell(Apply((), begun, ended, since))
        self._stand(event.number)


class Unordered(Simulation):
    """Tells users in the order of a set of ids."""

    coordinator_type = _UnorderedCoordinator


class _ImpatientCoordinator(CoordinatorActor):
    def on_receive(self, message: Any) -> None:
        if self.event is not None and isinstance(message, Judge):
            self._start(message)
        else:
            super().on_receive(message)


class Impatient(Simulation):
    """Judges while it judges."""

    coordinator_type = _ImpatientCoordinator


class _PartialCoordinator(CoordinatorActor):
    first: int | None = None

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Purchases) and self.first is None:
            self.first = message.user
        super().on_receive(message)

    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del purchase, window, baseline
        first, self.first = self.first, None
        return first == 0


class Partial(Simulation):
    """Flags where the first user of all is the first one to answer."""

    coordinator_type = _PartialCoordinator


class _LoyalUser(UserActor):
    def apply(self, message: Apply) -> None:
        super().apply(msgspec.structs.replace(message, unfriended=()))


class Loyal(Simulation):
    """Has users who never lose a friend."""

    user_type = _LoyalUser


class _ForgetfulUser(UserActor):
    forgets = False

    def recover(self, number: int) -> None:
        super().recover(number)
        if self.forgets:
            self.purchases = OwnPurchases()


class Forgetful(Simulation):
    """Has users who, activated where a history goes back, forget all that they have bought."""

    user_type = _ForgetfulUser
    back = False

    def goto(self, position: int) -> None:
        self.back = position < self.position
        super().goto(position)

    def _activate(self, number: int) -> Ref:
        ref = super()._activate(number)
        actor = self._actors[number]
        assert isinstance(actor, _ForgetfulUser)
        actor.forgets = self.back
        return ref


class _BrokenCoordinator(CoordinatorActor):
    def flags(self, purchase: Purchase, window: Sequence[Purchase], baseline: Baseline) -> bool:
        del purchase, window, baseline
        raise ZeroDivisionError("no rule")


class Broken(Simulation):
    """Raises where it is to decide."""

    coordinator_type = _BrokenCoordinator


class BrokenElsewhere(Simulation):
    """Raises in a process with a certain PYTHONHASHSEED, or ends it, or prints."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        seed = os.environ.get("PYTHONHASHSEED")
        if seed == "411":
            raise ZeroDivisionError("no rule")
        if seed == "412":
            os._exit(7)
        if seed == "413":
            os.write(1, b"a detector prints\n")


class _FickleUser(UserActor):
    failures: ClassVar[int] = 0

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Apply) and message.unfriended:
            raise ZeroDivisionError("nobody leaves")
        super().on_receive(message)


class Fickle(Simulation):
    """Has users who fail, and fail again, when they lose a friend."""

    user_type = _FickleUser
