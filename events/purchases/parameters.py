"""The parameters of a run: the degree D of the network, and T purchases tracked in it."""

from __future__ import annotations

import re

import msgspec

from events.errors import ParametersError, shown, shown_whole
from events.logs.objects import BadLineError, Reason, decode_object

DEGREES_MIN = 1
TRACKED_MIN = 2
# msgpack's largest signed whole number; no network and no window comes near it.
VALUE_MAX = 2**63 - 1

_WHOLE = re.compile(r"[0-9]+")
_DIGITS_MAX = 40
_EXPECTED = 'expected the parameters, such as {"D":"2", "T":"50"}'
_CURE = "correct the line or give both -D and -T"


class Parameters(msgspec.Struct, frozen=True):
    """D and T of SPEC.md section 1, checked.

    Raises:
        ParametersError: ``degrees`` is below 1 or ``tracked`` below 2, or one is over 2**63 - 1.

    """

    degrees: int
    """D: the degree of the network, the largest distance of a member in friendships."""
    tracked: int
    """T: the size of the window, the number of the network's last purchases in it."""

    def __post_init__(self) -> None:
        """Check the bounds."""
        check("D", self.degrees, DEGREES_MIN)
        check("T", self.tracked, TRACKED_MIN)


def check(name: str, value: int, least: int) -> int:
    """Return ``value`` if it lies in the bounds of parameter ``name``, else raise."""
    if least <= value <= VALUE_MAX:
        return value
    raise ParametersError(
        f"{name}: expected a whole number from {least} to 2^63 - 1, found {shown_whole(value)}"
    )


def parse_parameters(
    line: bytes, where: str, degrees: int | None = None, tracked: int | None = None
) -> Parameters:
    """Return the parameters written in a batch's first ``line``.

    Args:
        line: the line, such as ``{"D":"3", "T":"50"}``; values are numbers or strings.
        where: the place named in errors, such as ``batch.json:1``.
        degrees: D to use instead of the line's.
        tracked: T to use instead of the line's.

    Raises:
        ParametersError: a value is missing or wrong and none was given instead.

    """
    if degrees is not None and tracked is not None:
        return Parameters(degrees, tracked)
    try:
        fields = decode_object(line)
    except BadLineError as error:
        deep = "a line nested too deep: " if error.reason is Reason.NESTED_TOO_DEEP else ""
        raise ParametersError(f"{where}: {_EXPECTED}, found {deep}{shown(line)}; {_CURE}") from None
    if degrees is None:
        degrees = _whole(fields, "D", DEGREES_MIN, where)
    if tracked is None:
        tracked = _whole(fields, "T", TRACKED_MIN, where)
    return Parameters(degrees, tracked)


def is_parameters_line(line: bytes) -> bool:
    """Tell whether ``line`` is meant as parameters: an object with D or T and no event type."""
    try:
        fields = decode_object(line)
    except BadLineError:
        return False
    return "event_type" not in fields and ("D" in fields or "T" in fields)


def _whole(fields: dict[str, msgspec.Raw], name: str, least: int, where: str) -> int:
    raw = fields.get(name)
    if raw is None:
        raise ParametersError(f"{where}: {_EXPECTED}, found no {name}; {_CURE}")
    text = bytes(raw)
    match = _WHOLE.fullmatch(_digits_of(text))
    digits = (match[0].lstrip("0") or "0") if match else ""
    # Python refuses to convert thousands of digits; any that many are too many.
    value = int(digits[:_DIGITS_MAX] or "0")
    if value < least:
        raise ParametersError(
            f"{where}: {name}: expected a whole number of at least {least}, "
            f"found {shown(text)}; {_CURE}"
        )
    try:
        return check(name, value, least)
    except ParametersError as error:
        raise ParametersError(f"{where}: {error}; {_CURE}") from None


def _digits_of(raw: bytes) -> str:
    """Return the text of a JSON string or whole number, or "" for anything else."""
    if not raw.startswith(b'"'):
        return raw.decode()
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
