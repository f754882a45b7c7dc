"""Somebody walks past the wearer, in front: the persona goes to nobody else, and the wearer is never bare."""

from collections.abc import Callable, Mapping
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livecam.app import mesh
from livecam.app.assemble import Assembly, networks_of
from livecam.app.wearers import enrolled_in
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.faces.enroll import Template
from livecam.vision.look import EdgeLook
from livecam.vision.portrait.motion import Motion
from tests.app.crossing import Easel, Painter, Person, Verdict, Walk, judged
from tests.app.enrolling import HEIGHT, WIDTH, Place, posed, puppet, somebody_else

VIEWS = 9


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is painted and blurred is noted."""
    monkeypatch.setattr(mesh, "MeshSwapper", Painter)
    monkeypatch.setattr(mesh, "CpuCanvas", Easel)


def run(place: Place, walk: Walk, frames: int) -> Verdict:
    config = place.config()
    return judged(Assembly(config, place.paths).make_processor(), walk, frames, config.settings)


def holds(verdict: Verdict, begins: int, ends: int, frames: int) -> None:
    """What is promised; and before and after the walk there is a picture."""
    assert not verdict.wrong, "the persona is on the wrong person"
    assert not verdict.bare, "the wearer is bare"
    assert len(verdict.swapped) + len(verdict.withheld) == frames
    assert set(range(begins)) <= set(verdict.swapped)
    assert set(range(ends + 15, frames)) <= set(verdict.swapped)


@pytest.mark.parametrize("enrolled", [pytest.param(False, marks=pytest.mark.slow), True])
def test_two_drawn_nobodies(
    enrolled: bool, tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, motion = Place(tmp_path, monkeypatch, recogniser=enrolled), Motion(101)
    if enrolled:
        place.enrol()

    def wearer(number: int) -> Person:
        pose = motion.at(number / 30)
        return Person(posed(pose, number), puppet()[0].landmarks(pose))

    walk = Walk(Size(WIDTH, HEIGHT), wearer, lambda _: Person(*somebody_else()), 4, 34)
    holds(run(place, walk, 52), 4, 34, 52)


@pytest.fixture(scope="module")
def people() -> dict[str, list[Person]]:
    """Of the clips that were looked at already."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("enrolled", [False, True])
def test_two_people_of_the_clips(
    enrolled: bool,
    people: dict[str, list[Person]],
    shared_data: Path,
    tmp_path: Path,
    mesh_models: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the weak look: the wearer is enrolled from the first third of the clip."""
    place = Place(tmp_path, monkeypatch, recogniser=False)
    if not people:
        people |= {name: _people(place, shared_data / "clips" / f"{name}.mp4") for name in ("d12", "d18")}
    own, other = people["d12"], people["d18"]
    third = len(own) // 3
    if enrolled:
        views = [EdgeLook()(person.image, _face(person)) for person in own[2 : third : third // VIEWS]]
        kept = np.stack([view for view in views if view is not None])
        enrolled_in(place.paths).keep(Template("me", EdgeLook.told, kept, ""))
    walk = Walk(Size(1280, 720), _placed(own[third:]), lambda number: other[number % len(other)], 15, 75)
    holds(run(place, walk, 105), 15, 75, 105)


def _people(place: Place, path: Path) -> list[Person]:
    """The frames of a clip of one person at 600 px height, with where the face is."""
    follower = networks_of(place.config(), place.paths).follower(faces=1)
    people = []
    with av.open(path) as clip:
        for number, frame in enumerate(clip.decode(video=0)):
            image: Image = cv2.resize(frame.to_ndarray(format="bgr24"), (600, 600)).astype(np.uint8)
            faces = follower(image, (number + 1) * NS_PER_S // 30, 0.3)
            people.append(Person(image, faces[0].landmarks.points[:468]))
    return people


def _face(person: Person) -> Face:
    points = person.points
    return Face(box_of(points), Landmarks(points, Topology.MESH468), np.zeros(len(points), np.float32), 1.0, 1)


def _placed(people: list[Person]) -> Callable[[int], Person]:
    """Each in the middle of a frame, before what the clip shows at its edge, with a noise of its own."""
    grain = np.random.default_rng(0).normal(0, 1.5, (720 + 64, 1280 + 64, 3)).round().astype(np.int16)

    def at(number: int) -> Person:
        person = people[min(number, len(people) - 1)]
        image = cv2.copyMakeBorder(person.image, 120, 0, 340, 340, cv2.BORDER_REPLICATE)
        down, right = np.random.default_rng(number).integers(0, 64, 2)
        image = np.clip(image + grain[down : down + 720, right : right + 1280], 0, 255)
        return Person(image.astype(np.uint8), person.points + np.array([340, 120], np.float32))

    return at
