"""Somebody walks past the wearer, between the wearer and the camera: composed of two people, and judged by geometry."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from livecam.canvas.cpu import CpuCanvas
from livecam.core.cleared import How
from livecam.core.face import Box, Face, box_of
from livecam.core.frame import NS_PER_S, Frame, Image, Points, Size
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Processor
from livecam.core.settings import Settings
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.occlude import Occluder

Mask = npt.NDArray[np.bool_]

SHOWN, COVERED = 0.05, 0.95
PAINTED = 8.0
BARE = 4.0


@dataclass(frozen=True)
class Person:
    """A person of a clip at one moment: (h, w, 3) u8 BGR and the mesh, (>=468, 2) px."""

    image: Image
    points: Points


@dataclass(frozen=True)
class Moment:
    """One frame of the scene.

    Attributes:
        image: (H, W, 3) u8 BGR.
        wearer: The wearer's mesh, px.
        other: That of the one who walks; None while nobody does.
        cover: (H, W) f32, 0..1: how far the one who walks hides what is behind.
    """

    image: Image
    wearer: Points
    other: Points | None
    cover: npt.NDArray[np.float32]


@dataclass
class Walk:
    """Composes the scene.

    Attributes:
        size: Of the frames.
        wearer: By the number of the frame; of the frames' size.
        other: By the number of the frame; cut out around the face, hair and shoulders.
        begins: With this frame the other enters, on the right.
        ends: With this one they have left, on the left.
    """

    size: Size
    wearer: Callable[[int], Person]
    other: Callable[[int], Person]
    begins: int
    ends: int

    def __call__(self, number: int) -> Moment:
        """Frame `number`."""
        wearer = self.wearer(number)
        cover = np.zeros(self.size.image_shape[:2], np.float32)
        share = (number - self.begins) / (self.ends - self.begins)
        if not 0 <= share <= 1:
            return Moment(wearer.image, wearer.points, None, cover)
        other = self.other(number)
        x, y = box_of(wearer.points).centre
        face = box_of(other.points)
        reach = face.width * 1.2
        place = np.interp(share, (0, 0.5, 1), (self.size.width + reach, x, -reach))
        shift = np.array([[1, 0, place - face.centre[0]], [0, 1, y - face.centre[1]]], np.float32)
        cover = cv2.warpAffine(_cut_out(other), shift, tuple(self.size)).astype(np.float32)
        pasted = cv2.warpAffine(other.image, shift, tuple(self.size))
        image = wearer.image * (1 - cover[..., None]) + pasted * cover[..., None]
        return Moment(image.round().astype(np.uint8), wearer.points, other.points + shift[:, 2], cover)


def _cut_out(person: Person) -> npt.NDArray[np.float32]:
    """(h, w) f32, 0..1: head and shoulders, roughly."""
    mask = np.zeros(person.image.shape[:2], np.uint8)
    face = box_of(person.points)
    (x, y), width, height = face.centre, face.width, face.height
    cv2.ellipse(mask, (int(x), int(y - 0.08 * height)), (int(0.72 * width), int(0.78 * height)), 0, 0, 360, 255, -1)
    cv2.ellipse(mask, (int(x), len(mask)), (int(1.4 * width), int(len(mask) - face.y2)), 0, 0, 360, 255, -1)
    return (cv2.GaussianBlur(mask, (0, 0), 2) / 255).astype(np.float32)


class Painter(MeshSwapper):
    """The mesh swap, which notes what it painted on, and what it painted, in the frame at hand."""

    LAST: "list[Painter]" = []  # noqa: RUF012

    def __init__(self, occluder: Occluder | None = None) -> None:
        super().__init__(occluder)
        Painter.LAST[:] = [self]
        self.forget()

    def forget(self) -> None:
        """A new frame."""
        self.faces: list[Face] = []
        self.before: Image | None = None
        self.after: Image | None = None

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint, and take note."""
        if self.before is None:
            self.before = canvas.pixels.copy()
        super().__call__(canvas, face, persona, settings)
        self.faces.append(face)
        self.after = canvas.pixels.copy()


class Easel(CpuCanvas):
    """The canvas, which notes where it was blurred in the frame at hand."""

    LAST: "list[Easel]" = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        Easel.LAST[:] = [self]

    def load(self, frame: Frame) -> None:
        """Begin anew."""
        super().load(frame)
        self.blurred: Mask = np.zeros(frame.image.shape[:2], bool)

    def blur(self, box: Box) -> None:
        """Blur, and take note."""
        super().blur(box)
        left, top = max(int(box.x1), 0), max(int(box.y1), 0)
        self.blurred[top : max(int(box.y2), 0), left : max(int(box.x2), 0)] = True


@dataclass
class Verdict:
    """What became of the frames, by number.

    Attributes:
        swapped: Published.
        withheld: Not published, with why.
        wrong: Published with the persona on the other.
        bare: Published with the wearer's own face to be seen.
        uncovered: Published with the other's own face to be seen.
    """

    swapped: list[int] = field(default_factory=list)
    withheld: dict[int, str] = field(default_factory=dict)
    wrong: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    uncovered: list[int] = field(default_factory=list)


def judged(processor: Processor, walk: Walk, frames: int, settings: Settings) -> Verdict:
    """Run the scene through a pipeline whose swapper is a `Painter`, and judge every picture."""
    verdict = Verdict()
    picture = np.empty(walk.size.picture_shape, np.uint8)
    for number in range(frames):
        moment, painter = walk(number), Painter.LAST[0]
        painter.forget()
        frame = Frame(moment.image.copy(), number + 1, (number + 1) * NS_PER_S // 30)
        outcome = processor.process(frame, picture, settings)
        if outcome is not How.SWAPPED:
            verdict.withheld[number] = str(outcome)
            continue
        verdict.swapped.append(number)
        shown = np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
        for wrong, said in ((verdict.wrong, _is_wrong), (verdict.bare, _is_bare), (verdict.uncovered, _is_uncovered)):
            if said(moment, painter, shown):
                wrong.append(number)
    return verdict


def _is_wrong(moment: Moment, painter: Painter, _: Image) -> bool:
    """Whether the persona is on the other: by where it was put, or by what of it is to be seen."""
    if moment.other is None:
        return False
    wearer, other = box_of(moment.wearer), box_of(moment.other)
    if any(face.box.iou(other) > face.box.iou(wearer) for face in painter.faces):
        return True
    assert painter.before is not None
    assert painter.after is not None
    persona = (_apart(painter.after, painter.before) > PAINTED) & ~Easel.LAST[0].blurred
    region = _core(moment.other, moment.cover.shape) & (moment.cover > COVERED)
    return bool(region.any() and persona[region].mean() > SHOWN)


def _is_bare(moment: Moment, painter: Painter, shown: Image) -> bool:
    """Whether what is to be seen of the wearer's face is as it was."""
    core = _core(moment.wearer, moment.cover.shape)
    region = core & (moment.cover < SHOWN)
    if region.sum() < 0.15 * core.sum():
        return False
    return float(np.median(_apart(shown, moment.image)[region])) < BARE


def _is_uncovered(moment: Moment, painter: Painter, shown: Image) -> bool:
    """Whether the other's face, more than half of which is in the picture, is as it was."""
    if moment.other is None:
        return False
    core = _core(moment.other, moment.cover.shape)
    box, (height, width) = box_of(moment.other), moment.cover.shape
    if box.overlap(Box(0, 0, width, height)) < 0.5 * box.area:
        return False
    return float(np.median(_apart(shown, moment.image)[core])) < BARE


def _core(points: Points, shape: tuple[int, ...]) -> Mask:
    """(H, W): the middle of a face."""
    face, mask = box_of(points), np.zeros(shape, np.uint8)
    (x, y), across, down = face.centre, int(0.35 * face.width), int(0.35 * face.height)
    cv2.ellipse(mask, (int(x), int(y)), (max(across, 1), max(down, 1)), 0, 0, 360, 255, -1)
    return mask > 0


def _apart(one: Image, other: Image) -> npt.NDArray[np.float32]:
    """(H, W) levels: how different two pictures are about each place."""
    worst = np.abs(one.astype(np.int16) - other).max(axis=2)
    blurred: npt.NDArray[np.float32] = cv2.GaussianBlur(worst.astype(np.float32), (0, 0), 2).astype(np.float32)
    return blurred
