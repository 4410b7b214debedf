"""From blocks of observations to the records that an event store keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from events.observation import Reason, RejectedRow
from events.records import Lines, Observed, Record, Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.observation import ObservationBlock


def after_line(block: ObservationBlock, line: int) -> ObservationBlock:
    """Return the rows of ``block`` that begin after ``line``."""
    places = [place for place, number in enumerate(block.numbers) if number > line]
    rejected = [row for row in block.rejected if row.number > line]
    return _chosen(block, places, rejected)


def _chosen(
    block: ObservationBlock, places: Sequence[int], rejected: list[RejectedRow]
) -> ObservationBlock:
    return block._replace(
        numbers=[block.numbers[place] for place in places],
        times=[block.times[place] for place in places],
        adids=[block.adids[place] for place in places],
        keys=None if block.keys is None else [block.keys[place] for place in places],
        rejected=rejected,
    )


def without_late(block: ObservationBlock, late: dict[int, str]) -> ObservationBlock:
    """Return ``block`` with the observations at the places of ``late`` among the rejected."""
    numbers = [block.numbers[place] for place in late]
    rows = [
        RejectedRow(number, Reason.LATE, detail, line)
        for number, detail, line in zip(
            numbers, late.values(), block.source_rows(numbers), strict=True
        )
    ]
    places = [place for place in range(len(block.times)) if place not in late]
    rejected = sorted([*block.rejected, *rows], key=lambda row: row.number)
    return _chosen(block, places, rejected)


def records_of(block: ObservationBlock, number: int) -> list[Record]:
    """Return what the event store keeps of a block, whose first observation has ``number``."""
    numbers, times, adids, keys = block.numbers, block.times, block.adids, block.keys
    if not block.rejected and numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        observed = Observed(
            number, tuple(times), tuple(adids), None if keys is None else tuple(keys)
        )
        return [Lines("observations", numbers[0]), observed]
    records: list[Record] = []
    rejected = {row.number: row for row in block.rejected}
    place_of = {line: place for place, line in enumerate(numbers)}
    run: list[int] = []

    def end_run() -> None:
        nonlocal number
        if run:
            records.append(
                Observed(
                    number,
                    tuple([times[place] for place in run]),
                    tuple([adids[place] for place in run]),
                    None if keys is None else tuple([keys[place] for place in run]),
                )
            )
            number += len(run)
            run.clear()

    following = 0
    for line in sorted([*rejected, *place_of]):
        if line != following:
            end_run()
            records.append(Lines("observations", line))
        if line in rejected:
            end_run()
            row = rejected[line]
            records.append(Rejected("observations", *msgspec.structs.astuple(row)))
        else:
            run.append(place_of[line])
        following = line + 1
    end_run()
    return records
