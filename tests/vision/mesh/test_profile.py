"""Heads that turn into profile, through the real networks: up to where the persona is worn."""

import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import NS_PER_S
from livecam.core.settings import Settings
from livecam.errors import FaceUncovered
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.track import MeshFollower
from tests.vision.mesh.drawn import drawn_identity, frame_of, persona_of
from tests.vision.mesh.solid import SolidHead

PALE, SETTINGS = persona_of(drawn_identity(), "pale"), Settings(shape=0.5)
HELD, SLATED, END, STEP = 40, 66, 80, 2


def painted(follow: MeshFollower, side: int) -> dict[int, bool]:
    """Whether the persona is painted, by the degrees by which the head has turned; 30 degrees a second."""
    swap, canvas, head, shown = MeshSwapper(), CpuCanvas(), SolidHead(), {}
    for degrees in range(0, END + 1, STEP):
        image = head.turned(side * degrees)
        faces = follow(image, (degrees + 1) * NS_PER_S // 30, SETTINGS.steadiness)
        after = image.copy()
        canvas.load(frame_of(after))
        try:
            for face in faces:
                swap(canvas, face, PALE, SETTINGS)
        except FaceUncovered:
            np.testing.assert_array_equal(after, image)
        shown[degrees] = bool((after != image).any())
    return shown


@pytest.mark.parametrize("side", [1, -1])
def test_a_head_wears_the_persona_up_to_where_that_can_be_done_well(
    side: int, short_range: ShortRangeDetector, full_range: FullRangeDetector, landmarker: MeshLandmarker
) -> None:
    shown = painted(MeshFollower(short_range, full_range, landmarker), side)
    assert all(shown[degrees] for degrees in range(0, HELD + 1, STEP))
    assert not any(shown[degrees] for degrees in range(SLATED, END + 1, STEP))
