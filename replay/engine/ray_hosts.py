"""Objects in processes of Ray's that send bytes to one another.

What one of them returns for another stays a reference here, and is handed to the other one: Ray
carries it from process to process. What is waited for here is how it goes on.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import InputError
from replay.engine.forks import LOOK_SECONDS
from replay.version import __version__

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    Doing = Generator[list[Any], Any, Any]

# What is returned of more bytes than this goes from process to process. Ray would send what has up
# to 100 kB to whoever asks for it, and have it sent on from there.
_DIRECT_BYTES: Final = 1 << 10
_LATE_SECONDS: Final = 2
# So many calls of an object are under way before the first of them is waited for.
_AHEAD_MAX: Final = 4


def check_version(version: str) -> None:
    """Refuse another ``version`` of this program than runs here.

    Raises:
        InputError: it is one.

    """
    if version != __version__:
        raise InputError(f"replay {__version__}, not {version}; install the same")


def words_of(error: BaseException) -> str:
    """Return what an error of Ray's, or in a process of it, says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Failed(NamedTuple):
    """What an object has raised."""

    error: BaseException


class Missing(NamedTuple):
    """Objects that are gone."""

    places: list[int]
    """Which, from 0; none where only an answer is."""
    is_late: bool
    """Whether somebody has not answered in time."""


class _GoneError(Exception):
    """What was to be asked is gone."""


class Host:
    """Has one of the objects, in a process of Ray's."""

    def load(self, version: str, needed: bytes) -> None:
        """See that this program has all that is needed.

        Args:
            version: of this program, where whoever asks runs.
            needed: a pickle of it.

        Raises:
            InputError: the program is of another version.

        """
        check_version(version)
        pickle.loads(needed)  # noqa: S301  of our own

    def make(self, make: bytes, place: int) -> None:
        """Have what a pickled function gives for ``place``."""
        self._object = pickle.loads(make)(place)  # noqa: S301  of our own

    def call(self, name: str, given: bytes) -> Any:
        """Call a method with some bytes."""
        return getattr(self._object, name)(given)

    def call_with(self, name: str, *parts: bytes) -> Any:
        """Call a method with a list of bytes."""
        return getattr(self._object, name)(parts)

    def answer(self) -> None:
        """Do nothing: whoever can say so is there."""


class Hosts:
    """Has objects in processes of Ray's, and does one thing with them at a time.

    Each method but `done`, `begin` and `close` begins something, and `done` tells what came of it.
    """

    def __init__(self, ray: Any, count: int) -> None:
        """Start no process yet.

        Args:
            ray: the module, connected.
            count: how many objects there are.

        """
        self._ray: Final = ray
        self._count: Final = count
        direct = {"env_vars": {"RAY_max_direct_call_object_size": str(_DIRECT_BYTES)}}
        self._made: Final = ray.remote(
            num_cpus=1,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            runtime_env=direct,
        )(Host)
        self._hosts: Final[dict[int, Any]] = {}
        self._ahead: Final[list[deque[Any]]] = [deque() for _ in range(count)]
        self._doing: Doing | None = None
        self._awaited: list[Any] = []
        self._seconds = self._until = 0.0

    def begin(self, seconds: float, name: str, *given: Any) -> tuple[Any] | None:
        """Begin what a method does, instead of what is not done; return what `done` does.

        Args:
            seconds: how long each step of it may take; who has not answered then is gone.
            name: of the method.
            given: its arguments.

        """
        self._seconds = seconds
        self._doing = self._safely(getattr(self, name)(*given))
        self._await([])
        return self.done(LOOK_SECONDS)

    def _await(self, refs: list[Any]) -> None:
        self._awaited = refs
        self._until = time.monotonic() + self._seconds

    def done(self, seconds: float) -> tuple[Any] | None:
        """Go on for up to ``seconds``; return what came of what was begun, or None: not yet.

        It is `Missing` where objects are gone, and `Failed` where one has raised.
        """
        until = time.monotonic() + seconds
        while self._doing is not None:
            ready, late = self._awaited, []
            if ready:
                left = max(min(until, self._until) - time.monotonic(), 0)
                ready, late = self._ray.wait(ready, num_returns=len(ready), timeout=left)
            if late and time.monotonic() < self._until:
                return None
            try:
                answers = [self._answer(ref, late) for ref in self._awaited]
                self._await(self._doing.send(answers or None))
            except StopIteration as end:
                self._doing = None
                return (end.value,)
        return None

    def _answer(self, ref: Any, late: Sequence[Any]) -> Any:
        """Return what was answered, or an error."""
        if ref in late:
            return self._ray.exceptions.GetTimeoutError()
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            found: BaseException = error
            while isinstance(found, self._ray.exceptions.RayTaskError):
                found = found.cause
            return found

    def _safely(self, doing: Doing) -> Doing:
        """Do something; return what comes of it, or why nothing does."""
        try:
            refs, failures = next(doing), list[BaseException]()
            while not failures:
                answers = (yield refs) or []
                failures = [each for each in answers if isinstance(each, BaseException)]
                refs = refs if failures else doing.send(answers)
        except StopIteration as end:
            return end.value
        except _GoneError:
            gone = [place for place in range(self._count) if place not in self._hosts]
            return Missing(gone, is_late=False)
        for each in failures:
            if not isinstance(each, self._ray.exceptions.RayError):
                return Failed(each)
        # Whom what failed depends on is not told, so all are asked, who come to it when they are
        # done with what they do; where one has taken too long for that, they are not waited for.
        is_late = any(isinstance(each, TimeoutError) for each in failures)
        self._seconds = _LATE_SECONDS if is_late else self._seconds
        there = dict(self._hosts)
        answers = (yield [host.answer.remote() for host in there.values()]) or []
        gone = [
            place
            for place, answer in zip(there, answers, strict=True)
            if isinstance(answer, BaseException)
        ]
        for place in gone:
            self._end(place)
        return Missing(sorted(gone), is_late)

    def _host(self, place: int) -> Any:
        if place not in self._hosts:
            raise _GoneError
        return self._hosts[place]

    # What is begun

    def open(self, places: Sequence[int], needed: bytes) -> Doing:
        """Start the processes of the objects at ``places``, which have to have what is needed."""
        for place in places:
            self._end(place)
            self._hosts[place] = self._made.remote()
        yield [self._hosts[place].load.remote(__version__, needed) for place in places]

    def make(self, places: Sequence[int], make: bytes) -> Doing:
        """Make the objects at ``places`` anew."""
        yield [self._host(place).make.remote(make, place) for place in places]

    def tell(self, name: str, given: Mapping[int, bytes]) -> Doing:
        """Call a method of objects, by place, with bytes; most of that is waited for later."""
        late = []
        for place, content in given.items():
            ahead = self._ahead[place]
            ahead.append(self._host(place).call.remote(name, content))
            while len(ahead) > _AHEAD_MAX:
                late.append(ahead.popleft())
        yield late

    def ask(self, name: str, given: Mapping[int, bytes]) -> Doing:
        """Call a method of objects, by place, with bytes; return what each answers."""
        told = self._told()
        asked = [self._host(place).call.remote(name, each) for place, each in given.items()]
        answers = yield told + asked
        return dict(zip(given, answers[len(told) :], strict=True))

    def relay(self, first: str, then: str, last: str, given: Sequence[bytes], hops: int) -> Doing:
        """Let all objects begin something, send one another what comes of it, and end it.

        Each returns of ``first`` and ``then`` what is for each object, and behind that something
        where they are to go on.

        Args:
            first: the method that each begins with.
            then: the method that each goes on with.
            last: the method that each ends with.
            given: what each begins with.
            hops: how often they go on at most.

        """
        told, returns = self._told(), self._count + 1
        parts = [
            self._host(place).call.options(num_returns=returns).remote(first, each)
            for place, each in enumerate(given)
        ]
        earlier: list[Any] = []
        for _ in range(hops):
            # Nobody waits for this process: where nobody was to go on, it is known one hop later.
            if earlier and not any((yield [part[-1] for part in earlier])):
                break
            earlier, parts = parts, self._sent(then, parts, returns)
        answers = yield told + self._sent(last, parts, 1)
        return answers[len(told) :]

    def _sent(self, name: str, parts: Sequence[Sequence[Any]], returns: int) -> list[Any]:
        """Call a method of all objects with what each has for each; return what they return."""
        return [
            self._host(place)
            .call_with.options(num_returns=returns)
            .remote(name, *(part[place] for part in parts))
            for place in range(self._count)
        ]

    def _told(self) -> list[Any]:
        """Return what was told and not waited for."""
        found = [ref for ahead in self._ahead for ref in ahead]
        for ahead in self._ahead:
            ahead.clear()
        return found

    def _end(self, place: int) -> None:
        """End the process of the object at ``place``, if it has one."""
        self._ahead[place].clear()
        host = self._hosts.pop(place, None)
        if host is not None:
            self._ray.kill(host)

    def close(self) -> None:
        """End all of them."""
        for place in list(self._hosts):
            self._end(place)
