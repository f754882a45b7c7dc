"""One camera while it is open: OpenCV's capture in a thread that may hang, its stamps, and what lay in its queue."""

import logging
import os
from collections.abc import Sequence
from functools import partial
from math import ceil

import cv2

from livecam.capture.guard import DriverThread
from livecam.capture.pictures import ConvertedPictures, FormatChanged, Pictures
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.seams import Clock
from livecam.core.spec import SourceWish
from livecam.errors import SourceGone, SourceLost

_LOG = logging.getLogger("livecam.capture")

OPEN_FACTOR = 2.5
"""Opening may take this many timeouts: it starts the sensor and waits for its first picture."""

_CLOSE_S = 0.5
_STALE_INTERVALS = 2.5
_AT_ONCE_INTERVALS = 0.25
_MOST_QUEUED = 16
_MOST_DAMAGED = 30
_EARLY_NS = 50 * NS_PER_MS
_CABLE = "Try another cable or USB socket."


class CameraSession:
    """An OpenCV capture that is running.

    Args:
        name: For messages.
        wish: Asked of the camera.
        clock: Stamps where the driver does not.
        since_ns: Monotonic; no picture is stamped before this, such as the last one before the camera was pulled out.

    Attributes:
        size: Of every image.
        fps: As the driver says; 0 when it does not.
        detail: Backend and format, for the log.
        dropped: Stale frames passed over.
    """

    def __init__(self, name: str, wish: SourceWish, clock: Clock, since_ns: int = 0) -> None:
        self._name = name
        self._wish = wish
        self._clock = clock
        self._thread = DriverThread("livecam-camera")
        self._capture: cv2.VideoCapture | None = None
        self._pictures: Pictures = ConvertedPictures()
        self._kernel_stamps = False
        self._interval_ns = round(NS_PER_S / wish.fps)
        self._last_ns = since_ns
        self._told_stamps = False
        self.size = Size(0, 0)
        self.fps = 0.0
        self.detail = ""
        self.dropped = 0

    @property
    def hangs(self) -> bool:
        """After `close`: whether the driver still has not returned."""
        return self._thread.alive

    def start(self, address: str | int, backends: Sequence[int], fourcc: str) -> bool:
        """Start the camera and take its first picture. False when it does not start.

        Raises:
            SourceLost: It hangs, or starts and sends no picture.
            SourceGone: Its pictures are of a kind that cannot be shown.
        """
        timeout_s = self._wish.timeout_s * OPEN_FACTOR
        deadline_ns = self._clock.now_ns() + round(timeout_s * NS_PER_S)
        try:
            self._capture = self._thread.call(partial(_started, address, backends, fourcc, self._wish), timeout_s)
        except TimeoutError:
            raise SourceLost(f"{self._name} did not start within {timeout_s:g} s.", _CABLE) from None
        if self._capture is None:
            return False
        self._read_back(self._capture)
        return self._first(self._capture, deadline_ns)

    def read_into(self, image: Image) -> int:
        """Fill `image`, (H, W, 3) u8 BGR of `size`, with a fresh picture; returns its stamp in monotonic ns.

        Raises:
            SourceLost: No picture came in time, or one of another size.
        """
        if self._capture is None:
            raise SourceLost(f"{self._name} is not open.")
        deadline_ns = self._clock.now_ns() + round(self._wish.timeout_s * NS_PER_S)
        for _ in range(_MOST_DAMAGED):
            stamp_ns = self._fresh(self._capture, deadline_ns)
            if self._fill(self._capture, image):
                self._last_ns = stamp_ns
                return stamp_ns
        raise SourceLost(f"{self._name} sends damaged pictures only.", _CABLE)

    def close(self) -> None:
        """Free the camera. A driver that hangs is left behind in its thread and freed when it returns."""
        capture, self._capture = self._capture, None
        self._thread.end(capture.release if capture is not None else _nothing, _CLOSE_S)

    def _read_back(self, capture: cv2.VideoCapture) -> None:
        backend = capture.getBackendName()
        given = _letters(capture.get(cv2.CAP_PROP_FOURCC))
        self.fps = max(capture.get(cv2.CAP_PROP_FPS), 0.0)
        if self.fps:
            self._interval_ns = round(NS_PER_S / self.fps)
        # Other backends hand out finished pictures only.
        if backend == "V4L2" and given == "MJPG" and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
            from livecam.capture.jpeg import JpegPictures  # brings FFmpeg, which other cameras need not wait for

            self._pictures = JpegPictures()
        self.detail = f"{backend} {given} {self.fps:g} fps"

    def _first(self, capture: cv2.VideoCapture, deadline_ns: int) -> bool:
        """Learn size and stamps from a picture rather than from what the driver promised."""
        for _ in range(_MOST_DAMAGED):
            if not self._grab(capture, deadline_ns):
                return False
            age_ns = self._clock.now_ns() - _stamp_ns(capture)
            self._kernel_stamps = -_EARLY_NS <= age_ns <= self._wish.timeout_s * NS_PER_S
            try:
                size = self._pictures.first(capture)
            except FormatChanged as error:
                raise SourceGone(f"{self._name} delivers {error.now} pictures, which cannot be shown.") from None
            if size is not None:
                self.size = size
                return True
        raise SourceLost(f"{self._name} sends damaged pictures only.", _CABLE)

    def _fresh(self, capture: cv2.VideoCapture, deadline_ns: int) -> int:
        """Grab a picture that did not lie in the queue while nobody read; returns its stamp.

        A picture that came at once and is old was queued. One that had to be waited for is the newest there is,
        whatever its stamp says: some drivers stamp early.
        """
        stamp_ns = self._last_ns
        for _ in range(_MOST_QUEUED):
            before_ns = self._clock.now_ns()
            if not self._grab(capture, deadline_ns):
                raise SourceLost(f"{self._name} stopped sending pictures; was it unplugged?")
            now_ns = self._clock.now_ns()
            stamp_ns = self._stamp(capture, now_ns)
            waited = now_ns - before_ns > self._interval_ns * _AT_ONCE_INTERVALS
            if waited or now_ns - stamp_ns <= self._interval_ns * _STALE_INTERVALS:
                break
            self.dropped += 1
        return stamp_ns

    def _grab(self, capture: cv2.VideoCapture, deadline_ns: int) -> bool:
        left_s = max(deadline_ns - self._clock.now_ns(), 0) / NS_PER_S
        try:
            return self._thread.call(capture.grab, left_s)
        except TimeoutError:
            raise SourceLost(f"{self._name} sent no picture for {self._wish.timeout_s:g} s.", _CABLE) from None

    def _stamp(self, capture: cv2.VideoCapture, now_ns: int) -> int:
        """The kernel's stamp where it makes sense, else now; never before the last one."""
        stamp_ns = _stamp_ns(capture) if self._kernel_stamps else now_ns
        if stamp_ns < self._last_ns - _EARLY_NS and not self._told_stamps:
            self._told_stamps = True
            _LOG.warning("%s: its stamps run backwards; its pictures are dated by their arrival.", self._name)
        if stamp_ns <= self._last_ns or stamp_ns > now_ns + _EARLY_NS:
            stamp_ns = now_ns
        return max(min(stamp_ns, now_ns), self._last_ns)

    def _fill(self, capture: cv2.VideoCapture, image: Image) -> bool:
        try:
            return self._pictures.fill(capture, image)
        except FormatChanged as error:
            raise SourceLost(f"{self._name} changed from {self.size} to {error.now}; it is opened again.") from None


def _started(address: str | int, backends: Sequence[int], fourcc: str, wish: SourceWish) -> cv2.VideoCapture | None:
    """A capture that was told what is wished for, or None. Runs in the driver's thread."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # OpenCV's V4L2 waits 10 s for a picture, so that a camera would be blocked for long after we gave it up. It takes
    # another limit, in whole seconds, from here alone, and reads it once.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(ceil(wish.timeout_s)))
    for backend in backends:
        capture = cv2.VideoCapture(address, backend)
        if capture.isOpened():
            _ask(capture, fourcc, wish)
            return capture
        capture.release()
    return None


def _ask(capture: cv2.VideoCapture, fourcc: str, wish: SourceWish) -> None:
    """Format first: it decides which sizes and rates there are. Refusals do no harm, all is read back later."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, wish.size.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wish.size.height)
    capture.set(cv2.CAP_PROP_FPS, wish.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def _stamp_ns(capture: cv2.VideoCapture) -> int:
    return round(capture.get(cv2.CAP_PROP_POS_MSEC) * NS_PER_MS)


def _letters(code: float) -> str:
    raw = int(code) & 0xFFFFFFFF
    return raw.to_bytes(4, "little").decode("latin-1").strip("\0 ") or "?"


def _nothing() -> None:
    """For an ending with nothing to free."""
