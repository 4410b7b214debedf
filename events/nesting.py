"""How deep the values of a JSON line nest, by a count of the program's own.

A decoder gives up where its stack ends, which is at another depth on each version of
Python and in each call stack. So what nests too deep never reaches one.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

D = TypeVar("D")
T = TypeVar("T")

LEVELS_MAX: Final = 100
"""How deep the value of a key may nest (SPEC.md section 2).

The line's own object is not counted: an array or object that is the value of one of its
keys is level 1, one in that is level 2, and so on. Brackets in strings are text.
"""

_OPEN_MAX: Final = LEVELS_MAX + 1
DEEP_BYTES_MIN: Final = 2 * (_OPEN_MAX + 1)
"""How long a line is at least that is JSON and nested too deep."""

# Possessive, so that it takes no memory for what it could go back to.
_STRING: Final = rb'"(?:[^"\\]|\\.)*+"?'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_TOKENS: Final = re.compile(rb"(?P<open>[\[{]+)|(?P<close>[\]}]+)|%b" % _STRING, re.DOTALL)
_CLOSING: Final = bytes.maketrans(b"[{", b"]}")
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_PASSES: Final = 4


def are_shallow(lines: bytes, objects: int) -> bool:
    """Tell whether all of ``lines`` are certain to be shallow enough.

    Args:
        lines: the lines.
        objects: how many of them begin with an object. Where there are not many more
            brackets, as in nearly all logs, they need only be counted.

    """
    arrays = b"[" in lines and lines.count(b"[")
    # To count them as bytes took ten times as long.
    opened = int(np.count_nonzero(np.frombuffer(lines, np.uint8) == ord("{")))
    if opened + arrays <= objects + LEVELS_MAX:
        return True
    return all(map(_is_shallow, lines.split(b"\n")))


def _is_shallow(line: bytes) -> bool:
    if line.count(b"{") + line.count(b"[") <= _OPEN_MAX:
        return True
    # An array of many small ones, say. Level by level takes 1/20 of bracket by bracket.
    plain = _STRINGS.sub(b"", line) if b"\\" in line else b"".join(line.split(b'"')[::2])
    brackets = plain.translate(_SQUARE, _NO_BRACKETS)
    for _ in range(_PASSES):
        brackets = brackets.replace(b"[]", b"")
    return brackets.count(b"[") <= _OPEN_MAX - _PASSES


def too_deep_at(line: bytes) -> tuple[int, bytes] | None:
    """Return where ``line`` opens a level too many, and what closes those before, or None.

    What stands before that place, a value in it and what closes it are together JSON if
    and only if that part of the line is; and a decoder can take them.
    """
    if len(line) <= _OPEN_MAX or _is_shallow(line):
        return None
    closing = b""
    for token in _TOKENS.finditer(line):
        if opened := token["open"]:
            spare = _OPEN_MAX - len(closing)
            closing = opened[:spare].translate(_CLOSING)[::-1] + closing
            if len(opened) > spare:
                return token.start() + spare, closing
        elif closed := token["close"]:
            # Where it closes another kind, or nothing, the line is no JSON up to here.
            closing = closing[len(closed) :]
    return None


def without_nested(line: bytes) -> bytes:
    """Return ``line`` with 0 for each array and object in its own object, however deep it is.

    Whether what is left out was JSON is not looked at.
    """
    pieces: list[bytes] = []
    level = kept = 0
    for token in _TOKENS.finditer(line):
        if opened := token["open"]:
            if level <= 1 < level + len(opened):
                pieces.append(line[kept : token.start() + 1 - level])
            level += len(opened)
        elif closed := token["close"]:
            level -= len(closed)
            if level <= 1 < level + len(closed):
                kept = token.end() - 1 + level
                pieces.append(b"0")
    return b"".join([*pieces, line[kept:]])


def decoded(decode: Callable[[D], T], data: D) -> T:
    """Return what ``decode`` makes of ``data``, however little of the stack is left here."""
    try:
        return decode(data)
    except RecursionError:
        pass
    # A new thread has a stack of its own. It takes 0.1 ms, and only one who calls from
    # deep in a stack needs it.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(decode, data).result()
