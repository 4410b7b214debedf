"""Fair dice in place of Hypothesis' own choices, for tests of what is drawn how often.

Hypothesis prefers what is simple, repeats parts of what it drew, and tries constants of
all modules that are loaded. So how often something comes up differs with what else was
tested in the same process, even when it is derandomized. With fair dice a share is what
the strategy says, and the same wherever it is drawn.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

if TYPE_CHECKING:
    from typing import NoReturn

    from hypothesis.internal.conjecture.data import ConjectureData

_NAME: Final = "fair-dice"


class FairDice(PrimitiveProvider):
    """Draws booleans and bounded numbers evenly, from the same seed in every test."""

    def __init__(self, conjecturedata: ConjectureData | None, /) -> None:
        super().__init__(conjecturedata)
        self._random = random.Random(0)

    def draw_boolean(self, p: float = 0.5) -> bool:
        return self._random.random() < p

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **_hints: object
    ) -> int:
        assert min_value is not None
        assert max_value is not None
        return self._random.randint(min_value, max_value)

    def draw_float(
        self, *, min_value: float = -math.inf, max_value: float = math.inf, **_hints: object
    ) -> float:
        assert math.isfinite(min_value)
        assert math.isfinite(max_value)
        return self._random.uniform(min_value, max_value)

    def _none_are_drawn(self, *_: Any, **_hints: Any) -> NoReturn:
        raise NotImplementedError("no strategy of the kit draws it")

    draw_string = draw_bytes = _none_are_drawn


AVAILABLE_PROVIDERS[_NAME] = FairDice


def fair(examples: int, *, shrinking: bool = False, steps: int = 30) -> settings:
    """Return settings for so many examples of fair dice, always the same ones.

    Args:
        examples: how many.
        shrinking: whether an example that fails is made smaller.
        steps: how many steps a state machine takes.

    """
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        backend=_NAME,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrinking else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
