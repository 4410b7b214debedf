"""Shrinking: a smallest history in which one event still has its verdict.

It is 1-minimal: without any one of its lines the verdict is another. What is tried first
is what the detector knows to matter; only where that does not give the verdict more of the
history is tried. Whole parts are taken away before single lines, as in delta debugging
(Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

from events.errors import ReplayError
from replay.engine.detectors import check_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from events.records.record import Source
    from replay.engine.looks import Looks

H = TypeVar("H")

Progress: TypeAlias = "Callable[[int, int], None]"
"""Is told how many lines are left, and how many candidates have been decided."""


_NAME_LENGTH_MAX: Final = 40


class VerdictNotReplayedError(ReplayError):
    """A replay gives another verdict than the one that was recorded."""

    exit_status = 1


class Shrunk(NamedTuple):
    """A shrunk history."""

    numbers: tuple[int, ...]
    """The numbers in the original of the events that are left."""
    past: int
    """How many of these are of the past; they come first."""
    exact: bool
    """Whether not only the verdict had to stay, but also all that it says besides."""
    recorded: Any
    """The verdict that the original recorded."""
    decision: Any
    """The one that the shrunk history gives."""
    tried: int
    """How many candidates were decided."""


class Shrinking(ABC, Generic[H]):
    """A verdict, and fewer and fewer events that give it.

    Raises:
        OtherDetectorError: another detector decided the history.
        PositionError: the history has no such event.
        InputError: there is no verdict on the event.

    """

    logs: ClassVar[dict[Source, str]]
    """The names of the files of a shrunk history's logs."""
    output: ClassVar[tuple[str, str]]
    """What its output is called in JSON, and that file's name."""
    line: ClassVar[str] = "line"
    """What an event stands in."""

    def __init__(
        self,
        looks: Looks[Any],
        number: int,
        *,
        exact: bool = False,
        progress: Progress = lambda _lines, _tried: None,
    ) -> None:
        """Shrink to what gives event ``number`` its verdict; ``looks`` may be moved.

        If it has to be ``exact``, all that the verdict says has to stay.
        """
        check_detector(looks.store, looks.detector)
        self.looks: Final[Any] = looks
        """What the original's store looks like."""
        history: Any = looks.history
        self.history: Final[H] = history
        """The original."""
        self.number: Final = number
        """The event."""
        self.exact: Final = exact
        """Whether all that the verdict says has to stay."""
        self.tried = 0
        """How many candidates were decided."""
        self._progress: Final = progress

    # What a detector knows

    @property
    def store(self) -> Path:
        """The original's event store."""
        path: Path = self.looks.store.path
        return path

    @abstractmethod
    def candidates(self) -> Iterator[list[int]]:
        """Iterate over events that may give the verdict, from few to all; what may go is last."""

    @abstractmethod
    def decide(self, numbers: list[int], *, judging: bool) -> Any:
        """Return the verdict that these events give, in any order, or None.

        Args:
            numbers: numbers in the original, the event's own left out where it always stays.
            judging: whether it is decided as a run does, if there is a quicker way.

        """

    @abstractmethod
    def wants(self, decision: Any) -> bool:
        """Tell whether a verdict has of the recorded one what has to stay."""

    @abstractmethod
    def shrunk_to(self, numbers: list[int]) -> Shrunk:
        """Return the history of these events."""

    @property
    def stays(self) -> int:
        """How many lines there are besides those that are taken away."""
        return 0

    def not_replayed(self) -> str:
        """Return why no replay may give the verdict that was recorded, and what to do."""
        return f"found another; verify {self.store} tells where they part"

    # Files

    @property
    @abstractmethod
    def lines_before(self) -> int:
        """How many lines the original's logs have, blank ones left out."""

    @abstractmethod
    def lines(self, shrunk: Shrunk) -> dict[Source, list[bytes]]:
        """Return what the logs of a shrunk history consist of, without newlines."""

    @abstractmethod
    def content(self, source: Source, lines: list[bytes]) -> bytes:
        """Return what the file of such a log holds."""

    @abstractmethod
    def run(self, folder: Path) -> Any:
        """Run on the logs in ``folder``, and return the verdict."""

    @abstractmethod
    def regression_test(self, shrunk: Shrunk, folder: Path) -> bytes:
        """Return the source of a test for pytest, beside the logs in ``folder``."""

    # Words

    @abstractmethod
    def texts(self, shrunk: Shrunk) -> tuple[str, str]:
        """Return what the original and the shrunk history give, in words."""

    @abstractmethod
    def smallest_text(self, shrunk: Shrunk) -> str:
        """Return in words that nothing more can go."""

    @abstractmethod
    def fields(self, shrunk: Shrunk) -> Mapping[str, Any]:
        """Return for machines the parameters and what both histories give."""

    # How it is done

    def holds(self, numbers: list[int], *, judging: bool = True) -> bool:
        """Tell whether these events give the verdict; see `decide`."""
        self._progress(len(numbers) + self.stays, self.tried)
        self.tried += 1
        return self.wants(self.decide(numbers, judging=judging))

    def shrunk(self) -> Shrunk:
        """Return a 1-minimal history that gives the recorded verdict.

        Raises:
            VerdictNotReplayedError: the whole history does not give it.

        """
        for judging in (False, True):
            holds = partial(self.holds, judging=judging)
            for candidates in self.candidates():
                if holds(candidates):
                    kept = without_parts(candidates, holds)
                    if self.holds(kept):
                        return self.shrunk_to(without_lines(kept, self.holds))
                    break
        raise self.failure()

    def failure(self) -> VerdictNotReplayedError:
        """Return the error that no replay gives the verdict."""
        return VerdictNotReplayedError(
            f"{self.store}: event {self.number}: expected a replay to give the verdict that was "
            f"recorded, {self.not_replayed()}"
        )


def without_parts(kept: list[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Take away parts of ``kept`` while the verdict holds: all, then halves, quarters, and so on.

    Delta debugging also tries each part alone. Here a part seldom does without what another
    one made.
    """
    size = len(kept)
    while size > 1:
        end = len(kept)
        while end > 0:
            rest = kept[: max(end - size, 0)] + kept[end:]
            if holds(rest):
                kept = rest
            end -= size
        size = min(size, len(kept)) // 2
    return kept


def without_lines(kept: list[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Take away single lines until each one was tried in vain on what is left."""
    at, needed = len(kept), 0
    while needed < len(kept):
        at = (at or len(kept)) - 1
        rest = kept[:at] + kept[at + 1 :]
        if holds(rest):
            kept, needed = rest, 0
        else:
            needed += 1
    return kept


def plain_name(name: str) -> str:
    """Return ``name`` without what would end a docstring, or be read as something else in it."""
    plain = re.sub(r"[^A-Za-z0-9 ._~+-]", "?", name)
    cut = len(plain) > _NAME_LENGTH_MAX
    return f"{plain[: _NAME_LENGTH_MAX - 3]}..." if cut else plain
