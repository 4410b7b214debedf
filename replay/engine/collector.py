"""Keeping Python's cyclic garbage collector away from a history.

Nothing of it is garbage and hardly anything cyclic. Looking at all of it again and again
added 1 s to 500,000 observations, 3 % to a run on 20,000 new purchases, and 0.1 to 0.2 s to a
search of a million observations in a frame.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing inside the block."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
