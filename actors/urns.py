"""The stable names of actors, by which traces and differences tell of them."""

from __future__ import annotations

from typing import Final

COORDINATOR: Final = "urn:coordinator"
"""The only one of its kind, as the sink is."""
SINK: Final = "urn:sink"


def urn_of_user(user: str) -> str:
    """Return the name of the actor of ``user``."""
    return f"urn:user:{user}"


def urn_of_shard(number: int) -> str:
    """Return the name of an actor that searches the observations of some keys."""
    return f"urn:shard:{number}"


def urn_of_key(key: str) -> str:
    """Return the name of the actor that searches the observations of ``key``, or all of them."""
    return f"urn:interval:{key}" if key else "urn:interval"
