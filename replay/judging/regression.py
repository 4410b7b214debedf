"""The regression test that is written beside a shrunk history.

It is a file for pytest, and uses the public Python interface alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from replay.engine.shrink import Shrunk

_NAME_LENGTH_MAX: Final = 40

_HEAD: Final = '''\
"""Event {event} of {store}: {verdict}.

Written by "python -m replay shrink", which left {after:,} of {before:,} lines. The files
beside this one are all that it needs{needs}.
"""

from __future__ import annotations

from pathlib import Path

{imports}

HERE = Path(__file__).parent
BATCH = (HERE / "batch.json").read_bytes()
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


class Spoken(NamedTuple):
    """How a test names a detector, and what it does with it."""

    logs: str
    """What opens the logs."""
    verdict_type: str
    """What a decision is."""
    decisions: str
    """Statements that make ``last`` the last decision."""
    imports: str = ""
    """What is imported for it."""
    detector: str = ""
    """The argument that names it."""
    units: str = ""
    """What the numbers of a verdict are."""


def judged_regression(
    store: str, shrunk: Shrunk, before: int, spoken: Spoken, *, headed: bool
) -> bytes:
    """Return the source of the test.

    Args:
        store: the name of the original's event store, without its folder.
        shrunk: what is left of the history.
        before: how many lines the original has.
        spoken: how the detector is named.
        headed: whether the batch has a line of parameters.

    """
    decision, lines = shrunk.decision, len(shrunk.numbers) - 1
    names = [name for name in decision.__struct_fields__ if name != "number"]
    # Whether it is flagged comes first, whatever a detector's own verdicts say besides.
    names.sort(key=lambda name: name != "flagged")
    measured = ", ".join(f"last.{name}" for name in names)
    values = tuple(getattr(decision, name) for name in names)
    # A tuple of one has a comma.
    measured = f"({measured}{',' if len(names) == 1 else ''})"
    source = _HEAD.format(
        event=shrunk.recorded.number,
        store=plain_name(store),
        needs=" besides the detector, which has to be found" if spoken.imports else "",
        verdict="flagged" if decision.flagged else "not flagged",
        after=lines + 1 + headed,
        before=before,
        imports=("import pytest\n\nimport replay" if lines else "import replay") + spoken.imports,
        verdict_name="flagged" if decision.flagged else "not_flagged",
        measured=measured,
        decision=values,
        **{name: each for name, each in spoken._asdict().items() if name != "imports"},
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


def imported(detector: type) -> str:
    """Return the line that imports ``detector``, which has to be found by whoever runs a test."""
    return f"\nfrom {detector.__module__} import {detector.__qualname__}"


def plain_name(name: str) -> str:
    """Return ``name`` without what would end a docstring, or be read as something else in it."""
    plain = re.sub(r"[^A-Za-z0-9 ._~+-]", "?", name)
    cut = len(plain) > _NAME_LENGTH_MAX
    return f"{plain[: _NAME_LENGTH_MAX - 3]}..." if cut else plain
