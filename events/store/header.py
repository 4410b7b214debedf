"""The header of an event store: which history it is.

An array of four, the first object of the file:

    "replay.events", format version, bin: a msgpack map, bin: SHA-256 of all bytes before it

The map holds the fields of `Header`.

Earlier releases wrote purchases as version 1 and intervals as version 2.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgpack
import msgspec

from events.bounds import Count
from events.custom.fact import Declared, FactTypes
from events.errors import (
    BadValueError,
    DamagedStoreError,
    ForeignStoreError,
    NewerStoreError,
    ReplayError,
    shown,
)
from events.logs.extent import Fingerprint
from events.logs.file import Portions, portions_of
from events.logs.splitting import LINE_BYTES_BOUND, LINE_BYTES_MAX
from events.nesting import decoded
from events.observations.parameters import IntervalParameters
from events.purchases.parameters import Parameters
from events.times.timestamps import Zone

if TYPE_CHECKING:
    from pathlib import Path

MAGIC: Final = "replay.events"
VERSION: Final = 3
"""The version of the format in which stores of purchases are written."""
DECLARING: Final = 4
"""The version of stores whose header declares the types of their events."""
PLACING: Final = 5
"""The version of stores of intervals, which are told by their places: the newest one."""
FIRST_PACKED: Final = 3
"""The first version in which a frame's events are columns, of purchases and of intervals."""

_HASH_MARK: Final = b"\xc4\x20"
# How many bytes say how long what follows is, by the byte that says so: bin 8, 16 and 32.
_LENGTH_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}
# Whole numbers: those up to 127 are a byte, others follow a byte that says how.
_FIXED_MAX: Final = b"\x7f"
_NUMBERS: Final = {
    bytes([0xCC + place]): struct.Struct(f">{code}") for place, code in enumerate("BHIQbhiq")
}

MAGIC_BYTES: Final[bytes] = b"\x94" + msgpack.packb(MAGIC)
"""What every store begins with."""


def is_store(path: Path) -> bool:
    """Tell whether a file stands at ``path`` that begins as stores do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC_BYTES)) == MAGIC_BYTES
    except OSError:
        return False


HASHED: Final = "sha256:"
"""What the version of a detector begins with that is the hash of its source."""

_VERSION_SHOWN_MAX: Final = len(HASHED) + 12

LineBytes = Annotated[int, msgspec.Meta(ge=1, le=LINE_BYTES_BOUND)]
"""How many bytes a line may be allowed to have."""


def line_bytes_of(portions: Portions) -> int | None:
    """Return how many bytes a line may have, as a header has it: None where nobody said."""
    return None if portions.line_bytes == LINE_BYTES_MAX else portions.line_bytes


_Text = Annotated[str, msgspec.Meta(min_length=1)]


class DetectorVersion(msgspec.Struct, frozen=True):
    """A detector by its name and a version that changes with its rule.

    Nothing is ever imported because a store names it: both are compared, and shown.
    """

    name: _Text
    """What the detector calls itself."""
    version: _Text
    """A number or text that it declares, or `HASHED` and the hash of its source in hex."""

    def __str__(self) -> str:
        """Return both for a person: in ASCII, of a hash the first 12 digits."""
        version = self.version
        if version.startswith(HASHED):
            version = version[:_VERSION_SHOWN_MAX]
        return f"{shown(self.name)} (version {shown(version)[1:-1]})"


PURCHASES: Final = DetectorVersion("purchases", "1")
"""What decided a store of purchases that names no detector."""
INTERVALS: Final = DetectorVersion("intervals", "1")
"""What decided a store of intervals that names no detector."""


class Header(msgspec.Struct, frozen=True):
    """What a store knows about the run that it keeps."""

    parameters: Parameters | None
    """D and T, or None for a store of intervals."""
    line: bytes | None
    """The batch's first line, where it held the parameters."""
    batch: Fingerprint | None
    """What the batch file was, or None for a pipe."""
    stream: Fingerprint | None
    """What the stream file was, or None for a pipe."""
    output_start: Count = msgspec.field(default=0, name="flagged")
    """At which byte of the output this history's lines begin."""
    incomplete: bool = False
    """Whether this is what could be saved of a damaged store."""
    intervals: IntervalParameters | None = None
    """What intervals were looked for, or None for a store of purchases."""
    detector: DetectorVersion | None = None
    """What decides, or None in stores of releases that named no detector; see `decided_by`."""
    zone: Zone | None = None
    """Whether times have an offset and are kept in UTC, or have none; None: not known here."""
    declared: Declared | None = None
    """What a detector declares that has event types of its own, or None."""
    line_bytes: LineBytes | None = None
    """How many bytes a line could have; None: `LINE_BYTES_MAX`. See `portions`."""

    @property
    def version(self) -> int:
        """The version of the format in which a store with this header is written."""
        if self.declared is not None:
            return DECLARING
        return VERSION if self.intervals is None else PLACING

    @property
    def portions(self) -> Portions:
        """How logs are read whose lines may be as long as those of this history."""
        return portions_of(self.line_bytes or LINE_BYTES_MAX)

    @property
    def decided_by(self) -> DetectorVersion:
        """What decides; of a store that names none it is the built-in detector, version 1."""
        return self.detector or (PURCHASES if self.intervals is None else INTERVALS)

    @property
    def setting(self) -> Parameters | IntervalParameters | Declared | None:
        """What the detector was told: the one of the three that is there."""
        return self.parameters or self.intervals or self.declared

    @property
    def first_log(self) -> Fingerprint | None:
        """What the log was that was read first, or None for a pipe."""
        return self.batch if self.intervals is None else self.intervals.observations

    @property
    def last_log(self) -> Fingerprint | None:
        """What the log was that was read last, or None for a pipe or a live one."""
        return self.stream if self.intervals is None else self.intervals.observations

    @property
    def live(self) -> bool:
        """Whether the log that is read last is read while it is written, or comes but once."""
        return self.last_log is None

    def same_history(self, other: Header) -> bool:
        """Tell whether runs with these headers give one history.

        They read the same inputs with the same parameters, and the same detector decides. A
        log that was a pipe is the same as none; names of files do not matter.
        """
        if (self.decided_by, self.line_bytes) != (other.decided_by, other.line_bytes):
            return False
        if self.intervals is not None or other.intervals is not None:
            one, two = self.intervals, other.intervals
            complete = not (self.incomplete or other.incomplete)
            return one is not None and two is not None and complete and one.same_search(two)
        return self._same_batch(other) and _same_content(self.stream, other.stream)

    def same_past(self, other: Header) -> bool:
        """Tell whether runs with these headers read the same batch, if any, and then live logs.

        Which detector decides is not compared.
        """
        if not (self.live and other.live) or self.line_bytes != other.line_bytes:
            return False
        return self._same_batch(other)

    def _same_batch(self, other: Header) -> bool:
        if self.incomplete or other.incomplete:
            return False
        if self.intervals is not None:
            return self.intervals == other.intervals
        one, two = ((each.parameters, each.declared, each.line) for each in (self, other))
        return one == two and _same_content(self.batch, other.batch)


_decode_header = msgspec.msgpack.Decoder(Header).decode
_decode_parameters = msgspec.json.Decoder(dict[str, Any]).decode


def _same_content(one: Fingerprint | None, other: Fingerprint | None) -> bool:
    if one is None or other is None:
        return False
    return (one.size, one.sha256) == (other.size, other.sha256)


def encode_header(header: Header) -> bytes:
    """Return the bytes that a new store with ``header`` begins with."""
    content = msgspec.to_builtins(header, builtin_types=(bytes,))
    for name in ("declared", "line_bytes"):
        if content[name] is None:
            del content[name]
    version = msgpack.packb(header.version)
    packed: bytes = MAGIC_BYTES + version + msgpack.packb(msgpack.packb(content))
    return packed + bytes(msgpack.packb(hashlib.sha256(packed).digest()))


def decode_header(data: bytes, path: Path) -> tuple[Header, int, int]:
    """Return the header that ``data`` begins with, the format's version, and its length in bytes.

    Raises:
        ForeignStoreError: the data is no event store.
        NewerStoreError: its format version is newer than `VERSION`.
        DamagedStoreError: the header is cut short or fails its checksum.

    """
    if not data or not data.startswith(MAGIC_BYTES[: len(data)]):
        found = "an empty file" if not data else shown(data[:32])
        raise ForeignStoreError(f"{path}: expected an event store, found {found}")
    sealed = _sealed(data)
    if sealed is None:
        raise DamagedStoreError(
            f"{path}: expected an event store, found one whose header is damaged or cut short; "
            "nothing can be read from it, so run the logs again, with --overwrite if it is in "
            "the way"
        )
    version, body, end = sealed
    if version > PLACING:
        raise NewerStoreError(
            f"{path}: expected format version {PLACING} or older, found version {version}; "
            "read it with a newer release of this program"
        )
    try:
        header = decoded(_decode_header, body)
        _check(header, version)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ReplayError) as error:
        raise ForeignStoreError(
            f"{path}: expected a header as this program writes it, found version "
            f"{version} and another one: {error}"
        ) from None
    return header, version, end


def _sealed(data: bytes) -> tuple[int, bytes, int] | None:
    """Return version, body and end of a header that passes its checksum, or None.

    By hand: what a library makes room for is what a length in a store claims.
    """
    first = data[len(MAGIC_BYTES) : len(MAGIC_BYTES) + 1]
    start = len(MAGIC_BYTES) + 1
    if first in _NUMBERS:
        number = _NUMBERS[first]
        start += number.size
        if len(data) < start:
            return None
        (version,) = number.unpack_from(data, start - number.size)
    elif first and first <= _FIXED_MAX:
        version = first[0]
    else:
        return None
    width = _LENGTH_BYTES.get(int.from_bytes(data[start : start + 1]), 0)
    body = start + 1 + width
    end = body + int.from_bytes(data[start + 1 : body])
    expected = _HASH_MARK + hashlib.sha256(memoryview(data)[:end]).digest()
    if not width or data[end : end + len(expected)] != expected:
        return None
    return version, data[body:end], end + len(expected)


def _check(header: Header, version: int) -> None:
    """Refuse a header whose fields do not go together."""
    right = version in ((1, VERSION, DECLARING) if header.intervals is None else (2, 3, PLACING))
    if (header.declared is not None) != (version == DECLARING):
        raise BadValueError("expected declared types of events in version 4, and in no other")
    settings = (header.parameters, header.intervals, header.declared)
    if not right or settings.count(None) != len(settings) - 1:
        raise BadValueError(
            "expected the parameters of one detector, purchases but in versions 2 and 5 and "
            "intervals but in 1 and 4"
        )
    if header.intervals is not None and (header.line, header.batch, header.stream) != (None,) * 3:
        raise BadValueError("expected no logs of purchases in a store of intervals, found some")
    if header.declared is not None:
        # What is none is refused, as is what no detector declares.
        decoded(_decode_parameters, header.declared.parameters)
        FactTypes.of(header.declared)
    if header.line is not None and b"\n" in header.line:
        raise BadValueError("expected one line of parameters, found several")
