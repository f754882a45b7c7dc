"""The embedded networks of a pipeline that may be relieved."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.app.closing import ClosingNetworks
from livecam.app.mesh import SHORT_RANGE
from livecam.core.seams import Engine
from livecam.inference import onnx
from livecam.inference.weights import cache_folder


def test_what_a_pipeline_held_is_freed_and_what_outlives_it_is_not(
    mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Engine] = []

    def close(engine: onnx.OnnxEngine) -> None:
        closed.append(engine)

    monkeypatch.setattr(onnx.OnnxEngine, "close", close)
    before = set(threading.enumerate())
    networks = ClosingNetworks(cache_folder(), "cpu")
    networks.ensure()
    preparers = networks.engine(SHORT_RANGE)
    networks.pipeline(lambda _: None)
    networks.close()
    assert len(closed) == len(set(map(id, closed))) >= 5
    assert preparers not in closed
    networks.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "livecam-watch"]
