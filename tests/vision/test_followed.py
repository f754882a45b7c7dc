"""Following by detections where it is a close call: a recogniser tells who is who. And who was carried keeps going."""

import numpy as np
import pytest

from livecam.core.face import Face
from livecam.core.frame import NS_PER_S, Image
from livecam.errors import EngineError
from livecam.vision.associate import Look
from livecam.vision.follow import DetectionFollower, FollowRules
from tests.vision.test_follow import FRAME_NS, Person, Room

ANN, BOB, EVE = 0.9, 0.8, 0.7
"""How sure the detector is of each: by that the tests know who a face is."""


class Party(Room):
    """Where a recogniser knows all by the detector's word, Ann not while it is `blind`; it counts its calls."""

    def __init__(self, *people: Person, told: bool = True, drawn: bool = False, detect_every: int = 1) -> None:
        super().__init__(list(people), drawn=drawn)
        self.asked = 0
        self.blind = self.broken = False
        tell = self.tell if told else None
        self.follower = DetectionFollower(self.detector, 3, FollowRules(detect_every=detect_every), tell)

    def tell(self, image: Image, face: Face) -> Look | None:
        self.asked += 1
        if self.broken:
            raise EngineError("The recogniser failed.")
        if self.blind and face.score == ANN:
            return None
        look: Look = (np.abs(np.array([ANN, BOB, EVE]) - face.score) < 1e-3).astype(np.float32)
        assert look.any()
        return look

    def play(self, frames: int = 1) -> dict[float, int]:
        """The number of everybody who is seen in the last of so many frames, by how sure the detector is of them."""
        faces: tuple[Face, ...] = ()
        for _ in range(frames):
            faces = self.next(self.follower)
        return {round(face.score, 2): face.track_id for face in faces}


def test_whoever_is_carried_keeps_going_when_somebody_else_is_lost_in_the_same_frame() -> None:
    party = Party(Person(1, 150), Person(2, 400), told=False, drawn=True, detect_every=100)
    for _ in range(7):
        party.people[0].x += 4
        party.play()
    looks = party.looks
    party.people[0].x += 4
    party.people[1].x += 70
    party.play()
    assert party.looks == looks + 1, "one was lost, and everybody is looked for at once"
    motion = min(party.follower._tracks, key=lambda track: track.number).motion
    now, later = motion.at(party.now_ns), motion.at(party.now_ns + FRAME_NS)
    assert now is not None
    assert later is not None
    assert later.x - now.x > 2, "of 4 px a frame"


def test_a_lone_face_is_asked_about_once_however_it_moves() -> None:
    for drawn in (False, True):
        party = Party(Person(1, 300, score=ANN), drawn=drawn)
        for frame in range(40):
            party.people[0].x += (-1) ** frame * 20
            assert party.play() == {ANN: 1}
        assert party.asked == 1


def test_two_side_by_side_are_asked_about_once_each_and_so_are_two_whose_looks_tell() -> None:
    for apart, drawn in ((110, False), (60, True)):
        party = Party(Person(1, 200, score=ANN), Person(2, 200 + apart, score=BOB), drawn=drawn)
        for _ in range(20):
            party.people[0].x += 1
            party.people[1].x += 1
            assert party.play() == {ANN: 1, BOB: 2}
        assert party.asked == 2


def changed_places(told: bool) -> tuple[dict[float, int], int]:
    party = Party(Person(1, 300, score=ANN), Person(2, 355, score=BOB), told=told)
    party.play(5)
    party.people[0].x, party.people[1].x = 353, 303
    before = party.asked
    return party.play(), party.asked - before


def test_who_changed_places_is_told_by_the_recogniser_and_by_nothing_else() -> None:
    assert changed_places(told=False) == ({ANN: 2, BOB: 1}, 0)
    assert changed_places(told=True) == ({ANN: 1, BOB: 2}, 2)


def test_of_two_finds_the_lone_face_is_the_one_that_is_known() -> None:
    for told, where in ((False, 303), (True, 353)):
        party = Party(Person(1, 300, score=ANN), told=told)
        party.play(5)
        party.people = [Person(1, 353, score=ANN), Person(2, 303, score=BOB)]
        party.play()
        (first,) = [track for track in party.follower._tracks if track.number == 1]
        assert first.detection.box.centre[0] == where


def hidden(**how: bool) -> Party:
    """Eve stands before Ann."""
    party = Party(Person(1, 300, score=ANN), **how)
    party.play(3)
    party.people.append(Person(3, 600, side=120, score=EVE))
    while party.people[1].x > 305:
        party.people[1].x -= 15
        party.play()
    assert [track.number for track in party.follower._tracks if track.hidden] == [1]
    return party


def test_who_stands_before_somebody_is_not_asked_about_in_every_frame() -> None:
    party = hidden(drawn=True)
    before = party.asked
    party.play(30)
    assert party.asked == before


def test_somebody_else_in_the_place_of_whoever_is_hidden_is_not_taken_for_them() -> None:
    """No looks: by place alone Bob would be Ann."""
    for told, numbers in ((False, {1}), (True, {1, 3})):
        party = hidden(told=told)
        party.people = [Person(2, 300, score=BOB)]
        party.follower._tracks = [track for track in party.follower._tracks if track.hidden]
        party.play(3)
        assert {track.number for track in party.follower._tracks} == numbers
        assert party.play() == ({} if told else {BOB: 1})


def test_whoever_could_not_be_told_at_once_gets_their_number_back_soon_after() -> None:
    party = hidden()
    party.blind = True
    party.people[0].x = 100
    while party.people[1].x < 450:
        party.people[1].x += 15
        party.play()
    assert sorted(track.number for track in party.follower._tracks) == [1, 2, 3]
    before = party.asked
    party.play(12)
    assert party.asked - before == 4, "now and then, not in every frame"
    party.blind = False
    assert party.play(3) == {ANN: 1, EVE: 2}


def test_whom_it_could_not_tell_at_first_it_is_asked_about_until_it_can() -> None:
    party = Party(Person(1, 300, score=ANN), drawn=True)
    party.blind = True
    party.play(24)
    assert 2 <= party.asked <= 4
    party.blind = False
    party.play(8)
    asked = party.asked
    assert not party.follower._tracks[0].persons.empty
    party.play(24)
    assert party.asked == asked


def test_where_it_fails_nothing_is_shown_and_nobody_is_mixed_up() -> None:
    party = Party(Person(1, 300, score=ANN), Person(2, 355, score=BOB))
    party.play(5)
    party.people[0].x, party.people[1].x = 353, 303
    party.broken = True
    with pytest.raises(EngineError, match="recogniser"):
        party.play()
    party.broken = False
    assert party.now_ns > NS_PER_S
    assert party.play() == {ANN: 1, BOB: 2}
