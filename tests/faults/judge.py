"""Judges a picture that left: slate, swapped, or bare; by its number, and by the camera's picture of that number.

What may be seen is known beforehand: the camera's pictures are drawn, and so is what the swap makes of them. The inner
face is cut into blocks; in those where the two differ enough to be told apart, the picture must be nearer to the swap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.rig import Rig, built_in_picture, embedded_networks, persona_of
from livecam.canvas.cpu import CpuCanvas
from livecam.config import Config
from livecam.core.frame import Frame, Image, Picture
from livecam.core.stamp import NUMBERS, read_stamp
from livecam.privacy.slate import draw_slate, to_picture
from tests.faults.scene import (
    FPS,
    KIND,
    NORMAL,
    RESIZED,
    SIZE,
    SMALL,
    STEPS,
    drawings,
    face_boxes,
    fitted,
    place_of,
    small,
)

GRID: Final = 5
"""The inner face is cut into so many by so many blocks."""

TELLING: Final = 9.0
"""A block says something where swap and camera differ by so many levels in it."""

MOST_NEARER: Final = 0.34
"""The share of blocks that may lie nearer to the camera's picture: the edges of features that have moved meanwhile."""

_Blocks = npt.NDArray[np.float64]
_Box = tuple[int, int, int, int]


class Shown(StrEnum):
    """What a picture shows."""

    SLATE = "slate"
    SWAPPED = "swapped"
    BARE = "bare"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        shown: What the picture shows.
        number: Of the camera's picture in it; -1 on the slate.
        nearer: The share of telling blocks that are nearer to the camera's picture than to the swap.
        why: For a message.
        stamped_ns: When the camera made it, monotonic, in steps of 1 ms, modulo `livecam.core.stamp.PERIOD_NS`.
    """

    shown: Shown
    number: int = -1
    nearer: float = 0.0
    why: str = ""
    stamped_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """One picture of the camera: its inner face as it came, as swapped, and which blocks tell them apart."""

    box: _Box
    camera: Image
    swapped: Image
    telling: npt.NDArray[np.bool_]


class Judge:
    """Knows the scene.

    Args:
        config: Of the run: its persona, its settings, its slate.
        photos: Other personas that may be worn, and the picture each is made of.
    """

    def __init__(self, config: Config, photos: Mapping[str, Image] | None = None) -> None:
        self._slate = to_picture(draw_slate(SIZE, config.privacy.slate_text))
        networks = embedded_networks()
        worn = {config.settings.persona: built_in_picture(), **(photos or {})}
        self._known: dict[tuple[int, int], list[_Known]] = {}
        for name, photo in worn.items():
            persona = persona_of(networks, photo, name)
            for kind, images, boxes in _scenes():
                self._learn(kind, images, boxes, Rig(networks, persona, config.settings, FPS))

    def _learn(self, kind: int, images: Sequence[Image], boxes: Sequence[_Box], rig: Rig) -> None:
        known: dict[int, _Known] = {}
        # Forth and back, and forth again: by then the smoothing has settled.
        for count in range(3 * STEPS):
            place = place_of(count)
            swapped = rig(images[place])
            assert swapped is not None, "the drawn face is found"
            known[place] = _known(swapped.before, swapped.after, boxes[place])
        for place, one in known.items():
            self._known.setdefault((kind, place), []).append(one)

    def __call__(self, picture: Picture) -> Verdict:
        """What `picture`, (H * 3 / 2, W) u8 I420, shows."""
        if np.array_equal(picture, self._slate):
            return Verdict(Shown.SLATE)
        found = _number_in(picture)
        if found is None:
            return Verdict(Shown.UNKNOWN, why="it has no number, and is not the slate")
        number, stamped_ns = found
        whole = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.uint8, copy=False)
        nearer = min(_nearer(whole, known) for known in self._known[number // KIND, place_of(number % KIND)])
        shown = Shown.SWAPPED if nearer <= MOST_NEARER else Shown.BARE
        why = f"{100 * nearer:.0f} % of the face is nearer to the camera's picture"
        return Verdict(shown, number, nearer, why, stamped_ns)


def _nearer(whole: Image, known: _Known) -> float:
    left, top, right, bottom = known.box
    face = whole[top:bottom, left:right]
    to_camera, to_swapped = _blocks(face, known.camera), _blocks(face, known.swapped)
    return float((to_camera < to_swapped)[known.telling].mean())


def _scenes() -> Iterator[tuple[int, Sequence[Image], Sequence[_Box]]]:
    """What the camera shows: its kind, its pictures, and where the face is in them."""
    yield NORMAL, drawings(), face_boxes()
    yield RESIZED, [fitted(small(image)) for image in drawings()], [_box_on_small(box) for box in face_boxes()]


def _known(camera: Image, swapped: Image, box: _Box) -> _Known:
    left, top, right, bottom = box
    # Both as the sink gets them, in I420.
    before, after = (_through_i420(image)[top:bottom, left:right] for image in (camera, swapped))
    telling = _blocks(before, after) >= TELLING
    assert telling.mean() > 0.3, "persona and wearer can hardly be told apart"
    return _Known(box, before, after, telling)


def _through_i420(image: Image) -> Image:
    picture = np.empty(SIZE.picture_shape, np.uint8)
    canvas = CpuCanvas()
    canvas.load(Frame(image.copy(), 1, 1))
    canvas.store(picture)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _blocks(one: Image, other: npt.NDArray[np.generic]) -> _Blocks:
    """(GRID, GRID) mean distance of each block, levels."""
    apart = cv2.absdiff(one, np.asarray(other, np.uint8)).astype(np.float32).mean(axis=2)
    return np.asarray(cv2.resize(apart, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float64)


def _number_in(picture: Picture) -> tuple[int, int] | None:
    """Number and time in the picture's corner, or in that of a small picture in its middle."""
    luma = picture[: SIZE.height]
    found = read_stamp(luma)
    if found is None:
        width = SIZE.height * SMALL.width // SMALL.height
        left = (SIZE.width - width) // 2
        found = read_stamp(luma[:, left : left + width])
    return None if found is None else (found[0] % NUMBERS, found[1])


def _box_on_small(box: _Box) -> _Box:
    """Where the same face lies once the middle of the picture was sent small: the middle keeps its place."""
    width = SIZE.height * SMALL.width // SMALL.height
    left = (SIZE.width - width) // 2
    return max(box[0], left), box[1], min(box[2], left + width), box[3]
