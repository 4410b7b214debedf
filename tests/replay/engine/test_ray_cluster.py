"""What is asked of a cluster of Ray is looked at before one is there; see also `tests.cluster`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import replay
from events.errors import InputError
from events.libraries import is_installed
from replay.cli import main
from replay.engine.ray_driver import packed


@pytest.mark.skipif(is_installed("ray"), reason="Ray is installed")
def test_without_ray_it_is_said_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch.json", "stream.json", "flagged.json", "--ray", "local"]) == 2
    assert capsys.readouterr().err == (
        "replay: ray: expected an installed library, found none; "
        "python -m pip install 'ray>=2.40'\n"
    )


@pytest.mark.parametrize("address", ["", "here", "ray://head:10001", "head:", ":1", "a:70000"])
def test_address_is_one_of_three_kinds(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("replay.engine.ray_cluster.is_installed", lambda _: True)
    with pytest.raises(InputError, match=r"ray: expected local, auto or HOST:PORT, found '"):
        replay.RayCluster(address)


def test_arrays_are_packed_apart_and_what_pickle_cannot_send_is_refused() -> None:
    array = np.arange(1_000)
    content, buffers = packed([array, "text"])
    assert len(content) < 500
    found, text = pickle.loads(content, buffers=map(bytes, buffers))  # noqa: S301  our own
    assert (found.tolist(), text) == (array.tolist(), "text")
    assert not found.flags.writeable
    with pytest.raises(InputError, match="such as a detector that is a class of a module, found"):
        packed(lambda: None)
