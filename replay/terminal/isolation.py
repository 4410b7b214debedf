"""What lies in the current folder is data, also where it is called like a module.

``python -m replay`` puts the current folder before all others where modules are found.
There a log that somebody has split with an ``events.py``, or a ``random.py`` for a
workload, would be run in place of what is meant. So `replay` imports this module before
any other: it takes that folder out again, as ``python -P`` would have done. The current
folder is left alone where this project lies in it, and for whoever imports `replay` in a
program of their own; where it has a module of one of this project's names, that is said.
"""

# Nothing that Python has not loaded by now: it would be looked for in that folder.
import os
import sys


def is_command() -> bool:
    """Tell whether ``python -m replay`` is being started."""
    # Until the module is found, the first argument says that it is looked for; the name
    # stands before the others on the command line.
    if sys.argv[:1] != ["-m"]:
        return False
    module = "".join(sys.orig_argv[-len(sys.argv) :][:1])
    if module.startswith("-"):
        module = module.partition("m")[2]
    return module in ("replay", "replay.__main__")


home = __file__
for _ in __name__.split("."):
    home = os.path.dirname(home)  # noqa: PTH120  pathlib is not loaded yet
if is_command() and not sys.flags.safe_path:
    try:
        current = os.getcwd()  # noqa: PTH109
    except OSError:
        # It was removed, and Python has left it out itself.
        current = home
    if current != home and sys.path[:1] == [current]:
        del sys.path[:1]

import actors  # noqa: E402
import events  # noqa: E402

for package in (actors, events):
    found = package.__file__ or "a folder without modules"
    if os.path.dirname(os.path.dirname(found)) != home:  # noqa: PTH120
        raise ImportError(
            f"replay: expected its package {package.__name__} in {home}, found {found}; "
            "rename that, or start Python where it is not found, or with -P"
        )
