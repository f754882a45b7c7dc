"""How far a face is turned away, and when that is too far to be painted."""

import math
from typing import Final, NamedTuple

import numpy as np

from livecam.core.frame import Points


class Limits(NamedTuple):
    """Degrees as they are read: what reads more than `away` is turned too far until it reads no more than `back`.

    The two lie apart so that the picture does not come and go at the border.
    """

    away: float
    back: float


BY_FIVE: Final = Limits(52.0, 47.0)
"""For `turn_across`."""

# The mesh network draws a head that is turned far as less turned: up to 36 degrees it reads what is true, 45 where 45
# to 61 are true, 50 in the median, and hardly more further on (six heads, a photo or a drawing on a solid shape, to
# both sides). What reads more is no longer the persona's: the wearer's own nose stands out beside it.
BY_MESH: Final = Limits(45.0, 40.0)
"""For the angle of the mesh."""

# How far the tip of the nose stands out, in distances of the eyes: in clips of two people turned by up to 28 degrees
# this tells the angle of the mesh to 3 degrees.
_NOSE: Final = 0.68
# Of the extent of the five points: eyes that are no further apart are those of a profile.
_ONE_PLACE = 0.05


class Turned:
    """Whether one followed face is turned too far.

    Args:
        limits: For what tells the angle.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._away = False

    def __call__(self, degrees: float) -> bool:
        """Whether a face turned by so many degrees is turned too far; it is for longer once it was."""
        self._away = degrees > (self._limits.back if self._away else self._limits.away)
        return self._away


def turn_across(five: Points) -> float:
    """Degrees, about, by which a head is turned to either side, 0..90.

    Of eyes that turn by an angle a their distance remains by cos a, and the nose leaves their middle by sin a.

    Args:
        five: (5, 2) f32 px: eyes, nose tip, mouth corners.
    """
    across = (five[1] - five[0]).astype(np.float64)
    apart = float(np.hypot(*across))
    if apart < _ONE_PLACE * float(np.ptp(five, axis=0).max()):
        return 90.0
    aside = abs(float((five[2] - (five[0] + five[1]) / 2) @ across)) / apart
    return math.degrees(math.atan2(aside, _NOSE * apart))
