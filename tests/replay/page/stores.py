"""Stores that pages are made of in tests: the sample's, intervals, a user's detector, nasty ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import replay
from events.times.durations import parse_duration
from tests.rings import Rings

ROOT = Path(replay.__file__).parents[1]
SAMPLE = ROOT / "scripts" / "sample"

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>&amp;&#0;",
    "\u202eevil\u2066",
    "شركة العملاء",
    "a\x1b[31mb\x00c\ufffe",
    "https://example.org/?a=1&b=2#c",
    "../../etc/passwd",
    "x" * 300,
    "\\u202e\\",
    "'; DROP TABLE users; --",
    "\U000e0041\u200b \u2028",
)


def sample(folder: Path, tracked: int | None = None) -> Path:
    """Run on the project's sample, and return the store."""
    with replay.Logs(
        SAMPLE / "batch_log.json", SAMPLE / "stream_log.json", tracked=tracked
    ) as logs:
        return replay.run(logs, folder / "flagged.json").store_path


def nasty(folder: Path) -> Path:
    """Run on users with ids that want to be obeyed, and return the store; event 26 is flagged."""
    time = "2017-06-13 11:33:01"

    def line(**fields: Any) -> str:
        return json.dumps({**fields, "timestamp": time})

    buyer, *others = NASTY
    batch = ['{"D":"2", "T":"50"}']
    batch += [line(event_type="befriend", id1=buyer, id2=other) for other in others[:6]]
    batch += [line(event_type="befriend", id1=others[0], id2=other) for other in others[6:]]
    for cents in (0, 1):
        batch += [
            line(event_type="purchase", id=other, amount=f"{10 + place}.{cents:02}")
            for place, other in enumerate(others[: 7 + cents])
        ]
    stream = [line(event_type="purchase", id=buyer, amount="999999999999999.9999")]
    stream += [line(event_type="unfriend", id1=buyer, id2=others[0])]
    (folder / "batch.json").write_text("\n".join(batch))
    (folder / "stream.json").write_text("\n".join(stream))
    with replay.Logs(folder / "batch.json", folder / "stream.json") as logs:
        return replay.run(logs, folder / "nasty & 'odd'.json").store_path


def rings(folder: Path) -> Path:
    """Run a detector of a user's own, and return the store; event 3 is flagged."""
    lines = [
        {"event_type": "transfer", "timestamp": f"2020-01-01 10:00:0{place}", **fields}
        for place, fields in enumerate(
            (
                {"sender": NASTY[0], "receiver": "b", "amount": 2_000},
                {"sender": "b", "receiver": "c", "amount": 10},
                {"sender": "b", "receiver": NASTY[0], "amount": 3_000},
                {"sender": "c", "receiver": "b", "amount": 5},
            )
        )
    ]
    (folder / "batch.json").write_text("{}\n" + json.dumps(lines[0]) + "\n")
    (folder / "stream.json").write_text("\n".join(map(json.dumps, lines[1:])))
    from replay.custom.logs import FactLogs  # noqa: PLC0415

    with FactLogs(folder / "batch.json", folder / "stream.json", Rings) as logs:
        return replay.run(logs, folder / "rings.json", detector=Rings).store_path


def intervals(folder: Path) -> Path:
    """Search the project's sample of observations, and return the store; 371 found one."""
    from replay.cli import main  # noqa: PLC0415

    assert parse_duration("10m")
    output = folder / "intervals.csv"
    words = ["intervals", "-q", str(SAMPLE / "observations.csv"), str(output)]
    assert main([*words, "--threshold", "10m", "--by", "address"]) == 0
    return Path(f"{output}.events")


def all_of_them(folder: Path) -> Path:
    """Make a store of each kind in a folder, called as what makes it, and return the folder."""
    for make in (sample, nasty, rings, intervals):
        (folder / make.__name__).mkdir()
        make(folder / make.__name__).rename(folder / f"{make.__name__}.events")
    return folder


def growing(folder: Path, at: Path, frames: int = 1) -> tuple[Path, bytes]:
    """Write the first frames of the sample's store to ``at``; return it, and what follows."""
    store = folder / "sample.events"
    content, end = store.read_bytes(), replay.EventStore(store)._frames[frames - 1].end
    at.write_bytes(content[:end])
    return at, content[end:]
