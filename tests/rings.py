"""A third detector, made of nothing but the public interface: money that goes round in a ring.

Two accounts that send each other at least so much within a day are a ring. Accounts are
actors; the coordinator asks both what they have sent the other today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

import replay

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


class Transfer(replay.Fact, frozen=True):
    """Money went from one account to another."""

    sender: str
    receiver: str
    amount: int
    """In cents."""


class Closed(replay.Fact, frozen=True):
    """An account was closed: what it sent before does not count any more."""

    account: str


class Ring(replay.Verdict, frozen=True):
    """What both accounts of a transfer have sent each other on its day."""

    forth: int
    """What the sender has sent to the receiver, this transfer included, in cents."""
    back: int
    """What the receiver has sent to the sender, in cents."""


class Limits(msgspec.Struct, frozen=True):
    """What is looked for."""

    at_least: int = 1_000
    """How much both have to send each other, in cents."""


class SentTo(msgspec.Struct, frozen=True, tag="sent-to", array_like=True):
    """Asks how much the account has sent to another one on some day."""

    receiver: str
    day: str


class Account(replay.SubjectActor):
    """What an account has sent, by day and receiver."""

    def begin(self) -> None:
        self.sent: dict[tuple[str, str], int] = {}

    def fold(self, event: Any) -> None:
        if isinstance(event, Closed):
            self.sent = {}
        elif event.sender == self.subject:
            key = (event.time[:10], event.receiver)
            self.sent[key] = self.sent.get(key, 0) + event.amount

    def answer(self, question: SentTo) -> int:
        return self.sent.get((question.day, question.receiver), 0)


class Coordinator(replay.FactCoordinator):
    """Asks both accounts of a transfer."""

    def judging(self, event: Any) -> Generator[Any, Any, Ring]:
        day = event.time[:10]
        answers = yield {event.receiver: SentTo(event.sender, day)}
        back = answers[event.receiver]
        # Only who sends something back can be in a ring.
        forth = event.amount
        if back:
            answers = yield {event.sender: SentTo(event.receiver, day)}
            forth += answers[event.sender]
        least = self.parameters.at_least
        return Ring(flagged=back >= least and forth >= least, forth=forth, back=back)


class Rings(replay.Detector):
    """Transfers that close a ring of two accounts."""

    name = "rings"
    version = 1
    answers_as_of = True
    event_types = (Transfer, Closed)
    judged_types = (Transfer,)
    verdict_type = Ring
    parameters_type = Limits
    actor_type = Account
    coordinator_type = Coordinator

    @classmethod
    def subjects(cls, event: Any) -> Sequence[str]:
        if isinstance(event, Closed):
            return (event.account,)
        return (event.sender, event.receiver)

    @classmethod
    def describe(cls, event: Any) -> str:
        if isinstance(event, Closed):
            return f"{event.account} was closed"
        return f"{event.sender} sent {event.amount} to {event.receiver}"
