"""A picture file as a constant video."""

import numpy as np

from livecam.capture.bgr import BgrWriter
from livecam.capture.reader import VideoReader
from livecam.core.clock import Metronome
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Clock
from livecam.errors import SourceEnded, SourceGone


class StillSource:
    """Delivers one picture again and again on an absolute grid, decoded once.

    Args:
        reader: Of the picture; it is read and closed here.
        fps: Rate of delivery.
        clock: Paces and stamps.
        once: End after one frame.
        pace: Wait for the grid; otherwise come at once.
    """

    def __init__(self, reader: VideoReader, fps: float, clock: Clock, *, once: bool, pace: bool) -> None:
        self._path = reader.path
        self._clock = clock
        self._once = once
        self._metronome = Metronome(clock, round(NS_PER_S / fps)) if pace else None
        self._delivered = False
        self._picture = np.empty(reader.size.image_shape, np.uint8)
        frame = reader.next()
        reader.close()
        if frame is None:
            raise SourceGone(f"{reader.path} holds no picture.")
        BgrWriter().write(frame, self._picture)

    @property
    def dropped(self) -> int:
        """Grid points at which nobody asked."""
        return self._metronome.missed if self._metronome is not None else 0

    def read_into(self, image: Image) -> int:
        """Copy the picture into `image` and return its grid point, in monotonic ns.

        Raises:
            SourceEnded: It was to be shown once and has been.
        """
        if self._once and self._delivered:
            raise SourceEnded(f"{self._path} has ended.")
        self._delivered = True
        np.copyto(image, self._picture)
        return self._metronome.tick() if self._metronome is not None else self._clock.now_ns()

    def close(self) -> None:
        """Nothing is held open."""
