"""Views that were drawn: what passes, what does not and why, and what is never kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from livecam.errors import StudioCancelled, StudioError
from livecam.faces.pack import Origin
from livecam.studio.chosen import Options
from livecam.studio.expand import Drawn, Expanded, expand
from livecam.studio.presets import LIGHTS, PRESETS, Preset, turn_of
from livecam.studio.sheet import contact_sheet, lines
from livecam.studio.terms import Conditions, Mask, Sampling, Slot, Step
from livecam.vision.angles import bin_of
from livecam.vision.mesh.topology import TOPOLOGY
from tests.studio.fakes import Made, likeness, vector

SIDE = 128


def seen(preset: Preset, shift: float = 0.0) -> Face:
    """The face that a picture drawn as asked for shows, with a mesh."""
    turned = TOPOLOGY.canonical @ turn_of(preset.yaw, preset.pitch).T * (0.44 * SIDE) + SIDE / 2
    flat = (turned[:, :2] + np.array((shift, 0), np.float32)).astype(np.float32)
    return Face(box_of(flat), Landmarks(flat, Topology.MESH468), turned[:, 2].astype(np.float32), 1.0, 1)


class Draws(Made):
    """A backend that draws noise, and remembers what it was asked for."""

    def __init__(self, *, test: bool = False, soft: bool = False) -> None:
        super().__init__(test=test)
        self.drawn: list[tuple[int, Conditions, Sampling]] = []
        self._soft = soft

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        raise AssertionError("views are drawn from nothing")

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        self.drawn.append((side, conditions, sampling))
        step(1, 1)
        noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
        return np.full_like(noise, 90) if self._soft else noise


class Sees:
    """Faces as the test says, by the preset that was drawn last."""

    told = "arcface_w600k_r50"

    def __init__(
        self, backend: Draws, cosine: float = 0.9, shift: float = 0.0, faces: int = 1, knows: bool = True
    ) -> None:
        self.knows = knows
        self._backend, self._cosine, self._shift, self._faces = backend, cosine, shift, faces

    def find(self, image: Image) -> tuple[Face, ...]:
        five = self._backend.drawn[-1][1].five
        preset = next(one for one in PRESETS if np.allclose(one.five(SIDE), five))
        return (seen(preset, self._shift),) * self._faces

    def embed(self, image: Image, five: Points) -> npt.NDArray[np.float32]:
        return vector(self._cosine)

    def region(self, crop: Image, face: Face) -> Mask:
        raise AssertionError("nobody asks for it")

    def looks(self, photo: Image, five: Points) -> Mask | None:
        return None


@contextmanager
def begin(name: str) -> Iterator[Step]:
    yield lambda done, total: None


def expanded(
    backend: Draws | None = None, *, cosine: float = 0.9, shift: float = 0.0, faces: int = 1, knows: bool = True
) -> Expanded:
    backend = backend or Draws()
    return expand(likeness(), backend, Sees(backend, cosine, shift, faces, knows), Options(), begin)


def test_all_angles_are_drawn_in_all_lights_with_one_seed() -> None:
    backend, told = Draws(), []
    options = Options(seed=7, steps=3, scales={Slot.TOKENS: 0.3})

    def hear(drawn: Drawn, done: int, total: int) -> None:
        told.append((drawn.name, done, total))

    expand(likeness(), backend, Sees(backend), options, begin, hear)
    assert [name for name, _, _ in told][:3] == ["front-soft", "front-warm", "left-22-soft"]
    assert told[-1] == ("right-22-down-warm", 22, 22)
    assert {sampling for _, _, sampling in backend.drawn} == {Sampling(3, 1.0, 7)}
    assert {side for side, _, _ in backend.drawn} == {SIDE}
    assert all(asked.scales[Slot.TOKENS] == 0.3 for _, asked, _ in backend.drawn)
    assert len({asked.prompt for _, asked, _ in backend.drawn}) == 22
    assert np.array_equal(backend.drawn[0][1].five, PRESETS[0].five(SIDE))


def test_what_passes_becomes_views_of_little_weight() -> None:
    result = expanded()
    assert len(result.accepted) == 22
    views = result.views()
    for view, one in zip(views, result.drawn, strict=True):
        assert view.origin is Origin.GENERATED
        assert view.weight == (0.0 if one.preset.profile else 0.3)
        assert view.model == "made"
        assert view.picture[:2] == b"\xff\xd8"
        assert len(view.picture) < 1 << 16
        assert view.angles.yaw == pytest.approx(one.preset.yaw, abs=2)
    assert len({bin_of(view.angles) for view in views}) == 11


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lambda: expanded(faces=0), "no face is found"),
        (lambda: expanded(faces=2), "2 faces are found"),
        (lambda: expanded(shift=4.0), "3.1% of the picture from where it was to be"),
        (lambda: expanded(cosine=float("nan")), "does not look like"),
    ],
)
def test_what_does_not_pass_says_why(result: Callable[[], Expanded], reason: str) -> None:
    front = result().drawn[0]
    assert reason in front.reason
    assert not front.accepted
    assert front.weight == 0


def test_what_is_blurred_does_not_pass() -> None:
    assert "it is not sharp" in expanded(Draws(soft=True)).drawn[0].reason


def test_the_front_has_to_be_more_alike_and_profiles_cannot_be_scored() -> None:
    result = expanded(cosine=0.65)
    by_name = {one.name: one for one in result.drawn}
    assert "0.65, and 0.70 is needed" in by_name["front-soft"].reason
    assert by_name["left-45-soft"].accepted
    stranger = {one.name for one in expanded(cosine=0.1).accepted}
    assert stranger == {f"{side}-67-{light.name}" for side in ("left", "right") for light in LIGHTS}
    assert [view.weight for view in expanded(cosine=0.1).views()] == [0.0] * 4


def test_nothing_is_kept_of_a_test_or_without_a_recogniser() -> None:
    drawn = expanded(Draws(test=True), cosine=0.1)
    assert len(drawn.accepted) == 22, "identity is measured, not demanded"
    with pytest.raises(StudioError, match="random weights"):
        drawn.views()
    unjudged = expanded(knows=False, cosine=0.1)
    assert not unjudged.judged
    with pytest.raises(StudioError, match="livecam models pull"):
        unjudged.views()


def test_a_user_who_cancels_is_heard() -> None:
    @contextmanager
    def stopped(name: str) -> Iterator[Step]:
        def step(done: int, total: int) -> None:
            raise StudioCancelled("Cancelled; nothing was written.")

        yield step

    backend = Draws()
    with pytest.raises(StudioCancelled):
        expand(likeness(), backend, Sees(backend), Options(), stopped)


def test_the_sheet_shows_all_and_the_lines_tell_all() -> None:
    result = expanded(cosine=0.65)
    sheet = contact_sheet(result.drawn, 64)
    assert sheet.shape[1] == 11 * 64
    assert sheet.dtype == np.uint8
    told = list(lines(result))
    assert told[0] == ("front-soft", "0.65", told[0][2], told[0][3], result.drawn[0].reason)
    assert told[2][4] == "counts 0.3"
    assert next(line for line in told if line[0] == "left-67-soft")[4] == "not scored: counts nothing"
    nobody = expanded(faces=0)
    assert next(lines(nobody))[:4] == ("front-soft", "-", "-", "-")
    assert contact_sheet(nobody.drawn, 64).shape == sheet.shape
