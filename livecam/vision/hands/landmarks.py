"""The hand network: 21 points of a hand, from a turned square around it (Zhang et al. 2020, MediaPipe Hands)."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.frame import Image, Points
from livecam.core.geometry import invert
from livecam.core.seams import Engine, TensorSpec
from livecam.errors import ModelError
from livecam.vision.mesh.landmarks import Roi
from livecam.vision.warp import Warper

SIDE: Final = 224
"""Side of the network's input, px."""

POINTS: Final = 21
WRIST: Final = 0
FINGERS: Final = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
"""From thumb to little finger, each from the palm to the tip."""

KNUCKLES: Final = (5, 9, 13, 17)

# The joints whose box stands for the hand, whether its fingers are stretched or bent.
_FIRM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
# Of that box's longer side: the square around the hand, and how far its middle lies towards the fingers.
_SQUARE, _TOWARDS_FINGERS = 2.0, 0.1


class HandRoi(Roi):
    """A turned square of the frame around a hand; in it, the fingers point up."""

    __slots__ = ()

    @classmethod
    def along(cls, middle: Points, along: Points, side: float, shift: float) -> "HandRoi":
        """The square of `side` px around `middle`, (2,) f32 px, moved `shift` px and turned the way `along` points."""
        dx, dy = along.tolist()
        length = max(math.hypot(dx, dy), 1e-6)
        x, y = middle.tolist()
        return cls(x + shift * dx / length, y + shift * dy / length, side, math.atan2(dx, -dy))

    @classmethod
    def around(cls, points: Points) -> "HandRoi":
        """The square around a hand of (21, >=2) points, px, in which the network finds it best."""
        hand = points[:, :2].astype(np.float32, copy=False)
        along = (hand[5] + hand[13]) / 4 + hand[9] / 2 - hand[WRIST]
        dx, dy = along.tolist()
        length = max(math.hypot(dx, dy), 1e-6)
        # Columns: across the hand, and from its fingers to its wrist.
        axes = np.array([[-dy, -dx], [dx, -dy]], np.float32) / np.float32(length)
        turned = hand[list(_FIRM)] @ axes
        low, high = turned.min(axis=0), turned.max(axis=0)
        size = float((high - low).max())
        middle: Points = axes @ ((low + high) / 2)
        return cls.along(middle, along, size * _SQUARE, float(high[1] - low[1]) * _TOWARDS_FINGERS)


@dataclass(frozen=True, slots=True, eq=False)
class HandFit:
    """What the hand network found in a square.

    Attributes:
        points: (21, 3) f32, px of the frame; z in the same scale, smaller is nearer, 0 at the wrist.
        presence: 0..1, how sure the network is that the square holds a hand.
    """

    points: Points
    presence: float


class HandLandmarker:
    """Finds the points of a hand in a square of a frame. Owns its buffers; one thread at a time.

    Args:
        engine: Takes `image`, (1, 224, 224, 3) u8 BGR, and gives `hand`, (21, 3) f32, and `presence`, (1,) f32.

    Raises:
        ModelError: The network is another one.
    """

    def __init__(self, engine: Engine) -> None:
        _check(engine)
        self._engine = engine
        self._warp = Warper()
        self._crop = np.empty((1, SIDE, SIDE, 3), np.uint8)

    def __call__(self, image: Image, roi: Roi) -> HandFit:
        """The hand in `roi` of `image`, (H, W, 3) u8 BGR; beyond the image its edge is repeated.

        Raises:
            EngineError: The backend failed.
        """
        matrix = roi.matrix(SIDE)
        centred = matrix.copy()
        # Pixels are sampled at their centres, half a px from their outer corner.
        centred[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
        self._warp(image, invert(centred), self._crop[0])
        outputs = self._engine.run({"image": self._crop})
        hand: Points = outputs["hand"].astype(np.float32, copy=False)
        points = np.empty((POINTS, 3), np.float32)
        points[:, :2] = hand[:, :2] @ matrix[:, :2].T + (matrix[:, 2] - 0.5)
        points[:, 2] = hand[:, 2] * (roi.side / SIDE)
        return HandFit(points, float(outputs["presence"][0]))


def _check(engine: Engine) -> None:
    """Raise ModelError unless `engine` is the hand network."""
    outputs, image = engine.outputs, engine.inputs.get("image")
    wanted = {"hand": TensorSpec((POINTS, 3), "float32"), "presence": TensorSpec((1,), "float32")}
    fits = image == TensorSpec((1, SIDE, SIDE, 3), "uint8")
    if not fits or any(outputs.get(name) != spec for name, spec in wanted.items()):
        raise ModelError("The hand network is not the one with 21 points.", "Fetch it again: livecam models fetch")
