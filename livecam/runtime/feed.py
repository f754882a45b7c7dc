"""Says in the log when what a camera sends is of no use: black, frozen, or far too slow; and when it is over.

It changes nothing: nobody is seen in a black picture anyway, and a frozen or slow one is swapped like any other.
"""

import logging
from typing import Final

import numpy as np

from livecam.core.frame import NS_PER_S, Image

log = logging.getLogger(__name__)

LOOK_NS: Final = NS_PER_S // 2
FROZEN_LOOKS: Final = 4
"""So many looks in a row at one and the same picture: even a wall has the noise of the sensor on it."""
BLACK_LOOKS: Final = 2
BLACK_LEVELS: Final = 24
"""Hardly anything is brighter; black is 16 where a camera keeps to the range of video."""
SLOW_LOOKS: Final = 4
SLOW: Final = 0.4
"""Fewer pictures than this share of those asked for: some cameras halve their rate in the dark, which is no fault."""
BLACK_SHARE: Final = 0.02
"""So much of a black picture may be brighter: a lamp that shows through, or a number that is written on it."""
_STEP: Final = 16
"""Every so many pixels are looked at."""


class FeedWatch:
    """Looks at the pictures of a camera now and then. One thread.

    Args:
        fps: Asked for; 0 where there is no rate.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._next_ns = 0
        self._counted_ns = 0
        self._counted = 0
        self._sample: Image = np.empty((0, 0, 3), np.uint8)
        self._same = self._black = self._slow = 0
        self._told: dict[str, str] = {}

    def reset(self) -> None:
        """The camera was opened again."""
        self._next_ns = self._counted_ns = self._counted = self._same = self._black = self._slow = 0

    def look(self, image: Image, now_ns: int) -> None:
        """Take note of `image`, (H, W, 3) u8 BGR, which came at `now_ns`, monotonic."""
        self._counted += 1
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + LOOK_NS
        self._look_at_rate(now_ns)
        sample = image[::_STEP, ::_STEP]
        self._same = self._same + 1 if np.array_equal(sample, self._sample) else 0
        self._black = self._black + 1 if (sample > BLACK_LEVELS).mean() < BLACK_SHARE else 0
        self._sample = sample.copy()
        self._tell("black", self._black >= BLACK_LOOKS, "The camera's picture is black; is its lens covered?")
        frozen = self._same >= FROZEN_LOOKS and not self._black
        self._tell("frozen", frozen, "The camera sends one and the same picture again and again; it may be frozen.")

    def _look_at_rate(self, now_ns: int) -> None:
        since_ns, self._counted_ns = self._counted_ns, now_ns
        counted, self._counted = self._counted, 0
        if not since_ns or not self._fps:
            return
        rate = counted * NS_PER_S / max(now_ns - since_ns, 1)
        self._slow = self._slow + 1 if rate < SLOW * self._fps else 0
        text = f"The camera sends {rate:.1f} pictures a second; {self._fps:g} were asked for."
        self._tell("slow", self._slow >= SLOW_LOOKS, text)

    def _tell(self, what: str, holds: bool, text: str) -> None:
        if holds and what not in self._told:
            self._told[what] = text
            log.warning("%s", text)
        elif not holds and self._told.pop(what, ""):
            log.info("The camera's picture is no longer %s.", what)
