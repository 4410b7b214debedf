"""The real program, in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from campaigns.cases import CaseFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]

python_words: list[str] = ["-m", "replay"]
"""What Python is given to run the program; a test puts a faulty one here."""


def started(
    words: Sequence[str | Path], said: Path, stdin: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start the program with ``words``; what it says goes to the file ``said``.

    Args:
        words: what it is told.
        said: where what it says goes.
        stdin: the file that comes through standard input, if one does.

    """
    with said.open("wb") as file, (stdin or Path(os.devnull)).open("rb") as given:
        return subprocess.Popen(
            [sys.executable, *python_words, *words],
            cwd=ROOT,
            stdin=given,
            stdout=file,
            stderr=file,
        )


def finished(words: Sequence[str | Path], said: Path, stdin: Path | None = None) -> str:
    """Run the program with ``words`` and return what it says.

    Raises:
        CaseFailedError: it ended with another status than 0, or with a traceback.

    """
    status = started(words, said, stdin).wait()
    text = said.read_text(encoding="utf-8", errors="replace")
    if status != 0 or "Traceback" in text:
        raise CaseFailedError(f"expected status 0, found {status}: {text[-2_000:]}")
    return text
