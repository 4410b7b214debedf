"""The detector, workers and shards that a command is given.

A detector is given by name; nothing is imported since a store names it.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from events.errors import InputError, shown
from events.escapes import plain
from replay.custom.detector import Detector
from replay.engine.ray_cluster import RayCluster
from replay.engine.workers import are_several
from replay.judging.ray_shards import RayShards
from replay.judging.shards import NO_WORKERS, shards_here
from replay.purchases.simulation import Simulation
from replay.terminal.standard_streams import report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import ModuleType

    from replay.judging.shards import Transport
    from replay.judging.system import ActorSystem


def add_detector(parser: argparse.ArgumentParser) -> None:
    """Declare the detector of a command."""
    parser.add_argument(
        "--detector",
        metavar="MODULE:CLASS",
        help="what decides: a class made of replay.Simulation, or of replay.Detector for events "
        "of its own; also FILE.py:CLASS (default: the program's own)",
    )


def given_detector(options: argparse.Namespace) -> type[ActorSystem[Any, Any, Any]] | None:
    """Return the detector that a command was given, or None.

    Raises:
        InputError: what it was given is none.

    """
    return None if options.detector is None else load_detector(options.detector)


@contextmanager
def workers_of(options: argparse.Namespace, alone: str = "") -> Iterator[int | RayCluster | None]:
    """Return how many workers a command was given, or who has them.

    Beside shards none judge, and as many load the past as pay.

    Args:
        options: what it was given.
        alone: why one process does what several were asked to share, if that is known.

    """
    if getattr(options, "shards", None) is not None:
        yield None
    elif alone:
        if options.ray is not None or are_several(options.workers):
            report(f"one process judges: {alone}")
        yield 1
    elif options.ray is None:
        yield options.workers
    else:
        with RayCluster(options.ray, options.workers) as cluster:
            yield cluster
            if cluster.is_lost:
                gone = "the cluster went away, and this process did the rest"
                report(f"ray {plain(cluster.address)}: {gone}")


@contextmanager
def shards_of(options: argparse.Namespace) -> Iterator[Transport | None]:
    """Return what a command was given as shards, if it was.

    Raises:
        InputError: it was given workers, too.

    """
    if options.shards is None:
        yield None
    elif options.workers is not None:
        raise InputError(NO_WORKERS)
    elif options.ray is None:
        yield shards_here(options.shards)
    else:
        with RayCluster(options.ray, options.shards) as cluster:
            yield RayShards(cluster)


def load_detector(name: str) -> type[ActorSystem[Any, Any, Any]]:
    """Return the detector that ``name`` names.

    Args:
        name: ``MODULE:CLASS``, or ``FILE.py:CLASS``; the file's folder is looked in last when
            modules are imported from then on.

    Raises:
        InputError: there is none.

    """
    where, _, what = name.rpartition(":")
    if not (where and what):
        raise InputError(
            f"expected a detector as MODULE:CLASS or FILE.py:CLASS, found {shown(name)}"
        )
    module = _module(where)
    with _own_failure(where):
        found = getattr(module, what, None)
    if found is None:
        raise InputError(f"{where}: expected a detector called {shown(what)}, found none")
    if not (isinstance(found, type) and issubclass(found, Simulation | Detector)):
        raise InputError(
            f"{where}: expected {shown(what)} to be a class made of replay.Simulation or "
            f"replay.Detector, found {shown(repr(found))}"
        )
    return found


@contextmanager
def _own_failure(where: str, cure: str = "") -> Iterator[None]:
    """Make whatever is raised while a module is imported one clear error."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  it does what it likes
        found = f"{type(error).__name__}: {shown(str(error))}"
        raise InputError(f"{where}: expected to import it, found {found}{cure}") from None


def _cure(module: str) -> str:
    """Return what to say instead of a module that may be meant as a file."""
    file = Path(f"{module.replace('.', '/')}.py")
    if not file.is_file():
        return ""
    return f"; modules of this folder are not looked at, so name {file}:CLASS"


def _module(where: str) -> ModuleType:
    """Return the module called ``where``, or that in a file."""
    path = Path(where) if where.endswith(".py") else None
    if path is not None and not path.is_file():
        raise InputError(f"{where}: expected a file with a detector, found none")
    name = where if path is None else path.stem
    if path is not None and (folder := str(path.resolve().parent)) not in sys.path:
        # Last, so that no other module is found there; processes started later get it, too.
        sys.path.append(folder)
    with _own_failure(where, "" if path else _cure(where)):
        module = importlib.import_module(name)
    if path is not None and not _is_of(module, path):
        raise InputError(
            f"{where}: expected a file with a name of its own, found another module called "
            f"{shown(name)}; rename it"
        )
    return module


def _is_of(module: ModuleType, path: Path) -> bool:
    file = module.__file__
    return file is not None and Path(file).exists() and path.samefile(file)
