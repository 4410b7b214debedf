"""Whether the rows of a search may be appended to what stands in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from events.errors import InputError, StoreError
from events.store.store import EventStore
from replay.engine.files import STORE_SUFFIX
from replay.intervals.lines import title_of

if TYPE_CHECKING:
    from events.observations.parameters import IntervalParameters
    from events.times.timestamps import Zone


def check_appending(
    parameters: IntervalParameters,
    zone: Zone | None,
    output: Path,
    start: int,
    standing: EventStore | None,
) -> None:
    """Refuse to append rows that nothing would tell from those of another search.

    What is known of the rows that stand there is what two stores say: the one that a new one
    is to replace, and the one in the usual place; and the columns of a CSV file.

    Args:
        parameters: what is looked for.
        zone: that of the observations; None where it is not known.
        output: where the rows go.
        start: at which byte of it they begin.
        standing: the store that stands where that of this search is to be, if one does.

    Raises:
        InputError: there are rows of another search, or other columns.

    """
    if not start:
        return
    for store in (standing, _beside(output, standing)):
        if store is None or store.header.intervals is None:
            continue
        words = parameters.other_settings(store.intervals)
        if {zone, store.zone} == {"none", "utc"}:
            words.append("zone of its times")
        if words:
            raise InputError(
                f"{output}: expected rows of the same search there, found that {store.path} is "
                f"of one with another {' and '.join(words)}; nothing would tell their rows "
                "apart, so name another file or use --overwrite"
            )
    if parameters.output == "csv":
        _check_title(title_of(parameters), output)


def _beside(output: Path, standing: EventStore | None) -> EventStore | None:
    path = Path(f"{output}{STORE_SUFFIX}")
    if standing is not None and standing.path == path:
        return None
    try:
        return EventStore(path) if path.is_file() else None
    except StoreError:
        return None


def _check_title(title: bytes, output: Path) -> None:
    with output.open("rb") as file:
        found = file.readline(len(title) + 2).rstrip(b"\r\n")
    if found != title:
        raise InputError(
            f"{output}: expected a file that begins with the columns {title.decode()}, found "
            "another; name another file or use --overwrite"
        )
