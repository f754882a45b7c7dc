"""What the chain on the processor refuses is refused on the card, and the frame left as it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Unpack

import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Landmarks
from livecam.core.frame import Frame, Image, Matrix, Points
from livecam.core.persona import Persona
from livecam.core.seams import Tensor
from livecam.core.settings import Settings
from livecam.errors import ContractError
from tests.canvas.device.chains import FACE, How, Rig, Worn, scene
from tests.vision.swap.conftest import face_of, five_at, persona_of, source_of

Rigs = Callable[..., Rig]


class Nothing:
    """A masker that shows nothing of the swap."""

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        pass

    def __call__(self, crop: Image, out: Image) -> Image:
        out.fill(0)
        return out


def filled(value: float) -> Callable[[str, Tensor], Tensor]:
    return lambda _, tensor: np.full_like(tensor, value)


def one_nan(role: str) -> Callable[[str, Tensor], Tensor]:
    def spoil(found: str, tensor: Tensor) -> Tensor:
        spoilt = np.array(tensor)
        if found == role:
            spoilt.reshape(-1)[len(spoilt.reshape(-1)) // 3] = np.nan
        return spoilt

    return spoil


def ways(rigged: Rig, **worn: Unpack[Worn]) -> tuple[Callable[[], Image], ...]:
    """Through the processor, and through the card."""
    cpu, card = rigged.cpu(), rigged.card()
    return (lambda: rigged.on_cpu(cpu, scene(), **worn), lambda: rigged.on_the_card(card, scene(), **worn))


REFUSED = {
    "a swapper of one colour": (How(spoil={"inswapper_128": filled(0.4)}), "swapper gave a picture of one colour"),
    "a swapper's NaN": (How(spoil={"inswapper_128": one_nan("image")}), "swapper's picture.*not finite"),
    "a swapper's infinity": (How(spoil={"inswapper_128": filled(np.inf)}), "swapper's picture.*not finite"),
    "the wearer given back": (How(gain=1.0, bias=0.0, colour=1.0), "gave back the face"),
    "an own mask's NaN": (
        How(swapper="hyperswap_1a_256", spoil={"hyperswap_1a_256": one_nan("mask")}),
        "swapper's mask.*not finite",
    ),
    "an occlusion's NaN": (How(occlusion=True, spoil={"xseg_1": one_nan("mask")}), "mask.*not finite"),
    "a region's NaN": (How(regions=True, spoil={"bisenet_resnet_18": one_nan("logits")}), "mask.*not finite"),
    "an occlusion of all": (How(occlusion=True, spoil={"xseg_1": filled(0.0)}), "leave the face bare.*only 0%"),
    "a mask of nothing": (How(placed=(Nothing(),)), "leave the face bare.*only 0%"),
    "an enhancer of one colour": (
        How(enhancer="gpen_bfr_256", spoil={"gpen_bfr_256": filled(0.4)}),
        "enhancer gave a picture of one colour",
    ),
    "an enhancer's NaN": (
        How(enhancer="gpen_bfr_256", spoil={"gpen_bfr_256": one_nan("image")}),
        "enhancer's picture.*not finite",
    ),
}


@pytest.mark.parametrize(("how", "words"), REFUSED.values(), ids=REFUSED)
def test_what_the_cpu_refuses_is_refused_and_the_frame_untouched(how: How, words: str, rig: Rigs) -> None:
    rigged = rig(**{name: getattr(how, name) for name in How.__slots__})
    worn: Worn = {"persona": persona_of(source_of(0, 0, 0, 1), how.swapper)}
    with pytest.raises(ContractError):
        rigged.on_cpu(rigged.cpu(), scene(), **worn)
    card = rigged.card()
    for _ in range(3):
        with pytest.raises(ContractError, match=words):
            rigged.on_the_card(card, scene(), **worn)
        np.testing.assert_array_equal(rigged.stored(scene()), rigged.bare(scene()))


@pytest.mark.parametrize("step", [0.3, 0.45, 0.55, 1.2])
def test_how_little_is_no_change_is_judged_as_on_the_cpu(step: float, rig: Rigs) -> None:
    rigged = rig(gain=1.0, bias=step / 255, colour=0.0)
    worn: Worn = {"persona": persona_of(source_of(0, 0, 0, 1))}
    for run in ways(rigged, **worn):
        if step < 0.5:
            with pytest.raises(ContractError, match="gave back the face"):
                run()
        else:
            run()


@pytest.mark.parametrize(
    ("five", "message"),
    [
        (np.full((5, 2), np.nan), "not finite"),
        (five_at(320, 180, 200) * 50, "far outside"),
        (five_at(320, 180, 12), "too small"),
        (np.full((5, 2), 100), "too small"),
        (five_at(-30, 180, 200), "not lie in the frame"),
        (five_at(320, 400, 200), "not lie in the frame"),
    ],
)
def test_faces_that_cannot_be_are_refused(five: Points, message: str, rig: Rigs) -> None:
    rigged, face = rig(), face_of(five.astype(np.float32))
    for run in ways(rigged, face=face):
        with pytest.raises(ContractError, match=message):
            run()


@pytest.mark.parametrize(
    "persona",
    [
        persona_of(source_of(1), key="hyperswap_1a_256"),
        replace(persona_of(source_of(1)), identity={"inswapper_128": "ann"}),
        persona_of(np.zeros((1, 3, 112, 112), np.float32)),
    ],
)
def test_a_persona_that_is_not_prepared_for_it_is_refused(persona: Persona, rig: Rigs) -> None:
    rigged = rig()
    with pytest.raises(ContractError, match="ann is not prepared for inswapper_128"):
        rigged.on_the_card(rigged.card(), scene(), persona=persona)


def test_another_canvas_is_refused(rig: Rigs) -> None:
    rigged, canvas = rig(), CpuCanvas()
    canvas.load(Frame(scene(), 1, 1))
    with pytest.raises(ContractError, match="not its own"):
        rigged.card()(canvas, FACE, persona_of(source_of(1)), Settings())  # type: ignore[arg-type]


def test_what_does_not_come_down_is_refused(rig: Rigs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound frame's status says nothing about the next one."""
    rigged = rig()
    card = rigged.card()
    rigged.on_the_card(card, scene())
    monkeypatch.setattr(rigged.device, "download", lambda *_: None)
    rigged.canvas.load(Frame(scene(), 2, 2))
    with pytest.raises(ContractError, match="one colour"):
        card(rigged.canvas, FACE, persona_of(source_of(1)), Settings())


@pytest.mark.parametrize("colour", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(colour: float, rig: Rigs) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        rig(colour=colour).card()
