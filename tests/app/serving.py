"""Processors that serve, fail and are closed, and a picture that tells which of them wrote it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from livecam.app.exchange import Served
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Image, Picture
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from tests.fakes import SIZE

BARE = 9
"""Every byte of a frame, and of a picture that nobody wrote."""


@dataclass
class Painter:
    """A processor that paints its own number over the whole picture.

    Attributes:
        number: Painted.
        trouble: Called with each frame; may raise, as a graphics card does, in the middle of the picture.
    """

    number: int
    trouble: Callable[[int], None] = lambda _: None
    told: list[str] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        assert not self.closed.is_set(), "used after it was closed"
        # What is half done when a card fails is the bare frame.
        out.fill(BARE)
        self.told.append(f"frame {frame.seq}")
        self.trouble(frame.seq)
        out.fill(self.number)
        return How.SWAPPED

    def reset(self) -> None:
        self.told.append("reset")

    def adapt(self, tier: Tier) -> None:
        self.told.append("adapt")
        self.tiers.append(tier)

    def stages(self) -> Mapping[str, int]:
        return {"swap": self.number}

    def served(self, backend: str = "rtx", enter: Callable[[], None] = lambda: None) -> Served:
        return Served(self, backend, f"{backend} {self.number}", enter, self.closed.set)


def frame(seq: int) -> Frame:
    image: Image = np.full(SIZE.image_shape, BARE, np.uint8)
    return Frame(image, seq, seq + 1)


def picture() -> Picture:
    return np.full(SIZE.picture_shape, BARE, np.uint8)
