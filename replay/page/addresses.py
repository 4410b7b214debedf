"""Addresses of the page: each names a moment completely, and leads back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN, VALUE_MAX
from replay.arguments import is_whole
from replay.page.content import Links, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.page.opened import Opened


class NoSuchPageError(Exception):
    """An address that leads nowhere."""


class Addresses(Links):
    """The addresses of one store, looked at from some setting."""

    def __init__(self, opened: Opened, setting: Setting | None) -> None:
        """Give the addresses of a store; a setting that is the run's own is left out."""
        self._base: Final = self.base(opened.name)
        self._own: Final = opened.setting
        self._setting: Final = setting

    @staticmethod
    def base(name: str) -> str:
        """Return what the addresses of the store of a name begin with."""
        return f"/s/{quote(name, safe='')}"

    def event(self, event: int, setting: Setting | None = None) -> str:
        """Return the address of an event, at the setting that is looked at or another."""
        return self.of(f"event/{event}", setting)

    def of(self, page: str, setting: Setting | None = None, **query: object) -> str:
        """Return the address of another page of the store."""
        at = setting or self._setting
        if at is not None and at != self._own:
            query |= {"d": at.degrees, "t": at.tracked}
        return f"{self._base}/{page}{'?' if query else ''}{urlencode(query)}"


def setting_in(query: Mapping[str, str], own: Setting | None) -> Setting | None:
    """Return the D and T that an address names, of which one may be left out.

    Raises:
        NoSuchPageError: it names none that there can be, or the store has none.

    """
    if not {"d", "t"} & query.keys():
        return own
    if own is None:
        raise NoSuchPageError("expected a store of purchases with D and T, found another")
    values = []
    for name, least, default in (("d", DEGREES_MIN, own.degrees), ("t", TRACKED_MIN, own.tracked)):
        text = query.get(name, str(default))
        if not is_whole(text) or not least <= int(text) <= VALUE_MAX:
            raise NoSuchPageError(
                f"{name}: expected a whole number from {least} on, found another; mend the address"
            )
        values.append(int(text))
    return Setting(*values)


def event_in(text: str, count: int) -> int:
    """Return the number of an event that an address names, of ``count`` that there are.

    Raises:
        NoSuchPageError: there is no such event.

    """
    if not is_whole(text) or not 1 <= int(text) <= count:
        raise NoSuchPageError(f"expected an event from 1 to {count}, found another")
    return int(text)
