"""The pytest plugin: stores as tests, and failing histories as files.

``pytest --replay-store FILE`` checks an event store that somebody attached to a report of
a bug. A test that fails while it holds a `LoggedHistory`, or drives a `LiveRun`, leaves
that history as two logs and an event store, and says how to step through it.

pytest loads it where the package is installed, and elsewhere with
``-p replay.testing.plugin``.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis.errors import HypothesisException

from events.errors import ReplayError, StoreError, shown
from events.escapes import inert, json_escaped
from events.store.store import EventStore
from replay.judging.shrink import FLAGGED
from replay.kinds import looks_of
from replay.purchases.looks import PurchaseLooks
from replay.purchases.simulation import Simulation
from replay.terminal.tables import shell_word
from replay.testing.checks import (
    assert_agrees_with_model,
    assert_replays,
    assert_same_in_any_order,
    run_in,
)
from replay.testing.live_run import LiveRun
from replay.testing.logged import LoggedHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from replay.engine.looks import Looks

# The brute-force model looks at all purchases for each one that it judges.
_MODEL_EVENTS_MAX: Final = 5_000
# Each order delivers all messages of the history once more.
_ORDERS: Final = 5
_NAME_MAX: Final = 100
# A history that nobody has shrunk may be long.
_LINES_MAX: Final = 100

_STORES = pytest.StashKey[frozenset[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("replay", "event stores and failing histories of rewindable replay")
    group.addoption(
        "--replay-store",
        action="append",
        default=[],
        metavar="FILE",
        help="check this event store: that it is whole, replays, and is decided as it should be; "
        "may be given several times, and without other arguments nothing else is run",
    )
    group.addoption(
        "--replay-output",
        metavar="DIR",
        help="where the history of a failing test is written (default: in pytest's cache)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the stores be collected.

    Raises:
        pytest.UsageError: one of them is no file.

    """
    named = config.getoption("--replay-store")
    paths = [config.invocation_params.dir / name for name in named]
    for path in paths:
        if not path.is_file():
            raise pytest.UsageError(f"--replay-store {path}: expected an event store, found none")
    config.stash[_STORES] = frozenset(path.resolve() for path in paths)
    if paths:
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []
        config.args = [*config.args, *map(str, paths)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the stores that were named."""
    if file_path.resolve() not in parent.config.stash[_STORES]:
        return None
    collector: pytest.Collector = StoreFile.from_parent(parent, path=file_path)
    return collector


class StoreFile(pytest.File):
    """An event store; its checks are its tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give a test for each check."""
        for name, check in _CHECKS.items():
            yield StoreItem.from_parent(self, name=name, check=check)


class StoreItem(pytest.Item):
    """A check of an event store."""

    def __init__(self, *, check: Callable[[Path], None], **others: Any) -> None:
        """Check with ``check``."""
        super().__init__(**others)
        self._check: Final = check

    def runtest(self) -> None:
        """Check."""
        self._check(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> str:
        """Say what is wrong; where in the program that was noticed does not matter."""
        if excinfo.errisinstance((AssertionError, ReplayError)):
            return str(excinfo.value)
        return str(excinfo.getrepr())

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the store and the name of the check."""
        return self.path, None, f"{self.path.name}: {self.name}"


def _check_model(path: Path) -> None:
    with _decided(path) as looks:
        if not isinstance(looks, PurchaseLooks):
            pytest.skip(f"a store of {looks.kind}")
        if looks.store.events > _MODEL_EVENTS_MAX:
            pytest.skip(f"{looks.store.events:,} events are too many for the brute-force model")
        assert_agrees_with_model(LoggedHistory.of(looks.store))


def _check_orders(path: Path) -> None:
    with _decided(path) as looks:
        assert_same_in_any_order(looks.store, _ORDERS)


@contextmanager
def _decided(path: Path) -> Iterator[Looks[Any]]:
    """Return the looks of a store that is to be decided as the program's own detectors do."""
    try:
        with looks_of(EventStore(path)) as looks:
            if looks.other is not None:
                pytest.skip(looks.other)
            yield looks
    except StoreError:
        pytest.skip("a store that cannot be read, as the first check says")


_CHECKS: Final[dict[str, Callable[[Path], None]]] = {
    "replays": assert_replays,
    "agrees-with-model": _check_model,
    "same-in-any-order": _check_orders,
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the history of a test that failed, and say where."""
    report = yield
    # The history of a store that is checked is in that store.
    if report.failed and call.excinfo is not None and not isinstance(item, StoreItem):
        for place, (history, detector) in enumerate(_failures(call.excinfo.value), 1):
            try:
                folder, here = _folder(item, place), item.config.invocation_params.dir
                kept = _keep(history, detector, folder, here)
            except OSError as error:
                kept = f"the failing history cannot be written: {error}"
            report.sections.append(("replay", "\n".join([*_shown(history), kept])))
    return report


class _Held(NamedTuple):
    """What the functions of a traceback hold."""

    history: LoggedHistory
    detector: type[Simulation]


def _failures(error: BaseException) -> Iterator[_Held]:
    """Give what was at work when ``error`` was raised, or the errors of a group."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _failures(each)
    # That an example took too long, for one, is nothing that stepping through it shows.
    elif not isinstance(error, HypothesisException):
        held = _held(error.__traceback__)
        if held is not None:
            yield held


def _held(traceback: TracebackType | None) -> _Held | None:
    """Return the outermost history that the functions of a traceback hold, and the detector.

    It is what was shrunk: Hypothesis runs the smallest failing example last. Looking
    there needs nothing of whoever wrote the test, and finds explicit examples as well.
    """
    history: LoggedHistory | None = None
    detector: type[Simulation] | None = None
    while traceback is not None:
        for value in traceback.tb_frame.f_locals.values():
            if isinstance(value, LoggedHistory):
                history = history or value
            elif isinstance(value, LiveRun) and value.begun:
                history, detector = history or value.history, detector or value.detector
            elif isinstance(value, type) and issubclass(value, Simulation):
                detector = detector or value
        traceback = traceback.tb_next
    return None if history is None else _Held(history, detector or Simulation)


def _folder(item: pytest.Item, place: int) -> Path:
    name = re.sub(r"[^\w.-]+", "-", item.nodeid)[-_NAME_MAX:].strip("-")
    name = f"{name}-{place}" if place > 1 else name
    folder: Path
    output: str | None = item.config.getoption("--replay-output")
    if output is not None:
        folder = item.config.invocation_params.dir / output / name
    elif item.config.pluginmanager.hasplugin("cacheprovider"):
        folder = item.config.cache.mkdir("replay") / name
    else:
        return Path(tempfile.mkdtemp(prefix="replay-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(history: LoggedHistory, detector: type[Simulation], folder: Path, here: Path) -> str:
    """Write ``history`` into ``folder``; return what a person who is ``here`` is to know."""
    for leftover in folder.glob(f"{FLAGGED}*"):
        leftover.unlink()
    logs = [_word(path, here) for path in history.write(folder)]
    text = f"its logs: {' and '.join(logs)}\n"
    try:
        _, store = run_in(folder, history, detector)
        decided = EventStore(store)
    except Exception as error:  # noqa: BLE001  whatever it is that fails
        return text + inert(f"a run on them fails: {type(error).__name__}: {error}")
    if looks_of(decided).other is not None:
        name = shown(decided.detector.name)[1:-1]
        text += f"decided by {name}; step explains by the program's own rule\n"
    return f"{text}step through it: python -m replay step {_word(store, here)}"


def _shown(history: LoggedHistory) -> Iterator[str]:
    count = len(history.lines)
    yield f"the failing history has {count} line{'' if count == 1 else 's'} after its parameters:"
    lines = [line for log in history for line in log.split(b"\n") if line]
    for line in lines[:_LINES_MAX]:
        yield f"  {json_escaped(line.decode('utf-8', 'backslashreplace'))}"
    if len(lines) > _LINES_MAX:
        yield f"  and {len(lines) - _LINES_MAX:,} more"


def _word(path: Path, here: Path) -> str:
    """Return ``path`` as a word of a shell, from ``here`` on if it is in there."""
    return shell_word(path.relative_to(here) if path.is_relative_to(here) else path)
