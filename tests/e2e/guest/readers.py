"""Programs that read the virtual camera, and what each picture they delivered was."""

import fcntl
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.stamp import read_stamp, stamp_age_ns
from tests.e2e.guest.ledger import JobFailed
from tests.e2e.picture import SIZE, colour_error, difference, draw_card, is_torn

Delivery = tuple[Image, int, int]
"""A picture, (H, W, 3) u8 BGR; when it arrived; and when the driver got it, or 0. Monotonic ns."""
Deliveries = Generator[Delivery, None, None]
Reading = Callable[[str, threading.Event], Deliveries]

_SLATE_WITHIN: Final = 4.0
_BLACK: Final = 4
_JOIN_S: Final = 15.0
_PIPE_BYTES: Final = 1 << 20
_KEPT: Final = 4


def opencv(device: str, stop: threading.Event) -> Deliveries:
    """OpenCV's own V4L2 capture. The driver's stamp is the time of the daemon's write."""
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    try:
        if not capture.isOpened():
            raise JobFailed(f"OpenCV does not open {device}")
        last_ns = 0
        while not stop.is_set():
            got, image = capture.read()
            arrived_ns = time.monotonic_ns()
            written_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * NS_PER_MS)
            # When nobody feeds the device for a while, OpenCV delivers a black picture of its own, with an old stamp.
            if got and written_ns != last_ns:
                last_ns = written_ns
                yield np.asarray(image, np.uint8), arrived_ns, written_ns
    finally:
        capture.release()


def v4l2_ctl(device: str, stop: threading.Event) -> Deliveries:
    """v4l2-ctl, which hands on what is in the buffers: I420."""
    command = ["v4l2-ctl", "-d", device, "--stream-mmap", "--stream-to=-"]
    for planes, arrived_ns in _piped(command, (SIZE.height * 3 // 2, SIZE.width), stop):
        yield np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8), arrived_ns, 0


def ffmpeg(device: str, stop: threading.Event) -> Deliveries:
    """ffmpeg, which converts to BGR itself."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "v4l2", "-i", device]
    command += ["-pix_fmt", "bgr24", "-f", "rawvideo", "-"]
    for image, arrived_ns in _piped(command, SIZE.image_shape, stop):
        yield image, arrived_ns, 0


def _piped(
    command: Sequence[str], shape: tuple[int, ...], stop: threading.Event
) -> Generator[tuple[Image, int], None, None]:
    """What `command` writes, cut into arrays of `shape`, until `stop`."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # A reader that waits for its pipe shows pictures that are being written over: the driver waits for nobody.
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            while not stop.is_set():
                data = process.stdout.read(int(np.prod(shape)))
                if len(data) < np.prod(shape):
                    break
                yield np.frombuffer(data, np.uint8).reshape(shape), time.monotonic_ns()
        finally:
            process.kill()
        if not stop.is_set():
            said = process.stderr.read().decode(errors="replace").strip()
            raise JobFailed(f"{command[0]} ended by itself: {said[-300:]}")


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture as a reader got it.

    Attributes:
        arrived_ns: Monotonic.
        written_ns: The driver's stamp; 0 when the reader does not tell.
        size: Of the picture.
        number: Its frame number, when it carries one.
        stamped_age_ms: Its age by the time stamped into it, when it carries a number.
        slate: Whether it is the slate.
        black: Whether it is what a sink shows from its opening to its first cleared picture.
        torn: Whether it is made of the card, the slate and black, as when a reader copies more slowly than the driver's
            few buffers go round.
        colours: Largest error of the test card's colours, 8-bit levels.
    """

    arrived_ns: int
    written_ns: int
    size: Size
    number: int | None
    stamped_age_ms: float
    slate: bool
    black: bool
    torn: bool
    colours: float

    @property
    def live(self) -> bool:
        """Whether it came from the camera."""
        return self.number is not None

    @property
    def cleared(self) -> bool:
        """Whether the gate let it out: the camera's, or the slate."""
        return self.live or self.slate

    @property
    def foreign(self) -> bool:
        """Whether nobody knows where it comes from."""
        return not (self.cleared or self.black or self.torn)


Look = Callable[[Image, Seen], None]


class Reader:
    """A program that reads `device` in the background.

    Args:
        device: Path.
        reading: Which program.
        slate: What the slate looks like, (H, W, 3) u8 BGR.
        look: Called with every picture, in the reader's thread.

    Attributes:
        seen: All pictures so far.
        foreign: The first few that are foreign, to look at.
    """

    def __init__(self, device: str, reading: Reading, slate: Image, look: Look | None = None) -> None:
        self.seen: list[Seen] = []
        self.foreign: list[Image] = []
        self._device = device
        self._reading = reading
        self._slate = slate
        self._known = (slate, draw_card(), np.zeros_like(slate))
        self._look = look
        self._stop = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name=f"reader of {device}", daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            for image, arrived_ns, written_ns in self._reading(self._device, self._stop):
                self._note(image, arrived_ns, written_ns)
        except (JobFailed, OSError, cv2.error) as error:
            self._problem = str(error)

    def _note(self, image: Image, arrived_ns: int, written_ns: int) -> None:
        read = read_stamp(image)
        slate = read is None and difference(image, self._slate) < _SLATE_WITHIN
        black = int(image.max()) <= _BLACK
        seen = Seen(
            arrived_ns=arrived_ns,
            written_ns=written_ns,
            size=Size(image.shape[1], image.shape[0]),
            number=None if read is None else read[0],
            stamped_age_ms=0.0 if read is None else stamp_age_ns(read[1], arrived_ns) / NS_PER_MS,
            slate=slate,
            black=black,
            torn=not (read or slate or black) and is_torn(image, self._known),
            colours=colour_error(image),
        )
        self.seen.append(seen)
        if seen.foreign and len(self.foreign) < _KEPT:
            self.foreign.append(image.copy())
        if self._look is not None:
            self._look(image, seen)

    def wait_for(self, what: str, wanted: Callable[[Seen], bool], within_s: float) -> Seen:
        """The first picture from now on that is `wanted`.

        Raises:
            JobFailed: None came in time, or the reader ended.
        """
        start, end = len(self.seen), time.monotonic() + within_s
        while time.monotonic() < end and not self._problem:
            fresh = self.seen[start:]
            for one in fresh:
                if wanted(one):
                    return one
            start += len(fresh)
            time.sleep(0.005)
        last = f"; the last was {self.seen[-1]}" if self.seen else "; no picture ever came"
        raise JobFailed(f"{what} did not reach the reader within {within_s:g} s. {self._problem}{last}")

    def during(self, seconds: float) -> list[Seen]:
        """What arrives in the coming `seconds`.

        Raises:
            JobFailed: Nothing at all.
        """
        start = len(self.seen)
        time.sleep(seconds)
        found = self.seen[start:]
        if not found:
            raise JobFailed(f"no picture reached the reader within {seconds:g} s. {self._problem}")
        return found


def rate(seen: Sequence[Seen]) -> float:
    """Pictures a second by the reader's clock."""
    if len(seen) < 2:
        return 0.0
    return (len(seen) - 1) * NS_PER_S / (seen[-1].arrived_ns - seen[0].arrived_ns)


def age_after_write_ms(seen: Sequence[Seen]) -> float:
    """Median time between the daemon's write, by the driver's stamp, and the reader's having the picture."""
    return median((one.arrived_ns - one.written_ns) / NS_PER_MS for one in seen)
