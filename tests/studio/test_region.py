"""What is made anew reaches a little beyond the face; what is shown never does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.errors import StudioError
from livecam.studio.region import region_of, shaped
from tests.studio.fakes import SIDE, Planned, mesh_face, picture


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([64, 127, 256]))
def test_no_mask_that_shows_anything_reaches_beyond_the_face(seed: int, side: int) -> None:
    random = np.random.default_rng(seed)
    cell = side // 8 + 1
    cells = random.choice([0, 0, 90, 180, 255, 255], (8, 8))
    cells[4, 4:6] = 255
    face = np.kron(cells, np.ones((cell, cell))).astype(np.uint8)[:side, :side]
    region = shaped(face)
    assert (region.texture <= face).all()
    assert (region.light <= region.texture).all()
    assert (region.anew[face >= 128] == 255).all()
    assert set(np.unique(region.anew)) <= {0, 255}


def test_light_goes_over_more_slowly_than_texture_and_both_are_whole_in_the_middle() -> None:
    face = np.zeros((200, 200), np.uint8)
    face[40:160, 40:160] = 255
    region = shaped(face)
    assert region.texture[100, 100] == region.light[100, 100] == 255
    assert 0 < region.light[100, 43] < region.texture[100, 43]
    assert 0 < int((region.anew > 0).sum()) - int((face > 0).sum()) < 120 * 120 // 4


def test_glasses_are_a_hole_in_what_is_shown() -> None:
    bridge = np.s_[60:64, 30:98]
    faces = Planned(mesh_face(), hole=bridge)
    framing = faces.framing
    region = region_of(framing.crop(picture()), framing.moved(mesh_face()), faces)
    assert not region.texture[bridge].any()
    assert not region.light[bridge].any()
    assert region.anew[bridge].all(), "a model sees no thin thing: it may draw over it, and that is not shown"


def test_a_face_of_which_hardly_anything_is_to_be_seen_is_refused() -> None:
    face = np.zeros((SIDE, SIDE), np.uint8)
    face[:10, :10] = 255
    with pytest.raises(StudioError, match="Hardly anything"):
        shaped(face)
