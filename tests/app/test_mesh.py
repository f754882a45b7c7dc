"""The embedded swap, as it is put together."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.app.assemble import networks_of
from livecam.config import Config, Paths
from livecam.core.seams import Tensor
from livecam.inference.onnx import OnnxEngine


def test_the_first_hand_takes_no_memory_in_the_middle_of_a_call(
    mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, run = list[str](), OnnxEngine.run

    def counted(engine: OnnxEngine, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        results = run(engine, feeds)
        ran.extend(results)
        return results

    monkeypatch.setattr(OnnxEngine, "run", counted)
    occluder = networks_of(Config(), Paths.find()).occluder()
    if occluder is None:
        pytest.skip("the networks for hands are not here")
    assert len(ran) == 2 * len(set(ran)) > 0
