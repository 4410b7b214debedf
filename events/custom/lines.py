"""Lines of a log: the events of declared types that they are, or why they are rejected.

A line is one JSON object with a ``timestamp``, an ``event_type`` and the fields of that
type; others are passed over. A whole number or a truth value may stand in quotes. The rest
of the rules is SPEC.md section 2.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.bounds import NUMBER_MAX, NUMBER_MIN
from events.custom.columns import FactColumns
from events.errors import BadValueError, shown
from events.logs.objects import (
    BYTE_ORDER_MARK,
    BadLineError,
    Reason,
    decode_object,
    text_of,
    time_of_line,
)
from events.logs.parser import LineParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.custom.fact import Fact, FactTypes
    from events.times.timestamps import Zone

_WORDS: Final = {
    "text": "a string",
    "int": "a whole number of 64 bits",
    "bool": "true or false",
}
# Of digits alone: the decoder takes 9007199254740993.0 as well, by way of a float.
_DIGITS: Final = re.compile(rb'("?)-?[0-9]+\1')
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


_decode_int: Final = msgspec.json.Decoder(int, strict=False).decode
_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "text": msgspec.json.Decoder(str).decode,
    "bool": msgspec.json.Decoder(bool, strict=False).decode,
}


class FactLines:
    """Reads and writes the lines of the events of some types."""

    def __init__(self, types: FactTypes) -> None:
        """Read lines of ``types``."""
        self.types: Final = types
        """The types of events."""
        self._by_tag: Final = {each.tag: kind for kind, each in enumerate(types.types)}
        self._expected: Final = ", ".join(f'"{tag}"' for tag in self._by_tag)

    def read(self, line: bytes, zone: Zone | None = None) -> tuple[Fact, Zone]:
        """Return the event written in ``line``, without a number, and the zone of its time.

        The event keeps the line where it is not the canonical one.

        Args:
            line: the line, without its newline.
            zone: that of the history; None where no event has decided it yet.

        Raises:
            BadLineError: the line breaks a rule.

        """
        fields = decode_object(line)
        tag = text_of(fields, "event_type", Reason.EVENT_TYPE, self._expected)
        kind = self._by_tag.get(tag)
        if kind is None:
            raise BadLineError(
                Reason.EVENT_TYPE, f"event_type: expected {self._expected}, found {shown(tag)}"
            )
        values = {
            field.name: self._value(fields, field.name, field.kind)
            for field in self.types.types[kind].fields
        }
        time, found = time_of_line(fields, zone)
        try:
            event = self.types.events[kind](**values, time=time)
        except (TypeError, ValueError) as error:
            # Its __post_init__ refuses values by one of these two, as msgspec has it.
            raise BadLineError(
                Reason.FIELD_TYPE, f"expected values that {shown(tag)} takes, found: {error}"
            ) from None
        if found != "none" or self.canonical(event) != line:
            event = msgspec.structs.replace(event, line=line)
        return event, found

    def canonical(self, event: Fact) -> bytes:
        """Return the line of ``event`` as this program writes it, if its time has no offset."""
        fields = {"event_type": self.types.type_of(event).tag, "timestamp": event.time}
        return _encode(fields | self.types.values_of(event)).encode()

    def line_of(self, event: Fact) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""
        return self.canonical(event) if event.line is None else event.line

    def check_own(self, event: Fact, zone: Zone | None) -> None:
        """Refuse an event whose line is another's.

        Raises:
            BadValueError: it is.

        """
        line = self.line_of(event)
        text = line.removeprefix(BYTE_ORDER_MARK)
        try:
            found, _ = self.read(text, zone)
        except BadLineError as error:
            raise BadValueError(f"expected its own line, found one that is none: {error}") from None
        kept = found.line if text == line else line
        own = msgspec.structs.replace(found, number=event.number, line=kept)
        if own != event or b"\n" in line:
            raise BadValueError(f"expected the line that it was read from, found {shown(line)}")

    def _value(self, fields: dict[str, msgspec.Raw], name: str, kind: str) -> Any:
        if name not in fields:
            raise BadLineError(Reason.KEY_MISSING, f"expected the key {shown(name)}, found none")
        raw = bytes(fields[name])
        try:
            if kind != "int":
                return _DECODERS[kind](raw)
            if _DIGITS.fullmatch(raw) and NUMBER_MIN <= (value := _decode_int(raw)) <= NUMBER_MAX:
                return value
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
        raise BadLineError(
            Reason.FIELD_TYPE, f"{name}: expected {_WORDS[kind]}, found {shown(raw)}"
        )


@cache
def lines_of(types: FactTypes) -> FactLines:
    """Return what reads and writes the lines of ``types``: always the same."""
    return FactLines(types)


class FactParser(LineParser):
    """Turns blocks of whole lines into events of declared types; see `LineParser`."""

    def __init__(self, lines: FactLines, *given: Any, **options: Any) -> None:
        """Begin as every parser of lines does, which are read as ``lines`` says."""
        super().__init__(*given, **options)
        self._lines: Final = lines

    def _read(self, line: bytes) -> tuple[Fact, Zone]:
        return self._lines.read(line, self.zone)

    def _columns(self, events: list[Fact]) -> FactColumns:
        return FactColumns.of(self._lines.types, events, 1)
