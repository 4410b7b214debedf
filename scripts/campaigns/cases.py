"""What all campaigns have in common: numbered cases, and how one of them fails."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final
from unittest import mock

from events.logs.file import Portions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGGED: Final = "flagged.json"
STORE: Final = "flagged.json.events"


class CaseFailedError(Exception):
    """A case did not end as it should; the message says what was expected and found."""


class Campaign(ABC):
    """Cases that are numbered: the number alone says what happens in one."""

    name: ClassVar[str]
    """What the command line calls it."""
    title: ClassVar[str]
    """What its cases are, in one line."""
    small: ClassVar[int]
    """How many cases a quick look takes."""
    full: ClassVar[int | None]
    """How many cases a thorough look takes; None: as many as there are."""

    def __init__(self, folder: Path) -> None:
        """Keep what several cases need in ``folder``."""
        self.folder: Final = folder
        self.done: Final[Counter[str]] = Counter()
        """What was done in the cases so far, in numbers."""

    def total(self) -> int | None:
        """Return how many different cases there are, or None where there is no end of them."""
        return None

    @abstractmethod
    def case(self, number: int, folder: Path) -> None:
        """Do case ``number`` in the empty ``folder``.

        Raises:
            CaseFailedError: it did not end as it should.

        """


def expect(condition: object, message: str) -> None:
    """Let the case fail with ``message`` unless the condition holds."""
    if not condition:
        raise CaseFailedError(message)


def spread(number: int, total: int) -> int:
    """Return a place among ``total``; consecutive numbers are far apart and visit all."""
    stride = max(1, int(total * 0.618))
    while math.gcd(stride, total) != 1:
        stride -= 1
    return number * stride % total


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the files of ``folder`` hold, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def put_back(folder: Path, files: dict[str, bytes]) -> None:
    """Let ``folder`` hold ``files`` and nothing else."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def expect_outputs(found: dict[str, bytes], expected: dict[str, bytes], when: str) -> None:
    """Let the case fail unless the outputs are those expected, but for what was moved aside."""
    kept = {name: data for name, data in found.items() if not name.endswith(("~", ".new"))}
    for name in sorted(kept.keys() | expected.keys()):
        one, other = kept.get(name), expected.get(name)
        if one != other:
            sizes = [
                f"{len(data):,} bytes" if data is not None else "none" for data in (other, one)
            ]
            raise CaseFailedError(
                f"{when}: {name}: expected the {sizes[0]} of an uninterrupted run, found "
                f"{sizes[1]} that differ"
            )


SMALL: Final = Portions(300, 300, digest_events=4, observation_bytes=300, settle_rows=8)
"""Let histories of a few lines have several frames, with digests between them."""


@contextmanager
def small_frames() -> Iterator[None]:
    """Let commands make histories as with `SMALL`: they are not told how logs are read."""
    with mock.patch("events.logs.file.PORTIONS", SMALL):
        yield
