"""What the user wants, and which face is meant."""

from types import MappingProxyType

import pytest

from livecam.errors import StudioError
from livecam.studio.backends import CAPS
from livecam.studio.chosen import LARGEST, Options, face_in
from livecam.studio.terms import Slot
from tests.studio.fakes import Planned, mesh_face, picture

LEFT, RIGHT = mesh_face(80, 120, 60, track_id=1), mesh_face(230, 120, 90, track_id=2)


def test_the_one_face_needs_not_be_chosen() -> None:
    assert face_in(picture(), Planned(LEFT), None) is LEFT


def test_of_several_one_has_to_be_chosen() -> None:
    faces = Planned(RIGHT, LEFT)
    with pytest.raises(StudioError, match=r"2 faces.*--face 1 to 2.*--face 0"):
        face_in(picture(), faces, None)
    assert face_in(picture(), faces, LARGEST) is RIGHT
    assert face_in(picture(), faces, 1) is LEFT
    assert face_in(picture(), faces, 2) is RIGHT


def test_a_face_that_is_not_there_is_refused() -> None:
    with pytest.raises(StudioError, match="no face 3"):
        face_in(picture(), Planned(RIGHT, LEFT), 3)
    with pytest.raises(StudioError, match="No face was found"):
        face_in(picture(), Planned(), None)


def test_what_is_not_wanted_otherwise_is_as_the_backend_has_it() -> None:
    caps = CAPS["flux1"]
    options = Options()
    assert options.side_for(caps) == caps.side
    assert options.scales_for(caps) == caps.scales
    sampling = options.sampling(caps)
    assert (sampling.steps, sampling.strength, sampling.seed) == (caps.steps, caps.strength, 0)
    assert options.sampling(caps, strength=0.3).strength == 0.3


def test_what_is_wanted_holds_and_each_attempt_has_its_seed() -> None:
    caps = CAPS["flux1"]
    scales = MappingProxyType({Slot.TOKENS: 0.0, Slot.ATTENTION: 0.7})
    options = Options(steps=7, strength=0.5, seed=40, side=512, scales=scales)
    assert options.side_for(caps) == 512
    assert options.scales_for(caps) == {Slot.ATTENTION: 0.7, Slot.LANDMARKS: caps.scales[Slot.LANDMARKS]}
    sampling = options.sampling(caps, attempt=2, strength=0.3)
    assert (sampling.steps, sampling.strength, sampling.seed) == (7, 0.5, 42)


def test_a_slot_that_a_base_has_no_weights_for_is_refused_and_those_that_exist_are_named() -> None:
    wanted = Options(scales=MappingProxyType({Slot.ATTENTION: 1.0}))
    with pytest.raises(StudioError, match=r"attention.*landmarks, tokens"):
        wanted.scales_for(CAPS["sdxl-instantid"])
    with pytest.raises(StudioError, match=r"reference pictures"):
        wanted.scales_for(CAPS["klein4b"])
    assert not Options(scales=MappingProxyType({Slot.ATTENTION: 0.0})).scales_for(CAPS["klein4b"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"face": -1},
        {"attempts": 0},
        {"steps": 0},
        {"strength": 0.0},
        {"strength": 1.1},
        {"side": 100},
        {"side": 48},
        {"side": 2064},
        {"strength": float("nan")},
        {"scales": MappingProxyType({Slot.TOKENS: -1.0})},
        {"scales": MappingProxyType({Slot.TOKENS: float("nan")})},
        {"scales": MappingProxyType({Slot.TOKENS: float("inf")})},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StudioError):
        Options(**wrong)  # type: ignore[arg-type]
