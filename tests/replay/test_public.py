"""What the Python interface promises holds for every public name."""

from __future__ import annotations

import builtins
import inspect
import re
from typing import TYPE_CHECKING

import pytest

import replay
import replay.testing
from events import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PUBLIC = (replay, replay.testing)


def texts(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield each public name of a module, and of its classes, with its docstring."""
    for name in module.__all__:
        value = getattr(module, name)
        yield name, inspect.getdoc(value) or ""
        for member, each in inspect.getmembers(value) if inspect.isclass(value) else ():
            if not member.startswith("_"):
                yield f"{name}.{member}", inspect.getdoc(each) or ""


def raised(text: str) -> list[str]:
    """Return the errors that a docstring says may be raised."""
    _, _, section = text.partition("Raises:\n")
    return re.findall(r"^ {4}(\w+(?:, \w+)*): ", section, re.MULTILINE)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_error_that_a_public_call_raises_is_a_public_name(module: ModuleType) -> None:
    known = {*dir(builtins), *replay.__all__, *replay.testing.__all__}
    found = [
        (name, error)
        for name, text in texts(module)
        for errors in raised(text)
        for error in errors.split(", ")
        if error not in known
    ]
    assert found == []


def test_errors_of_the_family_are_public_names() -> None:
    family = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert [name for name in family if name not in replay.__all__] == []
