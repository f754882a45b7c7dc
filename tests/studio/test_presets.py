"""The canonical angles: eleven of them, told back by their five points, the right ones mirror images of the left."""

import numpy as np
import pytest

from livecam.studio.presets import LIGHTS, PRESETS, Preset, prompt_of, turn_of
from livecam.vision.angles import bin_of
from livecam.vision.heading import angles_of_five
from livecam.vision.mesh.pose import Pose

SIDE = 512


def test_there_are_eleven_angles_in_two_lights() -> None:
    assert len(PRESETS) == 11
    assert len(LIGHTS) == 2
    assert len({preset.name for preset in PRESETS}) == 11
    assert len({prompt_of(preset, light) for preset in PRESETS for light in LIGHTS}) == 22
    assert [preset.name for preset in PRESETS if preset.profile] == ["left-67", "right-67"]
    assert [preset.name for preset in PRESETS if preset.front] == ["front"]
    assert len({bin_of(angles) for preset in PRESETS if (angles := angles_of_five(preset.five(SIDE)))}) == 11


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_the_five_points_are_those_of_a_head_at_that_angle(preset: Preset) -> None:
    five = preset.five(SIDE)
    assert five.shape == (5, 2)
    assert five.dtype == np.float32
    assert angles_of_five(five) == pytest.approx((preset.yaw, preset.pitch), abs=0.5)
    assert (five > 0.2 * SIDE).all()
    assert (five < 0.8 * SIDE).all()
    assert np.allclose(preset.five(2 * SIDE), 2 * five, atol=0.01)


def test_a_right_one_is_the_mirror_image_of_a_left_one() -> None:
    left, right = (Preset("", yaw, 7.0, "").five(SIDE) for yaw in (-67.0, 67.0))
    assert np.array_equal(
        right, left[[1, 0, 2, 4, 3]] * np.array((-1, 1), np.float32) + np.array((SIDE, 0), np.float32)
    )


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (-45, 0), (22, -15), (60, 18)])
def test_a_turn_is_read_back_as_by_the_mesh(yaw: float, pitch: float) -> None:
    angles = Pose(1.0, turn_of(yaw, pitch).astype(np.float64), np.zeros(3)).angles
    assert (angles.yaw, angles.pitch, angles.roll) == pytest.approx((yaw, pitch, 0), abs=1e-3)
