"""How late the picture is, and when the sound is moved after it."""

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Final

START_MS: Final = 50.0
"""Taken until something was measured."""

STEP_MS: Final = 10.0
"""Changes up to this much are left alone: nobody hears them, while the change itself may be heard."""

LOOKS: Final = 10
"""How many looks in a row, two a second, must agree that the delay has changed, and to which side."""


def video_delay_ms(status: Mapping[str, object]) -> float | None:
    """How late the picture leaves, in ms; None when no live picture has left of late.

    It is what the daemon says itself; where it says nothing, the age at which half of the pictures are sent, and half
    the time for which each is shown: on the screen a picture grows older by one interval.

    Args:
        status: Of a running daemon: ``delay_ms``, else ``age_p50_ms`` and ``fps``, pictures shown for the first time a
            second.
    """
    delay_ms, age_ms, fps = (_positive(status.get(name)) for name in ("delay_ms", "age_p50_ms", "fps"))
    if not age_ms or not fps:
        return None
    return delay_ms or age_ms + 500.0 / fps


def _positive(value: object) -> float:
    return max(float(value), 0.0) if isinstance(value, int | float) else 0.0


class Following:
    """Moves a delay after the measured one: not for a moment's jitter, and only where it can be noticed.

    Args:
        start_ms: The delay to begin with.

    Attributes:
        delay_ms: The delay that should be in force.
    """

    def __init__(self, start_ms: float = START_MS) -> None:
        self.delay_ms = start_ms
        self._recent: deque[float] = deque(maxlen=LOOKS)

    def seen(self, measured_ms: float | None) -> bool:
        """Take one look; True when `delay_ms` was changed by it. None is no measurement and changes nothing."""
        if measured_ms is None:
            return False
        self._recent.append(measured_ms)
        off = [measured - self.delay_ms for measured in self._recent]
        if len(off) < LOOKS or not (min(off) > STEP_MS or max(off) < -STEP_MS):
            return False
        self.delay_ms = median(self._recent)
        self._recent.clear()
        return True
