"""A scripted stand-in for `cv2.VideoCapture`: it can be busy, hang, stall, be pulled out, and change its mind."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from livecam.capture.devices import CameraInfo
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, Image, Size
from livecam.core.seams import Clock

Pixels = npt.NDArray[np.generic]
WEBCAM = CameraInfo(0, "HD Webcam: HD Webcam", "/dev/null", "/dev/v4l/by-id/usb-HD-index0", "uvcvideo")


def grey(size: Size, level: int = 90) -> Image:
    return np.full(size.image_shape, level, np.uint8)


@dataclass
class Device:
    """The camera itself, of which captures are opened.

    Attributes:
        picture: What it shows; called with the number of the picture.
        opens: Whether it starts.
        grab: Called at every grab with its number; may hang, and says whether a picture came.
        age_ms: How old the picture of a number is when it arrives.
        clock: Of the kernel that stamps.
        stamp: The stamp, in ns, that the backend gives a picture of a number, from the true one.
    """

    picture: Callable[[int], Pixels]
    opens: bool = True
    grab: Callable[[int], bool] = lambda number: True
    age_ms: Callable[[int], float] = lambda number: 2.0
    stamp: Callable[[int, int], float] = lambda number, true_ns: true_ns
    clock: Clock = field(default_factory=MonotonicClock)
    fourcc: str = "YUYV"
    fps: float = 30.0
    backend: str = "V4L2"
    set_to: dict[int, float] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    captures: list["FakeCapture"] = field(default_factory=list)
    addresses: list[tuple[str | int, int]] = field(default_factory=list)

    def capture(self, address: str | int, backend: int) -> "FakeCapture":
        """In place of `cv2.VideoCapture`."""
        self.addresses.append((address, backend))
        capture = FakeCapture(self)
        self.captures.append(capture)
        return capture


class FakeCapture:
    """One opened capture of a `Device`."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.number = -1
        self.stamp_ns = 0.0
        self.released = threading.Event()
        self.grabbed_by = ""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.device.opens

    def set(self, prop: int, value: float) -> bool:
        self.device.set_to[prop] = value
        self.device.order.append(prop)
        return True

    def get(self, prop: int) -> float:
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self.stamp_ns / NS_PER_MS
        if prop == cv2.CAP_PROP_FPS:
            return self.device.fps
        if prop == cv2.CAP_PROP_FOURCC:
            return int.from_bytes(self.device.fourcc.encode(), "little")
        return 0.0

    def getBackendName(self) -> str:  # noqa: N802 - OpenCV's name
        return self.device.backend

    def grab(self) -> bool:
        self.grabbed_by = threading.current_thread().name
        self.number += 1
        came = self.device.grab(self.number)
        true_ns = self.device.clock.now_ns() - round(self.device.age_ms(self.number) * NS_PER_MS)
        self.stamp_ns = self.device.stamp(self.number, true_ns)
        return came

    def retrieve(self, image: Image | None = None) -> tuple[bool, Pixels]:
        picture = self.device.picture(self.number)
        if not picture.size:
            return False, picture
        if image is None or image.shape != picture.shape:
            return True, picture.copy()
        image[:] = picture
        return True, image

    def release(self) -> None:
        self.released.set()
