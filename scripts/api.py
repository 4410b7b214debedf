"""Write the page of all public names from their docstrings.

python scripts/api.py            writes replay/API.md
python scripts/api.py --check    says whether it is current, with status 1 if it is not
"""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_overloads

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import replay  # noqa: E402  from the folder beside this one
import replay.testing  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PAGE: Final = ROOT / "replay" / "API.md"
INTRODUCTION: Final = """\
# Every public name

Made from the docstrings by `python scripts/api.py`; a test compares the two.

* **Units.** Whole numbers are exact, and amounts of events are in 1/10,000 of the currency unit,
  means and deviations of decisions in cents (1/100), cut and not rounded. They are not to be
  compared with one another: for that there are decimals in the currency unit, which
  `FlaggedPurchase`, the attributes that end with `_decimal`, and frames have.
* **Times** are text as `YYYY-MM-DD HH:MM:SS`, in frames datetimes. **Events** are numbered from 1,
  in the order in which they were accepted.
* **Errors** are all made of `ReplayError`, whose `exit_status` is the status that a command ends
  with; the message is one line that says what was expected and what was found.
* **Logging.** What happens in a run is told to the logger `replay`, unless it has a listener.
"""
OURS: Final = ("actors", "events", "replay")
WIDTH: Final = 96
# How far the name of an argument or an error stands from the margin of its docstring.
_ENTRY: Final = re.compile(r"(?:    )?(\*{0,2}[\w.]+(?:, \w+)*): +(\S.*)")
_SECTION: Final = re.compile(r"(Args|Returns|Raises|Yields):")


def main() -> int:
    """Write the page, or compare it; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Write replay/API.md, the page of all public names."
    )
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    options = parser.parse_args()
    page = page_of(replay, replay.testing)
    if not options.check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        where = PAGE.relative_to(ROOT)
        print(f"{where}: expected what the docstrings say now; run python scripts/api.py")
        return 1
    return 0


def page_of(*modules: ModuleType) -> str:
    """Return the page of the public names of ``modules``."""
    parts = [INTRODUCTION]
    for module in modules:
        parts.append(f"## {module.__name__}\n")
        parts += [described(module, name) for name in module.__all__ if name != "__version__"]
    return "\n".join(parts)


def described(module: ModuleType, name: str) -> str:
    """Return what is said of one public name of ``module``."""
    value = getattr(module, name)
    lines = [f"### {module.__name__}.{name}\n"]
    if inspect.isclass(value) and issubclass(value, BaseException):
        status = getattr(value, "exit_status", None)
        lines.append(text_of(value) + (f"\n\nExit status {status}." if status else "") + "\n")
    elif inspect.isclass(value):
        lines += [signature_of(name, value), f"{text_of(value)}\n"]
        members = members_of(value)
        lines += [f"* `{each}`: {said}" for each, said in members] + [""] * bool(members)
    elif callable(value):
        # What is called in several ways has a signature for each, and one that takes them all.
        ways = get_overloads(value) if inspect.isfunction(value) else []
        lines += [*(signature_of(name, each) for each in ways or [value]), f"{text_of(value)}\n"]
    else:
        lines.append(f"Stands for `{re.sub(r'[a-z_.]+[.]', '', str(value))}`.\n")
    return "\n".join(lines)


def signature_of(name: str, value: Any) -> str:
    """Return how ``value`` is called, as a block of code."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    line = f"{name}{signature}"
    if len(plain(line)) > WIDTH:
        parts = [str(each) for each in signature.parameters.values()]
        kinds = [each.kind for each in signature.parameters.values()]
        if "(*, " in line or ", *, " in line:
            parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
        if ", /" in line:
            parts.insert(kinds.count(inspect.Parameter.POSITIONAL_ONLY), "/")
        end = line[line.rindex(") -> ") :] if ") -> " in line else ")"
        listed = "".join(f"    {each},\n" for each in parts)
        line = f"{name}(\n{listed}{end}"
    return f"```python\n{plain(line)}\n```\n"


def plain(signature: str) -> str:
    """Return a signature without quotes around types, what is checked of values, and addresses."""
    bare = re.sub(r"(?:typing\.)?Annotated\[(\w+), msgspec\.Meta\([^)]*\)\]", r"\1", signature)
    bare = re.sub(r"<(?:class|function) '?(?:\w+\.)*(\w+)'?(?: at \w+)?>", r"\1", bare)
    bare = re.sub(r"<factory>|<[\w.]+ object at \w+>", "...", bare)
    # Python 3.13 has its paths there.
    bare = bare.replace("pathlib._local.", "pathlib.")
    return bare.replace("''", '""').replace("'", "").replace("~", "")


def text_of(value: Any) -> str:
    """Return the docstring of ``value``, with its arguments and errors as lists."""
    lines: list[str] = []
    section = ""
    for line in (inspect.getdoc(value) or "").splitlines():
        if found := _SECTION.fullmatch(line):
            section = found[1]
            continue
        if section in ("Returns", "Yields") and line.startswith("    "):
            lines.append(f"* {section.lower()} {line.strip()}")
            section = " "
            continue
        entry = _ENTRY.fullmatch(line) if section else None
        if entry and section in ("Args", "Raises"):
            verb = "raises " if section == "Raises" else ""
            lines.append(f"* {verb}`{entry[1]}`: {entry[2]}")
        elif section and line and not line.startswith(" "):
            section = ""
            lines.append(line)
        else:
            lines.append(f"  {line.strip()}" if section and line else line)
    return re.sub(r"``(.*?)``", r"`\1`", "\n".join(lines).strip())


def members_of(value: type) -> list[tuple[str, str]]:
    """Return what is public of a class and said of it, inherited from classes of ours, too."""
    found: dict[str, str] = {}
    for cls in value.__mro__:
        if cls.__module__.partition(".")[0] not in OURS:
            continue
        for name, said in (*attributes_of(cls), *methods_of(cls)):
            found.setdefault(name, said)
    return list(found.items())


def attributes_of(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the attributes of ``cls`` that have a text of their own, and this."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    bodies = [node.body] if isinstance(node, ast.ClassDef) else []
    bodies += [
        each.body
        for body in bodies
        for each in body
        if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    ]
    for body in bodies:
        for assigned, said in itertools.pairwise(body):
            if not (isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)):
                continue
            if isinstance(assigned, ast.Assign | ast.AnnAssign):
                target = (
                    assigned.targets[0] if isinstance(assigned, ast.Assign) else assigned.target
                )
                name = ast.unparse(target).removeprefix("self.")
                if not name.startswith("_"):
                    yield name, " ".join(re.sub("``", "`", str(said.value.value)).split())


def methods_of(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the methods and properties of ``cls``, and the text of each."""
    for name, value in vars(cls).items():
        function = getattr(value, "__func__", value)
        if name.startswith("_") or not (callable(function) or isinstance(value, property)):
            continue
        if inspect.isclass(function):
            # Its text is that of the class.
            continue
        if not (said := text_of(value if isinstance(value, property) else function)):
            continue
        if callable(function):
            parameters = list(inspect.signature(function).parameters.values())
            own = parameters if isinstance(value, staticmethod) else parameters[1:]
            bare = inspect.Signature(
                [each.replace(annotation=inspect.Parameter.empty) for each in own]
            )
            name = f"{name}{bare}"  # noqa: PLW2901  as it is called
        yield name, textwrap.indent(said, "  ").strip()


if __name__ == "__main__":
    sys.exit(main())
