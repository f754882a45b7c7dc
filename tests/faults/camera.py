"""A camera that fails on command: the real `CameraSource`, on a stand-in for OpenCV and the list of cameras."""

import sys
import threading
import time
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.capture import camera as real
from livecam.capture.devices import CameraInfo
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image
from livecam.core.seams import Clock, Source
from livecam.core.spec import SourceWish, Spec
from livecam.core.stamp import stamp
from tests.faults.board import BOARD, pause
from tests.faults.scene import FPS, KIND, NORMAL, RESIZED, SIZE, drawings, place_of, small

NAME: Final = "Fault Cam"
_BACK_NS: Final = 10 * NS_PER_S
_AWAY: Final = ("unplugged", "busy", "dead")


def make(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """The camera's driver, before a camera that fails."""
    vars(cv2)["VideoCapture"] = _Capture
    vars(real)["list_cameras"] = _listed
    if sys.platform == "linux":
        from livecam.capture import v4l2info

        vars(v4l2info)["is_busy"] = lambda path: BOARD.word("camera") == "busy"
        vars(v4l2info)["users"] = lambda path: ["another-program (4711)"]
    return real.make(spec, wish, clock)


def _listed() -> tuple[CameraInfo, ...]:
    if BOARD.word("camera") == "unplugged":
        return ()
    return (CameraInfo(int(BOARD.number("index")), NAME, "/dev/null", driver="faults"),)


class _Counter:
    """Numbers pictures through all openings."""

    count = 0


class _Capture:
    """One opened capture."""

    def __init__(self, address: str | int, backend: int) -> None:
        self._due_ns = time.monotonic_ns()
        self._stamp_ns = 0
        self._opened_as_small = BOARD.word("camera") == "resized"
        self._number = 0
        self._released = threading.Event()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return BOARD.word("camera") not in _AWAY

    def set(self, prop: int, value: float) -> bool:
        return True

    def get(self, prop: int) -> float:
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self._stamp_ns / NS_PER_MS
        if prop == cv2.CAP_PROP_FOURCC:
            return float(int.from_bytes(b"YUYV", "little"))
        return FPS if prop == cv2.CAP_PROP_FPS else 0.0

    def getBackendName(self) -> str:  # noqa: N802 - OpenCV's name
        return "V4L2"

    def grab(self) -> bool:
        word = BOARD.word("camera")
        if word == "hang":
            BOARD.hang("camera")
            return False
        if word == "silent":
            # As OpenCV's select does: it gives up after a second.
            pause(1.0)
            return False
        if word in _AWAY:
            return False
        self._wait(5.0 if word == "slow" else FPS)
        if word != "frozen":
            _Counter.count += 1
        now_ns = time.monotonic_ns()
        self._stamp_ns = now_ns - NS_PER_MS - (_BACK_NS if word == "backwards" else 0)
        return True

    def _wait(self, fps: float) -> None:
        now_ns = time.monotonic_ns()
        interval_ns = round(NS_PER_S / fps)
        if not now_ns <= self._due_ns <= now_ns + 2 * interval_ns:
            self._due_ns = now_ns
        time.sleep(max(self._due_ns - now_ns, 0) / NS_PER_S)
        self._due_ns += interval_ns

    def retrieve(self, image: Image | None = None) -> tuple[bool, npt.NDArray[np.uint8]]:
        picture = _shown(BOARD.word("camera"), _Counter.count)
        if image is None or image.shape != picture.shape:
            return True, picture
        np.copyto(image, picture)
        return True, image

    def release(self) -> None:
        self._released.set()


def _shown(word: str, count: int) -> Image:
    """(H, W, 3) u8 BGR: the picture of that count, with its number in its corner unless it is black."""
    if word == "black":
        # Without a number, in which networks might see what they look for: whatever is made of it is unknown.
        return np.zeros(SIZE.image_shape, np.uint8)
    if word == "resized":
        image, kind = small(drawings()[place_of(count)]), RESIZED
    else:
        image, kind = drawings()[place_of(count)].copy(), NORMAL
    stamp(image, kind * KIND + count % KIND, time.monotonic_ns())
    return image
