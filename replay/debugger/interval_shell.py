"""The debugger's shell on a search for intervals: the same commands, where they make sense."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NoReturn, cast

from events.errors import shown
from events.escapes import plain
from replay.arguments import is_whole
from replay.commands.interval_views import interval_text, observation_text
from replay.debugger.conditions import Stop, quoted
from replay.debugger.errors import CommandError
from replay.debugger.lines import take
from replay.debugger.session import Session
from replay.debugger.shell import Shell
from replay.standard_streams import say
from replay.tables import counted, named, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.records import Finding
    from replay.interval_timeline import IntervalTimeline
    from replay.timeline import Timeline

_KINDS: Final = "event N, user ID, found or rejected"
_ROWS_MAX: Final = 10
# An interval of more observations is shown by its ends.
_MEMBERS_MAX: Final = 50
_INTERVALS_MAX: Final = 20


class IntervalSession(Session):
    """Breakpoints and marks on a search for intervals."""

    def __init__(self, timeline: IntervalTimeline) -> None:
        """Begin without any."""
        super().__init__(timeline)
        self._intervals: Final = timeline

    def parse(self, kind: str, words: list[str]) -> Stop:
        """Return the breakpoint that ``words`` say; of several conditions all must hold.

        Raises:
            CommandError: they say none.

        """
        if kind != "break":
            refuse(kind)
        if not words:
            raise CommandError(f"expected a condition: {_KINDS}; found none")
        rest = list(words)
        texts, tests = [], []
        while rest:
            text, test = self._condition(rest)
            texts.append(text)
            tests.append(test)
        return Stop(f"break {' '.join(texts)}", lambda at: all(at in test for test in tests))

    def _condition(self, rest: list[str]) -> tuple[str, frozenset[int]]:
        """Take one condition off ``rest``; return it in its full form, and where it holds."""
        history = self._intervals.history
        word = rest.pop(0)
        if word == "found":
            return word, frozenset(history.found_counts)
        if word == "rejected":
            return word, frozenset(following - 1 for following, _ in history.rejected)
        if is_whole(word):
            rest.insert(0, word)
            word = "event"
        if word not in ("event", "user"):
            raise CommandError(f"expected a condition: {_KINDS}; found {shown(word)}")
        if not rest:
            raise CommandError(f"break {word}: expected an argument, found nothing")
        argument = rest.pop(0)
        if word == "user":
            name = named(argument, self._intervals.everyone)
            return f"user {quoted(name)}", frozenset(events_of(self._intervals, name))
        if not is_whole(argument) or not 1 <= int(argument) <= len(history):
            raise CommandError(
                f"expected an event from 1 to {len(history)}, found {shown(argument)}"
            )
        return f"event {int(argument)}", frozenset([int(argument)])


class IntervalShell(Shell):
    """Obeys commands on the timeline of a search for intervals."""

    def __init__(self, timeline: IntervalTimeline, *, interactive: bool) -> None:
        """Read from standard input; ``interactive`` if a person types there."""
        # What is about purchases alone is overridden below.
        super().__init__(cast("Timeline", timeline), interactive=interactive)
        self.session = IntervalSession(timeline)
        self._intervals: Final = timeline

    def _where(self, words: list[str]) -> None:
        take("where", words, 0, 0)
        say(position_line(self._intervals))

    def _list(self, words: list[str]) -> None:
        middle = self._position(words[0]) if take("list", words, 0, 1) else self._timeline.position
        self._show(range(max(1, middle - 5), min(len(self._timeline), middle + 5) + 1))

    def _user(self, words: list[str]) -> None:
        self._window(words)

    def _window(self, words: list[str]) -> None:
        """Show what of a key may still be in an interval with what comes."""
        timeline = self._intervals
        if timeline.parameters.key is None:
            words = words or [""]
        take("window", words, 1, 1)
        if words[0] or timeline.keys:
            self._show_key(words[0])
        else:
            say("no observation has had its turn")
        if timeline.waiting_rows:
            waiting = timeline.waiting_rows
            verb = "waits for its turn" if waiting == 1 else "wait for theirs"
            say(f"{counted(waiting, 'observation')} {verb}")

    def _show_key(self, key: str) -> None:
        key = named(key, self._intervals.everyone)
        state = self._intervals.key(key)
        name = f"key {plain(key)}, number {state.number} in order of appearance: " if key else ""
        say(f"{name}{counted(state.seen, 'observation')}")
        say(f"window: {counted(len(state.window), 'observation')}")
        rows = [
            (state.first + place, time, plain(adid))
            for place, (time, adid) in enumerate(state.window)
        ]
        if len(rows) > _ROWS_MAX:
            say(f"  and {len(rows) - _ROWS_MAX} earlier than these")
        if rows:
            print_table(("index#", "time", "id"), rows[-_ROWS_MAX:])

    def _why(self, words: list[str]) -> None:
        number = self._event("why", words)
        history = self._intervals.history
        count = history.found_counts.get(number, 0)
        if not count:
            say(f"no interval was final after event {number}")
        for finding in islice(history.found(number), _INTERVALS_MAX):
            say(f"interval {interval_text(finding.interval)}")
            self._show_members(finding)
        if count > _INTERVALS_MAX:
            say(f"and {counted(count - _INTERVALS_MAX, 'interval')} more; log lists them")

    def _show_members(self, finding: Finding) -> None:
        """Show the observations of an interval, of a long one those at its ends."""
        history, start = self._intervals.history, finding.interval.start_index
        numbers = history.members(finding)
        places = [*range(len(numbers))]
        between = len(numbers) - 2 * _ROWS_MAX if len(numbers) > _MEMBERS_MAX else 0
        if between:
            del places[_ROWS_MAX:-_ROWS_MAX]
        rows: list[tuple[object, ...]] = []
        for place in places:
            event = history.event(numbers[place])
            rows.append((start + place, event.number, event.time, plain(event.adid)))
        if between:
            rows.insert(_ROWS_MAX, ("", "", f"and {between:,} between", ""))
        print_table(("index#", "event#", "time", "id"), rows)

    def _history(self, words: list[str]) -> None:
        take("history", words, 1, 1)
        self._show(events_of(self._intervals, words[0]))

    def _show(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            mark = "=>" if number == self._timeline.position else "  "
            say(f"{mark} {number:>8}  {_happening(self._intervals, number)}")

    def _help(self, words: list[str]) -> None:
        super()._help(words)
        if not words:
            say(
                f"This is a store of intervals: break takes {_KINDS}; user and window show what of "
                "a key"
            )
            say("may still be in an interval, and why the intervals that are final. stream,")
            say("network, latest, diff and watch are about purchases.")

    def _stream(self, words: list[str]) -> None:
        refuse("stream", words)

    def _network(self, words: list[str]) -> None:
        refuse("network", words)

    def _latest(self, words: list[str]) -> None:
        refuse("latest", words)

    def _diff(self, words: list[str]) -> None:
        refuse("diff", words)


def refuse(name: str, _words: object = None) -> NoReturn:
    """Refuse a command that is about purchases."""
    raise CommandError(f"{name} expected a store of purchases, found one of intervals")


def events_of(timeline: IntervalTimeline, word: str) -> list[int]:
    """Return the numbers of the observations of the id or the key ``word``.

    Raises:
        CommandError: the history has neither.

    """
    word = named(word, timeline.everyone)
    if word not in timeline.everyone:
        raise CommandError(f"expected an id or a key of this history, found {shown(word)}")
    return timeline.history.journal.numbers_of(word)


def position_line(timeline: IntervalTimeline) -> str:
    """Return where the timeline is, and what was final then."""
    position, count = timeline.position, len(timeline)
    if timeline.inside:
        return f"inside event {position + 1}: {_happening(timeline, position + 1)}"
    if position == 0:
        return f"before event 1 of {count}"
    return f"event {position} of {count}: {_happening(timeline, position)}"


def _happening(timeline: IntervalTimeline, number: int) -> str:
    event, place = timeline.history.event(number), timeline.history.place(number)
    found = timeline.history.found_counts.get(number, 0)
    verdict = f": {counted(found, 'interval')} FOUND" if found else ""
    return f"{event.time}, line {place.line}: {observation_text(event)}{verdict}"
