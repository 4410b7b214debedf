"""A debugger session: where it is, where it stops, and what it has marked."""

from __future__ import annotations

import os
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.disk import NewFile
from events.errors import InputError, OutputError, PositionError, unwritable
from replay.debugger.commands import CommandError, Commands, commands_in
from replay.debugger.expressions import Expression
from replay.debugger.tools import Tools, quoted
from replay.terminal.standard_streams import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from replay.debugger.tools import Stop
    from replay.engine.looks import Looks
    from replay.engine.stepping import Stepping

_FORMAT: Final = "replay.session"


class SavedSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a session file holds, as JSON."""

    format: str
    """`replay.session`."""
    events: int
    """How many events the history has that it was made on."""
    position: int
    """Where the session was."""
    stops: dict[int, str]
    """Breakpoints and watches by number, each as it is typed."""
    marks: dict[str, int]
    """Positions by name."""
    conditions: dict[int, str] = {}
    """What `condition` has given stops, by their number, each as it is typed."""
    ignored: dict[int, int] = {}
    """How many more times stops are passed over."""
    displays: dict[int, str] = {}
    """Expressions that are displayed, by number."""


class Session:
    """Breakpoints, watches and marks on the timeline of a store."""

    def __init__(self, looks: Looks[Any], kinds: Iterable[type[Looks[Any]]] = ()) -> None:
        """Begin without any; of commands for other ``kinds`` of stores it is said that they are."""
        self.looks: Final = looks
        """What is looked at."""
        self.timeline: Final[Stepping[Any, Any, Any]] = looks.timeline
        tools = looks.tools(looks)
        assert isinstance(tools, Tools), "the debugger asks them more than looks do"
        self.tools: Final[Tools[Any]] = tools
        """What belongs to its detector."""
        self.commands: Final = Commands(
            self.tools,
            {
                command.name: f"expected a store of {kind.kind}, found one of {looks.kind}"
                for kind in kinds
                for command in kind.tools.commands
            },
        )
        """What may be typed."""
        self.stops: dict[int, Stop] = {}
        """Breakpoints and watches, by number."""
        self.marks: dict[str, int] = {}
        """Positions, by name."""
        self.displays: dict[int, Expression] = {}
        """What is displayed at every moment, by number."""
        # What it was saved to or loaded from may be overwritten without asking.
        self._files: set[str] = set()

    def stop(self, kind: str, words: Sequence[str]) -> int:
        """Add a breakpoint or a watch, and return its number.

        Raises:
            CommandError: ``words`` say none.

        """
        number = max(self.stops, default=0) + 1
        self.stops[number] = self.parse(kind, words)
        return number

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete the stops of ``numbers``, and print them."""
        for number in numbers:
            say(f"deleted stop {number}: {self.stops.pop(number)}")

    def condition(self, number: int, words: Sequence[str]) -> None:
        """Let a stop hold only where the conditions that ``words`` say do, too.

        Raises:
            CommandError: they say none.

        """
        also = self.parse("break", words) if words else None
        self.stops[number] = self.stops[number]._replace(also=also)

    def ignore(self, number: int, times: int) -> None:
        """Pass over a stop so many times."""
        self.stops[number] = self.stops[number]._replace(ignored=times)

    def display(self, text: str) -> int:
        """Display what an expression comes to from now on, and return its number.

        Raises:
            CommandError: it is none.

        """
        number = max(self.displays, default=0) + 1
        self.displays[number] = self.expression(text)
        return number

    def expression(self, text: str) -> Expression:
        """Return the expression that was typed.

        Raises:
            CommandError: it is none.

        """
        return Expression(text, self.looks.field_names)

    def parse(self, kind: str, words: Sequence[str]) -> Stop:
        """Return the breakpoint or the watch that ``words`` say.

        Raises:
            CommandError: they say none.

        """
        # One that this detector does not have is refused here.
        self.commands.named(kind)
        return self.tools.stops[kind](list(words))

    def search(self, *, forward: bool, count: int = 1, end: int | None = None) -> dict[int, Stop]:
        """Go to the next position, or the one before, where something stops.

        Args:
            forward: whether to the next.
            count: at which of those that stop to halt; the ones before are passed over.
            end: where to go if nothing stops; by default the end or the beginning.

        Returns:
            The stops by number; none where the end is reached.

        Raises:
            KeyboardInterrupt: the search was interrupted; it has gone as far as it had come.

        """
        timeline = self.timeline
        # What is half done is ahead as a whole, and behind as a whole.
        here = timeline.position if forward else timeline.position + timeline.inside
        if end is None:
            end = len(timeline) if forward else 0
        positions = iter(range(here + 1, end + 1) if forward else range(here - 1, end - 1, -1))
        position: int | None = end
        hits: dict[int, Stop] = {}
        try:
            while count and (position := self._next_stop(positions)) is not None:
                hits = self._halting(position)
                count -= bool(hits)
        except KeyboardInterrupt:
            # Before the position that is being looked at, which may be a stop.
            left = length_hint(positions)
            timeline.goto(max(here, end - left - 1) if forward else min(here, end + left + 1))
            raise
        timeline.goto(end if position is None else position)
        if position is None:
            return {}
        for number in [number for number, stop in hits.items() if stop.once]:
            del self.stops[number]
        return hits

    def _next_stop(self, positions: Iterator[int]) -> int | None:
        tests = [stop.test if stop.also is None else stop.holds for stop in self.stops.values()]
        if not tests:
            return None
        if len(tests) == 1:
            return next(filter(tests[0], positions), None)
        return next((at for at in positions if any(test(at) for test in tests)), None)

    def _halting(self, position: int) -> dict[int, Stop]:
        """Return what stops at ``position``, but what is passed over there."""
        hits = {number: stop for number, stop in self.stops.items() if stop.holds(position)}
        for number, stop in hits.items():
            if stop.ignored:
                self.ignore(number, stop.ignored - 1)
        return {number: stop for number, stop in hits.items() if not stop.ignored}

    def save(self, path: str) -> None:
        """Write the session to a file; only another session is overwritten.

        Raises:
            InputError: it is no name of a file.
            OutputError: the file is something else or cannot be written.

        """
        if path == "-":
            raise InputError("save: expected the name of a file, found -; name another")
        target = Path(path)
        saved = SavedSession(
            _FORMAT,
            len(self.timeline),
            self.timeline.position,
            {number: stop.text for number, stop in self.stops.items()},
            dict(self.marks),
            {number: stop.also.text for number, stop in self.stops.items() if stop.also},
            {number: stop.ignored for number, stop in self.stops.items() if stop.ignored},
            {number: each.text for number, each in self.displays.items()},
        )
        exists = os.path.lexists(target)
        if exists:
            try:
                _read(target)
            except InputError:
                raise OutputError(
                    f"{path}: expected a new file or a saved session, found another file; "
                    "name another one"
                ) from None
        content = msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"
        try:
            with NewFile(target) as new:
                new.write(content)
                new.complete(replace=exists)
        except OSError as error:
            raise unwritable(path, error, "a session") from None
        self._files.add(os.path.realpath(target))

    def replaces(self, path: str) -> bool:
        """Tell whether `save` would overwrite a session that is not this one."""
        try:
            return os.path.realpath(path) not in self._files and bool(_read(Path(path)))
        except InputError:
            return False

    def load(self, path: str) -> None:
        """Be as the session was that was saved to ``path``, and print what is lost with that.

        Raises:
            InputError: the file is no saved session, or of a history that does not fit.

        """
        saved = _read(Path(path))
        if saved.events != len(self.timeline):
            raise InputError(
                f"{path}: expected a session on a history of {len(self.timeline)} events, "
                f"found one on {saved.events}"
            )
        try:
            stops = {number: self._saved(saved, number) for number in saved.stops}
            displays = {number: self.expression(text) for number, text in saved.displays.items()}
        except (ValueError, CommandError, PositionError) as error:
            raise InputError(f"{path}: expected a saved session, found: {error}") from None
        for position in (saved.position, *saved.marks.values()):
            if not 0 <= position <= len(self.timeline):
                raise InputError(
                    f"{path}: expected positions from 0 to {len(self.timeline)}, found {position}"
                )
        self.delete([n for n, stop in self.stops.items() if saved.stops.get(n) != stop.text])
        for name, marked in self.marks.items():
            if saved.marks.get(name) != marked:
                say(f"deleted mark {name}: event {marked}")
        with self.timeline.undisturbed():
            self.stops, self.marks, self.displays = stops, dict(saved.marks), displays
            self._files.add(os.path.realpath(path))
        self.timeline.goto(saved.position)

    def _saved(self, saved: SavedSession, number: int) -> Stop:
        """Return a stop of a saved session."""
        stop, also = (self._typed(each.get(number)) for each in (saved.stops, saved.conditions))
        if stop is None:
            raise CommandError("expected a stop, found none")
        return stop._replace(also=also, ignored=max(0, saved.ignored.get(number, 0)))

    def _typed(self, text: str | None) -> Stop | None:
        if text is None:
            return None
        ((kind, *words), _), *_ = commands_in(text)
        return self.parse(kind if kind in ("watch", "tbreak") else "break", words)


def _read(path: Path) -> SavedSession:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: expected a saved session, found no regular file")
        saved = msgspec.json.decode(path.read_bytes(), type=SavedSession)
    except OSError as error:
        raise InputError(f"{path}: expected a saved session, found: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected a saved session, found: {error}") from None
    if saved.format != _FORMAT:
        raise InputError(f"{path}: expected a saved session, found format {saved.format!r}")
    return saved


def completions(session: Session, text: str, before: str) -> list[str]:
    """Return, sorted, what ``text`` may become, which follows ``before`` on its line."""
    words = before.rpartition(";")[2].split()
    names = [each.name for each in session.commands.all]
    return sorted(
        word
        for word in (_arguments(session, words, names) if words else names)
        if word.startswith(text)
    )


def _arguments(session: Session, words: list[str], names: list[str]) -> Iterable[str]:
    """Return what may come after ``words``, a command and perhaps more."""
    try:
        command, last = session.commands.named(words[0]), words[-1]
    except CommandError:
        return []
    takes = command.usage.split()[0].strip("[]").split("|") if command.usage else []
    conditions = "CONDITION" in command.usage
    if takes[:1] in (["ID"], ["KEY"], ["SUBJECT"]) or (conditions and last == "user"):
        return map(quoted, session.looks.everyone)
    if takes[:1] == ["EXPRESSION..."] or last == "if":
        return session.looks.field_names
    if conditions:
        condition = session.tools.conditions.get(last)
        return (condition and condition.beginnings) or session.tools.words
    known: dict[str, Iterable[str]] = {"COMMAND": names, "N": session.marks}
    if takes == ["FILE"]:
        return (quoted(path.name) for path in Path().iterdir())
    return known.get(next(iter(takes), ""), filter(str.islower, takes))
