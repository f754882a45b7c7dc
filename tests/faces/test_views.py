"""The guide of the webcam views: what it keeps, what it asks for, and whom it leaves out."""

import numpy as np
import pytest

from livecam.core.face import Face, Topology
from livecam.core.frame import Image, Points
from livecam.errors import PersonaError
from livecam.faces.pack import Origin
from livecam.faces.views import WANTED, ViewGuide
from livecam.vision.angles import HeadAngles, bin_of
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.recognise import Embedding
from tests.vision.test_heading import face_of, turned

SHARP = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
SOFT = np.full((480, 640, 3), 120, np.uint8)
SAME, OTHER = 0.4, 0.15
ANN = np.eye(1, 512, dtype=np.float32)


def looking(yaw: float, pitch: float = 0.0, height: float = 1.0) -> Face:
    points: Points = turned(TOPOLOGY.canonical * np.float32(height), yaw, pitch)
    return face_of(points, Topology.MESH468)


def person(cosine: float) -> Embedding:
    """(512,) of length 1 with that cosine to Ann."""
    vector = np.zeros(512, np.float32)
    vector[:2] = cosine, np.sqrt(1 - cosine**2)
    return vector


class Ann:
    """Looks about as the test says."""

    def __init__(self, cosine: float = 0.8) -> None:
        self.cosine = cosine

    def __call__(self, image: Image, face: Face) -> Embedding:
        return person(self.cosine)


def guide_of(ann: Ann) -> ViewGuide:
    return ViewGuide(ann, ANN, SAME, OTHER)


def test_it_asks_for_every_side_and_says_when_all_is_there() -> None:
    guide, hints = guide_of(Ann()), []
    for angles, _ in WANTED:
        hints.append(guide.hint)
        assert guide.take(SHARP, [looking(*angles)])
    assert hints == [hint for _, hint in WANTED]
    assert guide.hint == "Turn slowly to all sides."
    assert guide.progress == 1
    views = guide.views()
    assert {bin_of(view.angles) for view in views} == {bin_of(angles) for angles, _ in WANTED}
    assert all((view.origin, view.weight, view.picture) == (Origin.WEBCAM, 1.0, b"") for view in views)


def test_the_sharpest_of_a_side_is_kept() -> None:
    ann = Ann(0.8)
    guide = guide_of(ann)
    assert guide.take(SHARP, [looking(0)])
    ann.cosine = 0.7
    assert not guide.take(SOFT, [looking(2)])
    guide.take(SHARP, [looking(20)])
    guide.take(SHARP, [looking(-20)])
    front = next(view for view in guide.views() if bin_of(view.angles) == bin_of(HeadAngles(0, 0)))
    assert front.vector[0] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("faces", "hint"),
    [
        ([], "Nobody is seen."),
        ([looking(0), looking(10)], "Somebody else is in the picture"),
        ([looking(60)], "turn back a little"),
        ([looking(0, height=0.1)], "Come nearer"),
    ],
)
def test_what_does_not_serve_is_told(faces: list[Face], hint: str) -> None:
    guide = guide_of(Ann())
    assert not guide.take(SHARP, faces)
    assert hint in guide.hint
    assert guide.progress == 0


def test_a_side_that_the_photos_do_not_show_is_known_by_what_was_seen() -> None:
    ann = Ann(0.5)
    guide = guide_of(ann)
    guide.take(SHARP, [looking(0)])
    # Less like the photos than one person's are, but like what was seen a moment ago, and not surely somebody else.
    ann.cosine = 0.3
    assert guide.take(SHARP, [looking(20)])
    ann.cosine = 0.1
    assert not guide.take(SHARP, [looking(40)]), "surely somebody else by the photos"
    assert guide.hint == "This does not look like the person of the photos."


def test_a_stranger_ends_it_unless_the_person_was_seen() -> None:
    with pytest.raises(PersonaError, match="not the person of the persona's photos"):
        shown(guide_of(Ann(0.1)), 30)
    ann = Ann()
    guide = guide_of(ann)
    guide.take(SHARP, [looking(0)])
    ann.cosine = 0.1
    for _ in range(30):
        assert not guide.take(SHARP, [looking(0)])


def shown(guide: ViewGuide, frames: int) -> None:
    for _ in range(frames):
        guide.take(SHARP, [looking(0)])


def test_one_side_is_too_little() -> None:
    guide = guide_of(Ann())
    for yaw in (0, 20, 40):
        guide.take(SHARP, [looking(yaw)])
    with pytest.raises(PersonaError, match="3 views, from one side only"):
        guide.views()
