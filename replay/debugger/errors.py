"""What goes wrong in a debugger session."""

from __future__ import annotations

from events.errors import ReplayError


class CommandError(ReplayError):
    """A command does not exist, or was given what it does not take."""
