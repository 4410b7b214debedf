"""Other processes, as tests look at them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def children_of(process: int) -> list[int]:
    """Return the processes that a process has started and not seen the end of."""
    words = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return list(map(int, words))


def eventually(holds: Callable[[], bool]) -> bool:
    """Tell whether something holds within a minute."""
    for _ in range(1_200):
        if holds():
            return True
        time.sleep(0.05)
    return False
