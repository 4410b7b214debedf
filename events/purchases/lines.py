"""One line of a log: the event it is, or the one reason why it is rejected.

The rules are SPEC.md section 2. This is the careful path, 2 to 4 µs a line;
`events.purchases.blocks` takes those of many lines that are written by one rule at 0.4 µs a line
and comes here with what is left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, final

import msgspec

from events.errors import BadValueError, shown
from events.logs.objects import (
    BYTE_ORDER_MARK,
    JSON_SPACE,
    TIME_REASONS,
    BadLineError,
    Reason,
    cached,
    check_length,
    decode_object,
    field_of,
    parse_time,
    text_of,
    timestamp_of,
    zone_error,
)
from events.logs.splitting import LINE_BYTES_MAX
from events.nesting import DEEP_BYTES_MIN, are_shallow
from events.purchases import amounts
from events.purchases.event import Befriend, Event, Purchase, Unfriend, render

if TYPE_CHECKING:
    from events.times.timestamps import Zone


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
_KINDS = '"purchase", "befriend" or "unfriend"'
_parse_amount = cached(amounts.parse_amount)
_parse_amount_number = cached(amounts.parse_amount_number)
_INTEGER = re.compile(r"-?[0-9]+")


_REASON_OF: dict[type[BadValueError], Reason] = {
    **TIME_REASONS,
    amounts.AmountSignError: Reason.AMOUNT_SIGN,
    amounts.AmountTextError: Reason.AMOUNT_TEXT,
    amounts.AmountPlacesError: Reason.AMOUNT_PLACES,
    amounts.AmountDigitsError: Reason.AMOUNT_DIGITS,
}


def parse_line(
    line: bytes, number: int, zone: Zone | None = None, *, line_bytes: int = LINE_BYTES_MAX
) -> Event:
    """Return the event written in ``line``, numbered ``number``.

    The event keeps the line where it is not the canonical one. Of a key that
    stands twice in the object the last value counts, as in most JSON readers.

    Args:
        line: the line, without its newline.
        number: the event's number.
        zone: that of the history; None where no event has decided it yet.
        line_bytes: how many bytes a line may have.

    Raises:
        BadLineError: the line breaks a rule of SPEC.md section 2.

    """
    check_length(line, line_bytes)
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
        name = "timestamp" if isinstance(error, tuple(TIME_REASONS)) else "amount"
        raise BadLineError(_REASON_OF[type(error)], f"{name}: {error}") from None
    if zone is not None and found != zone:
        raise zone_error(decode_object(line), zone)
    if render(event).encode() != line:
        event = msgspec.structs.replace(event, line=line)
    return event, found


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
        time, zone = parse_time(fields.timestamp)
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
    time, zone = parse_time(timestamp_of(fields))
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


def _user(fields: dict[str, msgspec.Raw], name: str) -> str:
    raw = field_of(fields, name)
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
    raw = field_of(fields, "amount")
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
