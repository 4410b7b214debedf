"""What a run of a detector that declares its events says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from events.declared.fact import Fact, Verdict, in_words, verdict_fields
from events.escapes import plain
from replay.judging.console import JudgedWords

if TYPE_CHECKING:
    from replay.declared.detector import Detector
    from replay.declared.logs import FactLogs


class FactWords(JudgedWords):
    """What is said in the words of a detector."""

    output = "flagged events"

    def __init__(self, detector: type[Detector]) -> None:
        """Speak for ``detector``."""
        self._detector = detector

    def setting(self, inputs: FactLogs) -> list[str]:
        told: dict[str, Any] = msgspec.to_builtins(inputs.parameters)
        return [in_words(told)] if told else []

    def event(self, event: Fact, decision: Verdict | None) -> str:
        return described(self._detector, event, decision)


def described(detector: type[Detector], event: Fact, decision: Verdict | None) -> str:
    """Return an event and the verdict on it in the words of ``detector``."""
    text = plain(detector.describe(event))
    return text if decision is None else f"{text}: {verdict_text(decision)}"


def verdict_text(decision: Verdict) -> str:
    """Return a verdict in words."""
    told = in_words(verdict_fields(decision))
    flagged = "FLAGGED" if decision.flagged else "not flagged"
    return f"{flagged} ({plain(told)})" if told else flagged
