"""The elements of a JSON array as lines, some bytes at a time.

Strings and brackets are told apart by operations on arrays of bytes. What an element says, be it
no JSON, is left to whoever reads the lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from events.errors import InputError, shown
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
# By how much each byte opens or closes brackets, and which bytes matter.
_BRACKETS: Final = np.zeros(256, np.int8)
_BRACKETS[list(b"[{")] = 1
_BRACKETS[list(b"]}")] = -1
_MARKS: Final = np.zeros(256, np.bool_)
_MARKS[list(b'[{]},"\n')] = True
_BLANK: Final = b" \t\r"
# Such as stand before the comma are few, and to look for them takes ten times as long.
_BEFORE: Final = re.compile(rb"\n[ \t\r]+")


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes, none only at the end."""


class ElementLines:
    """A file as it is, but one that begins with ``[`` as lines, each an element of the array.

    Spaces around elements are left out, and line breaks in them are spaces. What begins with
    more spaces than are read at first is taken as it is.

    Raises:
        InputError: an array has no end, lacks an element, or something stands behind it; while
            reading.

    """

    def __init__(self, file: Readable, path: Path) -> None:
        """Read ``file``, which errors call ``path``."""
        self._file: Final = file
        self._path: Final = path
        self._is_array: bool | None = None
        # How many brackets are open, that of the array among them.
        self._depth = 1
        self._in_string = self._is_escaped = False
        self._elements = 0
        # What was given out last.
        self._last = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes, none only at the end."""
        while data := self._file.read(size):
            if self._is_array is None:
                begin = data.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_SPACE)
                self._is_array = begin.startswith(b"[")
                data = begin[1:] if self._is_array else data
            if not self._is_array:
                return data
            if lines := self._lines(data):
                self._last = lines[-1:]
                return lines
        if self._is_array and self._depth:
            raise self._wrong("] at the end of the array", "the end of the file")
        return b""

    def _lines(self, data: bytes) -> bytes:
        """Return the lines that the next bytes of an array give."""
        if not self._depth:
            self._check_behind(data)
            return b""
        places, marks, is_outside = self._marks(data)
        depths = self._depth + np.cumsum(np.where(is_outside, _BRACKETS[marks], 0))
        ends = np.flatnonzero(depths == 0)
        if len(ends):
            end = int(places[ends[0]])
            if data[end] != ord("]"):
                raise self._wrong("] or a comma", shown(data[end : end + 1]))
            self._check_behind(data[end + 1 :])
            data, self._depth = data[:end], 0
            rows = slice(ends[0])
            places, marks, is_outside = places[rows], marks[rows], is_outside[rows]
            depths = depths[rows]
        elif len(depths):
            self._depth = int(depths[-1])
        found = np.frombuffer(data, np.uint8).copy()
        is_break = marks == ord("\n")
        # In a string it is none of JSON, and a carriage return is none there, too.
        found[places[is_break]] = np.where(is_outside[is_break], ord(" "), ord("\r"))
        found[places[is_outside & (depths == 1) & (marks == ord(","))]] = ord("\n")
        lines = _BEFORE.sub(b"\n", found.tobytes())
        if self._last in {b"", b"\n"}:
            lines = lines.lstrip(_BLANK)
        if not self._depth:
            lines = lines.rstrip(_BLANK) + b"\n"
        return self._checked(lines)

    def _marks(self, data: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.bool_]]:
        """Return where what matters stands, what it is, and which of it is in no string."""
        plain = b"_" + data[1:] if self._is_escaped else data
        if b"\\" in plain:
            plain = _ESCAPE.sub(b"__", plain)
        self._is_escaped = plain.endswith(b"\\")
        text = np.frombuffer(plain, np.uint8)
        places = np.flatnonzero(_MARKS[text])
        marks = text[places]
        quotes = np.cumsum(marks == ord('"')) + self._in_string
        if len(quotes):
            self._in_string = bool(quotes[-1] & 1)
        return places, marks, quotes & 1 == 0

    def _checked(self, lines: bytes) -> bytes:
        """Return lines, none of which is empty, but for the one of an array without elements."""
        if lines == b"\n" and not (self._last or self._depth):
            return b""
        together = (self._last or b"\n") + lines
        empty = together.find(b"\n\n")
        if empty >= 0:
            self._elements += together.count(b"\n", 0, empty + 1) - 1
            raise self._wrong("an element", "none")
        self._elements += lines.count(b"\n")
        return lines

    def _check_behind(self, data: bytes) -> None:
        if rest := data.strip(JSON_SPACE):
            raise self._wrong("nothing behind the array", shown(rest[:1]))

    def _wrong(self, expected: str, found: str) -> InputError:
        return InputError(
            f"{self._path}:{self._elements + 1}: expected {expected}, found {found}; "
            "the lines of a JSON array are its elements"
        )
