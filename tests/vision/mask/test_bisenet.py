from dataclasses import replace

import numpy as np
import pytest

from livecam.errors import ContractError
from livecam.vision.contract import Colour, Layout, MaskerContract, MaskerFamily, PictureIn
from livecam.vision.mask.bisenet import CLASSES, FACE, RegionMasker
from livecam.vision.mask.soft import Softener
from tests.vision.mask.engines import Floats, PlannedEngine

SIDE = 64
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
PICTURE = PictureIn(SIDE, Colour.RGB, Layout.NCHW, MEAN, STD)
BISENET = MaskerContract(MaskerFamily.BISENET, PICTURE, FACE)
CROP = np.zeros((SIDE, SIDE, 3), np.uint8)


def masker_of(logits: Floats, regions: tuple[int, ...] = FACE) -> tuple[RegionMasker, PlannedEngine]:
    engine = PlannedEngine("logits", lambda _: logits)
    return RegionMasker(engine, replace(BISENET, regions=regions)), engine


def logits_of(labels: np.ndarray) -> Floats:
    """Logits whose highest class is `labels`."""
    noise = np.random.default_rng(0).normal(size=(1, CLASSES, SIDE, SIDE)).astype(np.float32)
    noise[0][labels, np.arange(SIDE)[:, None], np.arange(SIDE)] += 20
    return noise


def test_it_is_fed_normalised_rgb() -> None:
    masker, engine = masker_of(np.zeros((1, CLASSES, SIDE, SIDE), np.float32))
    crop = np.empty((SIDE, SIDE, 3), np.uint8)
    crop[:] = (10, 20, 30)
    masker(crop, np.empty((SIDE, SIDE), np.uint8))
    wanted = [(30 - MEAN[0]) / STD[0], (20 - MEAN[1]) / STD[1], (10 - MEAN[2]) / STD[2]]
    np.testing.assert_allclose(engine.picture[0, :, 7, 9], wanted, atol=1e-5)


def test_it_chooses_by_the_highest_class_exactly() -> None:
    logits = np.random.default_rng(1).normal(size=(1, CLASSES, SIDE, SIDE)).astype(np.float32)
    chosen = np.isin(logits[0].argmax(axis=0), FACE).astype(np.float32)
    wanted = Softener()(chosen, np.empty((SIDE, SIDE), np.uint8))
    out = masker_of(logits)[0](CROP, np.empty((SIDE, SIDE), np.uint8))
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("label", range(CLASSES))
def test_each_class_is_face_or_not(label: int) -> None:
    labels = np.full((SIDE, SIDE), label)
    out = masker_of(logits_of(labels))[0](CROP, np.empty((SIDE, SIDE), np.uint8))
    assert (out == (255 if label in FACE else 0)).all()


@pytest.mark.parametrize("side", [32, 128])
def test_the_regions_are_those_of_the_contract_and_fit_the_crop(side: int) -> None:
    labels = np.full((SIDE, SIDE), 1)
    labels[: SIDE // 2] = 17
    masker, _ = masker_of(logits_of(labels), (17,))
    out = masker(np.zeros((side, side, 3), np.uint8), np.empty((side, side), np.uint8))
    assert out[1, side // 2] > 250
    assert not out[side // 2 + side // 32 :].any()


def test_wrong_answers_and_contracts_are_refused() -> None:
    bad = np.zeros((1, CLASSES, SIDE, SIDE), np.float32)
    bad[0, 3, 4, 5] = np.nan
    for answer in (bad, np.zeros((1, 11, SIDE, SIDE), np.float32)):
        with pytest.raises(ContractError):
            masker_of(answer)[0](CROP, np.empty((SIDE, SIDE), np.uint8))
    engine = PlannedEngine("logits", lambda _: bad)
    with pytest.raises(ContractError, match="BiSeNet"):
        RegionMasker(engine, replace(BISENET, family=MaskerFamily.XSEG))
    for regions in ((), tuple(range(CLASSES)), (1, 19)):
        with pytest.raises(ContractError, match="Regions"):
            RegionMasker(engine, replace(BISENET, regions=regions))
