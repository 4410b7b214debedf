"""A fixture of journals."""

from __future__ import annotations

import pytest

from events.journal.index import GROWTH, Growth

GROWTHS = {"lists": Growth(1, 10**6), "base": Growth(1, 3), "as it is": GROWTH}


@pytest.fixture(scope="session", params=GROWTHS)
def growth(request: pytest.FixtureRequest) -> Growth:
    """Have a few rows kept in lists for ever, or sorted soon; and arrays that are soon full."""
    return GROWTHS[request.param]
