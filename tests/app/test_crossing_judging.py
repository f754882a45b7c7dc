"""The judge of the crossings sees what it is there for: each of the faults, where there is one."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from livecam.core.cleared import How, Withheld
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Frame, Image, Picture, Points, Size
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from tests.app.crossing import Moment, Person, Walk
from tests.app.crossing_judging import Easel, Painter, Verdict, frame_by_frame, judged

SIZE = Size(320, 240)
OWN, THEIRS = "own", "theirs"
SETTINGS = Settings(persona=OWN)


def person(_: int) -> Person:
    """Grey with a mesh of a face 60 px wide and 80 high in its middle."""
    image = np.full(SIZE.image_shape, 90, np.uint8)
    points = np.tile(np.array([[130, 80], [190, 160]], np.float32), (234, 1))
    return Person(image, points)


class Pretend:
    """Publishes each frame after `paint` has painted on it, and noted where."""

    def __init__(self, walk: Walk, paint: Callable[[Moment, Image], None]) -> None:
        self._walk, self._paint = walk, paint

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        Easel.LAST[0].load(frame)
        self._paint(self._walk(frame.seq - 1), frame.image)
        out[:] = cv2.cvtColor(frame.image, cv2.COLOR_BGR2YUV_I420)
        return How.SWAPPED

    def reset(self) -> None: ...

    def adapt(self, tier: Tier) -> None: ...

    def stages(self) -> Mapping[str, int]:
        return {}


def face(points: Points) -> Face:
    return Face(box_of(points), Landmarks(points, Topology.MESH468), np.zeros(len(points), np.float32), 1.0, 1)


def put(points: Points, image: Image, persona: str, noted: Points | None = None) -> None:
    """Paint a persona over the face at `points`, that is said to be at `noted`."""
    box = box_of(points)
    part = np.s_[max(int(box.y1), 0) : int(box.y2), max(int(box.x1), 0) : max(int(box.x2), 0)]
    image[part] = 200 if persona == OWN else 20
    painted = np.zeros(image.shape[:2], bool)
    painted[part] = True
    Painter.LAST[0].note(face(points if noted is None else noted), persona, painted)


def told(paint: Callable[[Moment, Image], None], other_wears: str = "", *, behind: bool = False) -> Verdict:
    """Of nine frames, in the middle one of which the other is before, or behind, the wearer."""
    Painter(), Easel()
    walk = Walk(SIZE, person, person, 1, 7, stop=1, behind=behind, scale=1.2)
    return judged(Pretend(walk, paint), walk, 9, SETTINGS, other_wears)


def nothing(moment: Moment, image: Image) -> None: ...


def the_wearer(moment: Moment, image: Image) -> None:
    put(moment.wearer, image, OWN)


def both(moment: Moment, image: Image) -> None:
    """The other last, since they are before the wearer."""
    put(moment.wearer, image, OWN)
    if moment.other is not None:
        put(moment.other, image, THEIRS)


def test_a_persona_on_each_is_right_where_it_is_theirs() -> None:
    verdict = told(both, THEIRS)
    assert verdict == Verdict(swapped=list(range(9)), hidden=[4], other_worn=list(range(1, 8)))


def test_a_persona_on_one_who_may_wear_none_is_wrong() -> None:
    assert told(both).wrong == list(range(1, 8))


def test_the_personas_of_two_exchanged_are_wrong() -> None:
    def exchanged(moment: Moment, image: Image) -> None:
        put(moment.wearer, image, THEIRS)
        if moment.other is not None:
            put(moment.other, image, OWN)

    assert told(exchanged, THEIRS).wrong == list(range(9))


def test_a_persona_on_the_wearer_who_is_hidden_is_on_the_one_before_them() -> None:
    """Though it was put where the wearer is."""
    verdict = told(the_wearer)
    assert verdict.hidden == [4]
    assert 4 in verdict.wrong
    assert not {0, 1, 2, 6, 7, 8} & set(verdict.wrong)
    assert told(the_wearer, behind=True).wrong == []


def test_what_is_blurred_after_all_is_not_seen() -> None:
    def blurred(moment: Moment, image: Image) -> None:
        put(moment.wearer, image, OWN)
        if moment.other is not None:
            Easel.LAST[0].blur(box_of(moment.other))

    assert told(blurred).wrong == []


def test_a_wearer_as_they_are_is_bare_wherever_they_are_to_be_seen() -> None:
    assert told(nothing).bare == [0, 1, 2, 3, 5, 6, 7, 8]
    assert told(nothing, behind=True).bare == list(range(9))
    assert told(the_wearer).bare == []


def test_one_who_walks_is_uncovered_where_more_than_half_is_to_be_seen() -> None:
    shown = told(nothing)
    assert shown.uncovered == [2, 3, 4, 5, 6]
    assert told(nothing, behind=True).uncovered == [2, 3, 5, 6]
    assert told(both, THEIRS).uncovered == []


def test_what_is_withheld_is_no_fault() -> None:
    class Withholding(Pretend):
        def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
            return Withheld.NO_FACE

    Painter(), Easel()
    walk = Walk(SIZE, person, person, 1, 7, stop=1, scale=1.2)
    verdict = judged(Withholding(walk, nothing), walk, 9, SETTINGS)
    assert verdict == Verdict(withheld=dict.fromkeys(range(9), str(Withheld.NO_FACE)), hidden=[4])
    assert all(each.shown is None for each in frame_by_frame(Withholding(walk, nothing), walk, 9, SETTINGS))
