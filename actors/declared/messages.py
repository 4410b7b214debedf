"""The messages of detectors that declare their events.

    outside      Judge, Include, Attest, Commit    to the coordinator
    outside      Horizon                        to the coordinator, to move in time
    coordinator  Ask, Apply                     to the actors of subjects
    actor        Answer                         to the coordinator
    coordinator  Decided, Attested, Commit      to the sink

A detector may have messages of its own between its actors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from events.declared.fact import Fact, Verdict


class Apply(msgspec.Struct, tag="apply", array_like=True, frozen=True):
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


class Decided(msgspec.Struct, tag="decided", array_like=True, frozen=True):
    """The verdict on an event of the stream."""

    event: Fact
    """The event."""
    verdict: Verdict
    """The verdict."""
