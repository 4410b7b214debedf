"""Actors that fail at chosen messages."""

from __future__ import annotations

from typing import Any, Self

from pytest import MonkeyPatch  # noqa: PT013  the campaigns use it too, outside of pytest

from actors.intervals.actor import IntervalActor
from actors.purchases.user import OwnPurchases, UserActor


class Failures:
    """Lets actors of one kind fail at given messages, before handling them or after."""

    def __init__(self, kind: type[Any], messages: dict[int, str], times: int = 1) -> None:
        """Fail at these messages, counted from 1 over all actors, each so many times in a row."""
        self.kind = kind
        self.messages = messages
        self.times = times
        self.seen = 0
        self.failed = 0
        self.again = 0

    def __enter__(self) -> Self:
        self.patch = MonkeyPatch()
        handle = self.kind.on_receive

        def on_receive(actor: Any, message: Any) -> None:
            if not self.again:
                self.seen += 1
            when = self.messages.get(self.seen)
            if when is None or self.again >= self.times:
                self.again = 0
                handle(actor, message)
                return
            self.again += 1
            self.failed += 1
            if when == "after":
                handle(actor, message)
            elif when == "within" and isinstance(actor, UserActor):
                actor.friends = frozenset({0})
                actor.purchases = OwnPurchases()
            elif when == "within" and isinstance(actor, IntervalActor) and actor.active:
                actor.finder.finish(0)
            raise RuntimeError("broken")

        self.patch.setattr(self.kind, "on_receive", on_receive)
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
