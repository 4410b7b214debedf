"""Actors that fail on purpose, to see that nothing changes when they are restarted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

When: TypeAlias = Literal["before", "within", "after"]
"""Whether an actor fails before it handles a message, with its state destroyed, or after."""

WHENS: tuple[When, ...] = ("before", "within", "after")


class Failure(NamedTuple):
    """One failure of an actor."""

    after: int
    """The number of messages that are handled between the failure before and this one."""
    when: When
    """The moment: before, within or after the handling of a message."""
    times: int = 1
    """The number of failures in a row; after a second one an actor is not restarted."""


class Failures:
    """A plan of failures, by the number of messages to actors that recover."""

    def __init__(self, planned: Iterable[Failure] = ()) -> None:
        """Let actors fail as ``planned``, which may be endless."""
        self.failed = 0
        """The number of failures so far."""
        self._planned = iter(planned)
        self._left = self._times = 0
        self._when: When | None = None
        self._plan_next()

    def plan(self, *failures: Failure) -> None:
        """Let actors fail so, counted from now; what was planned before is dropped."""
        self._planned = iter(failures)
        self._plan_next()

    def due(self) -> When | None:
        """Tell whether the message that is being handled makes its actor fail, and how."""
        if self._when is None:
            return None
        if self._left:
            self._left -= 1
            return None
        if not self._times:
            # The actor was restarted and gets the message once more.
            self._plan_next()
            return None
        self._times -= 1
        self.failed += 1
        return self._when

    def _plan_next(self) -> None:
        failure = next(self._planned, None)
        self._left, self._when, self._times = failure or (0, None, 0)


class PlannedError(Exception):
    """An actor failed because it was planned to."""


def with_failures(detector: type[Any], failures: Failures) -> type[Any]:
    """Return ``detector`` with actors that fail when ``failures`` says so.

    It is the actors that recover from the events that do. One that fails is restarted, so the
    verdicts are those of ``detector``, and a store names that.
    """

    class Failing(detector):  # type: ignore[misc]  # a type that only the caller knows
        decides_as = detector

        def _spawn(self, number: int) -> Any:
            actor = super()._spawn(number)
            # Of this actor alone; whichever type it has, its own is found behind it.
            actor.on_receive = partial(_receive, actor, actor.on_receive, failures)
            return actor

    return Failing


def _receive(actor: Any, handle: Callable[[Any], None], failures: Failures, message: Any) -> None:
    when = failures.due() if isinstance(message, actor.recovers_on) else None
    if when is None or when == "after":
        handle(message)
    elif when == "within":
        actor.recover(0)
    if when is not None:
        raise PlannedError(f"planned {when} handling the message")
