"""Which cameras there are, and which one a user means."""

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livecam.core.frame import Size
from livecam.errors import SourceGone, SourceLost

_LIST = "See `livecam cameras`."


@dataclass(frozen=True, slots=True)
class CameraFormat:
    """A format and size that a camera offers.

    Attributes:
        fourcc: Such as ``MJPG`` or ``YUYV``.
        size: Of its frames; of a range of sizes, the largest.
        fps: Rates, fastest first; empty when the driver does not say.
        least: The smallest of a range of sizes; None for a single size.
    """

    fourcc: str
    size: Size
    fps: tuple[float, ...]
    least: Size | None = None


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera.

    Attributes:
        index: As in ``camera:INDEX``.
        name: As its driver calls it.
        path: Device node; empty on Windows and macOS.
        stable: A link to the node that survives replugging and restarts; empty when there is none.
        driver: Kernel driver or system framework.
        virtual: Made by software, such as v4l2loopback: perhaps our own output, so never chosen unless named exactly.
        formats: What it offers; empty where the system does not tell.
        problem: Why it cannot be opened just now; empty when nothing speaks against it.
    """

    index: int
    name: str
    path: str = ""
    stable: str = ""
    driver: str = ""
    virtual: bool = False
    formats: tuple[CameraFormat, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.path or self.index} ({self.name})"


def list_cameras(platform: str = sys.platform) -> tuple[CameraInfo, ...]:
    """Every camera of this machine, by index. Opens the nodes for a moment, never starts a camera."""
    if platform == "linux":
        from livecam.capture.v4l2info import list_capture_nodes

        return list_capture_nodes()
    from livecam.capture.avdevices import list_av_cameras

    return list_av_cameras(platform)


def find_camera(target: str, cameras: Sequence[CameraInfo]) -> CameraInfo:
    """The camera among `cameras` that `target` means: an index, a path, a part of a name, or "" for any.

    Raises:
        SourceLost: It is not there now.
        SourceGone: It can never be found: the path is no camera, or several cameras bear the name.
    """
    if not target:
        return _any(cameras)
    if target.isdecimal():
        return _by_index(int(target), cameras)
    if os.sep in target:
        return _by_path(Path(target), cameras)
    return _by_name(target, cameras)


def _any(cameras: Sequence[CameraInfo]) -> CameraInfo:
    real = [camera for camera in cameras if not camera.virtual]
    for camera in real:
        if not camera.problem:
            return camera
    if real:
        raise SourceLost(f"No camera can be used: {real[0]}: {real[0].problem}.", _LIST)
    raise SourceLost("There is no camera.", "Plug one in, or use synthetic or file:PATH.")


def _by_index(index: int, cameras: Sequence[CameraInfo]) -> CameraInfo:
    for camera in cameras:
        if camera.index == index:
            return camera
    raise SourceLost(f"There is no camera {index}; {_there(cameras)}.", _LIST)


def _by_path(path: Path, cameras: Sequence[CameraInfo]) -> CameraInfo:
    try:
        node = path.resolve(strict=True)
        is_device = stat.S_ISCHR(node.stat().st_mode)
    except OSError:
        raise SourceLost(f"{path} is not there; {_there(cameras)}.", _LIST) from None
    for camera in cameras:
        if camera.path == str(node):
            return camera
    kind = "is a device, but none that captures video" if is_device else "is not a device"
    raise SourceGone(f"{path} {kind}.", _LIST if is_device else f"For a video file write file:{path}.")


def _by_name(name: str, cameras: Sequence[CameraInfo]) -> CameraInfo:
    wanted = name.casefold()
    exact = [camera for camera in cameras if camera.name.casefold() == wanted]
    matches = exact or [camera for camera in cameras if wanted in camera.name.casefold() and not camera.virtual]
    if len(matches) == 1:
        return matches[0]
    if matches:
        several = ", ".join(f"{camera.stable or camera.path or camera.index} ({camera.name})" for camera in matches)
        raise SourceGone(f"{len(matches)} cameras are called {name!r}: {several}.", "Name one by its path or index.")
    raise SourceLost(f"No camera is called {name!r}; {_there(cameras)}.", _LIST)


def _there(cameras: Sequence[CameraInfo]) -> str:
    real = [str(camera) for camera in cameras if not camera.virtual]
    return "there is " + ", ".join(real) if real else "no camera is there"
