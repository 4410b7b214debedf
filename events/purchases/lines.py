"""One line of a log: the event it is, or the one reason why it is rejected.

The rules are SPEC.md section 2. This is the careful path, 2 to 4 µs a line;
`events.purchases.blocks` takes those of many lines that are written by one rule at 0.4 µs a line
and comes here with what is left.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, final

import msgspec

from events.errors import BadValueError, shown
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE, BadLineError, Reason, decode_object
from events.logs.splitting import LINE_BYTES_MAX, long_line_detail
from events.nesting import DEEP_BYTES_MIN, are_shallow
from events.purchases import amounts
from events.purchases.event import Befriend, Event, Purchase, Unfriend, render
from events.times import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.times.timestamps import Zone

T = TypeVar("T")


@final
class PurchaseLine(msgspec.Struct, tag_field="event_type", tag="purchase", gc=False):
    """A purchase as a log spells it; every value is a string."""

    timestamp: str
    id: str
    amount: str


@final
class BefriendLine(msgspec.Struct, tag_field="event_type", tag="befriend", gc=False):
    """The start of a friendship as a log spells it."""

    timestamp: str
    id1: str
    id2: str


@final
class UnfriendLine(msgspec.Struct, tag_field="event_type", tag="unfriend", gc=False):
    """The end of a friendship as a log spells it."""

    timestamp: str
    id1: str
    id2: str


_decode_plain = msgspec.json.Decoder(PurchaseLine | BefriendLine | UnfriendLine).decode
_decode_text = msgspec.json.Decoder(str).decode
_KINDS = '"purchase", "befriend" or "unfriend"'
# Logs repeat themselves: looking a value up takes 0.1 µs, reading it anew 1 to 2.
_CACHED_MAX = 1 << 14
# Longer texts are not kept: a hostile log could have megabytes of zeros in each.
_CACHED_LENGTH_MAX = 64


def _cached(parse: Callable[[str], T]) -> Callable[[str], T]:
    cached = lru_cache(_CACHED_MAX)(parse)
    return lambda text: (cached if len(text) <= _CACHED_LENGTH_MAX else parse)(text)


_parse_timestamp = _cached(timestamps.parse_zoned)
_parse_amount = _cached(amounts.parse_amount)
_parse_amount_number = _cached(amounts.parse_amount_number)
_INTEGER = re.compile(r"-?[0-9]+")


_REASON_OF: dict[type[BadValueError], Reason] = {
    timestamps.TimestampShapeError: Reason.TIMESTAMP_SHAPE,
    timestamps.TimestampDateError: Reason.TIMESTAMP_DATE,
    amounts.AmountSignError: Reason.AMOUNT_SIGN,
    amounts.AmountTextError: Reason.AMOUNT_TEXT,
    amounts.AmountPlacesError: Reason.AMOUNT_PLACES,
    amounts.AmountDigitsError: Reason.AMOUNT_DIGITS,
}


def parse_line(line: bytes, number: int, zone: Zone | None = None) -> Event:
    """Return the event written in ``line``, numbered ``number``.

    The event keeps the line where it is not the canonical one. Of a key that
    stands twice in the object the last value counts, as in most JSON readers.

    Args:
        line: the line, without its newline.
        number: the event's number.
        zone: that of the history; None where no event has decided it yet.

    Raises:
        BadLineError: the line breaks a rule of SPEC.md section 2.

    """
    if len(line) > LINE_BYTES_MAX:
        raise BadLineError(Reason.LINE_TOO_LONG, long_line_detail(len(line)))
    return read_line(line, number, zone)


def read_line(line: bytes, number: int, zone: Zone | None = None) -> Event:
    """Return what `parse_line` does, for a line of any length, as earlier releases took them."""
    return read_zoned(line, number, zone)[0]


def read_zoned(line: bytes, number: int, zone: Zone | None = None) -> tuple[Event, Zone]:
    """Return the event as `read_line` does, and the zone of its time.

    That the time is of another zone than it has to be counts last of all faults: so what is
    wrong with the lines before the first event is so whether or not it is known what that
    will decide.
    """
    try:
        event, found = _plain_event(line, number) or _event(decode_object(line), number)
    except BadLineError:
        raise
    except BadValueError as error:
        name = "timestamp" if isinstance(error, _TIMESTAMP_ERRORS) else "amount"
        raise BadLineError(_REASON_OF[type(error)], f"{name}: {error}") from None
    if zone is not None and found != zone:
        raise _zone_error(decode_object(line), zone)
    if render(event).encode() != line:
        event = msgspec.structs.replace(event, line=line)
    return event, found


def time_of_line(fields: dict[str, msgspec.Raw], zone: Zone | None) -> timestamps.Timestamp:
    """Return the time of a line that is an event if its time is right, and its zone.

    Raises:
        BadLineError: it has no time, or one of another zone than ``zone``.

    """
    try:
        found = _parse_timestamp(_timestamp(fields))
    except _TIMESTAMP_ERRORS as error:
        raise BadLineError(_REASON_OF[type(error)], f"timestamp: {error}") from None
    if zone is not None and found.zone != zone:
        raise _zone_error(fields, zone)
    return found


def zone_of(line: bytes) -> Zone:
    """Return the zone of the time in a line that a store keeps; a wrong one counts as none."""
    try:
        return time_of_line(decode_object(line.removeprefix(BYTE_ORDER_MARK)), None).zone
    except BadLineError:
        # Whoever takes it for its event's own line refuses it.
        return "none"


def _timestamp(fields: dict[str, msgspec.Raw]) -> str:
    return text_of(fields, "timestamp", Reason.TIMESTAMP_SHAPE, "a string YYYY-MM-DD HH:MM:SS")


def _zone_error(fields: dict[str, msgspec.Raw], zone: Zone) -> BadLineError:
    expected = "without an offset" if zone == "none" else "with an offset such as Z or +02:00"
    return BadLineError(
        Reason.TIMESTAMP_ZONE,
        f"timestamp: expected a time {expected}, as the first event has, found "
        f"{shown(_timestamp(fields))}",
    )


_TIMESTAMP_ERRORS = (timestamps.TimestampShapeError, timestamps.TimestampDateError)


def _plain_event(line: bytes, number: int) -> tuple[Event, Zone] | None:
    """Return the event and zone of a line that spells all values as plain strings, else None.

    That is most lines which are not canonical, and it takes half the time.
    A key that stands twice, which might be the tag, is left to `_event`.
    """
    if b"\\" in line or line.count(b'"event_type"') != 1:
        return None
    if len(line) >= DEEP_BYTES_MIN and not are_shallow(line, 1):
        return None
    try:
        fields = _decode_plain(line)
        if not line.isascii():
            line.decode()
        time, zone = _parse_timestamp(fields.timestamp)
        if type(fields) is PurchaseLine:
            units = _parse_amount(fields.amount)
            return (Purchase(time, number, fields.id, units), zone) if fields.id else None
    except (msgspec.MsgspecError, UnicodeDecodeError, BadValueError, RecursionError):
        return None
    if fields.id1 == fields.id2 or not fields.id1 or not fields.id2:
        return None
    change = Befriend if type(fields) is BefriendLine else Unfriend
    return change(time, number, fields.id1, fields.id2), zone


def _event(fields: dict[str, msgspec.Raw], number: int) -> tuple[Event, Zone]:
    kind = text_of(fields, "event_type", Reason.EVENT_TYPE, _KINDS)
    if kind not in ("purchase", "befriend", "unfriend"):
        raise BadLineError(Reason.EVENT_TYPE, f"event_type: expected {_KINDS}, found {shown(kind)}")
    time, zone = _parse_timestamp(_timestamp(fields))
    if kind == "purchase":
        return Purchase(time, number, _user(fields, "id"), _amount(fields)), zone
    user1, user2 = _user(fields, "id1"), _user(fields, "id2")
    if user1 == user2:
        raise BadLineError(
            Reason.SELF_FRIEND, f"expected two different users, found {shown(user1)} twice"
        )
    change = Befriend if kind == "befriend" else Unfriend
    return change(time, number, user1, user2), zone


def flagged_line(line: bytes, mean: int, sd: int) -> bytes:
    """Return the output line of a flagged purchase (SPEC.md section 4), without a newline.

    Args:
        line: the purchase's own line, as `events.purchases.event.line_of` gives it.
        mean: the mean in whole cents.
        sd: the standard deviation in whole cents.

    """
    body = line.removeprefix(BYTE_ORDER_MARK).strip(JSON_SPACE).removesuffix(b"}")
    tail = f', "mean": "{amounts.format_cents(mean)}", "sd": "{amounts.format_cents(sd)}"}}'
    return body.rstrip(JSON_SPACE) + tail.encode()


def _field(fields: dict[str, msgspec.Raw], name: str) -> bytes:
    raw = fields.get(name)
    if raw is None:
        raise BadLineError(Reason.KEY_MISSING, f"expected the key {shown(name)}, found none")
    return bytes(raw)


def text_of(fields: dict[str, msgspec.Raw], name: str, reason: Reason, expected: str) -> str:
    """Return the text that stands under a key.

    Raises:
        BadLineError: there is none, which is for ``reason`` where something else stands there.

    """
    raw = _field(fields, name)
    try:
        return _decode_text(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadLineError(reason, f"{name}: expected {expected}, found {shown(raw)}") from None


def _user(fields: dict[str, msgspec.Raw], name: str) -> str:
    raw = _field(fields, name)
    if raw.startswith(b'"'):
        # Half a surrogate pair is no character and cannot be written as UTF-8.
        user = text_of(fields, name, Reason.ID_NOT_TEXT, "text of whole characters")
        if not user:
            raise BadLineError(Reason.ID_EMPTY, f"{name}: expected a user, found an empty string")
        return user
    user = raw.decode()
    if _INTEGER.fullmatch(user) is None:
        raise BadLineError(
            Reason.ID_TYPE, f"{name}: expected a string or an integer, found {shown(user)}"
        )
    return "0" if user == "-0" else user


def _amount(fields: dict[str, msgspec.Raw]) -> int:
    raw = _field(fields, "amount")
    if raw.startswith(b'"'):
        return _parse_amount(
            text_of(fields, "amount", Reason.AMOUNT_TEXT, 'digits such as "16.83"')
        )
    text = raw.decode()
    if text[:1] not in "-0123456789":
        raise BadLineError(
            Reason.AMOUNT_TYPE, f"amount: expected a number or a string, found {shown(text)}"
        )
    return _parse_amount_number(text)
