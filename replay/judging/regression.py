"""The regression test that is written beside a shrunk history.

It is a file for pytest, and uses the public Python interface alone.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from replay.engine.shrink import plain_name

if TYPE_CHECKING:
    from types import ModuleType

    from replay.engine.shrink import Shrunk

_HEAD: Final = '''\
"""Event {event} of {store}: {verdict}.

Written by "python -m replay shrink", which left {after:,} of {before:,} lines. The files
beside this one are all that it needs{needs}.
"""

from __future__ import annotations

{standard}from pathlib import Path

{imports}

HERE = Path(__file__).parent
{found}BATCH = (HERE / "batch.json").read_bytes()
STREAM = (HERE / "stream.json").read_bytes()


def last_decision(batch: bytes, stream: bytes, folder: Path) -> {verdict_type}:
    """Return the last decision of a run on two logs in ``folder``."""
    (folder / "batch.json").write_bytes(batch)
    (folder / "stream.json").write_bytes(stream)
    with {logs}(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "flagged.json"{detector})
{decisions}
    return last


def test_{verdict_name}_as_recorded(tmp_path: Path) -> None:
    """The verdict is the recorded one{units}."""
    last = last_decision(BATCH, STREAM, tmp_path)
    assert {measured} == {decision}


def test_flagged_file_is_what_it_was(tmp_path: Path) -> None:
    """Each byte of it is."""
    last_decision(BATCH, STREAM, tmp_path)
    assert (tmp_path / "flagged.json").read_bytes() == (HERE / "flagged.json").read_bytes()
'''

_FOUND: Final = """\
sys.path.append(str(HERE / {}))

from {} import {}  # noqa: E402

"""

_LINES: Final = '''

PAST = {past}  # lines of the batch{behind}


@pytest.mark.parametrize("line", range({lines}))
def test_each_line_matters(line: int, tmp_path: Path) -> None:
    """Without a line of the batch, or of the stream before the last, {otherwise}."""
    batch, stream = BATCH.split(b"\\n"), STREAM.split(b"\\n")
    if line < PAST:
        del batch[{first} + line]
    else:
        del stream[line - PAST]
    last = last_decision(b"\\n".join(batch), b"\\n".join(stream), tmp_path)
    assert {differs}
'''


class Imported(NamedTuple):
    """A detector, and where it is found."""

    module: str
    """The module that has it."""
    folder: Path | None
    """What has to be on the path for that; None where Python looks by itself, or for nothing."""
    name: str
    """What it is called there."""


class Spoken(NamedTuple):
    """How a test names a detector, and what it does with it."""

    logs: str
    """What opens the logs."""
    verdict_type: str
    """What a decision is."""
    decisions: str
    """Statements that make ``last`` the last decision."""
    detector: Imported | None = None
    """The detector, where it is not the program's own."""
    units: str = ""
    """What the numbers of a verdict are."""


def judged_regression(
    store: str, shrunk: Shrunk, before: int, spoken: Spoken, folder: Path, *, headed: bool
) -> bytes:
    """Return the source of the test that will stand in ``folder``.

    The original has the event store of that name, and ``before`` lines; the batch has a line of
    parameters if it is ``headed``.
    """
    decision, lines = shrunk.decision, len(shrunk.numbers) - 1
    names = [name for name in decision.__struct_fields__ if name != "number"]
    # Whether it is flagged comes first, whatever a detector's own verdicts say besides.
    names.sort(key=lambda name: name != "flagged")
    measured = ", ".join(f"last.{name}" for name in names)
    values = tuple(getattr(decision, name) for name in names)
    # A tuple of one has a comma.
    measured = f"({measured}{',' if len(names) == 1 else ''})"
    detector, modules = spoken.detector, ["import pytest", "import replay"][not lines :]
    found = ""
    if detector is not None and detector.folder is not None:
        found = _FOUND.format(_beside(folder, detector.folder), detector.module, detector.name)
    elif detector is not None:
        modules[-1] += f"\nfrom {detector.module} import {detector.name}"
    source = _HEAD.format(
        event=shrunk.recorded.number,
        store=plain_name(store),
        needs=" besides the detector" if detector else "",
        standard="import sys\n" if found else "",
        found=found,
        verdict="flagged" if decision.flagged else "not flagged",
        after=lines + 1 + headed,
        before=before,
        imports="\n\n".join(modules),
        detector=f", detector={detector.name}" if detector else "",
        verdict_name="flagged" if decision.flagged else "not_flagged",
        measured=measured,
        decision=values,
        **{name: each for name, each in spoken._asdict().items() if name != "detector"},
    )
    if lines:
        source += _LINES.format(
            first=int(headed),
            behind=", behind the parameters" if headed else "",
            past=shrunk.past,
            lines=lines,
            otherwise="it is decided otherwise" if shrunk.exact else "the verdict is another",
            differs=f"{measured} != {values}"
            if shrunk.exact
            else f"last.flagged is not {decision.flagged}",
        )
    return source.encode()


def imported(detector: type) -> Imported:
    """Return where ``detector`` is found by whoever runs a test."""
    module = sys.modules.get(detector.__module__)
    places = [each for each in (module, *list(sys.modules.values())) if each is not None]
    # What a function has made is known by the name that a module has for it.
    for each in places:
        names = [name for name, value in list(vars(each).items()) if value is detector]
        if names:
            name = detector.__name__ if detector.__name__ in names else names[0]
            return Imported(*_found(each), name)
    return Imported(detector.__module__, None, detector.__qualname__)


def _found(module: ModuleType) -> tuple[str, Path | None]:
    """Return what ``module`` is called, and the folder from which it is imported by that name."""
    if not (file := getattr(module, "__file__", None)):
        return module.__name__, None
    path = Path(file).resolve()
    if module.__name__ == "__main__":
        return path.stem, path.parent
    own = path.parent if path.stem == "__init__" else path.with_suffix("")
    folder = own.parents[module.__name__.count(".")]
    installed = {Path(each).resolve() for each in sysconfig.get_paths().values()}
    return module.__name__, None if folder in installed else folder


def _beside(folder: Path, other: Path) -> str:
    """Return a literal that says how ``other`` is found from ``folder``; both can be moved."""
    path = Path(os.path.relpath(other, os.path.realpath(folder))).as_posix()
    return (
        f'"{path}"'
        if path.isascii() and path.isprintable() and not {*path} & {*'"\\'}
        else ascii(path)
    )
