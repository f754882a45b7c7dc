"""A sink that keeps every picture, registered by the tests that look at all of them."""

import time

import numpy as np

from livecam.core.cleared import Cleared, How
from livecam.core.frame import Picture, Size
from livecam.core.spec import SinkWish, Spec


class KeepingSink:
    """Copies all it is sent.

    Attributes:
        kept: How each left, its frame's number, and the picture.
        live_s: When the last one left that was not the slate, monotonic.
    """

    name = "keep"

    def __init__(self) -> None:
        self.kept: list[tuple[How, int, Picture]] = []
        self.live_s = 0.0

    def open(self, size: Size, fps: float) -> None:
        pass

    def send(self, cleared: Cleared) -> None:
        if cleared.how is not How.SLATE:
            self.live_s = time.monotonic()
        self.kept.append((cleared.how, cleared.seq, np.array(cleared.picture)))

    def close(self) -> None:
        pass


LAST: list[KeepingSink] = []


def make(spec: Spec, wish: SinkWish) -> KeepingSink:
    """For the registry; the sink made last is in `LAST`."""
    LAST[:] = [KeepingSink()]
    return LAST[0]
