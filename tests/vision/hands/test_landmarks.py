import math
from collections.abc import Mapping

import numpy as np
import pytest

from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import ModelError
from livecam.vision.hands.landmarks import HandLandmarker, HandRoi
from tests.vision.hands.stands import HandEngine, hand_points


@pytest.mark.parametrize("degrees", [0, 40, 90, -135, 180])
def test_the_square_around_a_hand_turns_with_it(degrees: float) -> None:
    roi = HandRoi.around(hand_points((300, 300), 80, degrees))
    upright = HandRoi.around(hand_points((300, 300), 80))
    assert math.cos(roi.roll - upright.roll - math.radians(degrees)) == pytest.approx(1, abs=1e-5)
    assert roi.side == pytest.approx(upright.side, rel=1e-4)
    inverse = np.linalg.inv(roi.matrix(224)[:, :2])
    places = (hand_points((300, 300), 80, degrees)[:, :2] - roi.matrix(224)[:, 2]) @ inverse.T
    assert places.min() > 0
    assert places.max() < 224
    assert places[12, 1] < places[0, 1]


def test_points_come_back_to_the_frame() -> None:
    engine = HandEngine()
    roi = HandRoi(400, 250, 448, 0.0)
    fit = HandLandmarker(engine)(np.zeros((720, 1280, 3), np.uint8), roi)
    np.testing.assert_allclose(fit.points[:, :2], engine.points[:, :2] * 2 + (176, 26) - 0.5, atol=1e-3)
    assert fit.presence == 1
    engine.points[:, 2] = 3
    assert HandLandmarker(engine)(np.zeros((720, 1280, 3), np.uint8), roi).points[4, 2] == pytest.approx(6)


def test_the_network_sees_the_square() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    image[240:260, 390:410] = 255
    seen = []

    class Seeing(HandEngine):
        def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            seen.append(feeds["image"].copy())
            return super().run(feeds)

    HandLandmarker(Seeing())(image, HandRoi(400, 250, 224, 0.0))
    assert seen[0][0, 112, 112].min() > 250
    assert seen[0][0, 90, 112].max() == 0


def test_another_network_is_refused() -> None:
    engine = HandEngine()
    engine.inputs = {"image": TensorSpec((1, 192, 192, 3), "uint8")}
    with pytest.raises(ModelError, match="hand network"):
        HandLandmarker(engine)
