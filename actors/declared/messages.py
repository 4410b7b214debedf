"""The messages of detectors that declare their events.

    coordinator  Ask, Fold       to the actors of subjects
    actor        Answer          to the coordinator

Besides them there are those of `actors.messages`. A detector may have messages of its own
between its actors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from events.declared.fact import Fact


class Fold(msgspec.Struct, tag="fold", array_like=True, frozen=True):
    """Make this event, which concerns you, part of your state."""

    event: Fact
    """The event."""
    since: int
    """The last event that was part of the states before it."""


class Ask(msgspec.Struct, tag="ask", array_like=True, frozen=True):
    """What do you say to this event, before it is part of your state? The answer is `Answer`."""

    number: int
    """The number of the event on whose behalf this is asked."""
    question: Any
    """What is asked; the event itself, where the coordinator is not the detector's own."""


class Answer(msgspec.Struct, tag="answer", array_like=True, frozen=True):
    """The answer to `Ask`."""

    number: int
    """The number in the question."""
    subject: str
    """Who answers."""
    answer: Any
    """What it says; a verdict, where the coordinator is not the detector's own."""
