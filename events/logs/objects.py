"""A line that is one JSON object, and why a line is rejected."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from events.errors import BadValueError, shown
from events.logs.splitting import long_line_detail
from events.nesting import LEVELS_MAX, decoded, too_deep_at
from events.times import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.times.timestamps import Zone

T = TypeVar("T")

JSON_SPACE = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]X\\u[dD][c-fC-F]X|(?P<half>u[dD][89a-fA-F]X)|.)".replace(
        b"X", b"[0-9a-fA-F]{2}"
    ),
    re.DOTALL,
)
_HALF = msgspec.Raw(rb'"\ud800"')


def _stand_in(character: bytes) -> Callable[[re.Match[bytes]], bytes]:
    return lambda escape: escape[0] if escape["half"] is None else character


# Characters that mean nothing outside of a string.
_STAND_INS = (_stand_in(b"?"), _stand_in(b"!"))


class Reason(enum.StrEnum):
    """Why a line or a row is rejected: one name for each rule of SPEC.md sections 2 and 7."""

    LINE_TOO_LONG = "line-too-long"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_OBJECT = "not-object"
    NESTED_TOO_DEEP = "nested-too-deep"
    KEY_MISSING = "key-missing"
    EVENT_TYPE = "event-type"
    TIMESTAMP_SHAPE = "timestamp-shape"
    TIMESTAMP_DATE = "timestamp-date"
    TIMESTAMP_ZONE = "timestamp-zone"
    ID_TYPE = "id-type"
    ID_EMPTY = "id-empty"
    ID_NOT_TEXT = "id-not-text"
    SELF_FRIEND = "self-friend"
    AMOUNT_TYPE = "amount-type"
    AMOUNT_SIGN = "amount-sign"
    AMOUNT_TEXT = "amount-text"
    AMOUNT_PLACES = "amount-places"
    AMOUNT_DIGITS = "amount-digits"
    FIELD_TYPE = "field-type"
    QUOTES = "quotes"
    COLUMNS = "columns"
    LATE = "late"


class BadLineError(BadValueError):
    """A line is rejected: ``reason`` says which rule it breaks, the message how."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the reason beside the message."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def decode_object(line: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of a line that is one JSON object, each as it is written.

    Of several faults the first from the left counts, but that no line is looked at that
    is not UTF-8 throughout: where a level too many opens, what follows is not read.

    Raises:
        BadLineError: it is not UTF-8, not JSON, not an object, or nested too deep.

    """
    if not line.isascii():
        # msgspec steps over text that it need not read, without decoding it.
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise BadLineError(
                Reason.NOT_UTF8,
                f"expected UTF-8, found byte 0x{line[error.start]:02x} at column {error.start + 1}",
            ) from None
    return decoded(_fields, line)


def _fields(line: bytes) -> dict[str, msgspec.Raw]:
    deep = too_deep_at(line)
    text = line if deep is None else b"%b0%b" % (line[: deep[0]], deep[1])
    try:
        fields = _decode_object(text) if b"\\u" not in text else _decode_halves(text)
    except msgspec.ValidationError:
        raise BadLineError(
            Reason.NOT_OBJECT, f"expected one JSON object, found {shown(line)}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not the decoder's own words: they change with its version, and what is
        # stored may not.
        raise BadLineError(
            Reason.NOT_JSON, f"expected one JSON object, found no JSON: {shown(line)}"
        ) from None
    if deep is not None:
        raise BadLineError(
            Reason.NESTED_TOO_DEEP,
            f"expected values nested at most {LEVELS_MAX} levels deep, "
            f"found another level at column {deep[0] + 1}: {shown(line)}",
        )
    return fields


def _decode_halves(line: bytes) -> dict[str, msgspec.Raw]:
    """Decode an object in whose strings escapes of half surrogate pairs may stand.

    JSON's grammar allows them, and texts that were cut in the middle of an emoji
    have them; the decoder does not. Two other characters in their place show which
    values have any: those that differ. They are given back as such an escape.
    """
    one, other = (_decode_object(_ESCAPE.sub(stand_in, line)) for stand_in in _STAND_INS)
    return {
        name: raw if bytes(raw) == bytes(other.get(name, b"")) else _HALF
        for name, raw in one.items()
    }


# Logs repeat themselves: looking a value up takes 0.1 µs, reading it anew 1 to 2.
_CACHED_MAX = 1 << 14
# Longer texts are not kept: a hostile log could have megabytes of zeros in each.
_CACHED_LENGTH_MAX = 64


def cached(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return ``parse``, which remembers the short texts that it was given last."""
    remembering = lru_cache(_CACHED_MAX)(parse)
    return lambda text: (remembering if len(text) <= _CACHED_LENGTH_MAX else parse)(text)


parse_time: Final = cached(timestamps.parse_zoned)
TIME_REASONS: Final[dict[type[BadValueError], Reason]] = {
    timestamps.TimestampShapeError: Reason.TIMESTAMP_SHAPE,
    timestamps.TimestampDateError: Reason.TIMESTAMP_DATE,
}
"""For which reason a line is rejected whose time is wrong."""
_decode_text: Final = msgspec.json.Decoder(str).decode


def check_length(line: bytes, most: int) -> None:
    """Refuse a line of more than ``most`` bytes.

    Raises:
        BadLineError: it has more.

    """
    if len(line) > most:
        raise BadLineError(Reason.LINE_TOO_LONG, long_line_detail(len(line), most))


def field_of(fields: dict[str, msgspec.Raw], name: str) -> bytes:
    """Return what stands under a key.

    Raises:
        BadLineError: there is no such key.

    """
    raw = fields.get(name)
    if raw is None:
        raise BadLineError(Reason.KEY_MISSING, f"expected the key {shown(name)}, found none")
    return bytes(raw)


def text_of(fields: dict[str, msgspec.Raw], name: str, reason: Reason, expected: str) -> str:
    """Return the text that stands under a key.

    Raises:
        BadLineError: there is none, which is for ``reason`` where something else stands there.

    """
    raw = field_of(fields, name)
    try:
        return _decode_text(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadLineError(reason, f"{name}: expected {expected}, found {shown(raw)}") from None


def time_of_line(fields: dict[str, msgspec.Raw], zone: Zone | None) -> timestamps.Timestamp:
    """Return the time of a line that is an event if its time is right, and its zone.

    Raises:
        BadLineError: it has no time, or one of another zone than ``zone``.

    """
    try:
        found = parse_time(timestamp_of(fields))
    except tuple(TIME_REASONS) as error:
        raise BadLineError(TIME_REASONS[type(error)], f"timestamp: {error}") from None
    if zone is not None and found.zone != zone:
        raise zone_error(fields, zone)
    return found


def zone_of(line: bytes) -> Zone:
    """Return the zone of the time in a line that a store keeps; a wrong one counts as none."""
    try:
        return time_of_line(decode_object(line.removeprefix(BYTE_ORDER_MARK)), None).zone
    except BadLineError:
        # Whoever takes it for its event's own line refuses it.
        return "none"


def timestamp_of(fields: dict[str, msgspec.Raw]) -> str:
    """Return the time of a line as it stands there."""
    return text_of(fields, "timestamp", Reason.TIMESTAMP_SHAPE, "a string YYYY-MM-DD HH:MM:SS")


def zone_error(fields: dict[str, msgspec.Raw], zone: Zone) -> BadLineError:
    """Return the error of a line whose time is not of ``zone``."""
    expected = "without an offset" if zone == "none" else "with an offset such as Z or +02:00"
    return BadLineError(
        Reason.TIMESTAMP_ZONE,
        f"timestamp: expected a time {expected}, as the first event has, found "
        f"{shown(timestamp_of(fields))}",
    )
