"""Shards that are processes: what fails there is told here."""

from __future__ import annotations

from typing import NoReturn

import pytest

from events.errors import ReplayError
from replay.judging.shards import Forked


class OfTwoPartsError(ReplayError):
    """Pickle does not make it anew: it gives one argument."""

    exit_status = 1

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Failing:
    def sums(self, _asked: bytes, /) -> NoReturn:
        raise OfTwoPartsError("this", "that")


def test_an_error_that_pickle_cannot_make_anew_is_told_in_its_words() -> None:
    with Forked(1) as shards:
        shards.prepare(None, lambda: None)
        shards.start(lambda _place: Failing())
        with pytest.raises(ReplayError, match=r"^this and that$") as raised:
            shards.query("sums", {0: b""})
    assert raised.value.exit_status == 1
