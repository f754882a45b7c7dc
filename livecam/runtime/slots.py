"""What lies in the rings, and the ends of a ring as the loops see them: in one process, or between two."""

from typing import Protocol

import numpy as np

from livecam.core.cleared import Finished
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.settings import Settings


class FrameSlot:
    """A slot of ring A: an image and, once filled, the frame that describes it."""

    __slots__ = ("frame", "image")

    def __init__(self, size: Size) -> None:
        self.image: Image = np.zeros(size.image_shape, dtype=np.uint8)
        self.frame: Frame | None = None


class PictureSlot:
    """A slot of ring B: an I420 picture and, once written, what is known about it."""

    __slots__ = ("finished", "picture")

    def __init__(self, size: Size) -> None:
        self.picture: Picture = np.zeros(size.picture_shape, dtype=np.uint8)
        self.finished: Finished | None = None


class Slot(Protocol):
    """A slot of ring B, wherever it lies."""

    picture: Picture
    finished: Finished | None


class PictureWriter(Protocol):
    """Inference's end of ring B."""

    def reserve(self) -> Slot:
        """The slot to fill next; the same until it is published."""
        ...

    def publish(self) -> int:
        """Make it the newest; its number, counted from 1."""
        ...


class PictureReader(Protocol):
    """The output's end of ring B."""

    def take(self) -> Slot | None:
        """The newest slot if it was not taken before; it stays as it is until the next that is taken."""
        ...


class SettingsView(Protocol):
    """Where the output reads the settings, once a tick."""

    @property
    def current(self) -> Settings:
        """What holds now."""
        ...
