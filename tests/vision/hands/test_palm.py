import cv2
import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.core.seams import TensorSpec
from livecam.errors import ModelError
from livecam.vision.hands.palm import ANCHORS, PalmDetector, anchors
from tests.vision.hands.stands import PalmEngine


def row(width: float, keypoints: list[tuple[float, float]]) -> Points:
    """(18,) f32: a square box on the anchor, and keypoints beside it."""
    return np.array([0, 0, width, width, *np.ravel(keypoints)], np.float32)


SPREAD = [(0.0, 20.0), (-8.0, -20.0), (0.0, -20.0), (8.0, -20.0), (16.0, -16.0), (-10.0, 14.0), (-18.0, 4.0)]


def test_anchors_lie_on_two_grids() -> None:
    places = anchors()
    assert places.shape == (ANCHORS, 2)
    np.testing.assert_allclose(places[0], (4, 4))
    np.testing.assert_array_equal(places[0], places[1])
    np.testing.assert_allclose(places[24 * 24 * 2], (8, 8))
    assert len(np.unique(places[:1152], axis=0)) == 576


def test_a_palm_is_found_where_it_is_in_the_frame() -> None:
    index = 2 * (24 * 12 + 6)
    detector = PalmDetector(PalmEngine({index: (0.8, row(40, SPREAD))}))
    image = np.zeros((720, 1280, 3), np.uint8)
    shrunk = detector.shrink(image, 600, 300, 384)
    assert shrunk is not None
    (palm,) = detector(shrunk, 0.5)
    # The anchor of cell (6, 12) is (52, 100) px of the network, two px of the frame each, from (408, 108) on.
    np.testing.assert_allclose(palm.corners, (408 + 64, 108 + 160, 408 + 144, 108 + 240), atol=1e-3)
    np.testing.assert_allclose(palm.keypoints[0], (408 + 104, 108 + 240), atol=1e-3)
    assert palm.score == pytest.approx(0.8)


def test_the_hand_lies_in_the_square_with_its_fingers_up() -> None:
    detector = PalmDetector(PalmEngine({0: (0.9, row(40, SPREAD))}))
    shrunk = detector.shrink(np.zeros((192, 192, 3), np.uint8), 96, 96, 192)
    assert shrunk is not None
    (palm,) = detector(shrunk, 0.5)
    roi = palm.roi
    assert roi.side == pytest.approx(104)
    assert roi.roll == pytest.approx(0)
    assert (roi.x, roi.y) == pytest.approx((4, 4 - 20))
    turned = [(-y, x) for x, y in SPREAD]
    (palm,) = PalmDetector(PalmEngine({0: (0.9, row(40, turned))}))(shrunk, 0.5)
    assert palm.roi.roll == pytest.approx(np.pi / 2)
    assert palm.roi.x == pytest.approx(4 + 20)


def test_overlapping_palms_become_one_between_them() -> None:
    neighbours = {0: (0.9, row(40, SPREAD)), 2: (0.3, row(40, SPREAD)), 2 * 20: (0.6, row(10, SPREAD))}
    detector = PalmDetector(PalmEngine(neighbours))
    shrunk = detector.shrink(np.zeros((192, 192, 3), np.uint8), 96, 96, 192)
    assert shrunk is not None
    best, other = detector(shrunk, 0.2)
    assert (best.score, other.score) == pytest.approx((0.9, 0.6))
    assert best.keypoints[0, 0] == pytest.approx((0.9 * 4 + 0.3 * 12) / 1.2)
    assert len(detector(shrunk, 0.5)) == 2
    assert detector(shrunk, 0.95) == []


def test_what_is_not_finite_is_no_palm() -> None:
    detector = PalmDetector(PalmEngine({5: (0.9, row(float("nan"), SPREAD))}))
    shrunk = detector.shrink(np.zeros((192, 192, 3), np.uint8), 96, 96, 192)
    assert shrunk is not None
    assert detector(shrunk, 0.5) == []


@pytest.mark.parametrize(("x", "y"), [(10, 10), (1270, 700), (640, 360)])
def test_the_neighbourhood_is_cut_at_the_edge_and_kept_in_shape(x: float, y: float) -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    spot = (min(int(x) + 20, 1270), max(int(y) - 20, 5))
    cv2.circle(image, spot, 4, (255, 255, 255), -1)
    shrunk = PalmDetector(PalmEngine()).shrink(image, x, y, 300)
    assert shrunk is not None
    bright = np.unravel_index(int(shrunk.image[0, ..., 0].argmax()), (192, 192))
    found = np.array(bright[::-1]) / shrunk.scale + shrunk.origin
    assert np.hypot(*(found - spot)) < 6


def test_nothing_is_searched_outside_the_frame() -> None:
    assert PalmDetector(PalmEngine()).shrink(np.zeros((100, 100, 3), np.uint8), 500, 50, 100) is None


def test_another_network_is_refused() -> None:
    engine = PalmEngine()
    engine.outputs = {**engine.outputs, "scores": TensorSpec((896,), "float32")}
    with pytest.raises(ModelError, match="palm network"):
        PalmDetector(engine)
