"""Alignment against insightface's matrices and crops, and the fit itself against scikit-image's Umeyama."""

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Frame, Size
from livecam.core.geometry import similarity
from livecam.vision.template import Template, align
from tests.oracle.standins import fives, frame

oracle = pytest.importorskip("insightface.utils.face_align", reason="insightface is not here; see: make test-oracle")
skimage = pytest.importorskip("skimage.transform")

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")]
SIZES = [(112, Template.ARCFACE_112_V2), (224, Template.ARCFACE_112_V2), (128, Template.ARCFACE_128),
         (256, Template.ARCFACE_128), (512, Template.ARCFACE_128)]  # fmt: skip


@pytest.mark.parametrize(("side", "template"), SIZES)
def test_matrices(side: int, template: Template) -> None:
    for five in fives(100):
        np.testing.assert_allclose(align(five, template, side), oracle.estimate_norm(five, side), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize(("side", "template"), SIZES)
def test_crops(side: int, template: Template) -> None:
    image = frame()
    canvas = CpuCanvas()
    canvas.load(Frame(image, 1, 0))
    for five in fives(8):
        crop, matrix = oracle.norm_crop2(image, five, side)
        own = align(five, template, side)
        plain = cv2.warpAffine(image, own, (side, side), flags=cv2.INTER_LINEAR)
        assert np.abs(plain.astype(int) - crop).max() <= 1
        drawn = canvas.crop(own, Size(side, side), np.empty_like(crop)).astype(int)
        assert np.abs(drawn - crop).max() <= 1
        np.testing.assert_allclose(own, matrix, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("points", [2, 5, 68, 468])
def test_the_fit_is_umeyamas(points: int) -> None:
    random = np.random.default_rng(points)
    for _ in range(200):
        source, target = (
            (random.normal(0, random.uniform(1, 500), (points, 2)) + random.uniform(-900, 900, 2)).astype(np.float32)
            for _ in range(2)
        )
        wanted = skimage.SimilarityTransform.from_estimate(source.astype(np.float64), target.astype(np.float64))
        own = similarity(source, target)
        np.testing.assert_allclose(own[:, :2], wanted.params[:2, :2], rtol=0, atol=1e-9)
        np.testing.assert_allclose(own[:, 2], wanted.params[:2, 2], rtol=1e-9, atol=1e-7)
        places = source @ own[:, :2].T + own[:, 2]
        np.testing.assert_allclose(places, wanted(source.astype(np.float64)), rtol=1e-9, atol=1e-9)
