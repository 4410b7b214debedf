"""Exploring many seeds, in this process or by workers; the outcome is the same.

Each worker is handed one seed after another, and the explorations are given in the order of
the seeds. So the first one with a difference has the lowest seed that finds any, however many
workers there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.engine.workers import CAN_FORK, LOST, pool_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from replay.engine.explore import Exploration, Explorer
    from replay.engine.workers import Workforce


def explorations(
    explorer: Explorer, seeds: Sequence[int], workers: int | Workforce
) -> Generator[Exploration, None, None]:
    """Iterate over what each of ``seeds`` gives, in their order.

    Args:
        explorer: does it.
        seeds: what to explore.
        workers: how many processes explore, at least 1, or who has them; with 1 it is this process.

    """
    if isinstance(workers, int):
        workers = min(workers, len(seeds))
    if workers != 1 and CAN_FORK:
        with pool_of(workers, explorer.explore) as pool:
            pool.start()
            for seed, found in pool.answers(seeds):
                yield explorer.explore(seed) if found is LOST else found
        return
    yield from map(explorer.explore, seeds)
