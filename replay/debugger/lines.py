"""What a line says: the commands in it and the arguments of each."""

from __future__ import annotations

import os
import re
import shlex
from typing import Final

from events.errors import shown
from events.escapes import unescaped
from replay.debugger.errors import CommandError

# What stands between two ; outside of quotes. A quote that stays open goes to the end.
_COMMAND: Final = re.compile(
    r"""(?: [^;'"\\] | \\.? | '[^']*(?:'|$) | "(?:[^"\\]|\\.?)*(?:"|$) )+""",
    re.VERBOSE | re.DOTALL,
)
# What is quoted, which stays as it is, or the backslash of an escape that is not.
_BARE: Final = re.compile(
    r"""('[^']*' | "(?:[^"\\]|\\.)*") | \\(?:\\|(?=[nrtxuU]))""", re.VERBOSE | re.DOTALL
)


def file_name(name: str, path: str) -> str:
    """Return the name of the file that a command is about, as it is or as it is shown."""
    if not path or "\0" in path:
        raise CommandError(f"{name}: expected the name of a file, found {shown(path)}")
    meant = unescaped(path)
    return meant if meant and not os.path.lexists(path) and os.path.lexists(meant) else path


def commands_in(line: str) -> list[list[str]]:
    """Return the words of each command in ``line``."""
    # Not by the punctuation of shlex.shlex, which forgets whether a ; was quoted.
    try:
        commands = [shlex.split(_kept(part)) for part in _COMMAND.findall(line)]
    except ValueError as error:
        raise CommandError(f"expected a command, found one with {error}") from None
    return [words for words in commands if words]


def _kept(part: str) -> str:
    """Return ``part`` so that escapes of what is shown stay what they are, also without quotes."""
    return _BARE.sub(lambda match: match[1] or match[0] * 2, part)
