"""What of a face may be made anew: what a parser says, less what an occluder and hands cover."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.stills import regions
from livecam.app.stills.regions import BARE, KEPT, OCCLUDERS, PARSERS, HandShade, Regions, regions_of
from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.model import Model
from livecam.inference.store import Presence
from livecam.vision.hands.palm import Shrunk
from livecam.vision.mesh.topology import TOPOLOGY
from tests.studio.fakes import mesh_face

CROP = np.full((256, 256, 3), 120, np.uint8)
FACE = mesh_face(128, 128, 150)


class Halving:
    """Of an aligned face, all that is above `row` is kept."""

    def __init__(self, row: int) -> None:
        self._row = row
        self.sides: list[int] = []

    def __call__(self, crop: Image, out: Image) -> Image:
        self.sides.append(len(crop))
        out.fill(0)
        out[: self._row] = 255
        return out


CHIN: Points = FACE.landmarks.points[152]


def at(mask: Image, point: Points) -> int:
    return int(mask[round(float(point[1])), round(float(point[0]))])


def test_without_a_parser_it_is_the_oval_of_the_mesh() -> None:
    mask = Regions(None, None, None)(CROP, FACE)
    assert mask.shape == (256, 256)
    assert mask.dtype == np.uint8
    assert at(mask, FACE.landmarks.five[2]) == 255
    outside = (FACE.landmarks.points[TOPOLOGY.oval] - 128) * 1.1 + 128
    assert all(at(mask, point) == 0 for point in outside)


def test_a_parser_and_an_occluder_are_asked_of_the_aligned_face_and_laid_back() -> None:
    parser, occluder = Halving(512), Halving(300)
    mask = Regions(parser, occluder, None)(CROP, FACE)
    assert parser.sides == occluder.sides == [512]
    eyes, mouth = FACE.landmarks.five[:2], FACE.landmarks.five[3:]
    assert all(at(mask, point) == 255 for point in eyes)
    assert all(at(mask, point) == 0 for point in mouth)
    assert at(mask, CHIN) == 0


def test_a_parser_may_see_more_than_the_mesh_but_no_other_face() -> None:
    mask, bare = Regions(Halving(512), None, None)(CROP, FACE), Regions(None, None, None)(CROP, FACE)
    assert cv2.countNonZero(mask) > 1.3 * cv2.countNonZero(bare)
    assert at(mask, np.array([10, 128], np.float32)) == 0


def test_hands_are_taken_away() -> None:
    def hand(crop: Image, face: Face) -> Image:
        out = np.zeros(crop.shape[:2], np.uint8)
        out[:, :128] = 255
        return out

    mask = Regions(None, None, hand)(CROP, FACE)
    assert not mask[:, :128].any()
    assert mask[:, 130:].any()


def test_what_is_drawn_over_is_told() -> None:
    assert "glasses" in Regions(None, None, lambda crop, face: crop).lacks
    assert PARSERS[0] in Regions(None, None, None).lacks
    assert OCCLUDERS[0] in Regions(Halving(1), None, None).lacks
    assert Regions(Halving(1), None, lambda crop, face: crop).lacks == ""
    assert Regions(Halving(1), Halving(1), None).lacks == ""


def test_a_picture_without_hands_covers_nothing() -> None:
    class NoPalms:
        def shrink(self, image: Image, x: float, y: float, side: float) -> Shrunk | None:
            return Shrunk(np.zeros((1, 192, 192, 3), np.uint8), np.zeros(2, np.float32), 1.0)

        def __call__(self, shrunk: Shrunk, threshold: float) -> list[object]:
            return []

    class Outside(NoPalms):
        def shrink(self, image: Image, x: float, y: float, side: float) -> Shrunk | None:
            return None

    for palms in (NoPalms(), Outside()):
        assert not HandShade(palms, None)(CROP, FACE).any()  # type: ignore[arg-type]


@pytest.mark.parametrize("here", [(), ("bisenet_resnet_18",), ("bisenet_resnet_34", "xseg_2", "xseg_1")])
def test_the_best_of_what_is_here_is_loaded(
    here: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(
        regions, "presence", lambda model, _: Presence.PRESENT if model.name in here else Presence.ABSENT
    )

    def load(model: Model) -> None:
        loaded.append(model.name)

    made = regions_of(tmp_path, catalogue_folders(None), load, None)  # type: ignore[arg-type]
    assert loaded == [name for name in ("bisenet_resnet_34", "bisenet_resnet_18", "xseg_1") if name in here]
    assert ("face parser" in made.lacks) == (not here)
    assert (made._looks is None) == (not here)


def test_what_a_likeness_shows_is_asked_of_the_parser_too() -> None:
    photo = np.full((200, 300, 3), 120, np.uint8)
    face = mesh_face(200, 100, 120)
    assert Regions(None, None, None).looks(photo, face.landmarks.five) is None
    shown = Regions(Halving(512), None, None, Halving(340)).looks(photo, face.landmarks.five)
    assert shown is not None
    assert shown.shape == (200, 300)
    assert [at(shown, point) for point in face.landmarks.five] == [255, 255, 255, 0, 0]
    assert not shown[:, :60].any()
    # Face, glasses and hair, as PuLID was trained; neither ears nor neck, clothes, hat.
    assert not {0, 7, 8, 9, 14, 15, 16, 18} & set(KEPT)
    assert set(BARE) < set(KEPT)
    assert {6, 17} < set(KEPT)


def test_glasses_earrings_hair_and_neck_are_not_made_anew() -> None:
    assert not {0, 6, 7, 8, 9, 14, 15, 16, 17, 18} & set(BARE)
    assert {1, 2, 3, 4, 5, 10, 11, 12, 13} == set(BARE)
