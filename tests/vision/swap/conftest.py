"""Swappers and enhancers over planted networks, a face to swap, and a persona to wear."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Frame, Image, Points
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import EnhancerContract, IdentityKind, SwapperContract
from livecam.vision.enhance import Enhancer
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.template import Template, points_of
from tests.vision.swap import planted

KEY = "inswapper_128"


class Spoilt:
    """An engine whose outputs are spoilt on the way."""

    def __init__(self, engine: Engine, spoil: Callable[[str, Tensor], Tensor]) -> None:
        self._engine = engine
        self._spoil = spoil
        self.fed: list[Mapping[str, Tensor]] = []

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        return self._engine.inputs

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        return self._engine.outputs

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed.append({role: tensor.copy() for role, tensor in feeds.items()})
        return {role: self._spoil(role, tensor) for role, tensor in self._engine.run(feeds).items()}

    def close(self) -> None:
        self._engine.close()


def five_at(x: float, y: float, size: float, degrees: float = 0.0) -> Points:
    """The five points of a face in a crop of `size` px around (x, y), turned by `degrees`."""
    turn = cv2.getRotationMatrix2D((0, 0), degrees, 1.0)[:, :2]
    return ((points_of(Template.ARCFACE_128, 1) - 0.5) * size @ turn.T + (x, y)).astype(np.float32)


def face_of(five: Points, track_id: int = 1) -> Face:
    return Face(box_of(five), Landmarks(five, Topology.FIVE), np.zeros(5, np.float32), 1.0, track_id)


def source_of(*values: float) -> np.ndarray:
    """(1, 512) f32 that begins with `values`."""
    source = np.zeros((1, 512), np.float32)
    source[0, : len(values)] = values
    return source


def persona_of(source: np.ndarray, key: str = KEY, digest: str = "d") -> Persona:
    identity = NeuralIdentity(IdentityKind.EMAP, source, source[0])
    return Persona("ann", {key: identity}, Consent(Basis.SELF, "Ann", "", ()), digest)


def canvas_of(image: Image) -> CpuCanvas:
    canvas = CpuCanvas()
    canvas.load(Frame(image, 1, 1))
    return canvas


@pytest.fixture
def frame() -> Image:
    """(360, 640, 3): soft colours, none of them near black or white."""
    noise = np.random.default_rng(3).integers(0, 256, (23, 40, 3), dtype=np.uint8)
    return (cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC) // 2 + 64).astype(np.uint8)


@pytest.fixture
def swap_engine(tmp_path: Path) -> Callable[..., Engine]:
    """Builds the engine of a planted swapper; see `planted.swapper`."""

    def build(name: str = KEY, batch: int = 1, **how: object) -> Engine:
        path = planted.swapper(tmp_path / f"{name}.onnx", **how)  # type: ignore[arg-type]
        return load_model_engine(planted.model(name), path, batch=batch)

    return build


@pytest.fixture
def crop_swapper(swap_engine: Callable[..., Engine]) -> Callable[..., CropSwapper]:
    """Builds the stage over a planted swapper."""

    def build(name: str = KEY, batch: int = 1, boost: int = 1, **how: object) -> CropSwapper:
        contract = planted.model(name).contract
        assert isinstance(contract, SwapperContract)
        return CropSwapper(swap_engine(name, batch, **how), contract, boost)

    return build


@pytest.fixture
def enhancer(tmp_path: Path) -> Callable[..., Enhancer]:
    """Builds an enhancer over a planted network; see `planted.enhancer`."""

    def build(name: str = "gfpgan_1.4", fidelity: float | None = None, **how: object) -> Enhancer:
        model = planted.model(name)
        assert isinstance(model.contract, EnhancerContract)
        path = planted.enhancer(tmp_path / f"{name}.onnx", **how)  # type: ignore[arg-type]
        return Enhancer(load_model_engine(model, path), model.contract, fidelity)

    return build
