"""What the Python interface promises holds for every public name."""

from __future__ import annotations

import builtins
import inspect
import re
from decimal import Decimal
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


def test_what_is_measured_can_be_compared_in_one_unit() -> None:
    purchase = replay.Purchase("2017-06-13 11:33:02", 7, "2", 291_100)
    decision = replay.Decision(7, False, 3, 2910, 2146)
    assert (purchase.amount_decimal, decision.mean_decimal) == (Decimal("29.11"), Decimal("29.10"))
    assert decision.sd_decimal == Decimal("21.46")
    assert purchase.amount_decimal > decision.mean_decimal
    # As whole numbers they are of two units, which the name of one of them does not say.
    with pytest.warns(
        FutureWarning, match=r"^Decision.mean is in cents .* Purchase.amount in 1/10,000"
    ):
        assert decision.mean == decision.mean_cents == 2910
    with pytest.warns(FutureWarning, match="compare sd_decimal with amount_decimal") as warned:
        assert decision.sd == decision.sd_cents
    assert warned[0].filename == __file__


def test_errors_of_the_family_are_public_names() -> None:
    family = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert [name for name in family if name not in replay.__all__] == []
