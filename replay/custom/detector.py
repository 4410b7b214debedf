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

from actors.custom.actor import SubjectActor
from actors.custom.coordinator import FactCoordinator
from actors.urns import urn_of_user
from events.custom.fact import Fact, FactTypes, Verdict, in_words, verdict_fields
from events.custom.journal import FactJournal
from events.custom.lines import lines_of
from events.errors import DetectorError, shown
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE
from replay.custom.logs import FactLogs
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
    """The base class of detectors with event types of their own.

    There are two logs of JSON objects: the batch is the past, with parameters on its first line
    if there are any, and each event of the stream gets a verdict, if its type is judged.
    """

    event_types: ClassVar[tuple[type[Fact], ...]]
    """The types of its events."""
    judged_types: ClassVar[tuple[type[Fact], ...] | None] = None
    """The types whose events get a verdict; None: all of them."""
    verdict_type: ClassVar[type[Verdict]] = Verdict
    """The type of its verdicts."""
    parameters_type: ClassVar[type[msgspec.Struct]] = NoParameters
    """The type of its parameters."""
    actor_type: ClassVar[type[SubjectActor]] = SubjectActor
    """The type of its actors."""
    coordinator_type: ClassVar[type[FactCoordinator]] = FactCoordinator
    """The type of its coordinator."""

    # What a detector declares

    @classmethod
    def subjects(cls, event: Any) -> Sequence[str]:
        """Return the subjects of ``event``, one at least, whose actors fold it."""
        raise NotImplementedError

    @classmethod
    def line(cls, event: Any, verdict: Any) -> bytes:
        """Return the output line of a flagged event, without its newline.

        By default it is the event's own line with the fields of the verdict at its end.
        """
        own = lines_of(cls.types()).line_of(event).removeprefix(BYTE_ORDER_MARK)
        told = _encode(verdict_fields(verdict))[1:] if verdict_fields(verdict) else "}"
        body = own.strip(JSON_SPACE).removesuffix(b"}").rstrip(JSON_SPACE)
        return body + (b", " if told != "}" else b"") + told.encode()

    @classmethod
    def describe(cls, event: Any) -> str:
        """Return an event in words, for people; by default its type and its fields."""
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
        """Return the two logs, open, as `replay.run` takes them.

        Args:
            batch: the past; parameters may stand on its first line.
            stream: what comes in; ``-`` for standard input.
            parameters: the parameters, instead of those on the first line of the batch.
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
        """Return the subjects of ``event``, each once.

        Raises:
            DetectorError: `subjects` returns none, or something else than texts.

        """
        found: Any = cls.subjects(event)
        # All at once, as every event comes through here.
        if not isinstance(found, tuple | list) or {*map(type, found)} != {str}:
            raise cls._wrong(event, "subjects to return a tuple of one text or more", found)
        return tuple(dict.fromkeys(found))

    @classmethod
    def checked_line(cls, event: Fact, verdict: Verdict) -> bytes:
        """Return the output line of a flagged event.

        Raises:
            DetectorError: `line` returns something else than one line of bytes.

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
    """Refuse fields that JSON could not tell from others, which stores may have all the same."""
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
