"""What is packed: the source distribution is the checkout, the wheel the three packages."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import replay

ROOT = Path(replay.__file__).parents[1]
PACKAGES = ("actors", "events", "replay")
VERSION = replay.__version__
PACKED = f"rewindable_replay-{VERSION}"

# The development extra brings it.
pytest.importorskip("hatchling")


def built(kind: str, source: Path, folder: Path) -> Path:
    """Build as pip does, but in this environment."""
    code = f"import sys; from hatchling.build import build_{kind}; print(build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(name="sources", scope="module")
def unpacked_source_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    return folder / PACKED


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_source_distribution_is_the_checkout(sources: Path) -> None:
    # What is not committed yet counts, too, and what is ignored does not.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no checkout")
    names = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert files_in(sources) == names | {"PKG-INFO"}


@pytest.mark.slow
def test_tests_of_a_source_distribution_run(sources: Path) -> None:
    for words in (
        # They look at the whole checkout; the others are in it, as the test before says.
        ["--collect-only", *sorted(map(str, (sources / "tests").glob("test_*.py")))],
        ["tests/events/purchases/test_amounts.py", "tests/events/store/test_golden.py"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
            cwd=sources,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_wheel_holds_the_packages_with_their_data_and_nothing_else(tmp_path: Path) -> None:
    names = zipfile.ZipFile(built("wheel", ROOT, tmp_path)).namelist()
    packed = {name for name in names if not name.startswith(f"{PACKED}.dist-info/")}
    there = {f"{each}/{name}" for each in PACKAGES for name in files_in(ROOT / each)}
    assert packed == {name for name in there if "__pycache__" not in name}
    assert {"events/store/FORMAT.md", *(f"{each}/py.typed" for each in PACKAGES)} <= packed
    assert f"{PACKED}.dist-info/licenses/LICENSE" in names


def test_wheel_is_the_same_from_the_checkout_and_from_the_source_distribution(
    sources: Path, tmp_path: Path
) -> None:
    wheels = []
    for name, source in (("one", ROOT), ("other", sources)):
        (tmp_path / name).mkdir()
        wheels.append(built("wheel", source, tmp_path / name).read_bytes())
    assert wheels[0] == wheels[1]
