"""Smoothing of faces: the One-Euro filter, and what it is put on.

Filtering each landmark for itself makes a moving face worse than no filter at all: every point lags by its own
amount, and the painted texture slides. So the place of a face (size, angle, x, y) is filtered with one common speed,
and its shape with the place taken out, where a still expression is still however the head moves. Faces of a dense mesh
are steadied by the optical flow instead, see `livecam.vision.flow`, by the same steadiness.
"""

import math
from dataclasses import dataclass

import numpy as np

from livecam.core.frame import NS_PER_S, Matrix, Points
from livecam.core.geometry import invert, similarity
from livecam.vision.mesh.pose import Rows
from livecam.vision.predict import Motion, Place
from livecam.vision.template import Template, points_of

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
# For detectors: a pose of five points is noisier than one of a mesh, so speed loosens it less, and what lag that makes
# is predicted away.
FIVE_EURO = Euro(0.8, 1.5, 2.0)
# What counts as speed: moving by a size, growing by a factor of e, turning by a radian. The latter two are noisy.
_SPEED_WEIGHTS = np.array([1.0, 1.0, 0.3, 0.3])
# Face sizes per second: below the first no lag is made up for, above the second all of it.
_LEADING_SPEEDS = (0.15, 0.45)


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


class SimilarityFilter:
    """The One-Euro filter on a similarity transform: log size, angle, x and y, with one common speed.

    Speed is in sizes of the face per second, so that a face far away is smoothed like one that is near.

    Args:
        euro: Its constants.
    """

    def __init__(self, euro: Euro = FIVE_EURO) -> None:
        self._euro = euro
        self._place: Place | None = None
        self._last: Place | None = None
        self._velocity = np.zeros(4)
        self.lag_s = 0.0
        self.speed = 0.0

    def __call__(self, place: Place, step_s: float, loosen: float = 1.0) -> Place:
        """The filtered `place`; `lag_s` is then how far it is behind a steady motion, `speed` that in sizes a second.

        Args:
            place: As found.
            step_s: Time since the last one; at least a millisecond is taken.
            loosen: Factor on the cut-off; infinity lets the place through.
        """
        if self._place is None or self._last is None:
            self._place = self._last = place
            return place
        step_s = max(step_s, _SHORTEST_STEP_S)
        way, size = self._last.way_to(place), place.size
        velocity = np.array([way.x / size, way.y / size, way.log_size, way.angle]) / step_s
        # The velocity is averaged before its length is taken: the length of noise would never average out.
        self._velocity += float(_share(self._euro.speed_cutoff_hz, step_s)) * (velocity - self._velocity)
        self.speed = float(np.linalg.norm(self._velocity * _SPEED_WEIGHTS))
        cutoff = (self._euro.cutoff_hz + self._euro.gain * _SPEED_GAIN * self.speed) * loosen
        share = float(_share(cutoff, step_s))
        self.lag_s = step_s * (1 - share) / share
        self._last = place
        self._place = self._place.moved(self._place.way_to(place), share)
        return self._place

    def reset(self) -> None:
        """Forget everything; the next place passes as it is."""
        self._place = self._last = None
        self._velocity = np.zeros(4)
        self.lag_s = self.speed = 0.0


class FaceFilter:
    """Smooths a face of few points: its place by `SimilarityFilter`, then its shape in the face's own frame.

    The filter's own lag is made up for by the motion of the last frames, see `livecam.vision.predict`; never more than
    that, since the face is painted into the frame it was found in. Starts afresh after a gap in time and on jumps.

    Args:
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way, in sizes of the face, means a new start.
    """

    def __init__(self, longest_gap_s: float = 0.3, longest_jump: float = 0.5) -> None:
        self._longest_gap_s = longest_gap_s
        self._longest_jump = longest_jump
        self._template = points_of(Template.ARCFACE_112_V2, 1)
        self._where = SimilarityFilter()
        self._shape = OneEuro(SHAPE_EURO)
        self._motion = Motion()
        self._last: Place | None = None
        self._last_ns = 0

    def __call__(
        self, points: Points, five: Points, captured_ns: int, steadiness: float, horizon_s: float = 0.0
    ) -> Points:
        """The smoothed points.

        Args:
            points: (N, 2) f32 px, anything fixed to the face; always the same N.
            five: (5, 2) f32 px: eyes, nose tip, corners of the mouth; they must not all coincide.
            captured_ns: When the frame was captured.
            steadiness: 0 lets the points through, 1 is heaviest.
            horizon_s: How much later than the frame the face is wanted; the frame's own age is none, see `predict`.

        Returns:
            (N, 2) f32 px, a new array.

        Raises:
            ValueError: The five points coincide.
        """
        step_s = (captured_ns - self._last_ns) / NS_PER_S
        to_face = similarity(five, self._template)
        place = _place_of(to_face)
        torn = self._last is not None and self._last.distance(place) > self._longest_jump
        if torn or not 0 < step_s <= self._longest_gap_s:
            self.reset()
        self._last, self._last_ns = place, captured_ns
        loosen = looseness(steadiness)
        self._motion.learn(place, captured_ns)
        shape = self._shape(points @ to_face[:, :2].T + to_face[:, 2], step_s, loosen=loosen)
        smooth = self._where(place, step_s, loosen)
        lead = float(np.interp(self._where.speed, _LEADING_SPEEDS, (0.0, 1.0)))
        ahead = self._motion.ahead(lead * (self._where.lag_s + horizon_s))
        back = _matrix_of(smooth.moved(ahead, 1.0))
        placed: Points = (shape @ back[:, :2].T + back[:, 2]).astype(np.float32)
        return placed

    def reset(self) -> None:
        """Forget everything; the next points pass as they are."""
        self._where.reset()
        self._shape.reset()
        self._motion.reset()
        self._last = None


def _place_of(to_face: Matrix) -> Place:
    """The place that a matrix from the frame to the template of side 1 says: middle, side and angle of the template."""
    back = invert(to_face)
    x, y = (back[:, :2] @ (0.5, 0.5) + back[:, 2]).tolist()
    return Place(x, y, math.log(math.hypot(back[0, 0], back[1, 0])), math.atan2(back[1, 0], back[0, 0]))


def _matrix_of(place: Place) -> Matrix:
    """The (2, 3) f64 matrix from the template of side 1 to the frame."""
    cosine, sine = math.cos(place.angle) * place.size, math.sin(place.angle) * place.size
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([linear, np.array([place.x, place.y]) - linear @ (0.5, 0.5)])
