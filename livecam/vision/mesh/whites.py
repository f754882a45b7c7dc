"""The eyes have a light of their own: the white of an eye is no skin, and does not get lighter with it.

What makes a dark persona's skin as light as a fair wearer's would make the whites of the eyes glow, and the other way
round would make them grey. So the eyes are lit by what whites say about the light: the wearer's beside the persona's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points
from livecam.vision.blend import Blender
from livecam.vision.mesh.mask import fill, polygon
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.relight import Light
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY, Indices
from livecam.vision.mesh.warp import DenseMap
from livecam.vision.step import STEP, Looks, Step

# How finely an eye's opening is sampled: across, and between the lids, whose edges are left out.
_ACROSS, _LEVELS = 13, (0.2, 0.8, 7)
# Of the samples, sorted by lightness, those that are taken for white: below are iris and lashes, above are glints.
_WHITE: Final = (60, 90)
_DARKEST: Final = 8.0
# How much the gain of the eyes differs from that of the skin (natural logarithm) where it begins to count, and where it
# counts in full: people of about one complexion keep their eyes as they were, and 0.006 of likeness with them.
_COUNTS: Final = (0.02, 0.15)
# The wearer's are looked at in every so many frames.
_EVERY: Final = 4
# How much of a new estimate counts in the long run, that many thirtieths of a second after the last one, and how far an
# eye is open that counts in full, in its widths.
_FOLLOW, _OPEN = 0.12, 0.25
_SHUT: Final = 0.04
# Of an eye's width: softness of its edge, how far beside its landmarks white can be, and the room looked at.
_EDGE, _REACH, _ROOM = 0.04, 0.1, 0.16
# How much lighter than the lids, levels, whites must be to be told from them, and which part of that means white.
_STANDS_OUT: Final = 24.0
_WHITE_FROM: Final = (0.3, 0.7)

_UPPER, _LOWER = (np.stack([pair[lid] for pair in TOPOLOGY.lid_pairs]) for lid in (0, 1))
_LEFT, _RIGHT = (np.array([eye[place] for eye in TOPOLOGY.eyes]) for place in (0, len(TOPOLOGY.eyes[0]) // 2))
_RINGS = np.stack(TOPOLOGY.eyes)
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)


def _columns() -> Points:
    """(_ACROSS, 7) f32: what each landmark of a lid adds to each place along it."""
    count = _UPPER.shape[1]
    at = np.linspace(0, count - 1, _ACROSS)
    return np.stack([np.interp(at, np.arange(count), row) for row in np.eye(count)], axis=1).astype(np.float32)


_ALONG = _columns()


def white_of(image: Image, vertices: Points) -> Points:
    """(3,) f32: the colour of the whites of a face's eyes, 8-bit levels.

    Args:
        image: (h, w, >=3) u8 BGR.
        vertices: (V, >=2) f32 px of it.
    """
    upper, lower = (_ALONG @ vertices[rows, :2] for rows in (_UPPER, _LOWER))
    levels = np.linspace(*_LEVELS, dtype=np.float32)[:, None, None, None]
    places = (lower + levels * (upper - lower)).reshape(1, -1, 2).astype(np.float32)
    seen = cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0, :, :3]  # type: ignore[call-overload]
    sorted_by_light = seen[np.argsort(seen @ _LUMA, kind="stable")]
    low, high = (len(seen) * percent // 100 for percent in _WHITE)
    white: Points = np.maximum(sorted_by_light[low:high].mean(axis=0), _DARKEST).astype(np.float32)
    return white


class EyeGains(NamedTuple):
    """How the eyes are lit, and how the skin around them.

    Attributes:
        eyes: (2, 3) f32: the gain of each eye, left then right.
        skin: (2, 3) f32: that of the skin around it.
    """

    eyes: Points
    skin: Points

    def shares(self) -> list[float]:
        """How far each eye is to be lit by its own gain, 0..1."""
        low, high = _COUNTS
        off = np.abs(np.log(self.eyes / self.skin)).max(axis=1)
        shares: list[float] = np.clip((off - low) / (high - low), 0, 1).tolist()
        return shares


class Whites:
    """What the whites of one wearer's eyes say about the light on them, beside what their skin says. One thread."""

    def __init__(self) -> None:
        self._beside: Points | None = None
        self._seen = 0.0
        self._count = 0
        self._looks = Looks(_EVERY)
        self._looked = Step(_EVERY)

    def due(self, step: Step = STEP) -> bool:
        """Whether the wearer is to be looked at in this frame, so long after the last one."""
        self._count += 1
        self._looks.wait(step)
        due = self._count % _EVERY == 1
        if due:
            self._looked = self._looks.taken(step.loosen)
        return due

    def learn(self, wearer: Points, persona: Points, skin: Points, openness: float) -> None:
        """Take in what is seen.

        Args:
            wearer: (3,) f32: the wearer's white.
            persona: (3,) f32: the persona's.
            skin: (2, 3) f32: the gain of the skin around each eye.
            openness: Of the wearer's eyes, 0..1: how far `wearer` is to be believed.
        """
        mean = skin.mean(axis=0)
        beside = np.log(wearer / (persona * mean))
        looked, looks = self._looked, self._looked.frames / _EVERY
        if self._beside is None or math.isinf(looks):
            # After a gap it is the first look again, but eyes that are shut just then take nothing away.
            self._seen, looks = 0.0, 1.0
        self._seen += openness * looks
        if self._beside is None:
            self._beside = beside
        else:
            share = openness * max(looked.share(looked.loosened(_FOLLOW), _EVERY), looks / max(self._seen, 1.0))
            self._beside = self._beside + share * (beside - self._beside)

    def __call__(self, skin: Points) -> EyeGains:
        """How to light the eyes, where `skin`, (2, 3) f32, is the gain of the skin around each.

        Their gain lies between that of the skin and 1: what looks white on a wearer who squints is mostly lid.
        """
        gain = skin if self._beside is None else skin * np.exp(self._beside)
        return EyeGains(np.clip(gain, np.minimum(skin, 1), np.maximum(skin, 1)).astype(np.float32), skin)


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye of a texture.

    Attributes:
        left: px of the texture.
        top: px of the texture.
        alpha: (h, w) u8: how far each px is eye.
    """

    left: int
    top: int
    alpha: Image


class Warped(NamedTuple):
    """A persona's face in a wearer's expression, unlit, by px of a grid.

    Attributes:
        image: (h, w, 4) u8: blue, green, red, and how much of it shows.
        where: (h, w, 2) f32: the place in the texture of each px.
        shut: How far each eye is drawn shut, left then right, 0..1: then nothing of it is seen.
    """

    image: Image
    where: DenseMap
    shut: list[float]


class EyeLighter:
    """Lights the eyes of a face that is lit like skin. Results live in the scratch; one thread.

    Args:
        scratch: Where it works.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._blend = Blender()

    def __call__(
        self,
        out: Image,
        warped: Warped,
        drawn: tuple[Points, Grid],
        gains: EyeGains,
        eyes: Sequence[Eye],
    ) -> None:
        """Light the eyes in `out`, (h, w, 3) u8 by px of a grid, in place.

        Args:
            out: See above.
            warped: What is lit.
            drawn: (V, >=2) f32 px of the frame, the face being drawn, and the grid.
            gains: Of eyes and skin.
            eyes: The texture's, left then right, or none.
        """
        shown, grid = drawn
        px = Grid(grid.left, grid.top, grid.width, grid.height, 1)
        shares = [share * (1 - closed) for share, closed in zip(gains.shares(), warped.shut, strict=True)]
        for eye, ring, gain, share in zip(eyes, TOPOLOGY.eyes, gains.eyes, shares, strict=False):
            box = _around(shown[ring], px) if share > 0 else None
            if box is not None:
                alpha = self._alpha(eye, warped.where[box], share)
                own = cv2.multiply(warped.image[box], np.array([*gain, 0], np.float64))
                self._blend(out[box], cv2.cvtColor(own, cv2.COLOR_BGRA2BGR), alpha)  # type: ignore[arg-type]

    def _alpha(self, eye: Eye, where: DenseMap, share: float) -> Image:
        """(h, w) u8: how far what lies at `where`, (h, w, 2) f32 px of the texture, is `eye`, times `share`."""
        places = self._scratch("whites.where", where.shape, np.float32)
        np.subtract(where, np.array([eye.left, eye.top], np.float32), out=places)
        alpha = self._scratch("whites.alpha", where.shape[:2], np.uint8)
        cv2.remap(eye.alpha, places, None, cv2.INTER_LINEAR, dst=alpha, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
        return cv2.convertScaleAbs(alpha, dst=alpha, alpha=share) if share < 1 else alpha  # type: ignore[return-value]


def eyes_of(image: Image, vertices: Points, white: Points) -> tuple[Eye, ...]:
    """The eyes of a texture, left then right, and what is white beside them: lids are not found to a px.

    None where they do not lie in it.

    Args:
        image: (h, w, 4) u8, the texture.
        vertices: (V, >=2) f32 px of it.
        white: (3,) f32: the colour of its whites.
    """
    px, eyes = Grid(0, 0, image.shape[1], image.shape[0], 1), []
    for ring in TOPOLOGY.eyes:
        box = _around(vertices[ring], px)
        if box is None or np.ptp(vertices[ring, 0]) > image.shape[1]:
            return ()
        left, top = box[1].start, box[0].start
        eyes.append(Eye(left, top, _alpha(polygon(vertices[ring], px) - (left * 16, top * 16), image[box], white)))
    return tuple(eyes)


def _alpha(ring: Indices, box: Image, white: Points) -> Image:
    """(h, w) u8: how far each px of `box`, (h, w, 4) u8, is eye; `ring` is (N, 2) i32 in sixteenths of a px of it."""
    width = np.ptp(ring[:, 0]).item() / 16
    eye = fill(np.empty(box.shape[:2], np.uint8), ring.astype(np.int32), 255)
    beside = cv2.dilate(eye, np.ones((2 * max(1, round(_REACH * width)) + 1, 1), np.uint8))
    grey = cv2.cvtColor(box, cv2.COLOR_BGRA2GRAY)
    lids = cv2.mean(grey, cv2.bitwise_not(beside))[0]
    above = float(white @ _LUMA) - lids
    if above > _STANDS_OUT:
        low, high = (lids + share * above for share in _WHITE_FROM)
        light = cv2.convertScaleAbs(cv2.subtract(grey, np.full(1, low)), alpha=255 / (high - low))
        cv2.max(eye, cv2.multiply(beside, light, scale=1 / 255), dst=eye)
    edge = max(1, round(_EDGE * width)) | 1
    return cv2.blur(eye, (edge, edge), borderType=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _around(ring: Points, px: Grid) -> tuple[slice, slice] | None:
    """Rows and columns of `px` around an eye, (N, >=2) f32 px of the frame; None outside of it."""
    cells = px.cells(ring)
    (x1, y1), (x2, y2) = cells.min(axis=0).tolist(), cells.max(axis=0).tolist()
    room = _ROOM * (x2 - x1)
    left, top = max(math.floor(x1 - room), 0), max(math.floor(y1 - room), 0)
    right, bottom = min(math.ceil(x2 + room), px.columns), min(math.ceil(y2 + room), px.rows)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def openness_of(points: Points) -> float:
    """How far the eyes of (V, >=2) f32 px `points` are open, 0..1."""
    x, y = np.ascontiguousarray(points[:, :2].T)
    gaps = np.hypot(x[_UPPER] - x[_LOWER], y[_UPPER] - y[_LOWER]).mean(axis=1)
    widths = np.hypot(x[_RIGHT] - x[_LEFT], y[_RIGHT] - y[_LEFT])
    share = float((gaps / np.maximum(widths, 1e-6)).max())
    return min(1.0, max(0.0, (share - _SHUT) / (_OPEN - _SHUT)))


def skin_gains(light: Light, shown: Points, grid: Grid, to_cells: Matrix) -> Points:
    """(2, 3) f32: the gain of the skin at the middle of each eye of `shown`, (V, >=2) f32 px of the frame."""
    cells = grid.cells(np.add.reduce(shown[_RINGS, :2], axis=1) / np.float32(_RINGS.shape[1]))
    places = ((cells - to_cells[:, 2]) / (to_cells[0, 0], to_cells[1, 1])).astype(np.float32)
    gains: Points = cv2.remap(light.gain, places[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]  # type: ignore[call-overload]
    return gains * gains
