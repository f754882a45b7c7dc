"""Where the panel looks into a run: before the swap and behind the gate. Nothing is copied while nobody watches."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import SourceLost
from livecam.output.preview_feed import Feed

SHOT_S = 2.0
"""How long a frame of the camera is waited for."""


class _Wish:
    """One frame that somebody waits for."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self.image: Image = np.empty((0, 0, 3), dtype=np.uint8)

    def take(self, image: Image) -> None:
        self.image = image.copy()
        self.there.set()


class CameraTap:
    """Frames as they come from the camera, for who watches them or asks for one. They show the bare face."""

    def __init__(self) -> None:
        self._feed: Feed | None = None
        self._wish: _Wish | None = None
        self._asking = threading.Lock()

    def attach(self, feed: Feed | None) -> None:
        """Offer frames to `feed` from now on, or to nobody. Any thread."""
        self._feed = feed

    def shot(self, wait_s: float = SHOT_S) -> Image:
        """A copy of the next frame, (H, W, 3) u8 BGR. Any thread but that of the frames.

        Raises:
            SourceLost: None came in time.
        """
        with self._asking:
            self._wish = wish = _Wish()
            try:
                if not wish.there.wait(wait_s):
                    raise SourceLost(
                        f"The camera gave no frame within {wait_s:g} s.",
                        "Is it in use elsewhere, or closed since nobody looks at the picture? Try again.",
                    )
            finally:
                self._wish = None
        return wish.image

    def look(self, frame: Frame) -> None:
        """See `frame` before anything is painted on it. Its thread; copies what was asked for, and never waits."""
        feed, wish = self._feed, self._wish
        if feed is not None:
            feed.offer(frame.image)
        if wish is not None and not wish.there.is_set():
            wish.take(frame.image)


class InputTap:
    """A `Processor` that shows frames to a tap before it hands them on.

    Args:
        inner: Works on them.
        tap: Sees them.
    """

    def __init__(self, inner: Processor, tap: CameraTap) -> None:
        self._inner = inner
        self._tap = tap

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`."""
        self._tap.look(frame)
        return self._inner.process(frame, out, settings)

    def reset(self) -> None:
        """See `Processor`."""
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._inner.stages()


class OutputTap:
    """A `Sink` that shows what leaves, and nothing else, to who watches.

    Args:
        size: Of the pictures that are offered; others are not shown.
    """

    name = "panel"

    def __init__(self, size: Size) -> None:
        self._shape = size.picture_shape
        self._feeds: tuple[Feed, ...] = ()

    def attach(self, feeds: Sequence[Feed]) -> None:
        """Offer pictures to `feeds` from now on. Any thread."""
        self._feeds = tuple(feeds)

    @property
    def readers(self) -> int:
        """How many watch; see `livecam.core.readers.Readable`."""
        return sum(feed.watchers for feed in self._feeds)

    def open(self, size: Size, fps: float) -> None:
        """See `Sink`. Nothing is needed."""

    def send(self, cleared: Cleared) -> None:
        """See `Sink`."""
        if cleared.picture.shape != self._shape:
            return
        for feed in self._feeds:
            feed.offer(cleared.picture)

    def close(self) -> None:
        """See `Sink`. Nothing is held."""
