"""Events and verdicts that a detector declares, and what a store says of their types.

A type of events is a class made of `Fact`, and its fields are what a line tells: texts,
whole numbers of 64 bits, and truth values. A store keeps the names of types and fields in
its header, so that it can be read without the detector.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Self, TypeAlias, TypeVar

import msgspec
from msgspec import inspect

from events.bounds import Name
from events.errors import BadValueError, DetectorError, shown

FieldKind: TypeAlias = Literal["text", "int", "bool"]
"""What a field holds."""

_KINDS: Final[dict[type, FieldKind]] = {
    inspect.StrType: "text",
    inspect.IntType: "int",
    inspect.BoolType: "bool",
}
S = TypeVar("S", bound=msgspec.Struct)
_TYPES: Final[dict[FieldKind, type]] = {"text": str, "int": int, "bool": bool}


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a detector that declares its own; its types are classes made of this one.

    What a log calls the type is the ``tag`` that the class is given, or else its name.
    """

    time: str = ""
    """When: its ``timestamp``, as `events.times.timestamps.parse_timestamp` gives it."""
    number: int = 0
    """The event's number in its history, from 1."""
    line: bytes | None = None
    """The source line, where it is not the canonical one."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector decides on an event; one with more to say declares fields of its own."""

    flagged: bool
    """Whether it is what the detector looks for."""
    number: int = 0
    """The number of the event."""


_FACT_FIELDS: Final = frozenset(Fact.__struct_fields__)
_VERDICT_FIELDS: Final = frozenset(Verdict.__struct_fields__)


class Field(msgspec.Struct, frozen=True, array_like=True):
    """A field of an event or a verdict."""

    name: Name
    """What a line calls it."""
    kind: FieldKind
    """What it holds."""


class FactType(msgspec.Struct, frozen=True, array_like=True):
    """A type of events."""

    tag: Name
    """What a line calls it."""
    judged: bool
    """Whether there is a verdict on each of them that is of the stream."""
    fields: tuple[Field, ...]
    """What it tells besides type and time."""


class Declared(msgspec.Struct, frozen=True):
    """What the header of a store says of a detector that declares its events."""

    types: tuple[FactType, ...]
    """The types of events."""
    verdict: tuple[Field, ...]
    """What a verdict says besides whether it is flagged."""
    parameters: bytes
    """The detector's parameters, as JSON."""


class FactTypes:
    """The classes of a detector's events and verdicts."""

    def __init__(
        self,
        events: tuple[type[Fact], ...],
        verdict: type[Verdict],
        judged: tuple[type[Fact], ...] | None = None,
    ) -> None:
        """Take classes of ``events``, of which those of ``judged``, or all, have a verdict.

        Raises:
            DetectorError: a field is none that a store keeps, or a type has another's name.

        """
        self.events: Final = events
        """The types of events; the kind of one is its place here."""
        self.verdict: Final = verdict
        """The type of verdicts."""
        self.kind_of: Final = {cls: kind for kind, cls in enumerate(events)}
        """The kind of each type."""
        self.types: Final = tuple(
            FactType(tag_of(cls), judged is None or cls in judged, _fields(cls, _FACT_FIELDS))
            for cls in events
        )
        """What a store says of them."""
        self.verdict_fields: Final = _fields(verdict, _VERDICT_FIELDS)
        """What it says of verdicts."""
        if not events or len({each.tag for each in self.types}) != len(events):
            raise DetectorError(
                f"expected types of events with names of their own, found "
                f"{shown(', '.join(each.tag for each in self.types))}"
            )
        fields: dict[str, FieldKind] = {}
        for each in self.types:
            for field in each.fields:
                if fields.setdefault(field.name, field.kind) != field.kind:
                    raise DetectorError(
                        f"{each.tag}.{field.name}: expected what it is in the other types, "
                        f"{fields[field.name]}, found {field.kind}"
                    )
        self.fields: Final = fields
        """All fields of events, in the order in which they are declared."""
        self.having: Final = {
            name: frozenset(
                kind
                for kind, each in enumerate(self.types)
                if name in {field.name for field in each.fields}
            )
            for name in fields
        }
        """The kinds of events that have each field."""
        self.judged: Final = frozenset(kind for kind, each in enumerate(self.types) if each.judged)
        """The kinds of events on which there is a verdict."""

    @classmethod
    def of(cls, declared: Declared) -> Self:
        """Return classes made for what a store says, where nobody gave its detector."""
        events = tuple(_made(each.tag, each.fields, Fact) for each in declared.types)
        verdict = _made("Verdict", declared.verdict, Verdict)
        judged = tuple(cls for cls, each in zip(events, declared.types, strict=True) if each.judged)
        return cls(events, verdict, judged)

    def declared(self, parameters: bytes) -> Declared:
        """Return what the header of a store says of them."""
        return Declared(self.types, self.verdict_fields, parameters)

    def verdict_of(self, number: int, values: list[Any], *, flagged: bool) -> Verdict:
        """Return the verdict on event ``number`` that a store keeps.

        Raises:
            BadValueError: its values are not those of its fields.

        """
        fields = self.verdict_fields
        wrong = len(values) != len(fields) or any(
            type(value) is not _TYPES[field.kind]
            for value, field in zip(values, fields, strict=False)
        )
        if wrong:
            expected = ", ".join(f"{field.name} ({field.kind})" for field in fields)
            raise BadValueError(f"expected a verdict of {expected or 'no fields'}, found {values}")
        told = dict(zip((field.name for field in fields), values, strict=True))
        return self.verdict(**told, number=number, flagged=flagged)

    def is_judged(self, event: Fact) -> bool:
        """Tell whether there is a verdict on ``event`` if it is of the stream."""
        return self.kind_of[type(event)] in self.judged


def tag_of(cls: type[Fact]) -> str:
    """Return what a log calls events of a type."""
    tag = cls.__struct_config__.tag
    return cls.__name__.lower() if tag is None else str(tag)


def _fields(cls: type[msgspec.Struct], known: frozenset[str]) -> tuple[Field, ...]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType), "it is a class of fields"
    fields = []
    for field in info.fields:
        if field.name in known:
            continue
        kind = _KINDS.get(type(field.type))
        if kind is None:
            raise DetectorError(
                f"{cls.__qualname__}.{field.name}: expected a field that is str, int or bool, "
                f"found {type(field.type).__name__.removesuffix('Type').lower()}"
            )
        fields.append(Field(field.name, kind))
    return tuple(fields)


def _made(name: str, fields: tuple[Field, ...], base: type[S]) -> type[S]:
    """Return a class made of ``base`` that has these ``fields``."""
    typed = [(field.name, _TYPES[field.kind]) for field in fields]
    made: type[S] = msgspec.defstruct(name, typed, bases=(base,), tag=name)  # type: ignore[assignment]
    return made


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """Return what ``verdict`` says besides whether it is flagged, by name."""
    names = verdict.__struct_fields__
    return {name: getattr(verdict, name) for name in names if name not in _VERDICT_FIELDS}
