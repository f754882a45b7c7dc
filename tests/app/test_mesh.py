"""The embedded swap, as it is put together."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.app import mesh
from livecam.app.assemble import networks_of
from livecam.app.closing import ClosingNetworks
from livecam.app.mesh import DatedFollower
from livecam.config import Config, Paths
from livecam.core.face import Face
from livecam.core.frame import Frame, Image, Size
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Swapper, Tensor
from livecam.core.settings import Mode, SetMode, Settings, apply
from livecam.inference.onnx import OnnxEngine
from livecam.inference.weights import cache_folder
from livecam.vision.mesh.engine import MeshSwapper

PERSONA = Persona("ann", {}, Consent(Basis.SYNTHETIC, "", "", ()), "")


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


class Nobody:
    """Follows nobody."""

    def __init__(self) -> None:
        self.resets = 0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        return ()

    def reset(self) -> None:
        self.resets += 1


def test_the_time_of_the_frame_at_hand_is_known() -> None:
    inner = Nobody()
    follower: DatedFollower = DatedFollower(inner)
    assert follower.now_ns() is None
    for captured_ns in (7, 5):
        assert follower(np.zeros((2, 2, 3), np.uint8), captured_ns, 0.5) == ()
        assert follower.now_ns() == captured_ns
    follower.reset()
    assert inner.resets == 1


def test_the_mesh_swap_is_told_when_its_frame_was_captured(
    mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[Callable[[], int | None]]()

    def made(occluder: object = None, *, now_ns: Callable[[], int | None]) -> Swapper[Image]:
        told.append(now_ns)
        return MeshSwapper()

    monkeypatch.setattr(mesh, "MeshSwapper", made)
    networks = ClosingNetworks(cache_folder(), "cpu", hands=False)
    try:
        networks.ensure()
        size = Size(128, 96)
        out = np.zeros(size.picture_shape, np.uint8)
        pipeline = networks.pipeline(lambda _: PERSONA)
        pipeline.process(
            Frame(np.zeros(size.image_shape, np.uint8), 1, 12345), out, apply(Settings(), SetMode(Mode.SWAP))
        )
    finally:
        networks.close()
    assert [now_ns() for now_ns in told] == [12345]
