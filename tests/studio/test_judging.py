"""The identity gate of stills."""

import numpy as np
import pytest

from livecam.errors import StudioError
from livecam.studio.judging import COSINE, COSINE_FRONT, Verdict, alike, judge_of, nearest, refuse_unjudged
from tests.studio.fakes import SIDE, WHO, Made, Planned, mesh_face, moved, picture, vector

FACE = mesh_face()
SQUARE = picture(SIDE, SIDE)
AT_2_PERCENT = 0.02 * SIDE


def verdict(faces: Planned, *, test: bool = False) -> Verdict:
    five = faces.framing.moved(FACE).landmarks.five
    return judge_of(faces, Made(test=test).caps, WHO, five)(SQUARE)


def test_a_face_that_is_alike_and_in_its_place_passes() -> None:
    seen = verdict(Planned(FACE, cosines=[0.75], shifts=[1.0]))
    assert seen.passed
    assert seen.cosine == pytest.approx(0.75, abs=1e-6)
    assert seen.landmark_error == pytest.approx(1 / SIDE, rel=1e-3)


@pytest.mark.parametrize(("cosine", "passes"), [(COSINE_FRONT + 0.01, True), (COSINE_FRONT - 0.01, False)])
def test_from_the_front_more_is_demanded(cosine: float, passes: bool) -> None:
    assert verdict(Planned(FACE, cosines=[cosine])).passed is passes


@pytest.mark.parametrize(("cosine", "passes"), [(COSINE + 0.01, True), (COSINE - 0.01, False)])
def test_of_a_turned_face_less_is_demanded(cosine: float, passes: bool) -> None:
    faces = Planned(FACE, cosines=[cosine])
    five = faces.framing.moved(FACE).landmarks.five.copy()
    five[2, 0] += 0.4 * (five[1, 0] - five[0, 0])
    seen = judge_of(faces, Made().caps, WHO, five)(SQUARE)
    assert seen.cosine_needed == COSINE
    assert seen.alike is passes


@pytest.mark.parametrize(("shift", "passes"), [(AT_2_PERCENT - 0.2, True), (AT_2_PERCENT + 0.2, False)])
def test_landmarks_have_to_be_in_their_places(shift: float, passes: bool) -> None:
    seen = verdict(Planned(FACE, shifts=[shift]))
    assert seen.passed is passes
    assert "landmarks" in seen.told()


def test_no_face_and_two_faces_fail_and_a_neighbour_does_not_count() -> None:
    none = verdict(Planned(FACE, shifts=[None]))
    assert not none.passed
    assert none.told() == "no face in it"
    faces = Planned(FACE)
    here = faces.framing.moved(FACE)
    faces.extra = (moved(here, 12.0),)
    assert not verdict(faces).passed
    assert "2 faces" in verdict(faces).told()
    faces.extra = (moved(here, 90.0),)
    assert verdict(faces).passed


def test_of_a_test_backend_nothing_is_demanded_and_all_is_measured() -> None:
    seen = verdict(Planned(FACE, cosines=[0.1], shifts=[30.0]), test=True)
    assert seen.passed
    assert not seen.alike
    assert not seen.placed
    assert "only measured" in seen.told()


def test_without_a_recogniser_only_the_places_are_demanded() -> None:
    assert verdict(Planned(FACE, cosines=[0.1], knows=False)).passed
    assert not verdict(Planned(FACE, cosines=[0.1], shifts=[10.0], knows=False)).passed


def test_what_nobody_can_judge_is_refused_and_the_way_on_is_told() -> None:
    blind = Planned(FACE, knows=False)
    with pytest.raises(StudioError, match=r"planned.*livecam models pull.*--unjudged"):
        refuse_unjudged(blind, Made(), unjudged=False)
    refuse_unjudged(blind, Made(), unjudged=True)
    refuse_unjudged(blind, Made(test=True), unjudged=False)
    refuse_unjudged(Planned(FACE), Made(), unjudged=False)


def test_several_views_count_by_their_mean() -> None:
    both = np.stack([vector(1.0), vector(0.0)])
    assert alike(vector(1.0), both) == pytest.approx(0.5**0.5, abs=1e-6)
    assert alike(np.zeros(512, np.float32), WHO) == 0.0
    assert alike(np.full(512, np.nan, np.float32), WHO) == 0.0


def test_the_nearest_of_several_is_taken_and_none_that_is_far() -> None:
    near, far = moved(FACE, 3), moved(FACE, 20)
    assert nearest([far, near], FACE.landmarks.five) is near
    assert nearest([moved(FACE, 300)], FACE.landmarks.five) is None
