"""How far a face is turned away, and when that is too far to be painted."""

import math
from typing import Final

import numpy as np

from livecam.core.frame import Points

# Degrees. A face turned further away is no longer the persona's and is not painted; to be painted again it has to turn
# back a little more, so that the picture does not come and go at the border.
_AWAY, _BACK = 52.0, 47.0
# How far the tip of the nose stands out, in distances of the eyes: in clips of two people turned by up to 28 degrees
# this tells the angle of the mesh to 3 degrees.
_NOSE: Final = 0.68
# Of the extent of the five points: eyes that are no further apart are those of a profile.
_ONE_PLACE = 0.05


class Turned:
    """Whether one followed face is turned too far."""

    def __init__(self) -> None:
        self._away = False

    def __call__(self, degrees: float) -> bool:
        """Whether a face turned by so many degrees is turned too far; it is for longer once it was."""
        self._away = degrees > (_BACK if self._away else _AWAY)
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
