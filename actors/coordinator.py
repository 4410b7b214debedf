"""The coordinator of purchases, under the name by which detectors of users import it."""

from __future__ import annotations

from actors.purchases.coordinator import CoordinatorActor

__all__ = ["CoordinatorActor"]
