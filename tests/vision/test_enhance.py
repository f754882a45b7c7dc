"""Enhancers: arithmetic, CodeFormer's 64-bit input, blending, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import ContractError
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import EnhancerContract
from livecam.vision.enhance import Enhancer, blended
from livecam.vision.template import Template, points_of
from tests.vision.swap import planted


def engine_of(folder: Path, name: str, **how: float) -> tuple[Engine, EnhancerContract]:
    model = planted.model(name)
    assert isinstance(model.contract, EnhancerContract)
    path = planted.enhancer(folder / "enhancer.onnx", weighted=name == "codeformer", **how)  # type: ignore[arg-type]
    return load_model_engine(model, path), model.contract


def crop_of(side: int) -> np.ndarray:
    return np.random.default_rng(2).integers(40, 200, (side, side, 3), dtype=np.uint8)


class Answering:
    """An engine that gives what it was told."""

    def __init__(self, image: np.ndarray) -> None:
        self.inputs = {"picture": TensorSpec((1, 3, 512, 512), "float32")}
        self.outputs = {"image": TensorSpec((1, 3, 512, 512), "float32")}
        self._image = image

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {"image": self._image}

    def close(self) -> None:
        pass


def test_a_crop_comes_back_enhanced(tmp_path: Path) -> None:
    """The network's -1..1 is read back: 0.2 more there is 25.5 grey values."""
    crop = crop_of(512)
    out = np.empty_like(crop)
    assert Enhancer(*engine_of(tmp_path, "gfpgan_1.4", bias=0.2))(crop, out) is out
    np.testing.assert_allclose(out, crop + 25.5, atol=0.51)


@pytest.mark.parametrize(("fidelity", "more"), [(None, 0.5), (0.25, 0.25), (0.0, 0.0)])
def test_codeformers_fidelity_goes_in_as_64_bits(fidelity: float | None, more: float, tmp_path: Path) -> None:
    crop = crop_of(512)
    engine, contract = engine_of(tmp_path, "codeformer", gain=0.5)
    assert engine.inputs["weight"] == TensorSpec((1,), "float64")
    out = Enhancer(engine, contract, fidelity)(crop, np.empty_like(crop))
    np.testing.assert_allclose(out, 0.5 * (crop - 127.5) + 127.5 * (1 + more), atol=0.51)


def test_a_fidelity_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1, not 1\.5"):
        Enhancer(*engine_of(tmp_path, "codeformer"), 1.5)
    with pytest.raises(ValueError, match="has no fidelity"):
        Enhancer(*engine_of(tmp_path, "gfpgan_1.4"), 0.5)


def test_an_engine_of_another_size_is_refused(tmp_path: Path) -> None:
    engine, _ = engine_of(tmp_path, "gfpgan_1.4")
    other = planted.model("gpen_bfr_256").contract
    assert isinstance(other, EnhancerContract)
    with pytest.raises(ContractError, match="256 px"):
        Enhancer(engine, other)


def test_its_crop_is_aligned_by_the_recipes_template(tmp_path: Path) -> None:
    enhancer = Enhancer(*engine_of(tmp_path, "gfpgan_1.4"))
    np.testing.assert_allclose(enhancer.matrix(points_of(Template.FFHQ_512, 512)), np.eye(2, 3), atol=1e-4)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((1, 3, 512, 512), np.nan, np.float32), "not finite"),
        (np.full((1, 3, 512, 512), -1, np.float32), "one colour"),
        (np.zeros((2, 3, 512, 512), np.float32), "gave 2"),
        (np.zeros((1, 3, 256, 256), np.float32), "shape"),
    ],
)
def test_rubbish_is_refused(image: np.ndarray, message: str) -> None:
    contract = planted.model("gfpgan_1.4").contract
    assert isinstance(contract, EnhancerContract)
    with pytest.raises(ContractError, match=message):
        Enhancer(Answering(image), contract)(crop_of(512), np.empty((512, 512, 3), np.uint8))


def test_a_blend_of_nothing_is_the_plain_face_to_the_byte() -> None:
    plain, sharp = crop_of(64), crop_of(64)[::-1].copy()
    np.testing.assert_array_equal(blended(sharp, plain, 0.0, np.empty_like(plain)), plain)
    np.testing.assert_array_equal(blended(sharp, plain, 1.0, np.empty_like(plain)), sharp)
    mixed = blended(sharp, plain, 0.7, np.empty_like(plain))
    np.testing.assert_allclose(mixed, 0.7 * sharp + 0.3 * plain, atol=0.51)
