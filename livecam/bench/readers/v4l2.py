"""Reads a V4L2 device through OpenCV, as many programs do."""

import os
import time

import cv2
import numpy as np

from livecam.bench.readers.address import OPEN_S, Address, Reading
from livecam.errors import LivecamError

_RETRY_S = 0.1


def read(address: Address) -> Reading:
    """Frames of the device `address.target`. OpenCV's conversion to BGR is part of their age.

    Raises:
        LivecamError: There is no such device, it cannot be opened, or no more frames come.
    """
    if not os.path.exists(address.target):
        raise LivecamError(f"There is no device {address.target}.", "Run livecam outputs to see those there are.")
    camera = _opened(address)
    try:
        while True:
            there, image = camera.read()
            arrived_ns = time.monotonic_ns()
            if not there:
                raise LivecamError(f"{address.target} gives no frames any more.", "Run livecam doctor.")
            yield arrived_ns, np.asarray(image, np.uint8)
    finally:
        camera.release()


def _opened(address: Address) -> cv2.VideoCapture:
    """The device; v4l2loopback is no capture device before its writer's first frame, so it is tried again."""
    deadline_s = time.monotonic() + OPEN_S
    while time.monotonic() < deadline_s:
        camera = cv2.VideoCapture(address.target, cv2.CAP_V4L2)
        if camera.isOpened():
            camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            return camera
        camera.release()
        time.sleep(_RETRY_S)
    raise LivecamError(
        f"{address.target} could not be opened for reading within {OPEN_S:.0f} s.",
        "Close programs that read or feed it, then run livecam doctor.",
    )
