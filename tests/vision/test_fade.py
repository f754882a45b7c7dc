"""Between two personas lie pictures between both, and never the wearer's own face."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face
from livecam.core.frame import NS_PER_MS, Image
from livecam.core.persona import Persona
from livecam.core.seams import Canvas
from livecam.core.settings import Settings
from livecam.errors import EngineError, FaceUncovered
from livecam.vision.fade import FadingSwapper
from livecam.vision.mesh.engine import MeshSwapper
from tests.vision.mesh.drawn import drawn_identity, face_of, frame_of, neutral, persona_of, picture_of, points_of

STEP_NS = 30 * NS_PER_MS
FADE_NS = 150 * NS_PER_MS
POINTS = points_of(neutral())
FACE = face_of(POINTS)
SETTINGS = Settings()
COLOURS = {"ann": 40, "bob": 200, "eve": 120}
PERSONAS = {name: persona_of(drawn_identity(), name) for name in COLOURS}


@dataclass
class Flat:
    """Paints one colour for each persona; fails where it is told to."""

    failures: dict[str, Exception] = field(default_factory=dict)
    painted: list[str] = field(default_factory=list)
    resets: int = 0

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        if persona.name in self.failures:
            raise self.failures[persona.name]
        self.painted.append(persona.name)
        assert canvas.pixels[0, 0, 0] == 9, "it is given the frame as it came"
        canvas.pixels[100:200, 100:200] = COLOURS[persona.name]

    def reset(self) -> None:
        self.resets += 1


class Stage:
    """Frames at a steady rate."""

    def __init__(self, inner: Flat | MeshSwapper, fade_ns: int = FADE_NS, cost_ns: int = NS_PER_MS) -> None:
        self.now_ns, self.cost_ns, self._ticks = 0, cost_ns, 0
        self.swapper = FadingSwapper(inner, fade_ns, lambda: self.now_ns, self._clock_ns)
        self.image = np.full((360, 480, 3), 9, np.uint8)

    def _clock_ns(self) -> int:
        self._ticks += 1
        return self._ticks * self.cost_ns

    def show(self, name: str, face: Face = FACE, settings: Settings = SETTINGS, *, after_ns: int = STEP_NS) -> Image:
        self.now_ns += after_ns
        frame, canvas = frame_of(self.image.copy()), CpuCanvas()
        canvas.load(frame)
        self.swapper(canvas, face, PERSONAS[name], settings)
        return frame.image

    def colour(self, name: str, face: Face = FACE, settings: Settings = SETTINGS, *, after_ns: int = STEP_NS) -> int:
        image = self.show(name, face, settings, after_ns=after_ns)
        assert (image[:100] == 9).all()
        return int(image[150, 150, 0])


def test_the_frames_between_lie_between() -> None:
    stage = Stage(Flat())
    assert stage.colour("ann") == 40
    assert [stage.colour("bob") for _ in range(6)] == [72, 104, 136, 168, 200, 200]


def test_each_persona_is_painted_on_the_frame_as_it_came_and_only_while_it_shows() -> None:
    inner = Flat()
    stage = Stage(inner)
    for name in ("ann", "bob", "bob", "bob", "bob", "bob", "bob"):
        stage.show(name)
    assert inner.painted == ["ann", *("ann", "bob") * 4, "bob", "bob"]


def test_without_a_fade_the_switch_is_between_two_frames() -> None:
    inner = Flat()
    stage = Stage(inner, fade_ns=0)
    assert [stage.colour(name) for name in ("ann", "ann", "bob", "bob")] == [40, 40, 200, 200]
    assert inner.painted == ["ann", "ann", "bob", "bob"]


def test_a_fade_cut_short_goes_on_from_what_is_seen_most_of() -> None:
    stage = Stage(Flat())
    assert [stage.colour(name) for name in ("ann", "bob", "eve")] == [40, 72, 40 + 16]
    stage = Stage(Flat())
    for _ in range(4):
        stage.colour("ann")
    assert [stage.colour("bob") for _ in range(4)][-1] == 168
    assert stage.colour("eve") == 200 - 16


def test_no_fade_where_two_swaps_are_too_much_for_a_frame() -> None:
    stage = Stage(Flat(), cost_ns=40 * NS_PER_MS)
    assert [stage.colour(name) for name in ("ann", "bob")] == [40, 200]


def test_no_fade_after_a_gap_or_a_panic_or_a_reset() -> None:
    stage = Stage(Flat())
    assert [stage.colour("ann"), stage.colour("bob", after_ns=FADE_NS)] == [40, 200]
    assert stage.colour("ann", settings=replace(SETTINGS, privacy_floor=2)) == 40
    inner = Flat()
    stage = Stage(inner)
    stage.show("ann")
    stage.swapper.reset()
    assert inner.resets == 1
    assert stage.colour("bob") == 200


def test_panic_ends_a_fade() -> None:
    stage = Stage(Flat())
    assert [stage.colour("ann"), stage.colour("bob")] == [40, 72]
    assert stage.colour("bob", settings=replace(SETTINGS, privacy_floor=2)) == 200


def test_every_face_fades_by_itself() -> None:
    stage, other = Stage(Flat()), replace(FACE, track_id=FACE.track_id + 1)
    assert [stage.colour("ann"), stage.colour("bob")] == [40, 72]
    assert stage.colour("bob", face=other, after_ns=0) == 200
    assert stage.colour("bob") == 104


def test_where_the_one_before_cannot_be_painted_the_new_one_alone_is() -> None:
    inner = Flat()
    stage = Stage(inner)
    stage.show("ann")
    inner.failures["ann"] = FaceUncovered("turned")
    assert stage.colour("bob") == 200


@pytest.mark.parametrize("error", [FaceUncovered("turned"), EngineError("broken")])
def test_where_the_new_one_cannot_be_painted_the_frame_is_withheld(error: Exception) -> None:
    inner = Flat()
    stage = Stage(inner)
    stage.show("ann")
    inner.failures["bob"] = error
    with pytest.raises(type(error)):
        stage.show("bob")


def test_another_failure_of_the_one_before_withholds_the_frame() -> None:
    inner = Flat()
    stage = Stage(inner)
    stage.show("ann")
    inner.failures["ann"] = EngineError("broken")
    with pytest.raises(EngineError):
        stage.show("bob")


def test_drawn_faces_melt_into_each_other() -> None:
    pale, dark = drawn_identity(), drawn_identity()
    levels = tuple(replace(level, image=level.image // np.array([3, 3, 3, 1], np.uint8)) for level in dark.levels)
    stage = Stage(MeshSwapper(grain=0.0))
    stage.image = picture_of(POINTS)
    personas = {"ann": persona_of(pale, "ann"), "bob": persona_of(replace(dark, levels=levels), "bob")}

    def shown(name: str, swapper: FadingSwapper | MeshSwapper, now_ns: int) -> Image:
        stage.now_ns = now_ns
        frame, canvas = frame_of(stage.image.copy()), CpuCanvas()
        canvas.load(frame)
        swapper(canvas, FACE, personas[name], SETTINGS)
        return frame.image

    old, new = (shown(name, MeshSwapper(grain=0.0), 0) for name in personas)
    shown("ann", stage.swapper, 0)
    low, high = np.minimum(old, new).astype(int), np.maximum(old, new).astype(int)
    nearer = []
    for number in range(1, 5):
        between = shown("bob", stage.swapper, number * STEP_NS).astype(int)
        assert ((between >= low - 3) & (between <= high + 3)).all()
        nearer.append(np.abs(between - new).mean() < np.abs(between - old).mean())
    assert nearer == [False, False, True, True]
