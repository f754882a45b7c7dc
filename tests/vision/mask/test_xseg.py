from dataclasses import replace

import numpy as np
import pytest

from livecam.errors import ContractError
from livecam.vision.contract import Colour, Layout, MaskerContract, MaskerFamily, PictureIn
from livecam.vision.mask.xseg import OcclusionMasker
from tests.vision.mask.engines import Floats, PlannedEngine

SIDE = 64
PICTURE = PictureIn(SIDE, Colour.BGR, Layout.NHWC, (0, 0, 0), (255, 255, 255))
XSEG = MaskerContract(MaskerFamily.XSEG, PICTURE, ())


def masker_of(mask: Floats) -> tuple[OcclusionMasker, PlannedEngine]:
    engine = PlannedEngine("mask", lambda _: mask)
    return OcclusionMasker(engine, XSEG), engine


def left_half(value: float = 1.0) -> Floats:
    mask = np.zeros((1, SIDE, SIDE, 1), np.float32)
    mask[:, :, : SIDE // 2] = value
    return mask


def test_it_is_fed_bgr_between_zero_and_one() -> None:
    masker, engine = masker_of(left_half())
    crop = np.empty((SIDE, SIDE, 3), np.uint8)
    crop[:] = (255, 51, 0)
    crop[3, 5] = (0, 0, 255)
    masker(crop, np.empty((SIDE, SIDE), np.uint8))
    assert engine.picture.shape == (1, SIDE, SIDE, 3)
    np.testing.assert_allclose(engine.picture[0, 0, 0], (1, 0.2, 0), atol=1e-6)
    np.testing.assert_allclose(engine.picture[0, 3, 5], (0, 0, 1), atol=1e-6)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_the_mask_has_the_size_of_the_crop_and_lies_where_the_network_says(side: int) -> None:
    masker, _ = masker_of(left_half())
    out = np.full((side, side), 77, np.uint8)
    assert masker(np.zeros((side, side, 3), np.uint8), out) is out
    assert out[side // 2, 1] > 250
    assert not out[:, side // 2 + side // 32 :].any()


def test_what_is_hardly_believed_in_is_nothing_and_what_is_above_one_is_one() -> None:
    crop, out = np.zeros((SIDE, SIDE, 3), np.uint8), np.empty((SIDE, SIDE), np.uint8)
    assert not masker_of(np.full((1, SIDE, SIDE, 1), 0.09, np.float32))[0](crop, out).any()
    assert (masker_of(np.full((1, SIDE, SIDE, 1), 1.3, np.float32))[0](crop, out) == 255).all()
    assert not masker_of(np.full((1, SIDE, SIDE, 1), -0.5, np.float32))[0](crop, out).any()


@pytest.mark.parametrize(
    "answer", [left_half(np.nan), np.zeros((1, 1, SIDE, SIDE), np.float32), np.zeros((1, 8, 8, 1), np.float32)]
)
def test_a_wrong_answer_is_refused(answer: Floats) -> None:
    with pytest.raises(ContractError):
        masker_of(answer)[0](np.zeros((SIDE, SIDE, 3), np.uint8), np.empty((SIDE, SIDE), np.uint8))


def test_another_family_is_refused() -> None:
    with pytest.raises(ContractError, match="XSeg"):
        OcclusionMasker(PlannedEngine("mask", lambda _: left_half()), replace(XSEG, family=MaskerFamily.BISENET))
