"""The follower: scripted networks for its rules, real ones on the clips for its hold."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.face import Box, Detection, Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.core.seams import Follower
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.landmarks import Crop, MeshFit, MeshLandmarker, Roi
from livecam.vision.mesh.pose import Pose
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.track import FaceFinder, MeshFollower, TrackRules
from tests.vision.mesh.scenes import clip_frames, placed, portrait
from tests.vision.mesh.test_pose import CANONICAL

FRAME_NS = NS_PER_S // 30
IMAGE: Image = np.zeros((720, 1280, 3), np.uint8)


def mesh_at(x: float, y: float, height: float) -> Points:
    """A face of 478 points that looks into the camera."""
    shape = np.concatenate([CANONICAL, CANONICAL[:10]])
    return Pose(height, np.eye(3), np.array([x, y, 0.0])).points_of(shape).astype(np.float32)


@dataclass
class Person:
    """A face in the scene: where, how large, and how well the landmarker sees it."""

    x: float
    y: float = 360.0
    height: float = 200.0
    presence: float = 0.99
    detectable: bool = True


@dataclass
class Scene:
    """Plays both detectors and the landmarker, and counts how often each is asked."""

    people: list[Person] = field(default_factory=list)
    near: int = 0
    far: int = 0
    looks: int = 0
    spoil: Callable[[Points], Points] = np.copy

    def detect_near(self, image: Image, threshold: float) -> list[Detection]:
        self.near += 1
        return self.detections(0.1 * 1280)

    def detect_far(self, image: Image, threshold: float) -> list[Detection]:
        self.far += 1
        return self.detections(0)

    def detections(self, smallest: float) -> list[Detection]:
        seen = [person for person in self.people if person.detectable and person.height >= smallest]
        return [self.detection(person) for person in seen]

    def detection(self, person: Person) -> Detection:
        points = mesh_at(person.x, person.y, person.height)
        return Detection(box_of(points), Landmarks(points[[33, 263, 1, 61, 291], :2], Topology.FIVE), 0.9)

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        self.looks += 1
        in_reach = [p for p in self.people if abs(p.x - roi.x) < roi.side and abs(p.y - roi.y) < roi.side]
        if not in_reach:
            return MeshFit(mesh_at(roi.x, roi.y, roi.face_size), 0.01)
        person = min(in_reach, key=lambda p: abs(p.x - roi.x) + abs(p.y - roi.y))
        return MeshFit(self.spoil(mesh_at(person.x, person.y, person.height)), person.presence)


class Film:
    """A follower and its scene, played frame by frame."""

    def __init__(self, *people: Person, max_faces: int = 1) -> None:
        self.scene = Scene(list(people))
        self.strangers = True
        self.follower = MeshFollower(
            self.scene.detect_near,
            self.scene.detect_far,
            self.scene,
            max_faces,
            TrackRules(),
            strangers=lambda: self.strangers,
        )
        self.now_ns = NS_PER_S

    def next(self, step_ns: int = FRAME_NS) -> tuple[Face, ...]:
        self.now_ns += step_ns
        return self.follower(IMAGE, self.now_ns, 0.5)

    def counts(self) -> tuple[int, int, int]:
        return (self.scene.near, self.scene.far, self.scene.looks)


def test_a_face_is_whole_and_fits_the_seam() -> None:
    film = Film(Person(600))
    follower: Follower = film.follower
    assert follower is film.follower
    (face,) = film.next()
    assert face.landmarks.topology is Topology.MESH468
    assert face.landmarks.points.shape == (478, 2)
    assert face.depth.shape == (478,)
    assert face.landmarks.points.dtype == face.depth.dtype == np.float32
    assert face.score == pytest.approx(0.99)
    np.testing.assert_allclose(face.box, box_of(mesh_at(600, 360, 200)), atol=0.1)
    np.testing.assert_allclose(face.depth, mesh_at(600, 360, 200)[:, 2], atol=0.1)


def test_after_a_detection_the_mesh_is_looked_for_twice_and_then_once_a_frame() -> None:
    film = Film(Person(600))
    film.next()
    assert film.counts() == (1, 0, 2)
    for _ in range(20):
        film.next()
    assert film.counts() == (1, 0, 22)


class OffAtTheEdge(Scene):
    """A landmarker whose mesh is a tenth of the way from the face to the middle of the square it looks at."""

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        fit = super().__call__(image, roi, on_crop)
        off = 0.1 * (roi.x - self.people[0].x)
        return MeshFit(fit.points + np.array([off, 0, 0], np.float32), fit.presence)


def test_a_face_that_went_far_in_a_frame_is_looked_at_again_where_it_is_now() -> None:
    scene = OffAtTheEdge([Person(600)])
    follower = MeshFollower(scene.detect_near, scene.detect_far, scene)
    follower(IMAGE, NS_PER_S, 0.0)
    for frame, (step, looks) in enumerate(((10.0, 1), (80.0, 2), (80.0, 2), (10.0, 1)), 1):
        before = scene.looks
        scene.people[0].x += step
        (face,) = follower(IMAGE, NS_PER_S + frame * FRAME_NS, 0.0)
        assert scene.looks - before == looks
        middle = float(box_of(mesh_at(scene.people[0].x, 360, 200)).centre[0])
        assert face.box.centre[0] == pytest.approx(middle, abs=2)


def test_the_number_stays_while_the_face_moves() -> None:
    film = Film(Person(300))
    numbers = set()
    for _ in range(60):
        film.scene.people[0].x += 10
        (face,) = film.next()
        numbers.add(face.track_id)
        assert abs(face.box.centre[0] - film.scene.people[0].x) < 20
    assert len(numbers) == 1
    assert film.scene.near == 1


def test_an_empty_room_costs_one_look_a_frame_mostly_the_cheap_one() -> None:
    film = Film()
    for _ in range(41):
        assert film.next() == ()
    assert film.counts() == (31, 11, 0)  # both at first, then three near to one far


def test_somebody_who_comes_near_is_seen_in_two_frames_and_far_away_in_five() -> None:
    for height, limit in ((200.0, 2), (60.0, 5)):
        for start in range(8):
            film = Film()
            for _ in range(start):
                film.next()
            film.scene.people.append(Person(600, height=height))
            waited = next(frame for frame in range(1, 20) if film.next())
            assert waited <= limit


def test_the_far_detector_has_its_say_when_the_face_is_small() -> None:
    film = Film(Person(600, height=140))
    film.next()
    assert film.counts()[:2] == (1, 1)


def test_the_largest_face_is_taken_and_kept_wherever_others_are() -> None:
    film = Film(Person(200, height=180), Person(900, height=260))
    (face,) = film.next()
    assert face.box.centre[0] == pytest.approx(900, abs=5)
    film.scene.people[0].height = 400.0
    for _ in range(40):
        (same,) = film.next()
        assert same.track_id == face.track_id
        assert same.box.centre[0] == pytest.approx(900, abs=5)


def test_a_face_the_landmarker_does_not_confirm_is_none() -> None:
    film = Film(Person(600, presence=0.4))
    assert [film.next() for _ in range(5)] == [()] * 5


def test_weak_presence_ends_the_track_and_the_same_face_is_found_again() -> None:
    film = Film(Person(600))
    (before,) = film.next()
    film.scene.people[0].presence = 0.3
    assert film.next() == ()
    film.scene.people[0].presence = 0.9
    (after,) = film.next()
    assert after.track_id == before.track_id


def test_after_a_while_it_is_somebody_else() -> None:
    film = Film(Person(600))
    (before,) = film.next()
    film.scene.people[0].presence = 0.3
    for _ in range(12):
        assert film.next() == ()
    film.scene.people[0].presence = 0.9
    after = film.next() or film.next()
    assert after[0].track_id != before.track_id


def test_a_gap_in_time_ends_every_track() -> None:
    film = Film(Person(600))
    (before,) = film.next()
    (after,) = film.next(NS_PER_S)
    assert after.track_id != before.track_id
    assert film.scene.near == 2


def test_time_running_backwards_ends_every_track() -> None:
    film = Film(Person(600))
    (before,) = film.next()
    (after,) = film.next(-2 * FRAME_NS)
    assert after.track_id != before.track_id


def test_a_cut_is_searched_at_once_and_is_another_face() -> None:
    film = Film(Person(300))
    (before,) = film.next()
    film.scene.people[0] = Person(1000)
    (after,) = film.next()
    assert after.track_id != before.track_id
    assert after.box.centre[0] == pytest.approx(1000, abs=1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda points: points * np.float32(np.nan),
        lambda points: np.where(np.arange(478)[:, None] == 7, np.float32(np.inf), points),
        lambda points: points * 0,
        lambda points: points + np.array([150, 0, 0], np.float32),
        lambda points: (points - points.mean(axis=0)) * np.float32(1.8) + points.mean(axis=0),
        lambda points: (points - points.mean(axis=0)) * np.float32(0.5) + points.mean(axis=0),
    ],
    ids=["nan", "inf", "point", "elsewhere", "grown", "shrunk"],
)
def test_nonsense_is_never_a_face(spoil: Callable[[Points], Points]) -> None:
    film = Film(Person(600))
    assert len(film.next()) == 1
    film.scene.spoil = spoil
    film.scene.people[0].detectable = False
    assert film.next() == ()
    film.scene.people[0].detectable = True
    film.scene.spoil = np.copy
    assert any(film.next() for _ in range(5))


def test_a_far_face_is_found_again_in_the_frame_it_is_lost_in() -> None:
    film = Film(Person(300, height=60))
    for _ in range(3):
        film.next()
    film.scene.people[0] = Person(1000, height=60)
    assert len(film.next()) == 1
    for _ in range(3):
        film.next()
    film.follower.reset()
    film.scene.people[0] = Person(500, height=60)
    assert len(film.next()) == 1


class Attentive(Scene):
    """A scene whose landmarker fails when told to, and which notes who is told what it looks at."""

    def __init__(self, *people: Person) -> None:
        super().__init__(list(people))
        self.fails = False
        self.told: list[object] = []

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        if on_crop is not None:
            self.told.append(on_crop)
        failed, self.fails = self.fails, False
        fit = super().__call__(image, roi)
        return replace(fit, presence=0.1) if failed else fit


def test_a_face_found_again_in_the_frame_it_is_lost_in_goes_on_as_it_went_and_a_later_one_begins_anew() -> None:
    scene = Attentive(Person(600))
    follower = MeshFollower(scene.detect_near, scene.detect_far, scene)
    for frame in range(1, 8):
        scene.fails = frame == 4
        scene.people[0].presence = 0.1 if frame == 6 else 0.9
        faces = follower(IMAGE, frame * FRAME_NS, 0.5)
        assert [face.track_id for face in faces] == ([] if frame == 6 else [1])
    follower(IMAGE, 8 * FRAME_NS, 0.5)
    assert [told == scene.told[0] for told in scene.told] == [True] * 5 + [False], "in frames 2 to 6, and in 8"


def test_a_face_that_leaves_the_picture_is_lost() -> None:
    film = Film(Person(1150))
    film.next()
    while film.scene.people[0].x < 1300:
        film.scene.people[0].x += 20
        film.scene.people[0].detectable = film.scene.people[0].x < 1280
        followed = len(film.next())
        assert followed == (film.scene.people[0].x < 1280)


def test_the_filter_starts_afresh_on_a_jump() -> None:
    film = Film(Person(600))
    film.next()
    film.scene.people[0].x = 690.0  # just under half a face: still followed
    film.next()
    film.scene.people[0] = Person(200)
    (face,) = film.next()
    np.testing.assert_allclose(face.box, box_of(mesh_at(200, 360, 200)), atol=0.1)


def test_reset_forgets_but_numbers_go_on() -> None:
    film = Film(Person(600))
    (before,) = film.next()
    film.follower.reset()
    (after,) = film.next()
    assert after.track_id > before.track_id
    assert film.counts() == (2, 0, 4)


def test_two_faces_when_asked_for_longest_first() -> None:
    film = Film(Person(300, height=180), max_faces=2)
    (first,) = film.next()
    film.scene.people.append(Person(900, height=300))
    faces: tuple[Face, ...] = ()
    for _ in range(TrackRules().join_every + 1):
        faces = film.next()
    assert [face.box.centre[0] for face in faces] == pytest.approx([300, 900], abs=5)
    assert faces[0].track_id == first.track_id
    assert film.scene.near <= 3


def test_nobody_else_is_searched_for_while_the_watch_sees_nobody_else() -> None:
    film = Film(Person(300), max_faces=3)
    film.strangers = False
    film.next()
    looked = film.counts()[:2]
    for _ in range(40):
        assert len(film.next()) == 1
    assert film.counts()[:2] == looked
    film.scene.people.append(Person(900))
    film.strangers = True
    assert any(len(film.next()) == 2 for _ in range(TrackRules().join_every + 1))


def test_whoever_is_lost_is_searched_for_whatever_the_watch_has_seen() -> None:
    film = Film(Person(600), max_faces=3)
    film.strangers = False
    film.next()
    film.scene.people[0].presence = 0.3
    assert film.next() == ()
    film.scene.people[0].presence = 0.9
    assert len(film.next()) == 1


def test_two_tracks_on_one_face_become_one() -> None:
    film = Film(Person(300, height=210), Person(380), max_faces=2)
    first, _ = film.next()
    del film.scene.people[1]
    for _ in range(30):
        assert [face.track_id for face in film.next()] == [first.track_id]


def test_the_finder_sorts_by_size() -> None:
    scene = Scene([Person(200, height=200), Person(900, height=300)])
    found = FaceFinder(scene.detect_near, scene.detect_far, TrackRules())(IMAGE)
    assert found[0].box.area > found[1].box.area


def real(short_range: ShortRangeDetector, full_range: FullRangeDetector, landmarker: MeshLandmarker) -> MeshFollower:
    return MeshFollower(short_range, full_range, landmarker)


@pytest.mark.parametrize("height", [75, 110, 200, 500])
def test_the_persona_is_followed_near_and_far(
    height: int, short_range: ShortRangeDetector, full_range: FullRangeDetector, landmarker: MeshLandmarker
) -> None:
    follower = real(short_range, full_range, landmarker)
    image = portrait()
    scale = 1.6 * height / image.shape[0]
    for frame in range(8):
        matrix = np.array([[scale, 0, 400 + 4 * frame], [0, scale, 40.0]])
        assert len(follower(placed(image, matrix), NS_PER_S + frame * FRAME_NS, 0.5)) == 1


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "fps", "share"), [("d3", 30, 1), ("d10", 30, 1), ("d18", 30, 1), ("s32", 30, 1), ("d12", 25, 0.97)]
)
def test_clips_are_followed_to_the_end(
    clip: str,
    fps: int,
    share: float,
    short_range: ShortRangeDetector,
    full_range: FullRangeDetector,
    landmarker: MeshLandmarker,
    shared_data: Path,
) -> None:
    follower = real(short_range, full_range, landmarker)
    frame, found, numbers = 0, 0, set()
    for image in clip_frames(shared_data, clip):
        frame += 1
        faces = follower(image, frame * NS_PER_S // fps, 0.5)
        found += len(faces)
        numbers |= {face.track_id for face in faces}
        for face in faces:
            shown = Box(0, 0, 1280, 720).overlap(face.box)
            assert shown > 0.5 * face.box.area
    assert found >= share * frame
    assert len(numbers) <= 1 + (share < 1)


def test_the_canonical_face_is_the_topologys() -> None:
    """The scenes above pose it; if it changed its unit, every number here would mean something else."""
    assert np.linalg.norm(TOPOLOGY.canonical[10] - TOPOLOGY.canonical[152]) == pytest.approx(1, abs=1e-5)


def test_somebody_who_stands_before_the_wearer_does_not_take_their_place() -> None:
    """The landmarker sees whoever is in front; without a picture only the way they came tells who it is."""
    film = Film(Person(600), max_faces=2)
    (wearer,) = film.next()
    film.scene.people.append(Person(200, height=240))
    while len(film.next()) < 2:
        pass
    while film.scene.people[1].x < 570:
        film.scene.people[1].x += 15
        film.next()
    film.scene.people[0].detectable = False
    film.scene.people[0].presence = 0.2
    for _ in range(10):
        film.scene.people[0].x = film.scene.people[1].x + 1000
        film.scene.people[1].x += 1
        assert all(face.track_id == wearer.track_id for face in film.next()[:1])


def test_who_is_out_of_sight_for_long_is_given_up() -> None:
    film = Film(Person(600), Person(400, height=180), max_faces=2)
    first, second = film.next()
    film.scene.people[0].x, film.scene.people[0].detectable = 5000.0, False
    absent = [film.next() for _ in range(90)]
    assert absent[0] == ()
    assert absent[-1][0].track_id == second.track_id != first.track_id


def test_the_next_region_is_cut_around_the_steadied_face() -> None:
    film = Film(Person(600))
    film.next()
    film.next()
    assert film.follower._tracks[0].roi == Roi.from_points(mesh_at(600, 360, 200))


@pytest.mark.shared
def test_nobody_who_walks_past_in_front_becomes_the_first(
    short_range: ShortRangeDetector, full_range: FullRangeDetector, landmarker: MeshLandmarker, shared_data: Path
) -> None:
    """Two clips in one picture: one sits, the other's face passes before it, covers it wholly, and goes on."""
    sitting, passing = (clip_frames(shared_data, clip) for clip in ("d10", "d18"))
    follower = MeshFollower(short_range, full_range, landmarker, 3)
    alone = covered = 0
    for frame, (image, other) in enumerate(zip(sitting, passing, strict=False)):
        x = -150 + 18 * max(0, frame - 15)
        if x > 1400:
            break
        faces = follower(passed_by(image, other, x), NS_PER_S + frame * FRAME_NS, 0.5)
        assert not (faces and abs(x - WALL_MIDDLE) < 30), "whoever is seen there is the other person"
        for face in faces[:1]:
            assert face.track_id == 1
            assert abs(face.box.centre[0] - WALL_MIDDLE) < 60
        covered += not faces
        alone += bool(faces)
    assert covered < 30
    assert alone > 60


WALL_MIDDLE = 640


def passed_by(image: Image, other: Image, x: int) -> Image:
    """`image`, small, in the middle of a wall, and before it the face of `other` with its middle at `x` px."""
    wall = np.full((720, 1280, 3), 110, np.uint8)
    wall[150:582, 256:1024] = cv2.resize(image, (768, 432))
    face = cv2.resize(other, (768, 432))
    mask = np.zeros((432, 768), np.uint8)
    cv2.ellipse(mask, (384, 235), (105, 160), 0, 0, 360, 255, -1)
    matrix = np.array([[1.0, 0, x - 384], [0, 1, 150]])
    shown, alpha = (cv2.warpAffine(one, matrix, (1280, 720)) for one in (face, mask))
    wall[alpha > 127] = shown[alpha > 127]
    return wall
