"""Events and verdicts that a detector declares, and what a store says of their types.

A type of events is a class made of `Fact`, and its fields are what a line tells: texts,
whole numbers of 64 bits, and truth values. A store keeps the names of types and fields in
its header, so that it can be read without the detector.
"""

from __future__ import annotations

import re
import shlex
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, TypeVar

import msgspec
from msgspec import inspect

from events.bounds import NUMBER_MAX, NUMBER_MIN, Name
from events.errors import BadValueError, DetectorError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

FieldKind: TypeAlias = Literal["text", "int", "bool"]
"""What a field holds."""

# A type with bounds of its own is another: a store does not keep them.
_KINDS: Final[tuple[tuple[inspect.Type, FieldKind], ...]] = (
    (inspect.StrType(), "text"),
    (inspect.IntType(), "int"),
    (inspect.BoolType(), "bool"),
)
_APART: Final = re.compile(r"""[\s'"]""")
TYPES_MAX: Final = 128
"""How many types of events a detector has at most."""
FIELDS_MAX: Final = 255
"""How many different fields they have at most, and how many a verdict."""
NAME_MAX: Final = 255
"""How long the name of a type or a field is at most."""
S = TypeVar("S", bound=msgspec.Struct)
_TYPES: Final[dict[FieldKind, type]] = {"text": str, "int": int, "bool": bool}


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """The base class of the event types that a detector declares.

    The type's name in a log is the ``tag`` of the class, by default its name in lower case.
    """

    time: str = ""
    """When: its ``timestamp``, as `events.times.timestamps.parse_timestamp` gives it."""
    number: int = 0
    """The event's number in its history, from 1."""
    line: bytes | None = None
    """The source line, where it is not the canonical one."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A detector's decision on an event, and the base class of those with fields of their own."""

    flagged: bool
    """Whether the event is one that the detector looks for."""
    number: int = 0
    """The number of the event."""


_VERDICT_FIELDS: Final = frozenset(Verdict.__struct_fields__)
_RESERVED: Final = _VERDICT_FIELDS.union(Fact.__struct_fields__, ("event_type", "timestamp"))


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
            DetectorError: there are none, or others than classes of events and a verdict; a
                field is none that a store keeps; or a type has another's name.

        """
        _check_classes(events, verdict, judged)
        self.events: Final = events
        """The types of events; the kind of one is its place here."""
        self.verdict: Final = verdict
        """The type of verdicts."""
        self.kind_of: Final = {cls: kind for kind, cls in enumerate(events)}
        """The kind of each type."""
        self.types: Final = tuple(
            FactType(_tag_of(cls), judged is None or cls in judged, _fields(cls, Fact))
            for cls in events
        )
        """What a store says of them."""
        self.verdict_fields: Final = _fields(verdict, Verdict)
        """What it says of verdicts."""
        if len({each.tag for each in self.types}) != len(events):
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
        if max(len(fields), len(self.verdict_fields)) > FIELDS_MAX:
            raise DetectorError(
                f"expected at most {FIELDS_MAX} different fields of events, and of a verdict, "
                f"found {len(fields)} and {len(self.verdict_fields)}"
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
        if len(declared.types) > TYPES_MAX:
            # Before a class is made for each of them.
            raise _too_many(len(declared.types))
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
        if not self._are_values(values):
            raise BadValueError(
                f"expected a verdict that is {self.verdict_words()}, found {shown(repr(values))}"
            )
        told = dict(zip((field.name for field in self.verdict_fields), values, strict=True))
        return self.verdict(**told, number=number, flagged=flagged)

    def is_verdict(self, verdict: object) -> bool:
        """Tell whether it is a verdict as its type says, which nobody has looked at yet."""
        if type(verdict) is not self.verdict or type(verdict.flagged) is not bool:
            return False
        return self._are_values(list(verdict_fields(verdict).values()))

    def verdict_words(self) -> str:
        """Return what a verdict is, in words."""
        fields = "".join(f", {field.name} ({field.kind})" for field in self.verdict_fields)
        return f"a {self.verdict.__name__} of flagged (bool){fields}"

    def _are_values(self, values: list[Any]) -> bool:
        fields = self.verdict_fields
        return len(values) == len(fields) and all(
            type(value) is _TYPES[field.kind] and _is_kept(value)
            for value, field in zip(values, fields, strict=True)
        )

    def type_of(self, event: Fact) -> FactType:
        """Return what a store says of the type of ``event``."""
        return self.types[self.kind_of[type(event)]]

    def values_of(self, event: Fact) -> dict[str, Any]:
        """Return what ``event`` tells besides type and time, by name."""
        return {field.name: getattr(event, field.name) for field in self.type_of(event).fields}

    def is_judged(self, event: Fact) -> bool:
        """Tell whether there is a verdict on ``event`` if it is of the stream."""
        return self.kind_of[type(event)] in self.judged


def _check_classes(events: Any, verdict: Any, judged: Any) -> None:
    """Refuse what are no classes of events and of a verdict; it may be anything."""
    if not (isinstance(events, tuple) and events and all(_is_made_of(Fact, cls) for cls in events)):
        raise DetectorError(
            "event_types: expected a tuple of classes made of Fact, one or more, found "
            f"{shown(repr(events))}"
        )
    if len(events) > TYPES_MAX:
        raise _too_many(len(events))
    if not _is_made_of(Verdict, verdict):
        raise DetectorError(
            f"verdict_type: expected a class made of Verdict, found {shown(repr(verdict))}"
        )
    if judged is not None and not (isinstance(judged, tuple) and set(judged) <= set(events)):
        raise DetectorError(
            f"judged_types: expected a tuple of some event_types, found {shown(repr(judged))}"
        )


def _is_made_of(base: type, cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, base)


def _too_many(types: int) -> DetectorError:
    return DetectorError(f"expected at most {TYPES_MAX} types of events, found {types}")


def _tag_of(cls: type[Fact]) -> str:
    """Return what a log calls events of a type."""
    tag = cls.__struct_config__.tag
    name = cls.__name__.lower() if tag is None else str(tag)
    if not (name and len(name) <= NAME_MAX and _is_kept(name)):
        raise DetectorError(
            f"{shown(cls.__qualname__)}: expected a tag of 1 to {NAME_MAX} characters, found "
            f"{shown(name)}"
        )
    return name


def _is_kept(value: object) -> bool:
    """Tell whether a store can keep a value that is of the type of its field."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return not isinstance(value, int) or NUMBER_MIN <= value <= NUMBER_MAX


def _fields(cls: type[msgspec.Struct], base: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Return what ``cls`` has besides the fields of ``base``.

    Raises:
        DetectorError: a field is none that a store keeps.

    """
    where = shown(cls.__qualname__)[1:-1]
    config = cls.__struct_config__
    if not (config.frozen and config.eq and cls.__eq__ is base.__eq__):
        raise DetectorError(
            f"{where}: expected a class that is frozen=True and compares its fields, found another"
        )
    own = [each for each in cls.__mro__ if issubclass(each, base) and each is not base]
    for name in (name for each in own for name in vars(each).get("__annotations__", ())):
        _check_name(where, name)
    try:
        info = inspect.type_info(cls)
    except (TypeError, NameError) as error:
        raise DetectorError(
            f"{where}: expected fields that are str, int or bool, found: {error}"
        ) from None
    assert isinstance(info, inspect.StructType), "it is a class of fields"
    fields = []
    for field in info.fields:
        if field.name in base.__struct_fields__:
            continue
        kind = next((kind for plain, kind in _KINDS if plain == field.type), None)
        if kind is None or field.encode_name != field.name:
            found = type(field.type).__name__.removesuffix("Type").lower()
            if field.encode_name != field.name:
                found = f"one that is renamed {shown(field.encode_name)}"
            elif found in {"str", "int"}:
                found += " with bounds"
            raise DetectorError(
                f"{where}.{field.name}: expected a field that is str, int or bool and no more, "
                f"found {found}"
            )
        fields.append(Field(field.name, kind))
    return tuple(fields)


def _check_name(where: str, name: str) -> None:
    """Refuse the name of a field that none can have, or that lines and stores have already."""
    usable = name.isidentifier() and not (iskeyword(name) or name.startswith("__"))
    if not usable or len(name) > NAME_MAX or name in _RESERVED:
        raise DetectorError(
            f"{where}: expected a field with a name of its own, found {shown(name)}"
        )


def _made(name: str, fields: tuple[Field, ...], base: type[S]) -> type[S]:
    """Return a class made of ``base`` that has these ``fields``."""
    for field in fields:
        _check_name(shown(name)[1:-1], field.name)
    if len({field.name for field in fields}) != len(fields):
        raise DetectorError(f"{shown(name)[1:-1]}: expected each field once, found one twice")
    typed = [(field.name, _TYPES[field.kind]) for field in fields]
    # A class may not be called anything, but its tag is free, and beside any field.
    called = name if name.isidentifier() else base.__name__
    made: type[S] = msgspec.defstruct(  # type: ignore[assignment]
        called, typed, bases=(base,), tag=name, tag_field="event_type"
    )
    return made


def in_words(fields: Mapping[str, Any]) -> str:
    """Return ``fields`` on one line, each with its name, as they are given to a command.

    A text that could be taken for several, or for none, is quoted.
    """
    return " ".join(f"{name}={_in_words(value)}" for name, value in fields.items())


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    unclear = isinstance(value, str) and (not value or _APART.search(value))
    return shlex.quote(value) if unclear else str(value)


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """Return what ``verdict`` says besides whether it is flagged, by name."""
    names = verdict.__struct_fields__
    return {name: getattr(verdict, name) for name in names if name not in _VERDICT_FIELDS}
