"""Bounds of what a store holds, as types: reading refuses a value that is outside of them.

They hold where msgspec decodes; a record that is made by the program itself is not
looked at.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

NUMBER_MAX: Final = 2**63 - 1
"""The largest number of anything: msgpack's largest signed whole number."""
NUMBER_MIN: Final = -NUMBER_MAX - 1
"""The least one, where it may be negative."""

Number: TypeAlias = Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
"""The number of an event or a line, counted from 1."""
Count: TypeAlias = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
"""How many there are of something, or a place counted from 0."""
Signed: TypeAlias = Annotated[int, Meta(ge=NUMBER_MIN, le=NUMBER_MAX)]
"""A whole number that may be negative."""
Total: TypeAlias = Annotated[int, Meta(ge=0)]
"""What may have 64 bits, such as an amount; msgpack has no larger whole numbers."""
Name: TypeAlias = Annotated[str, Meta(min_length=1)]
"""An id: any text but an empty one."""
Hash: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""A SHA-256."""
