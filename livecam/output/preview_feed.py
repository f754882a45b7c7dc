"""From one thread's pictures to JPEG images for those who watch; nothing is done while nobody does."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock
from livecam.output.preview_pixels import Pixels, Raw


class Feed:
    """The newest picture as JPEG. `offer` belongs to the picture's thread, all else to the server's event loop.

    Args:
        pixels: How pictures are kept and shown.
        rate: Most images a second.
        quality: Of the JPEG images, 1..100.
        clock: Where time comes from.

    Attributes:
        watchers: How many wait for images.
        encoded: How many images were made.
        ended: True once every watcher was sent away.
    """

    def __init__(self, pixels: Pixels, rate: float, quality: int, clock: Clock | None = None) -> None:
        self._pixels = pixels
        self._ring: LatestRing[Raw] = LatestRing(lambda: np.empty(pixels.shape, dtype=np.uint8))
        self._interval_ns = int(NS_PER_S / rate)
        self._options = (cv2.IMWRITE_JPEG_QUALITY, quality)
        self._clock = clock or MonotonicClock()
        self._wake = asyncio.Event()
        self._fresh = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jpeg = b""
        self._due_ns = 0
        self.watchers = 0
        self.encoded = 0
        self.ended = False

    # -- the picture's thread

    def offer(self, picture: Raw) -> None:
        """Keep a copy of `picture`, of what kind the pixels take, for the watchers; without them it costs nothing."""
        if not self.watchers:
            return
        now_ns = self._clock.now_ns()
        if now_ns < self._due_ns:
            return
        # A quarter less, so that a rate equal to the sender's does not miss every other picture.
        self._due_ns = now_ns + self._interval_ns * 3 // 4
        self._pixels.keep(picture, self._ring.reserve())
        self._ring.publish()
        self._call(self._wake.set)

    def end(self) -> None:
        """Send every watcher away."""
        self._call(self._end)

    # -- event loop

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count one watcher while the block runs."""
        if not self.watchers:
            # Whatever lies in the ring is from the last time somebody watched.
            self._ring.take()
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1

    async def next(self) -> bytes:
        """The next image that is made, as JPEG; empty at the end. Whoever comes late for one gets the one after."""
        await self._fresh.wait()
        return self._jpeg

    async def run(self) -> None:
        """Make images until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            picture = self._ring.take()
            if picture is None or not self.watchers:
                continue
            self._encode(picture)

    def _call(self, what: Callable[[], None]) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            # The loop has ended in this moment; the sink sees that its thread has.
            self._loop = None

    def _end(self) -> None:
        self._jpeg = b""
        self.ended = True
        self._fresh.set()

    def _encode(self, picture: Raw) -> None:
        done, data = cv2.imencode(".jpg", self._pixels.shown(picture), self._options)
        if not done or self.ended:
            return
        self._jpeg = data.tobytes()
        self.encoded += 1
        # Everyone who waits is woken; the next waiters wait on the next event.
        fresh, self._fresh = self._fresh, asyncio.Event()
        fresh.set()
