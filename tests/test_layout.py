"""Rules of the house that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

import replay

ROOT = Path(replay.__file__).parents[1]
PACKAGES = {
    "events": {"events"},
    "actors": {"events", "actors"},
    "replay": {"events", "actors", "replay"},
}
OWN = {*PACKAGES, "scripts", "tests"}


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SOURCES = sorted([*MODULES, *(ROOT / "scripts").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
by_name = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return names


def test_top_level_holds_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no checkout")
    top = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= {
        *OWN, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"
    }  # fmt: skip


@by_name
def test_imports_point_one_way(path: Path) -> None:
    used = {name.partition(".")[0] for name in imported(path)}
    assert used & OWN <= PACKAGES[package_of(path)]


# The rooms of detectors, each with those of other detectors. What those have in common that
# judge events one by one knows none of them, and the engine does not know it.
ROOMS = {
    "purchases": {"intervals", "observations", "custom"},
    "intervals": {"purchases", "custom"},
    "observations": {"purchases", "custom"},
    "custom": {"intervals", "observations", "purchases"},
}
# What runs a detector, or is about one alone.
OF_ONE_DETECTOR = {"sweep.py", "intervals.py"}


def rooms(path: Path) -> set[str]:
    """Return the rooms of our packages that a module imports from."""
    parts = [name.split(".") for name in imported(path)]
    return {each[1] for each in parts if each[0] in PACKAGES and len(each) > 1}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in MODULES
        if path.parent.name in ("commands", "debugger", "engine", "judging", "terminal")
        and not (path.parent.name == "commands" and path.name in OF_ONE_DETECTOR)
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_engine_commands_and_debugger_know_no_detector(path: Path) -> None:
    assert rooms(path) & {*ROOMS} == set()
    attributes = [node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)]
    assert "intervals" not in attributes


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name == "engine"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_engine_does_not_know_how_events_are_judged(path: Path) -> None:
    assert "judging" not in rooms(path)


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name in ROOMS],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_detector_knows_another(path: Path) -> None:
    assert rooms(path) & ROOMS[path.parent.name] == set()


def test_rooms_do_not_import_one_another_in_a_circle() -> None:
    """Also what only types are imported for counts; a module beside the rooms is one of its own."""
    uses: dict[str, set[str]] = {}
    for path in MODULES:
        room, names = ".".join(path.relative_to(ROOT).with_suffix("").parts[:2]), imported(path)
        used = {
            ".".join(name.split(".")[:2]) for name in names if name.partition(".")[0] in PACKAGES
        }
        uses.setdefault(room, set()).update(used - {room})

    def reached(room: str) -> set[str]:
        found: set[str] = set()
        left = [room]
        while left:
            left += (new := uses.get(left.pop(), set()) - found)
            found |= new
        return found

    assert {room for room in uses if room in reached(room)} == set()


@by_name
def test_only_driving_code_reads_clock_environment_or_randomness(path: Path) -> None:
    banned = {"time", "uuid", "secrets", "os"} if package_of(path) != "replay" else {"uuid"}
    if path.parent.name == "logs":
        # Where the world comes in: files that grow are waited for.
        banned -= {"os", "time"}
    # They read and write what is open.
    if path.name in {"disk.py", "writer.py", "extent.py"}:
        banned -= {"os"}
    assert imported(path) & banned == set()
    # They draw with a seed that they are given, and which gives the same again.
    drawing = {"actors/orders.py", "replay/engine/explore.py", "replay/testing/disks.py"}
    if str(path.relative_to(ROOT)) not in drawing:
        assert "random" not in imported(path)


@pytest.mark.parametrize(
    # The third package only shows seconds to people, and logs that grow are waited for.
    "path",
    [path for path in MODULES if package_of(path) != "replay" and path.parent.name != "logs"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_is_decided_or_recorded_in_floating_point(path: Path) -> None:
    for node in ast.walk(tree(path)):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
        assert not (isinstance(node, ast.Name) and node.id == "float")
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)) or (
            "Path" in ast.dump(node)
        )


@by_name
def test_private_names_of_pykka_stay_in_the_dispatcher(path: Path) -> None:
    if path.name != "dispatcher.py":
        assert not {name for name in imported(path) if name.startswith("pykka")}
    assert not {name for name in imported(path) if name.startswith("pykka.")}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name == "testing"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_kit_asserts_without_the_statement(path: Path) -> None:
    # It is left out under PYTHONOPTIMIZE, and pytest rewrites it where the kit is installed.
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree(path)))


@by_name
def test_actors_neither_ask_nor_wait(path: Path) -> None:
    called = {
        node.func.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    # The page's server looks now and then what a run has written; and Ray is no actor of ours.
    ray = {"sleep", "wait"}
    allowed = {"server.py": {"sleep"}, "ray_driver.py": ray, "ray_hosts.py": ray}
    banned = {"ask", "proxy", "sleep", "wait"} - allowed.get(path.name, set())
    assert called & banned == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 70, node.name


@by_name
def test_everything_printed_goes_through_the_standard_streams(path: Path) -> None:
    if path.name == "standard_streams.py" or "testing" in path.parts:
        return
    # Which encoding it has.
    allowed = {"tables.py": {"sys.stdout"}, "paths.py": {"sys.stdin"}}
    used = {
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    banned = {"print", *(f"sys.{name}" for name in ("stdin", "stdout", "stderr", "displayhook"))}
    assert used & banned <= allowed.get(path.name, set())
    # Of rich what draws; what prints is had from the streams, and made for tables alone.
    assert "rich.console" not in imported(path) or path.name == "tables.py"


def test_no_script_shadows_a_package() -> None:
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} & OWN == set()


def test_public_names_are_exported_sorted() -> None:
    assert sorted(replay.__all__) == replay.__all__
    assert [name for name in replay.__all__ if not hasattr(replay, name)] == []


def test_versions_are_pinned_without_any_address() -> None:
    lines = (ROOT / "scripts" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin)] == []
