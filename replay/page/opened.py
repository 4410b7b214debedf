"""A store that the page shows: read once, for all who look at it, and read on when a run writes."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from events.errors import ReplayError
from events.times.instants import instant_of
from replay.page.content import Content, Links, Setting
from replay.page.strip import Scale, strip
from replay.page.tellers import teller_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from replay.engine.looks import Looks
    from replay.engine.stepping import Delivered
    from replay.page.content import Teller
    from replay.page.markup import Markup


class Opened:
    """One journal of a store, which any number of requests read, each at a moment of its own."""

    def __init__(self, name: str, path: Path, looks: Callable[[], Looks[Any]]) -> None:
        """Begin to read the store at ``path``, which is called ``name`` in addresses.

        To open it is up to ``looks``, which may raise what one line says.
        """
        self.name: Final = name
        """What it is called in addresses."""
        self.path: Final = path
        """Where it is."""
        self.error: str | None = None
        """Why it cannot be shown, if it cannot."""
        self._open: Final = looks
        self._begin()

    def _begin(self) -> None:
        self.error = None
        self._looks: Looks[Any] | None = None
        self._flagged: list[int] = []
        self._verdicts = 0
        self._size = 0
        self._strip: tuple[Any, Markup] | None = None
        self._file = self._file_now()
        self._thread = threading.Thread(target=self._load, daemon=True)
        self._thread.start()

    def _file_now(self) -> tuple[int, ...]:
        """Return what tells the file at the path from another; empty where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def look_again(self) -> None:
        """Begin to read a store afresh that could not be shown, if it is another by now."""
        if self.ready and self.error is not None and self._file != self._file_now():
            self.close()
            self._begin()

    def _load(self) -> None:
        try:
            looks = self._open()
            self._size = self.path.stat().st_size
            # The history is the timeline's, so that both are one.
            _ = looks.timeline.history
            self._looks = looks
            self._note_flags()
        except (ReplayError, OSError, MemoryError) as error:
            self.error = _told(error)

    def wait(self, seconds: float) -> bool:
        """Wait until the store is read, but no longer; tell whether it is."""
        self._thread.join(seconds)
        return self.ready

    @property
    def ready(self) -> bool:
        """Whether it is read, or cannot be."""
        return not self._thread.is_alive()

    @property
    def looks(self) -> Looks[Any]:
        """What is shown of it."""
        assert self._looks is not None, "it is ready, and there was no error"
        return self._looks

    @property
    def teller(self) -> Teller:
        """What tells of its events."""
        return teller_of(self.looks)

    @property
    def setting(self) -> Setting | None:
        """The D and T of the run; None where there are none."""
        parameters = self.looks.store.header.parameters
        return None if parameters is None else Setting(parameters.degrees, parameters.tracked)

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self.looks.history)

    @property
    def flagged(self) -> list[int]:
        """The numbers of the flagged events, or of those after which intervals were final."""
        return self._flagged

    @property
    def scale(self) -> Scale:
        """Where events are on its strip."""
        past = getattr(self.looks.history, "past_events", 0)
        return Scale(past, len(self))

    @property
    def unfinished(self) -> bool:
        """Whether a run may write it: whether its last log was not read to the end."""
        return self.looks.sources[-1] not in self.looks.history.ends

    def read_on(self) -> bool:
        """Read what a run has appended; tell whether there was anything.

        What is wrong with it is kept in `error`.
        """
        try:
            size = self.path.stat().st_size
            if size == self._size:
                return False
            self.looks.timeline.read_on()
        except (ReplayError, OSError) as error:
            self.error = _told(error)
            self._file = ()
            return False
        self._size = size
        self._note_flags()
        return True

    def content(self, event: int, setting: Setting | None, links: Links) -> Content:
        """Return all that is told of an event."""
        return self.teller.content(self.looks, event, setting, links)

    def trace(self, event: int) -> list[Delivered]:
        """Return the messages of an event, at the setting of the run."""
        return self.looks.timeline.trace(event)

    def strip(self, address: Callable[[int], str]) -> Markup:
        """Return the strip but for the mark on it; the same as long as nothing comes."""
        key = (len(self), len(self._flagged), address(1))
        if self._strip is None or self._strip[0] != key:
            journal = self.looks.history.journal
            drawn = strip(
                self.scale,
                self._flagged,
                lambda event: instant_of(journal.time(event - 1)).nanoseconds,
                address,
            )
            self._strip = key, drawn
        return self._strip[1]

    def _note_flags(self) -> None:
        history: Any = self.looks.history
        verdicts = getattr(history, "recorded", None)
        if verdicts is None:
            verdicts = history.found_counts
        new = list(islice(verdicts, self._verdicts, None))
        self._verdicts += len(new)
        found = {*self._flagged, *filter(self.looks.found, new)}
        self._flagged = sorted(found)

    def close(self) -> None:
        """Stop all actors."""
        self._thread.join()
        if self._looks is not None:
            self._looks.close()


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"expected an event store, found: {error.strerror}"
    return str(error) or type(error).__name__
