r"""Text from outside as something to look at, not to obey (SPEC.md section 8).

A terminal obeys control characters, and a reader is deceived by what has no width, turns
the order of letters round, ends a line, or looks like a space and is none. Such characters
are shown as Python writes them: ``\n``, ``\x1b``, ``\u202e``, ``\U000e0041``. Accents, CJK,
emoji and whatever else can be seen stay as they are.
"""

from __future__ import annotations

import re
from typing import Final

# The ranges of Unicode 16, given here so that every Python shows a text alike: controls,
# formats, separators of lines, spaces that are not the plain or the ideographic one, half
# surrogates, what is no character, and letters and marks that cannot be seen (a variation
# of an emoji is one that can).
_ACTIVE: Final = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0d"
    "\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WIDTHS: Final = (("x", 2), ("u", 4), ("U", 8))
_ESCAPE: Final = re.compile(
    r"\\(?:([\\nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U(000[0-9a-f]{5}|0010[0-9a-f]{4}))|\\"
)
_MEANINGS: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


def inert(text: str) -> str:
    """Return ``text``, some of which may be escaped already, so that it is a single line.

    A backslash is left as it is: this is for what is made of several pieces, each of which
    `plain` has taken where the difference matters.
    """
    # Most of what is shown; 0.06 µs instead of 0.8.
    if text.isascii() and text.isprintable():
        return text
    return _ACTIVE.sub(_escape, text)


def plain(value: object) -> str:
    r"""Return the text of ``value`` to be looked at, unambiguously: a backslash is ``\\``.

    `unescaped` gives the text back.
    """
    return inert(str(value).replace("\\", "\\\\"))


def unescaped(shown: str) -> str | None:
    """Return the text that `plain` shows as ``shown``, or None if it shows none like that."""
    try:
        return _ESCAPE.sub(_meaning, shown)
    except ValueError:
        return None


def json_escaped(text: str) -> str:
    r"""Return ``text``, which is JSON, with what is active in its strings as ``\uXXXX``."""
    if text.isascii() and text.isprintable():
        return text
    return _ACTIVE.sub(_json_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if short := _SHORT.get(character):
        return short
    digits = f"{ord(character):x}"
    letter, width = next(each for each in _WIDTHS if len(digits) <= each[1])
    return f"\\{letter}{digits:>0{width}}"


def _meaning(match: re.Match[str]) -> str:
    short, *codes = match.groups()
    if short is not None:
        return _MEANINGS[short]
    code = next((code for code in codes if code is not None), None)
    if code is None:
        raise ValueError(match.string)
    return chr(int(code, 16))


def _json_escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
