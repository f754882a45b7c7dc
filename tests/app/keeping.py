"""A sink that keeps every picture, registered by the tests that look at all of them."""

import numpy as np

from livecam.core.cleared import Cleared, How
from livecam.core.frame import Picture, Size
from livecam.core.spec import SinkWish, Spec


class KeepingSink:
    """Copies all it is sent."""

    name = "keep"

    def __init__(self) -> None:
        self.kept: list[tuple[How, int, Picture]] = []

    def open(self, size: Size, fps: float) -> None:
        pass

    def send(self, cleared: Cleared) -> None:
        self.kept.append((cleared.how, cleared.seq, np.array(cleared.picture)))

    def close(self) -> None:
        pass


LAST: list[KeepingSink] = []


def make(spec: Spec, wish: SinkWish) -> KeepingSink:
    """For the registry; the sink made last is in `LAST`."""
    LAST[:] = [KeepingSink()]
    return LAST[0]
