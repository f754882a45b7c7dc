"""A recogniser that is here tells the followed faces of a run apart; a lone one it hardly costs, and no enrolment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from livecam.app.assemble import Assembly, networks_of
from livecam.app.card import CardBackend
from livecam.app.wearers import ANYBODY, likeness_of, recognised_look, wearers_of
from livecam.core.cleared import How
from livecam.core.face import Box, Detection, Face, Landmarks, Topology
from livecam.core.frame import NS_PER_S, Frame, Image, Points, Size
from livecam.core.seams import Follower
from livecam.errors import EngineError, PersonaError
from livecam.faces.enroll import FOLDER
from livecam.inference.backends import Backend
from livecam.vision.associate import LookRules
from livecam.vision.look import RecognisedLook
from livecam.vision.portrait.motion import Pose
from livecam.vision.recognise import Embedding, Recogniser
from livecam.vision.template import Template, points_of
from tests.app.enrolling import HEIGHT, PLANTED, WIDTH, Place, posed

FRAME_NS = NS_PER_S // 30
STILL = Pose()


@pytest.fixture
def bare(tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where no recogniser is."""
    return Place(tmp_path, monkeypatch, recogniser=False)


@pytest.fixture
def place(tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where one is."""
    return Place(tmp_path, monkeypatch, recogniser=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Points]:
    """What recognisers were asked about."""
    embed, about = Recogniser.embed, list[Points]()

    def noted(recogniser: Recogniser, image: Image, five: Points) -> Embedding:
        about.append(five)
        return embed(recogniser, image, five)

    monkeypatch.setattr(Recogniser, "embed", noted)
    return about


def followed(follower: Follower, frames: int = 6) -> set[int]:
    """The numbers of the drawn wearer, who is alone."""
    seen = [follower(posed(STILL, number), (number + 1) * FRAME_NS, 0.0) for number in range(frames)]
    return {face.track_id for faces in seen for face in faces}


def test_where_one_is_a_run_asks_it_who_a_lone_face_is_once(place: Place, asked: list[Points]) -> None:
    networks = networks_of(place.config(), place.paths)
    assert isinstance(networks.wearers.apart(), RecognisedLook)
    assert followed(networks.follower()) == {1}
    assert len(asked) == 1


def test_enrolled_or_not(place: Place) -> None:
    config = place.config()
    who = wearers_of(config, place.paths)
    assert (who.people, who.told, who.digest, who.make) == (ANYBODY.people, ANYBODY.told, "", ANYBODY.make)
    place.enrol()
    enrolled = wearers_of(config, place.paths)
    assert enrolled.people == {"me": ""}
    assert isinstance(enrolled.apart(), RecognisedLook)
    assert enrolled.apart() is not enrolled.apart(), "each has one thread"


def test_where_none_is_nothing_is_asked(bare: Place, asked: list[Points]) -> None:
    networks = networks_of(bare.config(), bare.paths)
    assert networks.wearers.apart() is None
    assert followed(networks.follower()) == {1}
    assert not asked


def test_it_is_believed_as_far_as_it_can_tell(place: Place) -> None:
    apart = recognised_look(place.config(), place.paths)
    assert likeness_of(apart) == LookRules(same_person=PLANTED.same, other_person=PLANTED.other)
    assert likeness_of(None) == LookRules()


def test_for_one_face_none_is_loaded(place: Place, asked: list[Points]) -> None:
    networks = networks_of(place.config(), place.paths)
    assert networks.wearers.apart() is not None
    followed(networks.follower(faces=1), 2)
    assert not asked


def test_an_enrolment_that_cannot_be_read_does_not_stop_the_next_one(place: Place) -> None:
    kept = place.paths.data / FOLDER
    kept.mkdir(parents=True)
    (kept / "me.wearer").write_bytes(b"damaged")
    with pytest.raises(PersonaError):
        wearers_of(place.config(), place.paths)
    place.enrol()
    assert wearers_of(place.config(), place.paths).people == {"me": ""}


def test_where_it_fails_the_frame_is_withheld(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    config, embed = place.config(), Recogniser.embed
    processor = Assembly(config, place.paths).make_processor()
    out = np.empty(Size(WIDTH, HEIGHT).picture_shape, np.uint8)

    def process(number: int) -> object:
        return processor.process(Frame(posed(STILL, number), number, number * FRAME_NS), out, config.settings)

    def fail(*_: object) -> Embedding:
        raise EngineError("The recogniser failed.")

    monkeypatch.setattr(Recogniser, "embed", fail)
    for number in (1, 2):
        with pytest.raises(EngineError, match="recogniser"):
            process(number)
    monkeypatch.setattr(Recogniser, "embed", embed)
    assert [process(number) for number in range(3, 8)][-1] is How.SWAPPED


class Counting:
    """A look that counts how often it is asked."""

    same, other = 0.5, 0.4

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, image: Image, face: Face) -> Embedding:
        self.asked += 1
        return np.array([1, 0], np.float32)


def test_on_a_card_too() -> None:
    look = Counting()

    def detect(image: Image, threshold: float) -> list[Detection]:
        five = points_of(Template.ARCFACE_112_V2, 112)
        return [Detection(Box(0, 0, 112, 112), Landmarks(five, Topology.FIVE), 0.9)]

    follower = _card(lambda: look)._followers(detect)[0]  # type: ignore[arg-type]
    for number in range(5):
        follower(np.zeros((200, 200, 3), np.uint8), (number + 1) * FRAME_NS, 0.0)
    assert look.asked == 1


def _card(apart: Callable[[], Counting]) -> CardBackend:
    embedded = SimpleNamespace(wearers=replace(ANYBODY, apart=apart))  # type: ignore[arg-type]
    neural = SimpleNamespace(embedded=embedded, config=SimpleNamespace(neural=SimpleNamespace(keep_mouth=False)))
    none = SimpleNamespace()
    return CardBackend(Backend.RTX, neural, none, none, none, none)  # type: ignore[arg-type]
