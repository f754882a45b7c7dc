"""Who is who where looks do not tell: a recogniser is asked then, its word counts, and nobody pays for it otherwise."""

from collections.abc import Callable
from copy import copy

import numpy as np
import pytest

from livecam.core.face import Face
from livecam.core.frame import NS_PER_S, Image
from livecam.errors import EngineError
from livecam.vision.associate import Look, LookRules, is_another, returned, tells, word
from livecam.vision.track import MeshFollower, TrackRules
from tests.vision.test_associate import Somebody
from tests.vision.test_track import FRAME_NS, IMAGE, Person, Scene

NOISE: Image = np.random.default_rng(0).integers(0, 256, IMAGE.shape, dtype=np.uint8)
ANN, BOB, EVE = 0.99, 0.98, 0.97
"""How sure the landmarker is of each: by that the tests know who a face is."""


class Teller:
    """A recogniser that knows everybody by the landmarker's word, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.blind = self.broken = False

    def __call__(self, image: Image, face: Face) -> Look | None:
        self.asked += 1
        if self.broken:
            raise EngineError("The recogniser failed.")
        if self.blind:
            return None
        look: Look = (np.abs(np.array([ANN, BOB, EVE]) - face.score) < 1e-3).astype(np.float32)
        assert look.any()
        return look


class Film:
    """A scene, its follower and its recogniser."""

    def __init__(self, *people: Person, told: bool = True, image: Image = IMAGE, alone: bool = False) -> None:
        self.scene, self.teller, self.image = Scene(list(people)), Teller(), image
        scene, teller = self.scene, self.teller if told else None
        self.follower = MeshFollower(
            scene.detect_near, scene.detect_far, scene, 3, tell_apart=teller, strangers=lambda: not alone
        )
        self.now_ns = NS_PER_S

    def next(self) -> dict[float, int]:
        """The number of everybody who is seen in the next frame, by how sure the landmarker is of them."""
        self.now_ns += FRAME_NS
        return {round(face.score, 2): face.track_id for face in self.follower(self.image, self.now_ns, 0.0)}


def somebody(look: Look | None = None, person: Look | None = None, number: int = 1) -> Somebody:
    one = Somebody(number)
    one.looks.learn(look)
    one.persons.learn(person)
    return one


def towards(cosine: float) -> Look:
    """What has this scalar product with `towards(1)`."""
    return np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)


def test_looks_tell_where_they_are_like_one_and_no_rival_by_a_margin() -> None:
    rules = LookRules()
    assert tells(0.9, [], rules)
    assert tells(0.9, [0.7, -0.2], rules)
    assert not tells(0.9, [0.85], rules)
    assert not tells(0.9, [None], rules)
    assert not tells(0.6, [0.1], rules)
    assert not tells(None, [0.1], rules)


def test_a_recogniser_has_no_word_between_two_people_and_one() -> None:
    rules, ann = LookRules(same_person=0.4, other_person=0.2), somebody(person=towards(1))
    assert word(ann, towards(0.5), rules) is True
    assert word(ann, towards(0.3), rules) is None
    assert word(ann, towards(0.1), rules) is False
    assert word(ann, None, rules) is None
    assert word(somebody(), towards(0.5), rules) is None
    assert word(ann, towards(0.3), LookRules()) is True, "by itself it always has one"


def test_where_it_has_no_word_looks_decide_who_is_back_and_where_it_has_one_they_do_not() -> None:
    rules = LookRules(same_person=0.4, other_person=0.2)
    ann = somebody(towards(1), towards(1))
    assert returned([ann], [], towards(0.9), towards(0.3), rules) is ann
    assert returned([ann], [], towards(0.9), towards(0.1), rules) is None
    assert returned([ann], [], towards(0.1), towards(0.9), rules) is ann
    bob = somebody(towards(0.9), None, 2)
    assert returned([ann, bob], [], towards(0.9), towards(0.6), rules) is ann, "a word is more than any look"


def test_a_face_is_anothers_where_the_recogniser_knows_it_as_theirs() -> None:
    rules, ann, bob = LookRules(), somebody(person=towards(1)), somebody(person=towards(0), number=2)
    assert is_another(ann, [bob], towards(0), rules)
    assert not is_another(ann, [bob], towards(1), rules)
    assert not is_another(ann, [], towards(1), rules)
    assert not is_another(ann, [bob], -towards(1), rules), "neither"
    assert not is_another(ann, [bob], None, rules)
    assert is_another(somebody(), [bob], towards(0), rules)
    assert not is_another(ann, [bob], towards(0.7), rules), "like both: not by a margin"


@pytest.mark.parametrize(("image", "way"), [(IMAGE, 40), (NOISE, 4)])
def test_a_lone_face_is_asked_about_once_however_it_moves_while_it_looks_the_same_or_goes_on(
    image: Image, way: int
) -> None:
    film = Film(Person(600, presence=ANN), image=image)
    for frame in range(40):
        film.scene.people[0].x += (-1) ** frame * way
        assert film.next() == {ANN: 1}
    assert film.teller.asked == 1


def leapt(film: Film, presence: float) -> dict[float, int]:
    """A lone face leaps, and looks otherwise there: perhaps it is somebody who came in fast."""
    for _ in range(5):
        assert film.next() == {ANN: 1}
    film.scene.people[0] = Person(640, presence=presence)
    return film.next()


def test_a_lone_track_does_not_slip_on_to_somebody_who_came_in_fast() -> None:
    assert leapt(Film(Person(600, presence=ANN), told=False, image=NOISE), BOB) == {BOB: 2}
    assert leapt(Film(Person(600, presence=ANN), told=False), BOB) == {BOB: 1}, "nothing to see: nothing to doubt"
    assert leapt(Film(Person(600, presence=ANN), image=NOISE), BOB) == {BOB: 2}
    assert leapt(Film(Person(600, presence=ANN), image=NOISE), ANN) == {ANN: 1}, "the recogniser knows better"
    assert leapt(Film(Person(600, presence=ANN), told=False, image=NOISE, alone=True), ANN) == {ANN: 1}


def test_two_who_sit_side_by_side_are_asked_about_once_each() -> None:
    film = Film(Person(500, presence=ANN), Person(680, presence=BOB))
    for _ in range(40):
        film.scene.people[0].x += 1
        assert film.next() == {ANN: 1, BOB: 2}
    assert film.teller.asked == 2


def changed_places(told: bool) -> tuple[dict[float, int], int]:
    """Two change places between two frames, and a bit more, so that neither is just where the other was."""
    film = Film(Person(560, presence=ANN), Person(660, presence=BOB), told=told)
    for _ in range(5):
        assert film.next() == {ANN: 1, BOB: 2}
    film.scene.people[0].x, film.scene.people[1].x = 680.0, 580.0
    before = film.teller.asked
    film.next()
    return film.next(), film.teller.asked - before


def test_who_changed_places_is_told_by_the_recogniser_and_by_nothing_else() -> None:
    assert changed_places(told=False) == ({ANN: 2, BOB: 1}, 0)
    numbers, asked = changed_places(told=True)
    assert numbers == {ANN: 1, BOB: 2}
    assert 2 <= asked <= 4, "at the call itself, and where they are found anew"


def test_its_word_counts_more_than_looks_where_two_claim_one_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks have it the wrong way round: whoever is Ann looks like Bob."""

    def mistaken(image: Image, fit: object) -> Look:
        assert hasattr(fit, "presence")
        return towards(1) if (fit.presence > (ANN + BOB) / 2) is looks_right else towards(0)

    looks_right = True
    monkeypatch.setattr("livecam.vision.crossing.look_of", mistaken)
    monkeypatch.setattr("livecam.vision.tracks.look_of", mistaken)
    film = Film(Person(560, presence=ANN), Person(660, presence=BOB))
    for _ in range(3):
        film.next()
    looks_right = False
    film.scene.people[0].x += 20
    film.scene.people[1].x += 20
    assert film.next() == {ANN: 1, BOB: 2}


def hide(film: Film) -> None:
    """Eve walks before Ann, who is not to be seen then."""
    film.scene.people.append(Person(900, height=240, presence=EVE))
    while EVE not in film.next():
        pass
    while film.scene.people[1].x > 640:
        film.scene.people[1].x -= 15
        film.next()
    film.scene.people[0].y = 5000.0
    film.scene.people[1].x = 620.0
    film.next()
    assert [track.number for track in film.follower._hidden] == [1]


def returns(film: Film, frames: int) -> list[dict[float, int]]:
    """Ann is to be seen again, far from where she was."""
    film.scene.people[0].x, film.scene.people[0].y = 250.0, 360.0
    return [film.next() for _ in range(frames)]


def test_whoever_is_back_is_known_wherever_they_are() -> None:
    film = Film(Person(600, presence=ANN))
    film.next()
    hide(film)
    assert returns(film, 2 * TrackRules().hidden_every)[-1] == {ANN: 1, EVE: 2}


def test_whoever_could_not_be_told_at_once_gets_their_number_back_soon_after() -> None:
    film = Film(Person(600, presence=ANN))
    film.next()
    hide(film)
    film.teller.blind, every = True, TrackRules().hidden_every
    assert all(ANN not in numbers or numbers[ANN] > 2 for numbers in returns(film, 2 * every))
    assert len(film.follower._tracks) == 2
    before = film.teller.asked
    for _ in range(4 * every):
        film.next()
    assert film.teller.asked - before == 4, "now and then, not in every frame"
    film.teller.blind = False
    assert [film.next() for _ in range(every)][-1] == {ANN: 1, EVE: 2}


def test_whoever_is_known_beside_where_they_were_is_back_without_a_search() -> None:
    for told in (True, False):
        film = Film(Person(600, presence=ANN), told=told)
        film.next()
        hide(film)
        film.scene.people[1].x = 5000.0
        film.scene.people[0] = Person(680, presence=ANN, detectable=False)
        film.follower._tracks.clear()
        assert film.next() == ({ANN: 1} if told else {})


def test_whoever_is_known_counts_more_than_whoever_was_to_be_there() -> None:
    for told, numbers in ((True, {ANN: 1}), (False, {})):
        film = Film(Person(560, presence=ANN), Person(650, presence=BOB), told=told)
        for _ in range(3):
            film.next()
        film.scene.people[0].x, film.scene.people[1].x = 650.0, 5000.0
        assert film.next() == numbers


def test_somebody_else_in_the_place_of_two_is_neither() -> None:
    """No looks: by place alone Bob would be Ann, who is hidden, or Eve, who went."""
    for told in (False, True):
        film = Film(Person(600, presence=ANN), told=told)
        film.next()
        hide(film)
        film.scene.people[1].x = 5000.0
        film.scene.people[0] = Person(600, presence=BOB)
        numbers = [film.next() for _ in range(60)]
        assert {seen[BOB] for seen in numbers if seen} <= ({3} if told else {1, 2})
        assert numbers[-1], "once Ann is given up"


def test_whoever_is_back_takes_the_place_of_whoever_came_last() -> None:
    film = Film(Person(600, presence=ANN))
    film.follower._max_faces = 2
    film.next()
    hide(film)
    film.scene.people.append(Person(1000, presence=BOB))
    for _ in range(TrackRules().hidden_every):
        film.next()
    assert [track.number for track in film.follower._tracks] == [2, 3]
    for _ in range(8):
        film.scene.people[1].x += 15
        film.next()
    film.scene.people[0].x, film.scene.people[0].y = 600.0, 360.0
    assert [film.next() for _ in range(3)][-1] == {ANN: 1, EVE: 2}
    assert len(film.follower._tracks) == 2


def test_of_many_who_are_hidden_the_longest_followed_are_remembered() -> None:
    film = Film(Person(600, presence=ANN))
    film.next()
    hide(film)
    (ann,) = film.follower._hidden
    for number in range(3, 20):
        film.follower._hidden.append(copy(ann))
        film.follower._hidden[-1].number = number
    film.next()
    assert [track.number for track in film.follower._hidden] == [1, *range(3, 10)]


def test_whom_it_could_not_tell_at_first_it_is_asked_about_until_it_can() -> None:
    film = Film(Person(600, presence=ANN), image=NOISE)
    film.teller.blind = True
    for _ in range(24):
        film.next()
    assert 2 <= film.teller.asked <= 4
    film.teller.blind = False
    for _ in range(8):
        film.next()
    (track,) = film.follower._tracks
    assert not track.persons.empty
    asked = film.teller.asked
    for _ in range(24):
        film.next()
    assert film.teller.asked == asked


def at_birth(film: Film) -> None:
    film.scene.people.append(Person(1000, presence=EVE))


def at_a_call(film: Film) -> None:
    film.scene.people[0].x, film.scene.people[1].x = 680.0, 580.0


def frames(film: Film) -> dict[float, int]:
    """Play on until whoever came has been looked for; see `Film.next`."""
    return [film.next() for _ in range(2 * TrackRules().join_every)][-1]


@pytest.mark.parametrize("event", [at_birth, at_a_call])
def test_where_it_fails_nothing_is_shown_and_nobody_is_mixed_up(event: Callable[[Film], None]) -> None:
    film = Film(Person(560, presence=ANN), Person(660, presence=BOB))
    for _ in range(5):
        film.next()
    event(film)
    film.teller.broken = True
    with pytest.raises(EngineError, match="recogniser"):
        frames(film)
    film.teller.broken = False
    numbers = frames(film)
    assert numbers[ANN] == 1
    assert numbers[BOB] == 2
