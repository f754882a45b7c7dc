"""A swap from end to end, with a backend and faces that do as they are told."""

import json
from dataclasses import asdict
from types import MappingProxyType

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.errors import StudioCancelled, StudioError
from livecam.studio.framing import resampled
from livecam.studio.swap import LARGEST, Options, swap
from livecam.studio.terms import Slot
from tests.studio.fakes import SIDE, Made, Planned, likeness, mesh_face, no_step, noise, picture

FACE = mesh_face(degrees=12)


def outside(faces: Planned, image: Image) -> np.ndarray:
    framing = faces.framing
    mask = faces.region(framing.crop(image), framing.moved(faces.there[0]))
    size = (image.shape[1], image.shape[0])
    return resampled(mask, framing.back(0, 0), size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) == 0


def test_the_backend_is_given_the_square_the_mask_and_all_that_steers_it() -> None:
    image, backend, faces = picture(), Made(), Planned(FACE)
    whom = likeness()
    swap(image, backend, whom, faces, Options(seed=5, steps=3, scales=MappingProxyType({Slot.TOKENS: 0.9})), no_step)
    ((square, mask, conditions, sampling),) = backend.asked
    np.testing.assert_array_equal(square, faces.framing.crop(image))
    assert mask.shape == (SIDE, SIDE)
    assert conditions.likeness is whom
    assert conditions.prompt == ""
    np.testing.assert_allclose(conditions.five, faces.framing.moved(FACE).landmarks.five)
    assert conditions.scales == {Slot.TOKENS: 0.9, Slot.ATTENTION: 0.5, Slot.LANDMARKS: 0.5}
    assert (sampling.steps, sampling.seed) == (3, 5)


def test_outside_the_face_every_bit_stays_and_the_face_is_another() -> None:
    image, faces = picture(321, 241), Planned(FACE, hole=np.s_[50:54, 20:108])
    done = swap(image, Made(noise), likeness(), faces, Options(), no_step)
    same = outside(faces, image)
    np.testing.assert_array_equal(done.image[same], image[same])
    assert (done.image != image).any(axis=2)[~same].mean() > 0.7


def test_what_is_judged_is_what_is_shown() -> None:
    faces = Planned(FACE)
    done = swap(picture(), Made(noise), likeness(), faces, Options(), no_step)
    np.testing.assert_array_equal(faces.seen[-1], faces.framing.crop(done.image))


def test_the_first_attempt_that_passes_is_shown_and_others_are_not_made() -> None:
    backend = Made(noise)
    done = swap(picture(), backend, likeness(), Planned(FACE, cosines=[0.2, 0.8, 0.9]), Options(seed=7), no_step)
    assert [asked[3].seed for asked in backend.asked] == [7, 8]
    assert (done.report.attempts, done.report.seed) == (2, 8)
    assert done.report.cosine == pytest.approx(0.8)
    assert done.report.passed
    assert done.report.judged


def test_when_none_passes_nothing_is_shown_and_the_best_figures_are_told() -> None:
    backend, faces = Made(noise), Planned(FACE, cosines=[0.2, 0.41, 0.3])
    with pytest.raises(StudioError, match=r"best of 3 pictures.*cosine of 0\.41.*0\.70 is needed.*--seed"):
        swap(picture(), backend, likeness(), faces, Options(), no_step)
    assert len(backend.asked) == 3


def test_one_attempt_is_called_one() -> None:
    with pytest.raises(StudioError, match=r"The picture that was made did not pass.*no face in it"):
        swap(picture(), Made(), likeness(), Planned(FACE, shifts=[None]), Options(attempts=1), no_step)


def test_a_test_backend_is_not_judged_and_says_test_on_the_face_and_nowhere_else() -> None:
    image, faces = picture(), Planned(FACE, cosines=[0.0], knows=False)
    done = swap(image, Made(test=True), likeness(), faces, Options(), no_step)
    assert done.report.passed
    assert not done.report.judged
    assert done.report.attempts == 1
    same = outside(faces, image)
    np.testing.assert_array_equal(done.image[same], image[same])
    assert int(np.abs(done.image.astype(int) - image).max()) > 60, "the letters are white and black"


def test_without_a_recogniser_nothing_is_made_unless_that_is_wanted() -> None:
    backend, blind = Made(), Planned(FACE, cosines=[0.1], knows=False)
    with pytest.raises(StudioError, match="--unjudged"):
        swap(picture(), backend, likeness(), blind, Options(), no_step)
    assert not backend.asked
    assert not swap(picture(), backend, likeness(), blind, Options(unjudged=True), no_step).report.judged


def test_the_chosen_face_is_the_one_that_is_swapped() -> None:
    image = picture()
    other = mesh_face(60, 60, 50, track_id=2)
    done = swap(image, Made(noise), likeness(), Planned(FACE, other), Options(face=LARGEST), no_step)
    assert (done.image[:60, :100] == image[:60, :100]).all()
    with pytest.raises(StudioError, match="2 faces"):
        swap(image, Made(noise), likeness(), Planned(FACE, other), Options(), no_step)


def test_it_is_cancelled_at_once() -> None:
    def cancel(done: int, of: int) -> None:
        if done == 2:
            raise StudioCancelled("Cancelled.")

    with pytest.raises(StudioCancelled):
        swap(picture(), Made(), likeness(), Planned(FACE), Options(), cancel)


def test_a_slot_that_is_missing_is_told_before_anything_is_made() -> None:
    backend = Made(slots=frozenset({Slot.TOKENS}))
    options = Options(scales=MappingProxyType({Slot.LANDMARKS: 1.0}))
    with pytest.raises(StudioError, match="landmarks"):
        swap(picture(), backend, likeness(), Planned(FACE), options, no_step)
    assert not backend.asked


def test_the_report_is_fit_for_json() -> None:
    done = swap(picture(), Made(), likeness(), Planned(FACE), Options(), no_step)
    assert json.loads(json.dumps(asdict(done.report)))["told"] == "planned"


def test_the_studio_itself_draws_nothing_by_chance() -> None:
    first, again = (swap(picture(), Made(noise), likeness(), Planned(FACE), Options(), no_step) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
