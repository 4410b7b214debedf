"""The debugger's shell: reads commands from a terminal, a pipe or a string, and obeys."""

from __future__ import annotations

import cmd
import re
import readline
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from events.amounts import format_amount
from events.errors import PositionError, ReplayError, shown
from events.escapes import plain
from events.event import users_of
from events.timestamps import in_zone
from replay.arguments import as_utf8
from replay.commands.trace import show_messages
from replay.commands.why import show_network, show_why, show_window
from replay.debugger import views
from replay.debugger.commands import command_of, help_text
from replay.debugger.completion import completions
from replay.debugger.conditions import user_named
from replay.debugger.errors import CommandError
from replay.debugger.interrupts import Interrupts
from replay.debugger.lines import commands_in, file_name, take
from replay.debugger.session import Session
from replay.explain import explain, hops_of, window_of
from replay.standard_streams import UnprintableError, flush, report, say
from replay.tables import counted, named, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.timeline import Timeline

_LIST_AROUND: Final = 5
_LATEST: Final = 10
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_MARK: Final = re.compile(r"[^\W\d][\w-]*")


class Shell(cmd.Cmd):
    """Obeys commands on one timeline; errors are one line each on standard error."""

    def __init__(self, timeline: Timeline, *, interactive: bool) -> None:
        """Read from standard input; ``interactive`` if a person types there."""
        super().__init__()
        self.session = Session(timeline)
        self.failed = False
        """Whether a command went wrong, after which only a person may go on."""
        self._timeline: Final = timeline
        self.interactive: Final = interactive
        """Whether a person types there."""
        self._repeat = ""
        self.interrupts: Final = Interrupts()
        """What Ctrl-C does while a session is on."""
        timeline.undisturbed = self.interrupts.held
        self.use_rawinput = interactive
        self.prompt = "(replay) " if interactive else ""

    def show_position(self) -> None:
        """Print where the timeline is."""
        self._where([])

    # Reading

    def talk(self) -> None:
        """Obey until the input ends or says quit."""
        if self.interactive:
            # Ids and names may hold what would otherwise separate words, such as a dash.
            readline.set_completer_delims(" ;")
        while True:
            try:
                self.cmdloop()
            except KeyboardInterrupt:
                if not self.interactive:
                    raise
                say("^C")
            else:
                break

    def onecmd(self, line: str) -> bool:
        """Obey one line, and return whether it was the last.

        A person's empty line repeats the one before, if that has only moved and shown.
        Commands are separated by ``;``, and what comes after ``#`` at the beginning of a
        line is for the reader.
        """
        if line.lstrip().startswith("#"):
            return False
        if not line.strip():
            # In a script it is there to be read.
            line = self._repeat if self.interactive else ""
        if line == "EOF" and self.interactive:
            say("")
        line = as_utf8(line)
        try:
            commands = commands_in(line)
            self._repeat = line
            return any(self._obey(words) for words in commands)
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            # The terminal has shown ^C on a line of its own making.
            say("")
            say("interrupted")
            self.show_position()
            return False
        except UnprintableError:
            raise
        except ReplayError as error:
            flush()
            report(f"replay: {error}")
            self.failed = True
            return not self.interactive

    def _obey(self, words: list[str]) -> bool:
        command = command_of(words[0])
        name = command.name
        if not command.repeated:
            self._repeat = ""
        if name == "quit":
            take(name, words[1:], 0, 0)
            return True
        do: Callable[[list[str]], None] = getattr(self, f"_{name.replace('-', '_')}")
        do(words[1:])
        return False

    def completedefault(self, text: str, line: str, begidx: int, *_: int) -> list[str]:
        """Return what the last word of ``line`` may become."""
        return completions(self.session, text, line[:begidx])

    def completenames(self, text: str, *_: object) -> list[str]:
        """Return the commands that begin with ``text``."""
        return completions(self.session, text, "")

    # Moving

    def _next(self, words: list[str]) -> None:
        self._move(self._timeline.position + self._count("next", words))

    def _back(self, words: list[str]) -> None:
        # The event that the timeline is inside of is the first one back.
        here = self._timeline.position + self._timeline.inside
        self._move(here - self._count("back", words))

    def _goto(self, words: list[str]) -> None:
        (word,) = take("goto", words, 1, 1)
        self._move(self._position(word))

    def _first(self, words: list[str]) -> None:
        take("first", words, 0, 0)
        self._move(min(1, len(self._timeline)))

    def _last(self, words: list[str]) -> None:
        take("last", words, 0, 0)
        self._move(len(self._timeline))

    def _stream(self, words: list[str]) -> None:
        take("stream", words, 0, 0)
        start = self._timeline.history.stream_start
        if start is None or start == len(self._timeline):
            raise PositionError("expected a stream, found a history that has no event of one")
        self._move(start + 1)

    def _continue(self, words: list[str]) -> None:
        take("continue", words, 0, 0)
        self._search(forward=True)

    def _reverse_continue(self, words: list[str]) -> None:
        take("reverse-continue", words, 0, 0)
        self._search(forward=False)

    def _search(self, *, forward: bool) -> None:
        hits = self.session.search(forward=forward)
        for number in hits:
            say(f"stop {number}: {self.session.stops[number].text}")
        if not hits:
            say(f"no stop {'ahead' if forward else 'before'}")
        self._where([])

    def _move(self, position: int) -> None:
        """Go to ``position``, or to the end or the beginning if it is beyond."""
        self._timeline.goto(max(0, min(position, len(self._timeline))))
        self._where([])

    def _message(self, words: list[str]) -> None:
        take("message", words, 0, 0)
        views.say_whose_rule(self._timeline)
        views.show_message(self._timeline)
        self._where([])

    # Stops and marks

    def _break(self, words: list[str]) -> None:
        self._stop("break", words)

    def _watch(self, words: list[str]) -> None:
        self._stop("watch", take("watch", words, 1, 1))

    def _stop(self, kind: str, words: list[str]) -> None:
        number = self.session.stop(kind, words)
        say(f"stop {number}: {self.session.stops[number].text}")

    def _delete(self, words: list[str]) -> None:
        stops = self.session.stops
        (word,) = take("delete", words, 0, 1) or [""]
        if word in ("", "all"):
            if not stops:
                say("no stops")
            elif word or self._agreed(f"delete {counted(len(stops), 'stop')}?"):
                self.session.delete(list(stops))
            return
        if not _NUMBER.fullmatch(word) or int(word) not in stops:
            raise CommandError(f"expected the number of a stop, found {shown(word)}")
        self.session.delete([int(word)])

    def _info(self, words: list[str]) -> None:
        (what,) = take("info", words, 0, 1) or [""]
        if what:
            wanted = [each for each in ("break", "marks") if each.startswith(what)]
            if what == "breakpoints":  # as gdb calls them
                wanted = ["break"]
            if not wanted:
                raise CommandError(f"expected break or marks, found {shown(what)}")
            (what,) = wanted
        if what != "marks":
            for number, stop in self.session.stops.items():
                say(f"stop {number}: {stop.text}")
            if not self.session.stops:
                say("no stops")
        if what != "break":
            for name, position in self.session.marks.items():
                say(f"mark {name}: event {position}")
            if not self.session.marks:
                say("no marks")

    def _mark(self, words: list[str]) -> None:
        (name,) = take("mark", words, 1, 1)
        if not _MARK.fullmatch(name):
            raise CommandError(
                f"expected a name of letters, digits, - and _ after a letter, found {shown(name)}"
            )
        self.session.marks[name] = self._timeline.position

    def _save(self, words: list[str]) -> None:
        path = file_name("save", words)
        question = f"overwrite the session in {plain(path)}?"
        if self.session.replaces(path) and not self._agreed(question):
            return
        with self.interrupts.held():
            self.session.save(path)

    def _load(self, words: list[str]) -> None:
        self.session.load(file_name("load", words))
        self._where([])

    def _agreed(self, question: str) -> bool:
        """Ask a person; who has written a script has thought about it."""
        if not self.interactive:
            return True
        lines = readline.get_current_history_length()
        try:
            answer = input(f"{question} (y or n) ")
        except EOFError:
            say("")
            return False
        # It is not to come back with the arrows among the commands.
        if readline.get_current_history_length() > lines:
            readline.remove_history_item(lines)
        return answer.strip().lower() in ("y", "yes")

    # Looking

    def _where(self, words: list[str]) -> None:
        take("where", words, 0, 0)
        views.show_position(self._timeline)

    def _list(self, words: list[str]) -> None:
        (word,) = take("list", words, 0, 1) or [str(self._timeline.position)]
        middle = self._position(word)
        first = max(1, middle - _LIST_AROUND)
        last = min(len(self._timeline), middle + _LIST_AROUND)
        views.show_events(self._timeline, range(first, last + 1))

    def _user(self, words: list[str]) -> None:
        (word,) = take("user", words, 1, 1)
        views.show_user(self._timeline, named(word, self._timeline.everyone))

    def _network(self, words: list[str]) -> None:
        word, *rest = take("network", words, 1, 2)
        user = named(word, self._timeline.everyone)
        self._timeline.number(user)
        degrees = self._count("network", rest) if rest else self._timeline.parameters.degrees
        show_network([list(hop) for hop in hops_of(self._timeline, user, degrees)], degrees)

    def _window(self, words: list[str]) -> None:
        (word,) = take("window", words, 1, 1)
        user = named(word, self._timeline.everyone)
        self._timeline.number(user)
        _, window, baseline = window_of(self._timeline, user)
        timeline = self._timeline
        show_window(window, baseline, timeline.parameters.tracked, timeline.zone)

    def _latest(self, words: list[str]) -> None:
        count = self._count("latest", words) if words else _LATEST
        latest = self._timeline.recency(count)
        rows = (
            (each.number, time, plain(each.user), format_amount(each.amount))
            for each in latest
            for time in [in_zone(each.time, self._timeline.zone)]
        )
        print_table(("event#", "time", "user", "amount#"), rows)

    def _why(self, words: list[str]) -> None:
        number = self._event("why", words)
        views.say_whose_rule(self._timeline)
        with self._elsewhere():
            show_why(explain(self._timeline, number), self._timeline)

    def _trace(self, words: list[str]) -> None:
        number = self._event("trace", words)
        views.say_whose_rule(self._timeline)
        with self._elsewhere():
            timeline = self._timeline
            show_messages(timeline.trace(number), timeline.name, timeline.zone)

    def _diff(self, words: list[str]) -> None:
        first, last = map(
            self._position, [*take("diff", words, 1, 2), str(self._timeline.position)][:2]
        )
        with self._elsewhere():
            views.show_changes(self._timeline, min(first, last), max(first, last))

    def _history(self, words: list[str]) -> None:
        timeline = self._timeline
        (word,) = take("history", words, 1, 1)
        user = user_named(word, timeline)
        events = timeline.history.events
        views.show_events(timeline, [each.number for each in events if user in users_of(each)])

    def _help(self, words: list[str]) -> None:
        for line in help_text(next(iter(take("help", words, 0, 1)), None)).split("\n"):
            say(line)

    # Reading arguments

    def _count(self, name: str, words: list[str]) -> int:
        (word,) = take(name, words, 0, 1) or ["1"]
        if not _NUMBER.fullmatch(word) or int(word) == 0:
            raise CommandError(f"expected a whole number from 1 on, found {shown(word)}")
        return int(word)

    def _event(self, name: str, words: list[str]) -> int:
        """Return the number of the event that a command is about, by default the current one."""
        if take(name, words, 0, 1):
            number = self._position(words[0])
        else:
            number = self._timeline.position + self._timeline.inside
        self._timeline.history.event(number)
        return number

    def _position(self, word: str) -> int:
        if word in self.session.marks:
            return self.session.marks[word]
        if not _NUMBER.fullmatch(word):
            raise CommandError(f"expected the number of an event or a mark, found {shown(word)}")
        position = int(word)
        if position > len(self._timeline):
            raise PositionError(
                f"expected a position from 0 to {len(self._timeline)}, found {position}"
            )
        return position

    @contextmanager
    def _elsewhere(self) -> Iterator[None]:
        """Come back after the block to where the timeline was, or to the end of that event."""
        here = self._timeline.position + self._timeline.inside
        try:
            yield
        finally:
            self._timeline.goto(here)
