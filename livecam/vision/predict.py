"""Where a face will be: constant velocity over the places it was found in, believed only while it holds.

What prediction is for, and what it is not. A frame shows the wearer where they were when it was captured, and the
persona is painted into that same frame: however old the frame is when it is shown, the right place of the face is the
one it has in the frame. Drawing it where the wearer has gone since would tear it off their own ears and hair. So the
frame's age must not be made up for, and `horizon_ns` of the followers is 0. Two things are left to predict:

- A filter's own lag. A low-pass of which a share ``a`` of each step is taken is ``(1 - a) / a`` steps behind a steady
  motion; velocity times that puts it back on the face (Brown's double exponential smoothing has the same idea).
- Where to look next, and which of two faces is whose when they cross.

A horizon other than 0 is for a canvas that is newer than the landmarks, as where landmarks come from another machine.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from livecam.core.face import Box
from livecam.core.frame import NS_PER_S

_SHORTEST_STEP_S: Final = 1e-3


class Place(NamedTuple):
    """A similarity transform, as what moves smoothly.

    Attributes:
        x: Middle of the face, px.
        y: px.
        log_size: Natural logarithm of its size in px.
        angle: Radians, clockwise in the image.
    """

    x: float
    y: float
    log_size: float
    angle: float

    @property
    def size(self) -> float:
        """Px."""
        return math.exp(self.log_size)

    @classmethod
    def of_box(cls, box: Box) -> "Place":
        """Of an upright box; its size is the longer side, 1 px at least."""
        x1, y1, x2, y2 = box
        return cls((x1 + x2) / 2, (y1 + y2) / 2, math.log(max(x2 - x1, y2 - y1, 1.0)), 0.0)

    def way_to(self, other: "Place") -> "Place":
        """The difference to `other`; the angle the short way round."""
        turn = (other.angle - self.angle + math.pi) % (2 * math.pi) - math.pi
        return Place(other.x - self.x, other.y - self.y, other.log_size - self.log_size, turn)

    def moved(self, velocity: "Place", step_s: float) -> "Place":
        """After `step_s` at a `velocity` in units per second."""
        x, y, log_size, angle = self
        dx, dy, growth, turn = velocity
        return Place(x + step_s * dx, y + step_s * dy, log_size + step_s * growth, angle + step_s * turn)

    def distance(self, other: "Place") -> float:
        """To `other`, in sizes of this face: place, size and angle together."""
        return self.way_to(other).length(self.size)

    def length(self, size: float) -> float:
        """Of a difference, in sizes of a face of `size` px: place, size and angle together."""
        x, y, log_size, angle = self
        return math.hypot(x / size, y / size, log_size, angle)


_NO_MOTION: Final = Place(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class MotionRules:
    """How a motion is learnt and when it is believed.

    Attributes:
        place_share: What of the difference to a measurement is taken over at once.
        speed_share: And what of it is put down to a wrong velocity.
        tolerance: In sizes of the face: a measurement farther than this from where it was expected disagrees.
        jump: In sizes of the face: from this difference on it is another motion, and learnt anew.
        longest_gap_s: A longer time step means a new start.
    """

    place_share: float = 0.7
    speed_share: float = 0.3
    tolerance: float = 0.06
    jump: float = 0.6
    longest_gap_s: float = 0.3


class Motion:
    """The motion of one face by an alpha-beta filter (Kalata 1984) with real time steps. Owns its state.

    Args:
        rules: How it is learnt.
    """

    def __init__(self, rules: MotionRules | None = None) -> None:
        self._rules = rules or MotionRules()
        self._place: Place | None = None
        self._velocity = _NO_MOTION
        self._last_ns = 0
        self._interval_s = 0.0
        self._agreed = 0

    def learn(self, place: Place, captured_ns: int) -> None:
        """Take in where the face was found."""
        step_s = (captured_ns - self._last_ns) / NS_PER_S
        expected = self.at(captured_ns) if 0 < step_s <= self._rules.longest_gap_s else None
        self._last_ns = captured_ns
        if expected is None:
            self._begin(place)
            return
        off = expected.way_to(place)
        apart = off.length(expected.size)
        if apart > self._rules.jump:
            self._begin(place)
            return
        self._agreed = self._agreed + 1 if apart <= self._rules.tolerance else 0
        self._place = expected.moved(off, self._rules.place_share)
        self._velocity = self._velocity.moved(off, self._rules.speed_share / max(step_s, _SHORTEST_STEP_S))
        self._interval_s = step_s

    def _begin(self, place: Place) -> None:
        self._place, self._velocity, self._agreed, self._interval_s = place, _NO_MOTION, 0, 0.0

    def at(self, ns: int) -> Place | None:
        """Where the face is expected at `ns`, by its velocity; None when nothing is known."""
        step_s = min(max((ns - self._last_ns) / NS_PER_S, 0.0), self._rules.longest_gap_s)
        return None if self._place is None else self._place.moved(self._velocity, step_s)

    def ahead(self, horizon_s: float) -> Place:
        """How far the face goes in `horizon_s`, but one frame interval at most.

        Nowhere when the last two measurements were not where they were expected, or nothing is known.
        """
        if self._agreed < 2 or horizon_s <= 0:
            return _NO_MOTION
        return _NO_MOTION.moved(self._velocity, min(horizon_s, self._interval_s))

    def reset(self) -> None:
        """Forget everything."""
        self._place, self._velocity, self._agreed, self._interval_s = None, _NO_MOTION, 0, 0.0
