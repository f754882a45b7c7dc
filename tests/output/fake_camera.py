"""A pyvirtualcam backend that keeps what it gets, for `pyvirtualcam.register_backend`."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyvirtualcam

BACKEND = "kept-in-memory"


class FakeCamera:
    """Keeps the last frame. One device, ``busy``, cannot be opened; ``breaking`` fails after three frames."""

    opened: ClassVar[list["FakeCamera"]] = []

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        if device == "busy":
            raise RuntimeError("Device busy is already in use.")
        self.name = device or "some"
        self.size = (width, height)
        self.frames: list[npt.NDArray[np.uint8]] = []
        self.closed = 0
        FakeCamera.opened.append(self)

    def close(self) -> None:
        self.closed += 1

    def send(self, frame: npt.NDArray[np.uint8]) -> None:
        if self.name == "breaking" and len(self.frames) == 3:
            raise RuntimeError("The queue is gone")
        self.frames.append(frame.copy())

    def device(self) -> str:
        return self.name

    def native_fourcc(self) -> int | None:
        return None


def register() -> None:
    """Make it known, and forget what was opened before."""
    FakeCamera.opened.clear()
    pyvirtualcam.register_backend(BACKEND, FakeCamera)
