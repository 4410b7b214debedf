"""A detector with event types of its own: what somebody writes who wants another one.

It is a class made of `Detector` that says which events there are, whom one concerns, and
which actors fold and judge them. The engine does the rest: files, store, resuming, time
travel, the command line.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from actors.declared.actor import SubjectActor
from actors.declared.coordinator import FactCoordinator
from actors.urns import urn_of_user
from events.declared.fact import Fact, FactTypes, Verdict, in_words, verdict_fields
from events.declared.journal import FactJournal
from events.declared.lines import lines_of
from events.errors import DetectorError, shown
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE
from replay.declared.logs import FactLogs
from replay.judging.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


_PARTS: Final[dict[str, type]] = {
    "parameters_type": msgspec.Struct,
    "actor_type": SubjectActor,
    "coordinator_type": FactCoordinator,
}


# What JSON tells of an event, a verdict or a difference besides their own fields.
_TOLD: Final = frozenset(
    {"after", "answers", "before", "branch_event", "event", "held", "source", "type", "what"}
)


class NoParameters(msgspec.Struct, frozen=True):
    """The parameters of a detector that has none."""


class Detector(ActorSystem[Fact, Verdict, SubjectActor]):
    """Judges the events of a stream, whose types it declares; make a detector of this.

    Its events come from two logs: those of the batch are the past, and on each event of the
    stream whose type is judged there is a verdict. A log has JSON objects; parameters may
    stand on the first line of the batch.
    """

    event_types: ClassVar[tuple[type[Fact], ...]]
    """The types of its events."""
    judged_types: ClassVar[tuple[type[Fact], ...] | None] = None
    """Those on which there is a verdict; None: all of them."""
    verdict_type: ClassVar[type[Verdict]] = Verdict
    """What a verdict says."""
    parameters_type: ClassVar[type[msgspec.Struct]] = NoParameters
    """What it is told to look for."""
    actor_type: ClassVar[type[SubjectActor]] = SubjectActor
    """What the actors of subjects are."""
    coordinator_type: ClassVar[type[FactCoordinator]] = FactCoordinator
    """What the coordinator is."""

    # What a detector declares

    @classmethod
    def subjects(cls, event: Any) -> Sequence[str]:
        """Return whom ``event`` concerns, one at least: their actors fold it."""
        raise NotImplementedError

    @classmethod
    def line(cls, event: Any, verdict: Any) -> bytes:
        """Return the line that is written for an event that is flagged, without its newline.

        By default it is the event's own line with what the verdict says at its end.
        """
        own = lines_of(cls.types()).line_of(event).removeprefix(BYTE_ORDER_MARK)
        told = _encode(verdict_fields(verdict))[1:] if verdict_fields(verdict) else "}"
        body = own.strip(JSON_SPACE).removesuffix(b"}").rstrip(JSON_SPACE)
        return body + (b", " if told != "}" else b"") + told.encode()

    @classmethod
    def describe(cls, event: Any) -> str:
        """Return an event in words; by default its type and its fields."""
        types = cls.types()
        tag, told = types.type_of(event).tag, in_words(types.values_of(event))
        return f"{tag} {told}" if told else tag

    @classmethod
    def logs(
        cls,
        batch: str | Path,
        stream: str | Path,
        parameters: Any = None,
        *,
        follow: bool = False,
    ) -> FactLogs:
        """Return a batch and a stream of its events, open to be read by `replay.run`.

        Args:
            batch: the past; parameters may stand on its first line.
            stream: what comes in; ``-`` for standard input.
            parameters: what to look for, instead of what the batch says.
            follow: whether the stream is a file that grows.

        Raises:
            InputError: a log is missing, is a folder, or cannot be read.
            ParametersError: a parameter is missing or wrong.

        """
        return FactLogs(batch, stream, cls, parameters, follow=follow)

    # What the engine asks

    @classmethod
    def types(cls) -> FactTypes:
        """Return the types of its events and verdicts.

        Raises:
            DetectorError: it is declared wrongly, such as with a field that no store keeps.

        """
        return _types_of(cls)

    @classmethod
    def parts(cls) -> Sequence[type]:
        return (
            *(cls.coordinator_type, cls.actor_type, cls.parameters_type, cls.verdict_type),
            *getattr(cls, "event_types", ()),
        )

    @classmethod
    def new_journal(cls) -> FactJournal:
        return FactJournal(cls.types(), cls.checked_subjects)

    @classmethod
    def checked_subjects(cls, event: Fact) -> tuple[str, ...]:
        """Return whom ``event`` concerns, each once.

        Raises:
            DetectorError: nobody, or what are no texts.

        """
        found: Any = cls.subjects(event)
        # All at once, as every event comes through here.
        if not isinstance(found, tuple | list) or {*map(type, found)} != {str}:
            raise cls._wrong(event, "subjects to return a tuple of one text or more", found)
        return tuple(dict.fromkeys(found))

    @classmethod
    def checked_line(cls, event: Fact, verdict: Verdict) -> bytes:
        """Return the line of an event that is flagged.

        Raises:
            DetectorError: it is none.

        """
        found: Any = cls.line(event, verdict)
        if not isinstance(found, bytes) or not found or b"\n" in found:
            raise cls._wrong(event, "line to return bytes without a newline", found)
        return found

    @classmethod
    def _wrong(cls, event: Fact, expected: str, found: object) -> DetectorError:
        return DetectorError(
            f"{cls.__qualname__}: event {event.number}: expected {expected}, found "
            f"{shown(repr(found))}"
        )

    @classmethod
    def judges(cls, event: Fact) -> bool:
        return cls.types().is_judged(event)

    def _spawn(self, number: int) -> SubjectActor:
        return self.dispatcher.spawn(
            lambda dispatcher, urn: self.actor_type(
                *(dispatcher, urn, number, self.parameters),
                *(self.coordinator.actor_ref, self.journal),
            ),
            urn_of_user(self.journal.names[number]),
        )


@cache
def _types_of(detector: type[Detector]) -> FactTypes:
    events = getattr(detector, "event_types", ())
    try:
        _check_parts(detector)
        types = FactTypes(events, detector.verdict_type, detector.judged_types)
        _check_names(types)
    except DetectorError as error:
        raise DetectorError(f"{detector.__qualname__}: {error}") from None
    return types


def _check_parts(detector: type[Detector]) -> None:
    for name, base in _PARTS.items():
        found = getattr(detector, name)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise DetectorError(
                f"{name}: expected a class made of {base.__name__}, found {shown(repr(found))}"
            )


def _check_names(types: FactTypes) -> None:
    """Refuse fields that JSON could not tell from others, which stores may have all the same.

    Raises:
        DetectorError: there is one.

    """
    said = [field.name for field in types.verdict_fields]
    for where, name in (
        *((each.tag, field.name) for each in types.types for field in each.fields),
        *((types.verdict.__name__, name) for name in said),
    ):
        if name in _TOLD:
            raise DetectorError(
                f"{shown(where)[1:-1]}.{name}: expected a field whose name JSON does not have for "
                f"something else, as it has {', '.join(sorted(_TOLD))}; give it another"
            )
    if both := [name for name in said if name in types.fields]:
        raise DetectorError(
            f"{types.verdict.__name__}.{both[0]}: expected a field that no event has, as both "
            "stand in one line, found that of an event; give it another name"
        )


def event_fields(types: FactTypes, event: Fact) -> dict[str, Any]:
    """Return the type and the fields of ``event``, by name."""
    return {"type": types.type_of(event).tag, **types.values_of(event)}
