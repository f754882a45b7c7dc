"""A backend and faces that need no network: what is made and what is seen is said by the test."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from livecam.studio.framing import Framing, framing_of
from livecam.studio.terms import Caps, Conditions, Likeness, Mask, Sampling, Slot, Step
from livecam.vision.mesh.topology import TOPOLOGY

SIDE = 128
WHO = np.eye(1, 512, dtype=np.float32)

Draw = Callable[[Image, Mask, Conditions, Sampling], Image]


def picture(width: int = 320, height: int = 240, seed: int = 3) -> Image:
    """(height, width, 3): soft colours, none of them near black or white, and a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (max(2, height // 20), max(2, width // 20), 3), dtype=np.uint8)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) // 2 + 64
    return np.clip(soft + random.normal(0, 2, soft.shape), 0, 255).astype(np.uint8)


def mesh_face(x: float = 160, y: float = 120, height: float = 100, degrees: float = 0.0, track_id: int = 1) -> Face:
    """A face of the canonical mesh, `height` px tall around (x, y), turned in the picture by `degrees`."""
    turn = cv2.getRotationMatrix2D((0, 0), -degrees, 1.0)[:, :2]
    shape = (
        TOPOLOGY.canonical[:, :2] - (TOPOLOGY.canonical[:, :2].min(axis=0) + TOPOLOGY.canonical[:, :2].max(axis=0)) / 2
    )
    points = (shape * height @ turn.T + (x, y)).astype(np.float32)
    depth = (TOPOLOGY.canonical[:, 2] * height).astype(np.float32)
    return Face(box_of(points), Landmarks(points, Topology.MESH468), depth, 1.0, track_id)


def likeness() -> Likeness:
    face = mesh_face()
    return Likeness(WHO, (picture(),), (face.landmarks.five,))


def vector(cosine: float) -> npt.NDArray[np.float32]:
    """(512,) of length 1 with that cosine to `WHO`."""
    out = np.zeros(512, np.float32)
    out[:2] = cosine, np.sqrt(1 - cosine**2)
    return out


def moved(face: Face, x: float, y: float = 0.0) -> Face:
    points = face.landmarks.points + np.array([x, y], np.float32)
    return Face(box_of(points), Landmarks(points, face.landmarks.topology), face.depth, face.score, face.track_id)


class Planned:
    """Faces that are where the test says: `there` in the picture, and in a square where its framing has the first.

    Args:
        there: In the picture.
        cosines: Of each look at a square, in turn; the last one stays.
        shifts: By how many px of the square the face is found aside, in turn; the last one stays. None: no face.
        knows: Whether it is a recogniser.
        hole: Part of the square that is no face.
        side: Of squares, px.

    Attributes:
        extra: Found in every square besides.
        seen: The squares that were looked at.
        hair: Of every photo: face and hair, where a parser tells.
    """

    told = "planned"

    def __init__(
        self,
        *there: Face,
        cosines: Sequence[float] = (0.9,),
        shifts: Sequence[float | None] = (0.0,),
        knows: bool = True,
        hole: tuple[slice, slice] | None = None,
        side: int = SIDE,
    ) -> None:
        self.there = there
        self.knows = knows
        self.side = side
        self.hole = hole
        self._cosines = list(cosines)
        self._shifts = list(shifts)
        self.extra: tuple[Face, ...] = ()
        self.seen: list[Image] = []
        self.hair: Mask | None = None

    def find(self, image: Image) -> tuple[Face, ...]:
        if image.shape[:2] != (self.side, self.side):
            return self.there
        self.seen.append(image)
        shift = self._shifts.pop(0) if len(self._shifts) > 1 else self._shifts[0]
        if shift is None:
            return ()
        return (moved(self.framing.moved(self.there[0]), shift), *self.extra)

    def embed(self, image: Image, five: Points) -> npt.NDArray[np.float32]:
        return vector(self._cosines.pop(0) if len(self._cosines) > 1 else self._cosines[0])

    def region(self, crop: Image, face: Face) -> Mask:
        mask = np.zeros(crop.shape[:2], np.uint8)
        oval = np.rint(face.landmarks.points[TOPOLOGY.oval]).astype(np.int32)
        cv2.fillPoly(mask, [oval], (255,))
        if self.hole is not None:
            mask[self.hole] = 0
        return mask

    def looks(self, photo: Image, five: Points) -> Mask | None:
        return self.hair

    @property
    def framing(self) -> Framing:
        return framing_of(self.there[0], self.side)


class Made:
    """A backend that makes what the test says; by default the square itself."""

    def __init__(
        self, draw: Draw | None = None, *, test: bool = False, slots: frozenset[Slot] = frozenset(Slot)
    ) -> None:
        self._draw = draw or (lambda image, mask, conditions, sampling: image.copy())
        scales = MappingProxyType(dict.fromkeys(slots, 0.5))
        self.caps = Caps("made", "Made Base", "MIT", slots, 0, SIDE, 4, 0.75, scales, test=test)
        self.asked: list[tuple[Image, Mask, Conditions, Sampling]] = []

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        self.asked.append((image, mask, conditions, sampling))
        for done in range(sampling.steps):
            step(done + 1, sampling.steps)
        return self._draw(image, mask, conditions, sampling)

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        nothing = np.full((side, side, 3), 128, np.uint8)
        return self.inpaint(nothing, np.full((side, side), 255, np.uint8), conditions, sampling, step)

    def close(self) -> None:
        """Nothing to free."""


def noise(image: Image, mask: Mask, conditions: Conditions, sampling: Sampling) -> Image:
    """What a model with random weights makes."""
    return np.random.default_rng(sampling.seed).integers(0, 256, image.shape, dtype=np.uint8)


def no_step(done: int, of: int) -> None:
    """Nobody is told."""
