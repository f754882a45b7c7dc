"""Histories that nobody would think of, for the follower of the mesh. What is played knows who everybody really is.

People come, go, walk across each other, hide, change places and jump about, under detectors that miss and a landmarker
that doubts and errs, while the clock jumps and scenes change. Whatever happens, a number stays with its person, unless
the two could be taken for each other: their faces overlapped. Then it may go back to whom it was before, by looks.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product
from typing import Final, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livecam.core.ahead import Ahead
from livecam.core.face import Box, Detection, Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.vision.associate import Look
from livecam.vision.flow import FlowCarrier
from livecam.vision.mesh.landmarks import MESH_ROWS, Crop, MeshFit, Roi
from livecam.vision.track import MeshFollower, TrackRules
from tests.vision.test_track import FRAME_NS, mesh_at

RULES = TrackRules()
WIDTH, HEIGHT = 320, 180
MOST_KEPT = 8
MESH = mesh_at(0, 0, 1)
BOX = box_of(MESH[:MESH_ROWS])
FIVE = np.ascontiguousarray(MESH[[33, 263, 1, 61, 291], :2])
SIZES = (24.0, 40.0, 60.0)
PLACES = tuple(product((30.0, 110.0, 200.0, 290.0), (50.0, 120.0)))
WRONG = MESH * np.float32(np.nan)


def least_overlap(rules: TrackRules) -> float:
    """The least intersection over union that a face and what it was before can have, as far as `rules` let it go."""

    def iou(angle: float, growth: float) -> float:
        side = max(BOX.width, BOX.height)
        x, y = rules.jump * side * math.cos(angle), rules.jump * side * math.sin(angle)
        half_x, half_y = growth * BOX.width / 2, growth * BOX.height / 2
        return Box(-BOX.width / 2, -BOX.height / 2, BOX.width / 2, BOX.height / 2).iou(
            Box(x - half_x, y - half_y, x + half_x, y + half_y)
        )

    angles = np.linspace(0, math.pi / 2, 91)
    return min(iou(float(angle), growth) for angle in angles for growth in (1 / rules.growth, 1.0, rules.growth))


LEAST: Final = least_overlap(RULES)


@cache
def scenes() -> tuple[Image, ...]:
    """Two scenes that are a cut apart."""
    left = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left[:, : WIDTH // 2] = 200
    return left, np.ascontiguousarray(left[:, ::-1])


class Event(NamedTuple):
    """Something that happens to one of those who are there, or to everything."""

    what: str
    who: int = 0


@dataclass
class Somebody:
    """A person. `who` is theirs alone, and the landmarker says it by how sure it is."""

    who: int
    x: float
    y: float
    height: float
    pace: tuple[float, float] = (0.0, 0.0)
    seen: bool = True
    found: bool = True
    weak: bool = False
    wrong: bool = False

    @property
    def presence(self) -> float:
        return 0.3 if self.weak else 0.9 + 0.001 * self.who

    @property
    def box(self) -> Box:
        x1, y1, x2, y2 = (self.height * edge for edge in BOX)
        return Box(self.x + x1, self.y + y1, self.x + x2, self.y + y2)


def who_is(presence: float) -> int:
    return round((presence - 0.9) / 0.001)


@dataclass
class World:
    """People from the back to the front, and a clock; plays both detectors and the landmarker."""

    people: list[Somebody] = field(default_factory=list)
    now_ns: int = NS_PER_S
    scene: int = 0
    born: int = 0

    def come(self, place: tuple[float, float], height: float) -> None:
        self.born += 1
        self.people.append(Somebody(self.born, *place, height))

    def visible(self) -> list[Somebody]:
        boxes = [one.box for one in self.people]
        return [
            one
            for row, one in enumerate(self.people)
            if one.seen and not any(boxes[row].overlap(box) > 0.5 * boxes[row].area for box in boxes[row + 1 :])
        ]

    def detect(self, image: Image, threshold: float) -> list[Detection]:
        return [
            Detection(one.box, Landmarks(FIVE * np.float32(one.height) + self.offset(one)[:2], Topology.FIVE), 0.9)
            for one in self.visible()
            if one.found
        ]

    def offset(self, one: Somebody) -> Points:
        return np.array([one.x, one.y, 0], np.float32)

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        reach = roi.side / 2
        there = [one for one in self.visible() if abs(one.x - roi.x) < reach and abs(one.y - roi.y) < reach]
        if not there:
            return MeshFit(WRONG, 0.01)
        one = min(there, key=lambda one: abs(one.x - roi.x) + abs(one.y - roi.y))
        points = WRONG if one.wrong else MESH * np.float32(one.height) + self.offset(one)
        return MeshFit(points, one.presence)

    def play(self, event: Event) -> None:
        """Go on by a frame, in which `event` happens."""
        self.now_ns += FRAME_NS
        for one in self.people:
            one.x, one.y = one.x + one.pace[0] * one.height, one.y + one.pace[1] * one.height
            one.weak = one.wrong = False
        if event.what in WORLDLY:
            WORLDLY[event.what](self)
        elif self.people:
            one, other = (self.people[(event.who + step) % len(self.people)] for step in (0, 1))
            PERSONAL[event.what](self, one, other)


def cut(world: World) -> None:
    world.scene = 1 - world.scene
    for one, (x, y) in zip(world.people, PLACES[::-2], strict=False):
        one.x, one.y, one.pace = x, y, (0.0, 0.0)


def wait(seconds: float) -> Callable[[World], None]:
    def waited(world: World) -> None:
        world.now_ns += int(seconds * NS_PER_S)

    return waited


def towards(world: World, one: Somebody, other: Somebody) -> None:
    x, y = other.x - one.x, other.y - one.y
    length = max(math.hypot(x, y), 1.0)
    one.pace = 0.2 * x / length, 0.2 * y / length


def beside(world: World, one: Somebody, other: Somebody) -> None:
    one.x, one.y = other.x + 0.5 * other.height, other.y


def change_places(world: World, one: Somebody, other: Somebody) -> None:
    one.x, one.y, other.x, other.y = other.x, other.y, one.x, one.y


def jump(world: World, one: Somebody, other: Somebody) -> None:
    one.x, one.y = PLACES[(one.who + len(world.people) + int(one.x)) % len(PLACES)]


def replaced(world: World, one: Somebody, other: Somebody) -> None:
    """Somebody else is where they were."""
    world.born += 1
    one.who = world.born


def to_front(world: World, one: Somebody, other: Somebody) -> None:
    world.people.remove(one)
    world.people.append(one)


def changed(**values: object) -> Callable[[World, Somebody, Somebody], None]:
    def change(world: World, one: Somebody, other: Somebody) -> None:
        for name, value in values.items():
            setattr(one, name, value)

    return change


def toggled(name: str) -> Callable[[World, Somebody, Somebody], None]:
    def toggle(world: World, one: Somebody, other: Somebody) -> None:
        setattr(one, name, not getattr(one, name))

    return toggle


def grown(factor: float) -> Callable[[World, Somebody, Somebody], None]:
    def grow(world: World, one: Somebody, other: Somebody) -> None:
        one.height = min(max(one.height * factor, SIZES[0]), 2 * SIZES[-1])

    return grow


def comes(place: int) -> Callable[[World], None]:
    def come(world: World) -> None:
        if len(world.people) < 4:
            world.come(PLACES[(place + world.born) % len(PLACES)], SIZES[world.born % len(SIZES)])

    return come


WORLDLY: Final[dict[str, Callable[[World], None]]] = {
    "nothing": wait(0),
    "comes": comes(0),
    "comes there": comes(3),
    "cut": cut,
    "late": wait(0.2),
    "gap": wait(1),
    "long gap": wait(3),
    "back in time": wait(-0.1),
}
PERSONAL: Final[dict[str, Callable[[World, Somebody, Somebody], None]]] = {
    "towards": towards,
    "stops": changed(pace=(0.0, 0.0)),
    "to the right": changed(pace=(0.3, 0.0)),
    "creeps": changed(pace=(0.02, 0.01)),
    "beside": beside,
    "change places": change_places,
    "jumps": jump,
    "hides or shows": toggled("seen"),
    "missed or found": toggled("found"),
    "weak": changed(weak=True),
    "wrong": changed(wrong=True),
    "to the front": to_front,
    "somebody else": replaced,
    "goes": lambda world, one, other: world.people.remove(one),
    "grows": grown(1.4),
    "shrinks": grown(1 / 1.4),
}
EVENTS = [Event(what) for what in WORLDLY] + [Event(what, who) for what in PERSONAL for who in range(3)]


class Seen(NamedTuple):
    """Who a number was last, and where; and who it was before that."""

    who: int
    box: Box
    been: frozenset[int] = frozenset()


class Told(NamedTuple):
    """How far looks and a recogniser tell people apart in a history."""

    looks: bool
    recognised: bool


class NoFlow:
    """A carrier of landmarks that have no picture; to make the real one takes a third of all the time."""

    def __init__(self, ahead: Ahead) -> None:
        assert ahead

    def look(self, crop: Crop) -> None:
        raise AssertionError("there is no picture")

    def __call__(self, points: Points, crop: Crop | None, captured_ns: int, steadiness: float) -> Points:
        assert crop is None
        return points


@pytest.fixture
def no_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks without a picture pass the carrier as they are, and need none."""
    carrier, moved = FlowCarrier(), MESH * np.float32(50)
    np.testing.assert_array_equal(carrier(moved, None, NS_PER_S, 0.0), moved)
    np.testing.assert_array_equal(carrier(moved + 9, None, NS_PER_S + FRAME_NS, 0.0), moved + 9)
    monkeypatch.setattr("livecam.vision.tracks.FlowCarrier", NoFlow)


@pytest.fixture
def look_of(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The small looks: of nothing, or, while the list holds true, of who it is, by the landmarker's word."""
    told = [False]

    def look(image: Image, fit: MeshFit) -> Look | None:
        return one_hot(fit.presence) if told[0] else None

    for module in ("crossing", "tracks"):
        monkeypatch.setattr(f"livecam.vision.{module}.look_of", look)
    return told


def one_hot(presence: float) -> Look:
    look: Look = np.zeros(64, np.float32)
    look[who_is(presence) % 64] = 1
    return look


def follow(script: Sequence[Event], faces: int, told: Told) -> None:
    """Play `script` and hold every frame of it against what it has to keep to."""
    world = World()
    for place, size in zip(PLACES[::3], SIZES[1:], strict=False):
        world.come(place, size)
    tell = (lambda image, face: one_hot(face.score)) if told.recognised else None
    follower = MeshFollower(world.detect, world.detect, world, faces, tell_apart=tell)
    seen: dict[int, Seen] = {}
    for event in script:
        world.play(event)
        shown = follower(scenes()[world.scene], world.now_ns, 0.0)
        numbers = [face.track_id for face in shown]
        assert numbers == sorted(set(numbers))
        check(follower, shown, seen, told.looks)


def check(follower: MeshFollower, shown: Sequence[Face], seen: dict[int, Seen], looks: bool) -> None:
    """Hold what the follower knows now against `seen`, which is brought up to date.

    Where there are no `looks`, nobody can be known again elsewhere.
    """
    for track in follower._tracks:
        who = who_is(track.fit.presence)
        before = seen.get(track.number, Seen(who, track.box))
        if before.who != who and not (looks and who in before.been):
            assert before.box.iou(track.box) >= LEAST, f"{track.number} went from {before} to {who} at {track.box}"
        seen[track.number] = Seen(who, track.box, before.been | {who})
    assert all(seen[face.track_id].who == who_is(face.score) for face in shown)
    for one, other in pairwise(sorted(follower._tracks, key=lambda track: track.number)):
        assert one.number < other.number
    kept = {track.number for track in follower._tracks + follower._hidden + follower._lost}
    assert len(kept) == len(follower._tracks) + len(follower._hidden) + len(follower._lost)
    assert len(follower._tracks) <= follower._max_faces
    # What is kept is cut short at the beginning of a frame.
    assert len(follower._hidden) <= MOST_KEPT + follower._max_faces
    assert len(follower._lost) <= MOST_KEPT + follower._max_faces


scripts = st.lists(st.sampled_from(EVENTS), min_size=20, max_size=30)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("no_flow")
@settings(max_examples=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts, st.sampled_from((3, 2, 1)), st.sampled_from((Told(False, False), Told(True, False), Told(True, True))))
def test_two_thousand_histories(look_of: list[bool], script: list[Event], faces: int, told: Told) -> None:
    look_of[0] = told.looks
    follow(script, faces, told)
