"""Who walks and who is walked past: people of the clips, and the two drawn ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from livecam.app.assemble import networks_of, persona_library
from livecam.app.wearers import enrolled_in, look_of
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.core.persona import Basis
from livecam.faces.enroll import Template
from livecam.vision.portrait.motion import Motion, Pose
from tests.app.crossing import Person, Walk
from tests.app.enrolling import HEIGHT, WIDTH, YAWS, Place, posed, puppet, somebody_else

FRAME = Size(1280, 720)
VIEWS = 9
DRAWN = "drawn"
"""The persona that `add_drawn_persona` makes: the drawn wearer's face, which nobody else has."""

_SIDE = 600
_LEFT, _TOP = (FRAME.width - _SIDE) // 2, FRAME.height - _SIDE
_GRAIN = 64


@dataclass(frozen=True)
class Actor:
    """Somebody of whom there is footage.

    Attributes:
        size: Of a frame in which they stand.
        enrolling: What they can be enrolled from; nothing of it is in the scenes.
        standing: In a frame, by the number of the frame.
        walking: The same to be cut out, as large.
        height: Of the face, px, in the middle of all.
    """

    size: Size
    enrolling: list[Person]
    standing: Callable[[int], Person]
    walking: Callable[[int], Person]
    height: float


def of_clip(place: Place, path: Path, frames: int) -> Actor:
    """Somebody of a clip: enrolled from its first third, and in scenes of at most `frames` after that."""
    third = _length(path) // 3
    people = people_of(place, path, third + frames)
    rest = people[third:]
    return Actor(FRAME, people[2:third], placed(rest), lambda number: rest[number % len(rest)], _height(rest))


def people_of(place: Place, path: Path, limit: int) -> list[Person]:
    """The first frames of a clip of one person, the middle of it at 600 px height, with where the face is."""
    follower = networks_of(place.config(), place.paths).follower(faces=1)
    people = []
    with av.open(path) as clip:
        for number, frame in zip(range(limit), clip.decode(video=0), strict=False):
            image = _square(frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False))
            faces = follower(image, (number + 1) * NS_PER_S // 30, 0.3)
            people.append(Person(image, faces[0].landmarks.points[:468]))
    return people


def placed(people: list[Person]) -> Callable[[int], Person]:
    """Each in the middle of a frame, before what the clip shows at its edge, with a noise of its own."""
    shape = (FRAME.height + _GRAIN, FRAME.width + _GRAIN, 3)
    grain = np.random.default_rng(0).normal(0, 1.5, shape).round().astype(np.int16)

    def at(number: int) -> Person:
        person = people[min(number, len(people) - 1)]
        image = cv2.copyMakeBorder(person.image, _TOP, 0, _LEFT, _LEFT, cv2.BORDER_REPLICATE)
        down, right = np.random.default_rng(number).integers(0, _GRAIN, 2)
        noise = grain[down : down + FRAME.height, right : right + FRAME.width]
        noisy = cv2.add(image, noise, dtype=cv2.CV_8U).astype(np.uint8, copy=False)
        return Person(noisy, person.points + np.array([_LEFT, _TOP], np.float32))

    return at


def drawn_wearer() -> Actor:
    """The drawn wearer, who moves a little."""
    motion = Motion(101)

    def at(number: int) -> Person:
        return _drawn(motion.at(number / 30), number)

    views = [_drawn(Pose(yaw=float(yaw)), number) for number, yaw in enumerate(YAWS)]
    return Actor(Size(WIDTH, HEIGHT), views, at, at, _height(views))


def drawn_other() -> Actor:
    """The drawn persona, who keeps still."""
    person = Person(*somebody_else())
    return Actor(Size(HEIGHT, HEIGHT), [person] * VIEWS, lambda _: person, lambda _: person, _height([person]))


def past(wearer: Actor, other: Actor, begins: int, ends: int, stop: int = 0, *, behind: bool = False) -> Walk:
    """`other` walks past `wearer`: in front a little larger, so that they can hide the wearer, behind smaller."""
    scale = (0.9 if behind else 1.15) * wearer.height / other.height
    return Walk(wearer.size, wearer.standing, other.walking, begins, ends, stop, behind, scale)


def enrol(place: Place, name: str, actor: Actor) -> None:
    """Enrol somebody, by what faces are told by there."""
    look = look_of(place.config(), place.paths)
    chosen = actor.enrolling[:: max(len(actor.enrolling) // VIEWS, 1)]
    views = [view for view in (look(person.image, _face(person)) for person in chosen) if view is not None]
    enrolled_in(place.paths).keep(Template(name, look.told, np.stack(views), ""))


def add_drawn_persona(place: Place) -> None:
    """Make the persona `DRAWN`."""
    photo = place.folder / f"{DRAWN}.png"
    photo.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(photo), posed(Pose()))
    persona_library(place.config(), place.paths).add(DRAWN, [photo], Basis.SYNTHETIC)


def _drawn(pose: Pose, number: int) -> Person:
    return Person(posed(pose, number), puppet()[0].landmarks(pose))


def _length(path: Path) -> int:
    """Of a clip, in frames."""
    with av.open(path) as clip:
        return clip.streams.video[0].frames


def _square(image: Image) -> Image:
    """The middle of `image`, 600 px wide and high."""
    height, width = image.shape[:2]
    left = (width - height) // 2
    return cv2.resize(image[:, left : left + height], (_SIDE, _SIDE)).astype(np.uint8, copy=False)


def _face(person: Person) -> Face:
    points = person.points
    return Face(box_of(points), Landmarks(points, Topology.MESH468), np.zeros(len(points), np.float32), 1.0, 1)


def _height(people: list[Person]) -> float:
    return float(np.median([box_of(person.points).height for person in people]))
