"""Decodes a batch log with msgspec and does nothing else: the floor for any run.

Whatever reads these lines in Python has to decode them; `scripts/bench.py` gives a
run's time as a multiple of this program's. Usage: python scripts/floor.py BATCH
"""

import sys
from typing import Final

import msgspec

BLOCK_BYTES: Final = 1 << 16


class Purchase(msgspec.Struct, tag_field="event_type", tag="purchase", gc=False):
    """A purchase as a log spells it."""

    timestamp: str
    id: str
    amount: str


class Befriend(msgspec.Struct, tag_field="event_type", tag="befriend", gc=False):
    """The start of a friendship as a log spells it."""

    timestamp: str
    id1: str
    id2: str


class Unfriend(msgspec.Struct, tag_field="event_type", tag="unfriend", gc=False):
    """The end of a friendship as a log spells it."""

    timestamp: str
    id1: str
    id2: str


def count_events(path: str) -> int:
    """Return how many events stand in the batch log at ``path`` after its first line."""
    decode_lines = msgspec.json.Decoder(Purchase | Befriend | Unfriend).decode_lines
    count = 0
    with open(path, "rb") as file:  # noqa: PTH123  pathlib would be part of what is measured
        file.readline()
        rest = b""
        while block := file.read(BLOCK_BYTES):
            data = rest + block
            end = data.rfind(b"\n") + 1
            count += len(decode_lines(data[:end]))
            rest = data[end:]
        return count + len(decode_lines(rest))


if __name__ == "__main__":
    print(count_events(sys.argv[1]))
