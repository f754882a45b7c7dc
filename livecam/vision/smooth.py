"""Smoothing of face landmarks: the One-Euro filter, and what it is put on.

Filtering each landmark for itself makes a moving face worse than no filter at all: every point lags by its own
amount, and the painted texture slides. Here the shape is filtered with the pose taken out, where a still expression
is still however the head moves, and then everything together with one common speed, so that what lags, lags as one.
"""

import math
from dataclasses import dataclass

import numpy as np

from livecam.core.frame import NS_PER_S, Points
from livecam.vision.mesh.pose import PoseFitter, Rows, face_height, mean_row

_SPEED_GAIN = 10.0
_SHORTEST_STEP_S = 1e-3


@dataclass(frozen=True, slots=True)
class Euro:
    """Constants of a One-Euro filter.

    Attributes:
        cutoff_hz: Of the signal at rest.
        gain: How much the cut-off rises with speed: Hz for each tenth of a unit per second.
        speed_cutoff_hz: Of the speed itself.
    """

    cutoff_hz: float
    gain: float
    speed_cutoff_hz: float = 1.0


SHAPE_EURO = Euro(0.8, 6.0)
PLACE_EURO = Euro(1.0, 12.0, 4.0)


class OneEuro:
    """The One-Euro filter (Casiez, Roussel and Vogel 2012) over the rows of an array.

    A low-pass filter whose cut-off rises with the speed of the signal: calm at rest, quick in motion. Each row has
    its own speed, or all rows share the speed of their mean.

    Args:
        euro: Its constants.
        common: Whether the rows share one speed.
    """

    def __init__(self, euro: Euro, common: bool = False) -> None:
        self._euro = euro
        self._common = common
        self._value: Rows | None = None
        self._speed: Rows | None = None

    def __call__(self, value: Rows, step_s: float, size: float = 1.0, loosen: float = 1.0) -> Rows:
        """The filtered `value`.

        Args:
            value: (N, 3) f64. Speed is measured in the first two columns.
            step_s: Time since the last value; at least a millisecond is taken.
            size: What makes one unit of speed, in the units of `value`.
            loosen: Factor on the cut-off; infinity lets the value through.

        Returns:
            (N, 3) f64, which the filter keeps and does not change.
        """
        if self._value is None or self._speed is None:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        step_s = max(step_s, _SHORTEST_STEP_S)
        velocity = (value - self._value) / (step_s * size)
        self._speed = self._speed + _share(self._euro.speed_cutoff_hz, step_s) * (velocity - self._speed)
        cutoff = (self._euro.cutoff_hz + self._euro.gain * _SPEED_GAIN * self._rate(self._speed)) * loosen
        self._value = self._value + _share(cutoff, step_s) * (value - self._value)
        return self._value

    def _rate(self, speed: Rows) -> Rows:
        """Length of the speed: (N, 1), or (1, 1) when the rows share one."""
        flat = speed[:, :2].mean(axis=0, keepdims=True) if self._common else speed[:, :2]
        rate: Rows = np.sqrt(np.einsum("nd,nd->n", flat, flat))[:, None]
        return rate

    def reset(self) -> None:
        """Forget everything; the next value passes as it is."""
        self._value = self._speed = None


def _share(cutoff: Rows | float, step_s: float) -> Rows:
    """How much of a step a first-order low-pass filter takes: ``1 / (1 + 1 / (2 pi cutoff step))``."""
    turns = np.multiply(cutoff, 2 * math.pi * step_s)
    share: Rows = 1 - 1 / (1 + turns)
    return share


def looseness(steadiness: float) -> float:
    """The factor on the cut-offs that a steadiness of 0..1 stands for: infinity at 0, 1 at 0.5, a quarter at 1.

    ``2 ** (1 - 2 s) / (2 s)``: smooth and falling all the way.
    """
    steadiness = min(steadiness, 1.0)
    return math.inf if steadiness < 1e-3 else 2 ** (1 - 2 * steadiness) / (2 * steadiness)


class PoseSpaceFilter:
    """Smooths mesh landmarks: their shape in pose space, then all of them with one common speed.

    Starts afresh after a gap in time, and when the face is suddenly elsewhere.

    Args:
        fitter: Finds the pose.
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way of the face's middle, in face heights, means a new start.
    """

    def __init__(self, fitter: PoseFitter, longest_gap_s: float = 0.3, longest_jump: float = 0.5) -> None:
        self._fitter = fitter
        self._longest_gap_s = longest_gap_s
        self._longest_jump = longest_jump
        self._shape = OneEuro(SHAPE_EURO)
        self._place = OneEuro(PLACE_EURO, common=True)
        self._last_ns = 0
        self._last_middle: tuple[float, float] | None = None

    def __call__(self, points: Points, captured_ns: int, steadiness: float) -> Points:
        """The smoothed points.

        Args:
            points: (N, 3) f32 mesh points, px, N >= 468; finite.
            captured_ns: When the frame was captured.
            steadiness: 0 lets the points through, 0.5 is the measured best, 1 is heavier.

        Returns:
            (N, 3) f32, a new array.
        """
        step_s = (captured_ns - self._last_ns) / NS_PER_S
        height = max(face_height(points), 1.0)
        self._restart_if_torn(points, step_s, height)
        self._last_ns = captured_ns
        loosen = looseness(steadiness)
        pose = self._fitter(points)
        shape = self._shape(pose.shape_of(points), step_s, loosen=loosen)
        placed = self._place(pose.points_of(shape), step_s, height, loosen)
        return placed.astype(np.float32) if loosen < math.inf else points.copy()

    def reset(self) -> None:
        """Forget everything; the next points pass as they are."""
        self._shape.reset()
        self._place.reset()
        self._last_middle = None

    def _restart_if_torn(self, points: Points, step_s: float, height: float) -> None:
        """Reset when time or the face has jumped since the last points."""
        x, y = mean_row(points[:, :2]).tolist()
        if self._last_middle is not None:
            way = math.hypot(x - self._last_middle[0], y - self._last_middle[1])
            if not 0 <= step_s <= self._longest_gap_s or way > self._longest_jump * height:
                self.reset()
        self._last_middle = (x, y)
