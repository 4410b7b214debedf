"""The regression test that is written beside a shrunk history.

It is a file for pytest, and uses the public Python interface alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from replay.purchases.shrink import Shrunk

_NAME_LENGTH_MAX: Final = 40

_MEASURED: Final = "(last.flagged, last.purchases, last.mean, last.sd)"

_HEAD: Final = '''\
"""Event {event} of {store}: {verdict}.

Written by "python -m replay shrink", which left {after:,} of {before:,} lines. The files
beside this one are all that it needs.
"""

from __future__ import annotations

from pathlib import Path

{imports}

HERE = Path(__file__).parent
BATCH = (HERE / "batch.json").read_bytes()
STREAM = (HERE / "stream.json").read_bytes()


def last_decision(batch: bytes, stream: bytes, folder: Path) -> replay.Decision:
    """Return the last decision of a run on two logs in ``folder``."""
    (folder / "batch.json").write_bytes(batch)
    (folder / "stream.json").write_bytes(stream)
    with replay.Logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "flagged.json")
    *_, last = replay.EventStore(folder / "flagged.json.events").decisions()
    return last


def test_{verdict_name}_as_recorded(tmp_path: Path) -> None:
    """The verdict is the recorded one; mean and sd are in cents."""
    last = last_decision(BATCH, STREAM, tmp_path)
    assert {measured} == {decision}


def test_flagged_file_is_what_it_was(tmp_path: Path) -> None:
    """Each byte of it is."""
    last_decision(BATCH, STREAM, tmp_path)
    assert (tmp_path / "flagged.json").read_bytes() == (HERE / "flagged.json").read_bytes()
'''

_LINES: Final = '''

PAST = {past}  # lines of the batch, behind the parameters


@pytest.mark.parametrize("line", range({lines}))
def test_each_line_matters(line: int, tmp_path: Path) -> None:
    """Without a line of the batch, or of the stream before the last, {otherwise}."""
    batch, stream = BATCH.split(b"\\n"), STREAM.split(b"\\n")
    if line < PAST:
        del batch[1 + line]
    else:
        del stream[line - PAST]
    last = last_decision(b"\\n".join(batch), b"\\n".join(stream), tmp_path)
    assert {differs}
'''


def regression_test(store: str, shrunk: Shrunk, before: int) -> bytes:
    """Return the source of the test.

    Args:
        store: the name of the original's event store, without its folder.
        shrunk: what is left of the history.
        before: how many lines the original has.

    """
    decision, lines = shrunk.decision, len(shrunk.numbers) - 1
    values = (decision.flagged, decision.purchases, decision.mean, decision.sd)
    source = _HEAD.format(
        event=shrunk.recorded.number,
        store=_plain(store),
        verdict="flagged" if decision.flagged else "not flagged",
        after=lines + 2,
        before=before,
        imports="import pytest\n\nimport replay" if lines else "import replay",
        verdict_name="flagged" if decision.flagged else "not_flagged",
        measured=_MEASURED,
        decision=values,
    )
    if lines:
        source += _LINES.format(
            past=shrunk.past,
            lines=lines,
            otherwise="it is decided otherwise" if shrunk.exact else "the verdict is another",
            differs=f"{_MEASURED} != {values}"
            if shrunk.exact
            else f"last.flagged is not {decision.flagged}",
        )
    return source.encode()


def _plain(name: str) -> str:
    """Return ``name`` without what would end a docstring, or be read as something else in it."""
    plain = re.sub(r"[^A-Za-z0-9 ._~+-]", "?", name)
    cut = len(plain) > _NAME_LENGTH_MAX
    return f"{plain[: _NAME_LENGTH_MAX - 3]}..." if cut else plain
