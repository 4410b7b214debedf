"""A library is there or is not, whatever else has its name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from events.errors import MissingLibraryError
from events.libraries import imported, is_installed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder in which modules are looked for, and forget those that were found there."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_folder_with_the_name_of_a_library_is_none(folder: Path) -> None:
    (folder / "hollow").mkdir()
    (folder / "hollow" / "notes.txt").touch()
    assert not is_installed("hollow")
    with pytest.raises(MissingLibraryError, match=r"^x: a library, found none; .* install hollow$"):
        imported("hollow.part", "x: a library")


def test_a_module_of_a_library_is_imported(folder: Path) -> None:
    (folder / "solid").mkdir()
    (folder / "solid" / "__init__.py").touch()
    (folder / "solid" / "part.py").write_text("here = 1\n")
    assert is_installed("solid")
    assert imported("solid.part", "").here == 1


def test_a_library_that_does_not_load_says_so(folder: Path) -> None:
    (folder / "torn.py").write_text("import torn_apart\n")
    with pytest.raises(
        MissingLibraryError,
        match=r"^torn: expected, found one that does not load: No module named 'torn_apart'; ",
    ):
        imported("torn", "torn: expected")
