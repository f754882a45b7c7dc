"""The real palm and hand networks on a drawn hand, whose points are known."""

import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image, Points
from livecam.inference.onnx import OnnxEngine, load
from livecam.inference.recipe import Recipe
from livecam.vision.hands.landmarks import HandLandmarker, HandRoi
from livecam.vision.hands.occluder import HandOccluder
from livecam.vision.hands.palm import PalmDetector
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.track import MeshFollower
from tests.inference.pictures import noise, portrait
from tests.vision.hands.stands import hand_mask, hand_points, with_hand
from tests.vision.mesh.drawn import SHAPE, face_of, neutral, picture_of, points_of
from tests.vision.mesh.scenes import clip_frames

Parts = tuple[PalmDetector, HandLandmarker]
GREY: Image = np.full((480, 480, 3), (120, 110, 100), np.uint8)


@pytest.fixture(scope="module")
def parts(recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]) -> Parts:
    palm, hand = (
        load(recipes[name], mesh_models[name], "cpu") for name in ("palm_detection_lite", "hand_landmark_lite")
    )
    return PalmDetector(palm), HandLandmarker(hand)


def palm_score(parts: Parts, image: Image) -> float:
    shrunk = parts[0].shrink(image, image.shape[1] / 2, image.shape[0] / 2, max(image.shape[:2]))
    assert shrunk is not None
    return max((palm.score for palm in parts[0](shrunk, 0.05)), default=0.0)


@pytest.mark.parametrize(("length", "degrees"), [(60, 0), (90, 20), (120, -30)])
def test_a_drawn_hand_is_found_point_by_point(parts: Parts, length: float, degrees: float) -> None:
    points = hand_points((240, 380), length, degrees)
    image = cv2.GaussianBlur(with_hand(GREY, points), (0, 0), 1.2).astype(np.uint8)
    shrunk = parts[0].shrink(image, 240, 240, 480)
    assert shrunk is not None
    best = parts[0](shrunk, 0.5)[0]
    first = parts[1](image, best.roi)
    fit = parts[1](image, HandRoi.around(first.points))
    assert fit.presence > 0.9
    assert np.abs(fit.points[:, :2] - points[:, :2]).mean() < 0.06 * length


def test_noise_and_a_face_are_no_hands(parts: Parts) -> None:
    assert palm_score(parts, noise(192)[0]) < 0.3
    assert parts[1](noise(224)[0], HandRoi(112, 112, 224, 0.0)).presence < 0.3
    assert parts[1](portrait(224)[0], HandRoi(112, 112, 224, 0.0)).presence < 0.3


def shade_after(parts: Parts, image: Image, points: Points, frames: int) -> float:
    """Share of the face that is shaded after so many frames."""
    occluder, face = HandOccluder(*parts), face_of(points)
    shaded = 0.0
    for _ in range(frames):
        occluder.begin(image, face)
        shade = occluder.finish()
        shaded = 0.0 if shade is None else float(shade.mask.mean()) / 255
        time.sleep(0.012)
    return shaded


def test_a_hand_reaching_over_a_drawn_face_is_found_and_no_other(parts: Parts) -> None:
    face = points_of(neutral())
    plain = picture_of(face)
    hand = hand_points((190, 345), 75, 10)
    image = with_hand(plain, hand)
    assert shade_after(parts, plain, face, 12) == 0
    truth = hand_mask(hand, SHAPE)
    box = face_of(face).box.grown(0.05)
    share = truth[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)].mean() / 255
    assert share > 0.1
    assert shade_after(parts, image, face, 12) == pytest.approx(share, rel=0.3)


@pytest.mark.shared
@pytest.mark.parametrize("clip", ["d3", "d10", "d12"])
def test_no_face_is_taken_for_a_hand(
    parts: Parts, recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path], shared_data: Path, clip: str
) -> None:
    """The one hand in these clips stays away from the face."""

    def engine(name: str) -> OnnxEngine:
        return load(recipes[name], mesh_models[name], "cpu")

    near, far = "face_detection_short_range", "face_detection_full_range_sparse"
    landmarker = MeshLandmarker(engine("face_landmark_with_attention"))
    follower = MeshFollower(ShortRangeDetector(engine(near)), FullRangeDetector(engine(far)), landmarker)
    occluder, looks = HandOccluder(*parts), 0
    for number, image in enumerate(islice(clip_frames(shared_data, clip), 0, 100, 6)):
        for face in follower(image, number * 33_000_000, 0.5):
            occluder.begin(image, face)
            assert occluder.finish() is None
            looks += 1
        time.sleep(0.006)
    assert looks > 10
