"""User actors that fail on purpose, to see that nothing changes when they are restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.purchases.simulation import Simulation

When: TypeAlias = Literal["before", "within", "after"]
"""Whether an actor fails before it handles a message, with its state destroyed, or after."""

WHENS: tuple[When, ...] = ("before", "within", "after")


class Failure(NamedTuple):
    """One failure of a user actor."""

    after: int
    """How many messages users handle in peace before it, since the failure before."""
    when: When
    """How it fails."""
    times: int = 1
    """How often in a row: what fails a second time is not restarted."""


class Failures:
    """Says which messages to users are their last ones; the messages to all users are counted."""

    def __init__(self, planned: Iterable[Failure] = ()) -> None:
        """Let users fail as ``planned``, which may be endless."""
        self.failed = 0
        """How often a user has failed."""
        self._planned = iter(planned)
        self._left = self._times = 0
        self._when: When | None = None
        self._plan_next()

    def plan(self, *failures: Failure) -> None:
        """Let users fail so, counted from now; what was planned before is dropped."""
        self._planned = iter(failures)
        self._plan_next()

    def due(self) -> When | None:
        """Tell whether the message that is being handled makes its user fail, and how."""
        if self._when is None:
            return None
        if self._left:
            self._left -= 1
            return None
        if not self._times:
            # The user was restarted and gets the message once more.
            self._plan_next()
            return None
        self._times -= 1
        self.failed += 1
        return self._when

    def _plan_next(self) -> None:
        failure = next(self._planned, None)
        self._left, self._when, self._times = failure or (0, None, 0)


class PlannedError(Exception):
    """A user failed because it was planned to."""


def with_failures(detector: type[Simulation], failures: Failures) -> type[Simulation]:
    """Return ``detector`` with users that fail when ``failures`` says so.

    A user that fails is restarted, so the decisions are those of ``detector``, and a store
    names that.
    """
    base: Any = detector.user_type

    class FailingUser(base):  # type: ignore[misc]  # a type that only the caller knows
        __slots__ = ()

        def on_receive(self, message: Any) -> None:
            when = failures.due()
            if when is None:
                super().on_receive(message)
                return
            if when == "after":
                super().on_receive(message)
            elif when == "within":
                self.begin(self.number, self.coordinator)
            raise PlannedError(f"planned {when} handling the message")

    class Failing(detector):  # type: ignore[misc,valid-type]  # likewise
        user_type = FailingUser
        decides_as = detector

    return Failing
