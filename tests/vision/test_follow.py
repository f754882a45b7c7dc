"""Following by detections: drawn people whose places are known, and histories that nobody would think of."""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
import pytest

from livecam.core.face import Box, Detection, Face, Landmarks, Topology
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.core.seams import Follower
from livecam.vision.associate import Look, small_look
from livecam.vision.carry import SparseCarrier
from livecam.vision.follow import DetectionFollower, FollowRules
from livecam.vision.template import Template, points_of
from tests.vision.test_associate import person

FRAME_NS = NS_PER_S // 30
SIZE = (360, 640)
EMPTY: Image = np.zeros((*SIZE, 3), np.uint8)
WALL: Image = np.full((*SIZE, 3), 90, np.uint8)


@cache
def drawing(number: int) -> Image:
    return person(number)


@dataclass
class Person:
    """A drawn person: a picture of their own, moved about. `side` is that of their box."""

    number: int
    x: float
    y: float = 180.0
    side: float = 100.0
    seen: bool = True
    score: float = 0.9

    @property
    def box(self) -> Box:
        half = self.side / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)

    def detection(self, random: np.random.Generator | None = None, sigma: float = 0.0) -> Detection:
        five = points_of(Template.ARCFACE_112_V2, 1) * self.side + (self.x - self.side / 2, self.y - self.side / 2)
        noise = random.normal(0, sigma, five.shape) if random else 0.0
        landmarks = Landmarks((five + noise).astype(np.float32), Topology.FIVE)
        return Detection(self.box, landmarks, self.score)


@dataclass
class Room:
    """People from the back to the front, a detector that sees those who are not covered, and a clock."""

    people: list[Person]
    sigma: float = 0.0
    looks: int = 0
    now_ns: int = NS_PER_S
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    drawn: bool = True

    def visible(self) -> list[Person]:
        covered = [
            one
            for row, one in enumerate(self.people)
            if any(one.box.overlap(front.box) > 0.5 * one.box.area for front in self.people[row + 1 :])
        ]
        return [one for one in self.people if one.seen and one not in covered]

    def detector(self, image: Image, threshold: float) -> list[Detection]:
        self.looks += 1
        found = [one.detection(self.random, self.sigma) for one in self.visible() if one.score >= threshold]
        return sorted(found, key=lambda one: one.score, reverse=True)

    def picture(self) -> Image:
        if not self.drawn:
            return EMPTY
        image = WALL.copy()
        for one in self.people:
            scale = one.side / 200
            matrix = np.array([[scale, 0, one.x - one.side / 2], [0, scale, one.y - one.side / 2]])
            cv2.warpAffine(drawing(one.number), matrix, SIZE[::-1], dst=image, borderMode=cv2.BORDER_TRANSPARENT)
        return image

    def next(self, follower: DetectionFollower, step_ns: int = FRAME_NS) -> tuple[Face, ...]:
        self.now_ns += step_ns
        return follower(self.picture(), self.now_ns, 0.5)


def following(room: Room, max_faces: int = 1, detect_every: int = 5) -> DetectionFollower:
    return DetectionFollower(room.detector, max_faces, FollowRules(detect_every=detect_every))


def middle_x(points: Points) -> float:
    return float(points[:, 0].mean())


def test_a_face_fits_the_seam_and_stands_where_it_was_found() -> None:
    room = Room([Person(1, 300)])
    follower: Follower = following(room)
    (face,) = follower(room.picture(), NS_PER_S, 0.5)
    assert face.landmarks.topology is Topology.FIVE
    assert face.landmarks.points.dtype == face.depth.dtype == np.float32
    assert face.depth.shape == (5,)
    assert not face.depth.any()
    np.testing.assert_allclose(face.box, room.people[0].box, atol=0.01)
    np.testing.assert_allclose(face.landmarks.five, room.people[0].detection().landmarks.five, atol=0.01)


def test_between_detections_the_flow_carries_the_face() -> None:
    room = Room([Person(1, 200)])
    follower = following(room, detect_every=10)
    for _ in range(40):
        room.people[0].x += 3
        room.people[0].side *= 1.003
        (face,) = room.next(follower)
        truth = room.people[0].detection().landmarks.five
        assert np.linalg.norm(face.landmarks.five - truth, axis=1).max() < 0.03 * room.people[0].side
        assert face.track_id == 1
    assert room.looks <= 5


def test_a_detector_that_costs_nothing_looks_at_every_frame() -> None:
    room = Room([Person(1, 200)])
    follower = following(room, detect_every=1)
    for _ in range(10):
        room.next(follower)
    assert room.looks == 10


def test_a_face_that_the_flow_loses_is_searched_at_once() -> None:
    room = Room([Person(1, 200)])
    follower = following(room, detect_every=100)
    room.next(follower)
    room.next(follower)
    room.people[0].x += 70
    (face,) = room.next(follower)
    assert room.looks == 2
    assert face.box.centre[0] == pytest.approx(270, abs=8)


def test_steadiness_calms_a_noisy_detector_and_does_not_lag() -> None:
    def spread(steadiness: float, pace_px: float) -> tuple[float, float]:
        room, errors, jitter = Room([Person(1, 150)], sigma=1.0, drawn=False), [], []
        follower = following(room, detect_every=1)
        for _ in range(60):
            room.people[0].x += pace_px
            room.now_ns += FRAME_NS
            (face,) = follower(EMPTY, room.now_ns, steadiness)
            errors.append(middle_x(face.landmarks.points) - middle_x(room.people[0].detection().landmarks.points))
            jitter.append(face.landmarks.points)
        return float(np.mean(errors[20:])), float(np.diff(jitter[20:], n=2, axis=0).std())

    raw, calm, calmer = spread(0.0, 0.0)[1], spread(0.5, 0.0)[1], spread(1.0, 0.0)[1]
    assert calm < 0.35 * raw
    assert calmer < calm
    # A frame of lag would be 5 px.
    assert abs(spread(0.5, 5.0)[0]) < 0.5


def test_the_horizon_leads_by_what_it_says_and_one_frame_at_most() -> None:
    def place(horizon_ns: int) -> float:
        room = Room([Person(1, 100)], drawn=False)
        follower = following(room, detect_every=1)
        follower.horizon_ns = horizon_ns
        faces: tuple[Face, ...] = ()
        for _ in range(30):
            room.people[0].x += 5
            faces = room.next(follower)
        return faces[0].box.centre[0]

    assert place(FRAME_NS // 2) - place(0) == pytest.approx(2.5, abs=0.6)
    assert place(100 * FRAME_NS) - place(0) <= 5.5


def test_ids_survive_a_second_out_of_sight_where_looks_tell_and_a_moment_where_they_do_not() -> None:
    for drawn, frames, kept in ((True, 30, True), (False, 5, True), (False, 30, False)):
        room = Room([Person(1, 200)], drawn=drawn)
        follower = following(room, detect_every=1)
        (before,) = room.next(follower)
        room.people[0].seen = False
        for _ in range(frames):
            room.next(follower)
        room.people[0].seen = True
        (after,) = room.next(follower)
        assert (after.track_id == before.track_id) is kept


def test_somebody_else_in_the_same_place_is_somebody_else() -> None:
    room = Room([Person(1, 200)])
    follower = following(room, detect_every=1)
    (before,) = room.next(follower)
    room.people = []
    for _ in range(12):
        assert room.next(follower) == () or room.now_ns
    room.people = [Person(2, 200)]
    (after,) = room.next(follower)
    assert after.track_id != before.track_id


def test_a_cut_and_a_reset_end_every_track_and_numbers_go_on() -> None:
    room = Room([Person(1, 200)])
    follower = following(room, detect_every=5)
    (before,) = room.next(follower)
    follower.reset()
    (after,) = room.next(follower)
    assert after.track_id > before.track_id
    room.drawn = False
    cut = cv2.resize(person(9), SIZE[::-1]).astype(np.uint8)
    room.now_ns += FRAME_NS
    follower(cv2.resize(person(8), SIZE[::-1]).astype(np.uint8), room.now_ns, 0.5)
    room.now_ns += FRAME_NS
    (last,) = follower(cut, room.now_ns, 0.5)
    assert last.track_id > after.track_id


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("pace_px", [5.0, 12.0])
def test_the_persona_never_goes_to_somebody_who_walks_past(every: int, pace_px: float) -> None:
    """In front, so that the wearer is covered wholly for a while, and larger."""
    room = Room([Person(1, 320)], sigma=0.5)
    follower = following(room, max_faces=3, detect_every=every)
    for _ in range(20):
        room.next(follower)
    room.people.append(Person(2, 20.0, side=120.0))
    seen = 0
    while room.people[1].x < 620:
        room.people[1].x += pace_px
        faces = room.next(follower)
        wearer_seen = room.people[0] in room.visible()
        for face in faces[:1]:
            seen += 1
            assert face.track_id == 1
            assert abs(face.box.centre[0] - 320) < 30
        assert wearer_seen or not faces or abs(room.people[1].x - 320) > 30
    assert seen > 0
    assert room.next(follower)[0].track_id == 1


def test_the_recogniser_is_asked_when_tracks_begin_and_believed() -> None:
    asked: list[int] = []

    def tell(image: Image, face: Face) -> Look:
        asked.append(1)
        return np.array([1, 0] if face.box.centre[1] < 200 else [0, 1], np.float32)

    room = Room([Person(1, 200, 150)])
    follower = DetectionFollower(room.detector, 1, FollowRules(detect_every=1), tell)
    (before,) = room.next(follower)
    for y, same in ((250.0, False), (150.0, True)):
        room.people[0].seen = False
        for _ in range(12):
            room.next(follower)
        room.people[0].seen, room.people[0].y = True, y
        (after,) = room.next(follower)
        assert (after.track_id == before.track_id) is same
    assert 2 <= len(asked) <= 4


def history(seed: int, frames: int) -> None:
    """People who come, go, jump and cross under a detector that misses and invents; no pictures, so places only."""
    random = np.random.default_rng(seed)
    people = [Person(n, *random.uniform((50, 50, 20), (500, 300, 200))) for n in range(3)]
    room = Room(people, drawn=False)
    rules = FollowRules(detect_every=int(random.choice([1, 1, 1, 2])))
    most = int(random.integers(1, 4))
    follower = DetectionFollower(room.detector, most, rules)
    owners: dict[int, tuple[int, Box]] = {}
    for _ in range(frames):
        for one in room.people:
            one.x += random.normal(0, 15)
            one.y += random.normal(0, 15)
            one.seen = bool(random.random() < 0.85)
            one.score = float(random.uniform(0.3, 1))
            if random.random() < 0.05:
                one.x, one.y = random.uniform(-50, 700, 2)
        room.now_ns += int(random.choice([FRAME_NS, FRAME_NS, 3 * FRAME_NS, NS_PER_S, -FRAME_NS]))
        before = {track.number: track.expected(room.now_ns) for track in follower._tracks}
        faces = follower(EMPTY, room.now_ns, 0.0)
        numbers = [face.track_id for face in faces]
        assert len(set(numbers)) == len(numbers)
        assert numbers == sorted(numbers)
        for track in follower._tracks:
            if track.number in before and track.captured_ns == room.now_ns and track.begun_ns != room.now_ns:
                assert before[track.number].iou(track.detection.box) >= rules.overlap
        assert len(follower._tracks) + len(follower._lost) <= 16
        assert len(faces) <= most
        note_owners(room, follower, before, owners)


def note_owners(
    room: Room, follower: DetectionFollower, expected: dict[int, Box], owners: dict[int, tuple[int, Box]]
) -> None:
    """Bring up to date whose each number is, and where they are; it goes to somebody else by overlap only.

    Args:
        room: Who is really where.
        follower: As it is after this frame.
        expected: Where everybody should have been in it.
        owners: Who was which number, and where, up to the frame before.
    """
    real = {one.box: one.number for one in room.people}
    for track in follower._tracks:
        if track.captured_ns != room.now_ns or track.hidden:
            continue
        box, who = track.detection.box, real[track.detection.box]
        was, place = owners.get(track.number, (who, box))
        if was != who:
            overlaps = [place.iou(box)] + [one.iou(box) for number, one in expected.items() if number == track.number]
            assert max(overlaps) >= follower._rules.overlap
        owners[track.number] = who, box


@pytest.fixture
def nothing_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """No looks are taken and no flow: a picture of nothing has none, and half the time goes into finding that out."""
    assert small_look(EMPTY, Person(1, 300).detection().landmarks.five) is None
    monkeypatch.setattr("livecam.vision.follow.small_look", lambda image, five: None)
    carrier = SparseCarrier()
    carrier.begin(EMPTY, Person(1, 300).box)
    assert carrier.carry(EMPTY) is None
    monkeypatch.setattr(SparseCarrier, "begin", lambda *_: None)
    monkeypatch.setattr(SparseCarrier, "carry", lambda *_: None)


@pytest.mark.usefixtures("nothing_to_see")
def test_histories_swap_no_ids_without_overlap_raise_nothing_and_do_not_grow() -> None:
    for seed in range(150):
        history(seed, 8)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("nothing_to_see")
def test_ten_thousand_histories() -> None:
    for seed in range(1000, 11000):
        history(seed, 6)
