"""The restorer: fine light, and never another person."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.chosen import Options
from livecam.studio.restore import SHARES, STRENGTH, restore
from livecam.studio.terms import Conditions, Mask, Sampling
from livecam.vision.identity_gate import SLACK
from tests.studio.fakes import SIDE, Made, Planned, likeness, mesh_face, no_step, noise, picture

FACE = mesh_face(height=120)
EYES = float(np.linalg.norm(np.diff(Planned(FACE).framing.moved(FACE).landmarks.five[:2], axis=0)))


def sharper(image: Image, mask: Mask, conditions: Conditions, sampling: Sampling) -> Image:
    """Sharper, redder, and half of it in another light."""
    soft = cv2.GaussianBlur(image, (0, 0), 2).astype(np.float32)
    out = image + 2 * (image - soft) + np.array([0, 0, 25], np.float32)
    out[:, : SIDE // 2] += 30
    return np.clip(out, 0, 255).astype(np.uint8)


def test_only_fine_luma_changes() -> None:
    image = np.asarray(cv2.GaussianBlur(picture(), (0, 0), 1), np.uint8)
    done = restore(image, Made(sharper), None, Planned(FACE), Options(), no_step)
    assert done.report.share == 1.0
    apart = done.image.astype(int) - image
    assert np.abs(apart).max() > 3
    assert np.ptp(apart, axis=2).max() == 0, "no colour"
    coarse = cv2.GaussianBlur(apart.astype(np.float32), (0, 0), EYES)
    assert float(np.abs(coarse).max()) < 0.15 * float(np.abs(apart).max()), "no light from another side"


def test_outside_the_face_every_bit_stays() -> None:
    image, faces = picture(), Planned(FACE)
    done = restore(image, Made(noise), None, faces, Options(), no_step)
    changed = (done.image != image).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert FACE.box.y1 - 3 <= rows.min() <= rows.max() <= FACE.box.y2 + 3
    assert FACE.box.x1 - 3 <= columns.min() <= columns.max() <= FACE.box.x2 + 3


def test_the_model_is_told_whose_face_it_is_and_changes_little() -> None:
    image, backend, faces = picture(), Made(), Planned(FACE)
    restore(image, backend, None, faces, Options(), no_step)
    ((square, _, conditions, sampling),) = backend.asked
    assert sampling.strength == STRENGTH
    np.testing.assert_array_equal(conditions.likeness.photos[0], square)
    np.testing.assert_allclose(conditions.likeness.fives[0], conditions.five)
    assert conditions.likeness.regions == (), "nobody tells hair from the wall"
    whom = likeness()
    restore(image, backend, whom, faces, Options(strength=0.2), no_step)
    assert backend.asked[1][2].likeness is whom
    assert backend.asked[1][3].strength == 0.2


def test_what_of_the_face_itself_is_face_and_hair_is_told_like_that_of_a_persona() -> None:
    """PuLID looks at nothing else: without it an oval stood for the head."""
    faces, backend = Planned(FACE), Made()
    faces.hair = np.full((SIDE, SIDE), 255, np.uint8)
    restore(picture(), backend, None, faces, Options(), no_step)
    (region,) = backend.asked[0][2].likeness.regions
    assert region is faces.hair


@pytest.mark.parametrize(("falls", "share"), [(0, 1.0), (1, 0.5), (2, 0.25), (3, 0.125)])
def test_the_largest_share_that_does_not_lower_the_cosine_is_kept(falls: int, share: float) -> None:
    """With a persona: the look before gives 0.9, then so many shares fall from it."""
    cosines = [0.9, *[0.9 - 2 * SLACK] * falls, 0.9 - SLACK / 2]
    done = restore(picture(), Made(sharper), likeness(), Planned(FACE, cosines=cosines), Options(), no_step)
    assert done.report.share == share
    assert done.report.after >= done.report.before - SLACK


def test_a_smaller_share_changes_less() -> None:
    image = np.asarray(cv2.GaussianBlur(picture(), (0, 0), 1), np.uint8)
    changes = []
    for cosines in ([0.9], [0.9, 0.5, 0.9]):
        done = restore(image, Made(sharper), likeness(), Planned(FACE, cosines=cosines), Options(), no_step)
        changes.append(float(np.abs(done.image.astype(int) - image).sum()))
    assert changes[1] == pytest.approx(changes[0] / 2, rel=0.3)


def test_what_the_model_left_as_it_is_stays_to_the_bit() -> None:
    image = picture()
    np.testing.assert_array_equal(restore(image, Made(), None, Planned(FACE), Options(), no_step).image, image)


def test_when_every_share_makes_it_another_person_the_picture_stays_as_it_is() -> None:
    image = picture()
    faces = Planned(FACE, cosines=[0.9, 0.8])
    done = restore(image, Made(sharper), likeness(), faces, Options(), no_step)
    np.testing.assert_array_equal(done.image, image)
    assert done.image is not image
    assert done.report.share == 0
    assert done.report.before == done.report.after == pytest.approx(0.9)
    assert "left as it is" in done.report.sentence


@pytest.mark.parametrize(("moved", "kept"), [(0.008, True), (0.012, False)])
def test_landmarks_may_not_move_by_a_hundredth_of_the_eyes_distance(moved: float, kept: bool) -> None:
    """The face is found as it was twice (in the scene, before), then a little aside."""
    faces = Planned(FACE, shifts=[0.0, 0.0, moved * EYES])
    done = restore(picture(), Made(sharper), None, faces, Options(), no_step)
    assert (done.report.share > 0) is kept


def test_a_face_that_is_not_found_any_more_is_not_shown() -> None:
    image = picture()
    done = restore(image, Made(sharper), None, Planned(FACE, shifts=[0.0, 0.0, None]), Options(), no_step)
    np.testing.assert_array_equal(done.image, image)


def test_a_face_that_is_not_found_in_the_square_is_refused() -> None:
    with pytest.raises(StudioError, match="not found again"):
        restore(picture(), Made(), None, Planned(FACE, shifts=[None]), Options(), no_step)


def test_a_test_backend_says_test_and_needs_no_recogniser() -> None:
    image, faces = picture(), Planned(FACE, cosines=[0.9, 0.1], knows=False)
    done = restore(image, Made(sharper, test=True), None, faces, Options(), no_step)
    assert not done.report.judged
    assert int(np.abs(done.image.astype(int) - image).max()) > 60
    with pytest.raises(StudioError, match="--unjudged"):
        restore(image, Made(sharper), None, faces, Options(), no_step)


def test_the_report_is_fit_for_json() -> None:
    done = restore(picture(), Made(), None, Planned(FACE), Options(), no_step)
    assert json.loads(json.dumps(asdict(done.report)))["share"] == SHARES[0]
    assert "100%" in done.report.sentence
