import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face
from livecam.core.frame import Image, Matrix, Points
from livecam.core.ladder import Tier
from livecam.core.persona import Persona
from livecam.core.seams import Canvas
from livecam.core.settings import Settings
from livecam.errors import ContractError, EngineError
from livecam.vision.hands.follow import HandRules
from livecam.vision.hands.landmarks import HandFit, HandLandmarker
from livecam.vision.hands.masker import LookingSwapper, OccluderMasker
from livecam.vision.hands.occluder import HandOccluder
from livecam.vision.hands.palm import Palm, PalmDetector, Shrunk
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.landmarks import Roi
from livecam.vision.occlude import Shade
from livecam.vision.swap.masks import CropMask, Maskers
from tests.patience import UNHURRIED_S
from tests.vision.hands.stands import HandEngine, PalmEngine, hand_mask, hand_points, with_hand
from tests.vision.hands.test_follow import palm_of
from tests.vision.mesh.drawn import SHAPE, drawn_identity, face_of, frame_of, neutral, persona_of, picture_of, points_of

POINTS = points_of(neutral())
FACE = face_of(POINTS)
HAND = hand_points((180, 330), 60, -10)
PICTURE = with_hand(picture_of(POINTS), HAND, (60, 220, 60))

BLUE = persona_of(drawn_identity((200, 120, 60)))


class Palms(PalmDetector):
    """Finds the hand of the test."""

    def __init__(self) -> None:
        super().__init__(PalmEngine())
        self.calls = 0
        self.threads: set[str] = set()
        self.there = [palm_of(HAND)]

    def __call__(self, shrunk: Shrunk, threshold: float) -> list[Palm]:
        self.calls += 1
        self.threads.add(threading.current_thread().name)
        return self.there


class Hands(HandLandmarker):
    """Sees the hand of the test."""

    def __init__(self) -> None:
        super().__init__(HandEngine())
        self.points: Points = HAND
        self.fault: Exception | None = None

    def __call__(self, image: Image, roi: Roi) -> HandFit:
        if self.fault is not None:
            raise self.fault
        return HandFit(self.points, 0.99)


class Fixed:
    """An occluder with a shade that a test chose."""

    def __init__(self, shade: Shade | None) -> None:
        self.shade = shade
        self.begun: list[Face] = []
        self.resets = 0

    def begin(self, image: Image, face: Face) -> None:
        self.begun.append(face)

    def finish(self) -> Shade | None:
        return self.shade

    def reset(self) -> None:
        self.resets += 1


def looked(occluder: HandOccluder, face: Face = FACE, image: Image = PICTURE) -> Shade | None:
    occluder.begin(image, face)
    shade = occluder.finish()
    rested(occluder)
    return shade


def rested(occluder: HandOccluder) -> None:
    """Wait until its thread has done all that it was given: what a slow search finds counts frames later."""
    occluder._ahead(lambda: None).result(UNHURRIED_S)


def found(occluder: HandOccluder) -> Shade:
    for _ in range(20):
        shade = looked(occluder)
        if shade is not None:
            return shade
    raise AssertionError("no hand was found")


def test_a_hand_is_found_within_frames_on_a_thread_of_its_own() -> None:
    palms = Palms()
    shade = found(HandOccluder(palms, Hands()))
    truth = hand_mask(HAND, SHAPE)[80:280, 160:320] > 127
    shaded = shade.into(np.eye(2, 3), np.zeros(SHAPE[:2], np.uint8))[80:280, 160:320] > 127
    assert (shaded & truth).sum() > 0.9 * truth.sum()
    assert all(name.startswith("livecam-hands") for name in palms.threads)


def test_without_masks_nothing_runs_and_nothing_is_bare() -> None:
    palms = Palms()
    occluder = HandOccluder(palms, Hands())
    found(occluder)
    occluder.adapt(Tier("mask off", mask=False))
    before = palms.calls
    assert [looked(occluder) for _ in range(10)] == [None] * 10
    assert palms.calls == before
    occluder.adapt(Tier("full quality"))
    found(occluder)


def test_reset_forgets_hands() -> None:
    occluder = HandOccluder(Palms(), Hands())
    found(occluder)
    occluder.reset()
    assert looked(occluder) is None


def test_its_thread_rests_where_there_is_nothing_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    handed = []

    class Inline:
        def __init__(self, name: str) -> None:
            assert name == "livecam-hands"

        def __call__(self, work: Callable[[], object]) -> Future[object]:
            handed.append(work)
            done: Future[object] = Future()
            done.set_result(work())
            return done

    monkeypatch.setattr("livecam.vision.hands.occluder.Ahead", Inline)
    palms = Palms()
    palms.there = []
    occluder = HandOccluder(palms, Hands(), HandRules(search_every=4))
    for _ in range(41):
        occluder.begin(PICTURE, FACE)
        assert occluder.finish() is None
    assert palms.calls == 11
    assert len(handed) == 2 * palms.calls, "a look at the neighbourhood to copy it, and the search"
    palms.there = [palm_of(HAND)]
    found(occluder)


def test_nothing_was_begun() -> None:
    assert HandOccluder(Palms(), Hands()).finish() is None


def test_a_failed_network_withholds_the_frame_and_the_next_one_may_succeed() -> None:
    hands = Hands()
    occluder = HandOccluder(Palms(), hands)
    found(occluder)
    hands.fault = EngineError("gone", "")
    with pytest.raises(EngineError):
        looked(occluder)
    hands.fault = None
    found(occluder)


def test_a_frame_that_was_given_up_does_not_disturb_the_next() -> None:
    hands = Hands()
    occluder = HandOccluder(Palms(), hands)
    found(occluder)
    hands.fault = EngineError("gone", "")
    occluder.begin(PICTURE, FACE)
    hands.fault = None
    assert looked(occluder) is not None


def test_a_mesh_that_shrinks_behind_a_hand_is_not_believed() -> None:
    occluder = HandOccluder(Palms(), Hands())
    found(occluder)
    with pytest.raises(ContractError, match="behind a hand"):
        looked(occluder, face_of(points_of(neutral(), height=165)))
    slowly = HandOccluder(Palms(), Hands())
    found(slowly)
    for height in np.linspace(220, 235, 40):
        assert looked(slowly, face_of(points_of(neutral(), height=float(height)))) is not None


def test_each_face_has_its_own_hands() -> None:
    occluder = HandOccluder(Palms(), Hands())
    found(occluder)
    other = face_of(points_of(neutral(), height=60, centre=(420, 60)), track_id=2)
    assert looked(occluder, other) is None
    assert looked(occluder) is not None


def swapped(image: Image, swapper: MeshSwapper) -> Image:
    out = image.copy()
    canvas = CpuCanvas()
    canvas.load(frame_of(out))
    swapper(canvas, FACE, BLUE, Settings(shape=0.5))
    return out


def test_the_mesh_swap_leaves_the_hand_to_be_seen() -> None:
    occluder = HandOccluder(Palms(), Hands())
    swapper = MeshSwapper(occluder)
    for _ in range(20):
        swapped(PICTURE, swapper)
        rested(occluder)
    after = swapped(PICTURE, swapper)
    mask = hand_mask(HAND, SHAPE)
    inner, outer = np.zeros_like(mask) > 0, np.zeros_like(mask) > 0
    inner[205:280, 170:300] = cv2.erode(mask, np.ones((5, 5), np.uint8))[205:280, 170:300] == 255
    outer[140:200, 250:280] = mask[140:200, 250:280] == 0
    change = np.abs(after.astype(int) - PICTURE).max(axis=2)
    assert inner.sum() > 500
    assert np.median(change[inner]) == 0
    assert (change[inner] > 12).mean() < 0.15
    assert (change[outer] > 12).mean() > 0.9
    assert "occlusion" in swapper.stages()


def test_a_shade_over_the_whole_face_withholds_the_mesh_swap_and_paints_nothing() -> None:
    swapper = MeshSwapper(Fixed(Shade(np.full((10, 10), 255, np.uint8), 0, 0, 60)))
    image = PICTURE.copy()
    canvas = CpuCanvas()
    canvas.load(frame_of(image))
    with pytest.raises(ContractError, match="Too little"):
        swapper(canvas, FACE, BLUE, Settings())
    np.testing.assert_array_equal(image, PICTURE)


def test_the_shade_of_the_frame_before_is_kept_out_of_the_light() -> None:
    """A bright hand must not brighten the face around it."""
    half = np.zeros((36, 48), np.uint8)
    half[20:, :] = 255
    bright = picture_of(POINTS)
    bright[205:] = (255, 255, 255)
    shaded, plain = MeshSwapper(Fixed(Shade(half, 0, 0, 10))), MeshSwapper()
    clean = swapped(picture_of(POINTS), MeshSwapper())[120:180, 200:280].astype(int)
    for _ in range(5):
        swapped(bright, shaded)
        swapped(bright, plain)
    with_shade, without = swapped(bright, shaded), swapped(bright, plain)
    off = np.abs(with_shade[120:180, 200:280] - clean).mean()
    assert off < 0.5 * np.abs(without[120:180, 200:280] - clean).mean()


def test_reset_of_the_swapper_resets_the_occluder() -> None:
    fixed = Fixed(None)
    MeshSwapper(fixed).reset()
    assert fixed.resets == 1


def test_a_crop_mask_narrows_to_what_is_not_shaded() -> None:
    mask = np.zeros((36, 48), np.uint8)
    mask[:, 24:] = 255
    fixed = Fixed(Shade(mask, 0, 0, 10))
    crop_mask = CropMask(Maskers(placed=(OccluderMasker(fixed),), box_blur=0.0), 64)
    matrix: Matrix = np.array([[0.25, 0, -28.0], [0, 0.25, -13.0]])
    crop = np.zeros((64, 64, 3), np.uint8)
    shown = crop_mask.start(crop, FACE.landmarks, matrix, 1)
    assert shown[10:54, 4:28].min() == 255
    assert shown[10:54, 36:60].max() == 0
    fixed.shade = None
    assert crop_mask.start(crop, FACE.landmarks, matrix, 1)[10:54, 36:60].min() == 255


def test_the_occluder_looks_before_another_swapper_swaps() -> None:
    order: list[str] = []

    class Inner:
        def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
            order.append("swap")

        def reset(self) -> None:
            order.append("reset")

    class Looking(Fixed):
        def begin(self, image: Image, face: Face) -> None:
            order.append("begin")
            super().begin(image, face)

    looking = Looking(None)
    swapper = LookingSwapper(Inner(), looking)
    canvas = CpuCanvas()
    canvas.load(frame_of(PICTURE.copy()))
    swapper(canvas, FACE, BLUE, Settings())
    swapper.reset()
    assert order == ["begin", "swap", "reset"]
    assert looking.begun == [FACE]
    assert looking.resets == 1


def test_nothing_is_kept_of_one_that_nobody_uses_any_more() -> None:
    gc.collect()
    gc.disable()
    try:
        before = set(threading.enumerate())
        occluder = HandOccluder(Palms(), Hands())
        occluder.begin(PICTURE, FACE)
        occluder.finish()
        (thread,) = set(threading.enumerate()) - before
        gone = weakref.ref(occluder)
        del occluder
        # The search for palms may be under way; it lets go of it when it ends.
        thread.join(UNHURRIED_S)
        assert not thread.is_alive()
        assert gone() is None
    finally:
        gc.enable()
