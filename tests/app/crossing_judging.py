"""Judges the pictures of a `Walk` by geometry: on whom the persona is, and whose own face is to be seen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from livecam.canvas.cpu import CpuCanvas
from livecam.core.cleared import How
from livecam.core.face import Box, Face, box_of
from livecam.core.frame import NS_PER_S, Frame, Image, Points
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Processor
from livecam.core.settings import Settings
from livecam.vision.mesh.engine import MeshSwapper
from tests.app.crossing import Layer, Moment, Walk

Mask = npt.NDArray[np.bool_]

SHOWN, COVERED = 0.05, 0.95
PAINTED = 8.0
BARE = 4.0
ENOUGH = 0.15
HIDDEN = 0.01
MOST = 127
_SOFT, _SOFT_REACH = 2.0, 8


class Painter(MeshSwapper):
    """The mesh swap, which notes what it painted on, and what it painted, in the frame at hand."""

    LAST: "list[Painter]" = []  # noqa: RUF012

    def __new__(cls, *_: object, **named: object) -> Self:
        """Made with whatever the mesh swap is made with."""
        made = super().__new__(cls)
        Painter.LAST[:] = [made]
        made.forget()
        return made

    def forget(self) -> None:
        """A new frame."""
        self.painted: list[tuple[Face, str]] = []
        self._owner: Image | None = None

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint, and take note."""
        before = canvas.pixels.copy()
        super().__call__(canvas, face, persona, settings)
        where = _apart(canvas.pixels, before) > PAINTED
        if self._owner is not None:
            # On another persona of much the same colour it cannot be told by what has changed.
            where |= (self._owner > 0) & Easel.LAST[0].laid
        self.note(face, persona.name, where)

    def note(self, face: Face, persona: str, where: Mask) -> None:
        """That a persona was painted, and where it is to be seen now, (H, W)."""
        self.painted.append((face, persona))
        if self._owner is None:
            self._owner = np.zeros(where.shape, np.uint8)
        self._owner[where] = len(self.painted)

    def strange(self, shape: tuple[int, ...], own: str) -> Mask:
        """(H, W): where the last that was painted is a persona other than `own`."""
        strange = np.zeros(shape, bool)
        for order, (_, name) in enumerate(self.painted, 1):
            if name != own and self._owner is not None:
                strange |= self._owner == order
        return strange


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
        self.laid: Mask = np.zeros(frame.image.shape[:2], bool)

    def patch(self, image: Image, alpha: Image, left: int, top: int) -> None:
        """Blend, and note where most of what is there now comes from this time."""
        super().patch(image, alpha, left, top)
        rows, columns = np.nonzero(alpha > MOST)
        rows, columns = rows + top, columns + left
        inside = (rows >= 0) & (rows < len(self.laid)) & (columns >= 0) & (columns < self.laid.shape[1])
        self.laid[:] = False
        self.laid[rows[inside], columns[inside]] = True

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
        wrong: Published with a persona on somebody it is not for.
        bare: Published with the wearer's own face to be seen.
        uncovered: Published with the other's own face to be seen.
        hidden: Frames, published or not, in which nothing of the wearer's face is to be seen.
        other_worn: Published with the other's persona painted.
    """

    swapped: list[int] = field(default_factory=list)
    withheld: dict[int, str] = field(default_factory=dict)
    wrong: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    uncovered: list[int] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    other_worn: list[int] = field(default_factory=list)


class Judged(NamedTuple):
    """One frame of a scene.

    Attributes:
        number: Of the frame.
        moment: What was to be seen.
        outcome: What became of it, as the pipeline says.
        shown: (H, W, 3) u8 BGR, what was published; None where nothing was.
        faults: The names of those lists of a `Verdict` into which it falls: ``wrong``, ``bare``, ``uncovered``.
    """

    number: int
    moment: Moment
    outcome: str
    shown: Image | None
    faults: tuple[str, ...]


class Worn(NamedTuple):
    """The names of the personas that the two may wear; "" for none."""

    wearer: str
    other: str


def judged(processor: Processor, walk: Walk, frames: int, settings: Settings, other_wears: str = "") -> Verdict:
    """Run the scene through a pipeline whose swapper is a `Painter`, and judge every picture.

    Args:
        processor: The pipeline.
        walk: The scene.
        frames: How many.
        settings: Of the run; the wearer wears their persona.
        other_wears: The persona of the one who walks, where they are enrolled too.
    """
    verdict = Verdict()
    for each in frame_by_frame(processor, walk, frames, settings, other_wears):
        if each.shown is None:
            verdict.withheld[each.number] = each.outcome
        else:
            verdict.swapped.append(each.number)
            if other_wears in (name for _, name in Painter.LAST[0].painted):
                verdict.other_worn.append(each.number)
        for fault in each.faults:
            getattr(verdict, fault).append(each.number)
        if is_hidden(each.moment):
            verdict.hidden.append(each.number)
    return verdict


def frame_by_frame(
    processor: Processor, walk: Walk, frames: int, settings: Settings, other_wears: str = ""
) -> Iterator[Judged]:
    """The same, with the pictures."""
    picture = np.empty(walk.size.picture_shape, np.uint8)
    worn = Worn(settings.persona, other_wears)
    for number in range(frames):
        moment, painter = walk(number), Painter.LAST[0]
        painter.forget()
        frame = Frame(moment.image.copy(), number + 1, (number + 1) * NS_PER_S // 30)
        outcome = processor.process(frame, picture, settings)
        if outcome is not How.SWAPPED:
            yield Judged(number, moment, str(outcome), None, ())
            continue
        shown = np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
        faults = tuple(name for name, said in _FAULTS if said(moment, worn, shown))
        yield Judged(number, moment, str(outcome), shown, faults)


def is_hidden(moment: Moment) -> bool:
    """Whether the one who walks stands before all of the wearer's face."""
    core = _core(moment.wearer, moment.cover.shape)
    return bool(moment.cover[core].size and (moment.cover[core] <= COVERED).mean() < HIDDEN)


def _is_wrong(moment: Moment, worn: Worn, _: Image) -> bool:
    """Whether a persona is on whom it is not for: by where it was put, or by what of it is to be seen."""
    painter = Painter.LAST[0]
    wearer = box_of(moment.wearer)
    for face, name in painter.painted:
        on_other = moment.other is not None and face.box.iou(box_of(moment.other)) > face.box.iou(wearer)
        if name != (worn.other if on_other else worn.wearer):
            return True
    return _is_strange(moment.wearer, 1 - moment.cover, worn.wearer) or (
        moment.other is not None and _is_strange(moment.other, moment.cover, worn.other)
    )


def _is_strange(points: Points, seen: Layer, own: str) -> bool:
    """Whether on a face, where it is `seen`, there is a persona that is not its own."""
    region = _core(points, seen.shape) & (seen > COVERED)
    persona = Painter.LAST[0].strange(seen.shape, own) & ~Easel.LAST[0].blurred
    return bool(region.any() and persona[region].mean() > SHOWN)


def _is_bare(moment: Moment, _: Worn, shown: Image) -> bool:
    """Whether what is to be seen of the wearer's face is as it was."""
    return _is_as_it_was(moment.wearer, 1 - moment.cover, moment.image, shown)


def _is_uncovered(moment: Moment, _: Worn, shown: Image) -> bool:
    """Whether the other's face, more than half of which is in the picture, is as it was."""
    if moment.other is None:
        return False
    box, (height, width) = box_of(moment.other), moment.cover.shape
    inside = box.overlap(Box(0, 0, width, height)) >= 0.5 * box.area
    return inside and _is_as_it_was(moment.other, moment.cover, moment.image, shown)


_FAULTS: tuple[tuple[str, Callable[[Moment, Worn, Image], bool]], ...] = (
    ("wrong", _is_wrong),
    ("bare", _is_bare),
    ("uncovered", _is_uncovered),
)


def _is_as_it_was(points: Points, seen: Layer, before: Image, after: Image) -> bool:
    """Whether a face, of which enough is `seen`, is the same in both pictures there."""
    core = _core(points, seen.shape)
    region = core & (seen > COVERED)
    if region.sum() < ENOUGH * core.sum() or not region.any():
        return False
    part = _around(region.view(np.uint8))
    return float(np.median(_apart(after[part], before[part])[region[part]])) < BARE


def _core(points: Points, shape: tuple[int, ...]) -> Mask:
    """(H, W): the middle of a face."""
    face, mask = box_of(points), np.zeros(shape, np.uint8)
    (x, y), across, down = face.centre, int(0.35 * face.width), int(0.35 * face.height)
    cv2.ellipse(mask, (int(x), int(y)), (max(across, 1), max(down, 1)), 0, 0, 360, 255, -1)
    return mask > 0


def _apart(one: Image, other: Image) -> Layer:
    """(H, W) levels: how different two pictures are about each place."""
    blue, green, red = cv2.split(cv2.absdiff(one, other))
    worst = cv2.max(cv2.max(blue, green), red).astype(np.uint8, copy=False)
    apart = np.zeros(worst.shape, np.float32)
    # Where they are the same all around, softening changes nothing.
    part = _around(worst)
    if worst[part].size:
        apart[part] = cv2.GaussianBlur(worst[part].astype(np.float32), (0, 0), _SOFT)
    return apart


def _around(image: Image) -> tuple[slice, slice]:
    """The part of `image`, (H, W), that is not 0, and as far around it as softening reaches."""
    left, top, width, height = cv2.boundingRect(image)
    down = slice(max(top - _SOFT_REACH, 0), top + height + _SOFT_REACH)
    return down, slice(max(left - _SOFT_REACH, 0), left + width + _SOFT_REACH)
