"""What other programs do against jitter."""

import numpy as np
import pytest

from livecam.bench.quality.smoothers import AVERAGED, MODES, ExponentialAverage, Mode, MovingAverage, TracedFollower
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from tests.bench.quality.meshes import mesh_at

IMAGE: Image = np.zeros((8, 8, 3), np.uint8)


def face_of(points: Points, number: int = 1) -> Face:
    landmarks = Landmarks(np.ascontiguousarray(points[:, :2]), Topology.MESH468)
    return Face(box_of(points), landmarks, np.ascontiguousarray(points[:, 2]), 0.9, number)


class Scripted:
    """A follower that gives what it was told."""

    def __init__(self, *frames: tuple[Face, ...]) -> None:
        self._frames = list(frames)
        self.resets = 0
        self.steadiness = -1.0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        self.steadiness = steadiness
        return self._frames.pop(0)

    def reset(self) -> None:
        self.resets += 1


def test_the_moving_average_is_the_mean_of_the_last_frames() -> None:
    average = MovingAverage()
    given = [mesh_at(100 + step, 100) for step in range(8)]
    out = [average(points) for points in given]
    assert np.allclose(out[1], (given[0] + given[1]) / 2)
    assert np.allclose(out[7], np.mean(given[8 - AVERAGED :], axis=0), atol=1e-3)
    average.reset()
    assert np.allclose(average(given[0]), given[0])


def test_the_exponential_average_goes_half_the_way_and_starts_anew_on_a_jump() -> None:
    average = ExponentialAverage()
    first, near, far = mesh_at(100, 100), mesh_at(110, 100), mesh_at(200, 100)
    assert np.allclose(average(first), first)
    assert np.allclose(average(near), (first + near) / 2)
    assert np.allclose(average(far), far)
    average.reset()
    assert np.allclose(average(near), near)


def test_each_track_has_a_filter_of_its_own_which_ends_with_it() -> None:
    one, two = mesh_at(100, 100), mesh_at(110, 100)
    inner = Scripted((face_of(one),), (face_of(two),), (face_of(two, 2),), (face_of(one, 1),), ())
    traced = TracedFollower(inner, ExponentialAverage)
    drawn = [traced(IMAGE, 0, 0.0) for _ in range(4)]
    xs = [float(faces[0].landmarks.points[:, 0].mean()) for faces in drawn]
    assert xs == pytest.approx([xs[0], xs[0] + 5, xs[0] + 10, xs[0]], abs=1e-3)
    assert drawn[1][0].box == pytest.approx(box_of(one + (two - one) * np.float32(0.5)), abs=1e-3)
    assert np.allclose(drawn[1][0].depth, one[:, 2])
    assert traced.wearer is drawn[3][0]
    traced(IMAGE, 0, 0.0)
    assert traced.wearer is None


def test_reset_reaches_the_follower_and_forgets() -> None:
    one, two = face_of(mesh_at(100, 100)), face_of(mesh_at(110, 100))
    inner = Scripted((one,), (two,))
    traced = TracedFollower(inner, ExponentialAverage)
    traced(IMAGE, 0, 0.0)
    traced.reset()
    assert (inner.resets, traced.wearer) == (1, None)
    assert np.allclose(traced(IMAGE, 0, 0.0)[0].landmarks.points, two.landmarks.points)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_livecams_own_smoothing_of_landmarks_works_in_its_own_mode_alone(mode: Mode) -> None:
    inner = Scripted((face_of(mesh_at(100, 100)),))
    TracedFollower(inner, mode.smoother, own=mode.own)(IMAGE, 0, 0.7)
    assert inner.steadiness == (0.7 if mode.name == "ours" else 0.0)


def test_without_a_filter_faces_pass_as_they_are() -> None:
    face = face_of(mesh_at(100, 100))
    assert TracedFollower(Scripted((face,)))(IMAGE, 0, 0.0)[0] is face


def test_the_unsmoothed_mode_runs_first_and_only_ours_is_our_own() -> None:
    assert list(MODES) == ["none", "average", "ema", "ours"]
    assert [mode.name for mode in MODES.values() if mode.own] == ["ours"]
