"""Readers that know nothing of livecam: GStreamer's ``pipewiresrc``, measured, and the stamped card they are shown."""

import fcntl
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Picture, Size
from livecam.core.stamp import read_stamp, stamp, stamp_age_ns
from tests.e2e.pipewire.session import Session

SIZE = Size(1280, 720)
RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)
QUADRANTS = (RED, GREEN, BLUE, WHITE)
"""BGR: top left, top right, bottom left, bottom right."""
_POINTS = ((0.3, 0.25), (0.3, 0.75), (0.75, 0.25), (0.75, 0.75))
SETTLING = 10
"""Frames at a reader's start, while it negotiates, that say nothing about the stream."""
_PIPE_BYTES = 1 << 20


def card(size: Size = SIZE) -> Image:
    """Four colours."""
    image = np.zeros(size.image_shape, np.uint8)
    middle, centre = size.height // 2, size.width // 2
    image[:middle, :centre], image[:middle, centre:], image[middle:, :centre], image[middle:, centre:] = QUADRANTS
    return image


def stamped(image: Image, number: int) -> Picture:
    """`image` as I420, with `number` and the time now in its corner."""
    stamp(image, number, time.monotonic_ns())
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)


def quadrants(image: Image) -> list[tuple[int, ...]]:
    """The colour in the middle of each quadrant, BGR."""
    height, width = image.shape[:2]
    return [tuple(int(value) for value in image[int(height * y), int(width * x)]) for y, x in _POINTS]


def colour_error(seen: list[tuple[int, ...]]) -> int:
    """Largest difference of a channel from the card's colours."""
    return max(abs(a - b) for one, other in zip(seen, QUADRANTS, strict=True) for a, b in zip(one, other, strict=True))


@dataclass
class Seen:
    """What a reader saw.

    Attributes:
        at_ns: When each frame arrived.
        numbers: The stamp of each frame that had one.
        ages_ms: From the stamp's time to the arrival, where there was a stamp.
        last: The last frame, I420; None when there was none.
    """

    at_ns: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    last: Picture | None = None

    @property
    def fps(self) -> float:
        """By the reader's clock, once settled."""
        times = self.at_ns[SETTLING:]
        return (len(times) - 1) * NS_PER_S / (times[-1] - times[0]) if len(times) > 1 else 0.0

    def age_ms(self, percent: float) -> float:
        """Percentile of the age, once settled."""
        return float(np.percentile(self.ages_ms[SETTLING:], percent))

    @property
    def lost(self) -> int:
        """Numbers that never arrived, once settled."""
        numbers = self.numbers[SETTLING:]
        return numbers[-1] - numbers[0] + 1 - len(set(numbers)) if numbers else 0

    def image(self) -> Image:
        """The last frame, BGR by BT.601."""
        assert self.last is not None
        return np.asarray(cv2.cvtColor(self.last, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)

    def told(self) -> str:
        """In a line."""
        if len(self.ages_ms) <= SETTLING:
            return f"{len(self.at_ns)} frames, {len(self.ages_ms)} of them stamped"
        interval_ms = np.diff(self.at_ns[SETTLING:]) / NS_PER_MS
        return (
            f"{len(self.at_ns)} frames, {self.fps:.2f} fps, age p50 {self.age_ms(50):.1f} p95 {self.age_ms(95):.1f} "
            f"max {self.age_ms(100):.1f} ms, lost {self.lost}, interval sd {interval_ms.std():.2f} ms"
        )


class GstReader:
    """``gst-launch-1.0 pipewiresrc``, its frames read from its standard output.

    Args:
        session: Where.
        label: The camera's.
        size: Expected; another size never gets through the filter.
    """

    def __init__(self, session: Session, label: str = "livecam", size: Size = SIZE) -> None:
        self.size = size
        caps = f"video/x-raw,format=I420,width={size.width},height={size.height}"
        line = f"gst-launch-1.0 -q pipewiresrc target-object={label} ! {caps} ! fdsink fd=1 sync=false"
        self.child = subprocess.Popen(
            line.split(), env=session.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.child.stdout is not None
        if sys.platform == "linux":
            fcntl.fcntl(self.child.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._buffer: npt.NDArray[np.uint8] = np.empty(size.picture_shape, np.uint8)
        self._left = self._buffer.data.cast("B")

    def frame(self, timeout_s: float = 2.0) -> Picture | None:
        """The next frame, borrowed until the next call; None when none came in time, or the reader has ended."""
        assert self.child.stdout is not None
        while self._left:
            if not select.select([self.child.stdout], [], [], timeout_s)[0]:
                return None
            count = self.child.stdout.readinto(self._left)  # type: ignore[attr-defined]
            if not count:
                return None
            self._left = self._left[count:]
        self._left = self._buffer.data.cast("B")
        return self._buffer

    def watch(self, seconds: float) -> Seen:
        """Read for so long, or to the end."""
        seen = Seen()
        end_ns = time.monotonic_ns() + int(seconds * NS_PER_S)
        while (left_ns := end_ns - time.monotonic_ns()) > 0:
            picture = self.frame(left_ns / NS_PER_S)
            if picture is None:
                break
            now_ns = time.monotonic_ns()
            seen.at_ns.append(now_ns)
            found = read_stamp(picture[: self.size.height])
            if found is not None:
                seen.numbers.append(found[0])
                seen.ages_ms.append(stamp_age_ns(found[1], now_ns) / NS_PER_MS)
        seen.last = self._buffer.copy() if seen.at_ns else None
        return seen

    def close(self) -> None:
        """Have it leave in order, as an application does that closes its camera."""
        assert self.child.stdout is not None
        self.child.send_signal(signal.SIGINT)
        while select.select([self.child.stdout], [], [], 2.0)[0] and self.child.stdout.read(_PIPE_BYTES):
            # It gives back PipeWire's buffers only once what it holds has been read.
            continue
        try:
            self.child.wait(1)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Have it die, as an application does that crashes."""
        self.child.kill()
        self.child.wait()
