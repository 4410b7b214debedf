"""Runs a command again and again, killed at each of its file operations in turn.

As a program of its own, which has one thread, it may fork. It reads what to do as JSON from
standard input, and tells as JSON what each killed command has left and what the next made
of it.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

OPERATIONS = {
    "open",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
}


def contents(folder: Path) -> dict[str, str]:
    """Return what the files below ``folder`` hold, by name, in base64."""
    return {
        str(path.relative_to(folder)): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def command(words: list[str], operation: int) -> int:
    """Run a command in a process of its own; return its status, or -9 where it was killed.

    Args:
        words: the command.
        operation: at which operation on the current folder, from 1, it is killed; 0: at none.

    """
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    folder, seen = str(Path.cwd()), 0

    def killing(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in OPERATIONS or isinstance(arguments[0], int):
            return
        where = arguments[0]
        if event == "open" and not writes(arguments):
            return
        if os.path.abspath(os.fsdecode(where)).startswith(folder):  # noqa: PTH100
            seen += 1
            if seen == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    if operation:
        sys.addaudithook(killing)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    from replay.cli import main  # noqa: PLC0415  in the parent it would hold open what it opens

    os._exit(main(words))


def writes(arguments: tuple[Any, ...]) -> bool:
    """Tell whether a file is opened to be written to."""
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def run() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    prepared, words = Path(asked["folder"]), asked["words"]
    work = prepared.with_name(f"{prepared.name}-killed")
    told: list[dict[str, Any]] = []
    for operation in range(1, 1_000):
        if work.exists():
            shutil.rmtree(work)
        shutil.copytree(prepared, work)
        os.chdir(work)
        status = command(words, operation)
        left = contents(work)
        again = command(words, 0)
        told.append({"status": status, "left": left, "again": again, "then": contents(work)})
        if status != -signal.SIGKILL:
            break
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    import replay.cli  # noqa: F401  once, for all that are forked

    run()
