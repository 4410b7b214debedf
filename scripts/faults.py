"""Shows that the test kit bites: plants faults in a copy of the sources and runs the properties.

python scripts/faults.py [--count N] [--only TEXT] [--jobs J] [--markdown]

For each fault it says which property failed first, and to how many lines of the logs the
failing history was shrunk. The exit status is 1 if a fault was not caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted.sources import FAULTS, Fault

from replay.testing.logged import LoggedHistory

ROOT: Final = Path(__file__).resolve().parents[1]
PROPERTIES: Final = "tests/test_properties.py"
_COPIED: Final = (
    "actors",
    "events",
    "replay",
    "pyproject.toml",
    "tests/conftest.py",
    "tests/walks.py",
    PROPERTIES,
)
_FAILED: Final = 1


class Caught(NamedTuple):
    """What became of a fault."""

    fault: Fault
    """What was planted."""
    check: str | None
    """The property that failed first, or None where all held."""
    lines: int | None
    """How many lines the shrunk history has, parameters left out."""
    seconds: float
    """How long it took to find and to shrink."""


def main() -> int:
    """Plant the faults and print what caught them."""
    parser = argparse.ArgumentParser(
        description="Plant faults in a copy of the sources and show what catches them.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--count", type=int, default=len(FAULTS), help="how many of them, spread over all kinds"
    )
    parser.add_argument("--only", metavar="TEXT", default="", help="those whose name holds TEXT")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--markdown", action="store_true", help="print the page's table")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only in fault.name]
    count = max(1, min(options.count, len(faults)))
    chosen = [faults[place * len(faults) // count] for place in range(count)]
    with ThreadPoolExecutor(options.jobs) as pool:
        found = []
        for caught in pool.map(plant, chosen):
            found.append(caught)
            print(_row(caught, markdown=options.markdown), flush=True)
    missed = [caught.fault.name for caught in found if caught.check is None]
    print(f"{len(found) - len(missed)} of {len(found)} faults caught")
    return 1 if missed else 0


def plant(fault: Fault) -> Caught:
    """Run the properties on a copy of the sources with ``fault`` in it.

    Raises:
        SystemExit: it cannot be planted, or the copy does not run at all.

    """
    with TemporaryDirectory() as name:
        copy, output = Path(name) / "copy", Path(name) / "output"
        for part in _COPIED:
            source, target = ROOT / part, copy / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        altered = copy / fault.path
        text = altered.read_text(encoding="utf-8")
        if text.count(fault.right) != 1:
            raise SystemExit(
                f"{fault.path}: expected the text to be replaced for {fault.name!r} once, found "
                f"it {text.count(fault.right)} times"
            )
        altered.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
        began = time.perf_counter()
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
             f"--replay-output={output}", PROPERTIES],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "HYPOTHESIS_PROFILE": "faults"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        failed = re.search(r"^FAILED \S+?::(\S+)", finished.stdout, re.MULTILINE)
        if finished.returncode not in (0, _FAILED) or (finished.returncode and failed is None):
            raise SystemExit(f"{fault.name}: the copy does not run:\n{finished.stdout}")
        return Caught(fault, failed and failed[1].partition("::")[0], _shrunk(output), seconds)


def _shrunk(output: Path) -> int | None:
    """Return how many lines the history has that pytest left in ``output``."""
    for batch in sorted(output.glob("*/batch.json")):
        return len(LoggedHistory.read(batch.parent).lines)
    return None


def _row(caught: Caught, *, markdown: bool) -> str:
    check = "NOT CAUGHT" if caught.check is None else _said(caught.check)
    lines = "-" if caught.lines is None else str(caught.lines)
    if markdown:
        return f"| {caught.fault.name} | {check} | {lines} |"
    return f"{caught.fault.name:55} {check:62} {lines:>3} lines {caught.seconds:6.1f} s"


def _said(check: str) -> str:
    """Return the name of a test as words."""
    return (
        "the live run" if check == "TestLiveRun" else check.removeprefix("test_").replace("_", " ")
    )


if __name__ == "__main__":
    sys.exit(main())
