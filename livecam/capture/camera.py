"""Cameras: ``camera``, ``camera:INDEX``, ``camera:NAME`` or ``camera:PATH``, by the system's own interface.

Why OpenCV and not PyAV, and why a thread stands between us and the driver: docs/adr/0004-capture-reader.md.
"""

import logging
import sys
from dataclasses import replace
from pathlib import Path

import cv2

from livecam.capture.bgr import require_image
from livecam.capture.choose import choose_format
from livecam.capture.devices import CameraInfo, find_camera, list_cameras
from livecam.capture.session import CameraSession
from livecam.core.frame import Image, Size
from livecam.core.seams import Clock, Source, SourceInfo
from livecam.core.spec import SourceWish, Spec
from livecam.errors import ConfigError, SourceError, SourceGone, SourceHangs, SourceLost

__all__ = ["CameraInfo", "CameraSource", "list_cameras", "make"]

_LOG = logging.getLogger("livecam.capture")
_BACKENDS = {
    "linux": (cv2.CAP_V4L2,),
    "win32": (cv2.CAP_DSHOW, cv2.CAP_MSMF),
    "darwin": (cv2.CAP_AVFOUNDATION,),
}


def make(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """A source for ``camera:TARGET``; ``fourcc`` names a format to insist on, where the camera has it.

    Raises:
        ConfigError: A parameter is unknown, or the format is not four letters.
    """
    spec.known("fourcc")
    fourcc = spec.params.get("fourcc", "")
    if "fourcc" in spec.params and len(fourcc) != 4:
        raise ConfigError(f"fourcc={fourcc!r} in {spec.text!r} must be four letters.", "Write fourcc=MJPG or YUYV.")
    return CameraSource(spec.target, wish, clock, fourcc=fourcc)


class CameraSource:
    """A camera. It is looked up anew at every `open`, since its number may change when it is plugged in again.

    Frames are stamped by the kernel where it does so (Linux), else when they arrive. A frame that lay in the driver's
    queue while nobody read is dropped by its age.

    Args:
        target: Index, path, or part of a name; empty for the first real camera.
        wish: What is asked for; what was given is in the `SourceInfo`.
        clock: Must be the machine's monotonic clock for the kernel's stamps to be used.
        fourcc: Format to insist on; empty lets `choose_format` choose.
        platform: As `sys.platform`.
    """

    def __init__(
        self, target: str, wish: SourceWish, clock: Clock, *, fourcc: str = "", platform: str = sys.platform
    ) -> None:
        self._target = target
        self._wish = wish
        self._clock = clock
        self._fourcc = fourcc
        self._platform = platform
        self._session: CameraSession | None = None
        self._abandoned: CameraSession | None = None
        self._worked = False
        self._last_ns = 0
        self.size = Size(0, 0)

    @property
    def dropped(self) -> int:
        """Stale frames passed over since `open`."""
        return self._session.dropped if self._session is not None else 0

    def open(self) -> SourceInfo:
        """Find the camera, start it and wait for its first picture.

        Raises:
            SourceHangs: It was given up in the middle of a call, which has not returned yet.
            SourceLost: It is not there, busy, or sends nothing now.
            SourceGone: It can never be opened as named.
        """
        self.close()
        if self._abandoned is not None and self._abandoned.hangs:
            raise SourceHangs(f"camera:{self._target} still hangs in its driver.", "Unplug it and plug it in again.")
        camera = self._find()
        choice = choose_format(camera.formats, self._wish, self._fourcc)
        wish = replace(self._wish, size=choice.size, fps=choice.fps)
        session = self._session = CameraSession(f"camera:{camera}", wish, self._clock, self._last_ns)
        backends = _BACKENDS.get(self._platform, (cv2.CAP_ANY,))
        try:
            if not session.start(camera.path or camera.index, backends, choice.fourcc):
                raise _not_started(camera)
        except SourceError:
            self.close()
            raise
        self._worked = True
        self.size = session.size
        driver = f"{camera.driver or 'unknown driver'}" + (", virtual" if camera.virtual else "")
        info = SourceInfo(
            f"camera:{camera}", session.size, session.fps, live=True, detail=f"{session.detail}, {driver}; {choice}"
        )
        _LOG.info("%s delivers %s: %s.", info.name, info.size, info.detail)
        return info

    def read_into(self, image: Image) -> int:
        """Fill `image`, (H, W, 3) u8 BGR, and return when the kernel received it, in monotonic ns.

        Raises:
            SourceLost: It is not open, no picture came in time, or one of another size.
        """
        if self._session is None:
            raise SourceLost(f"camera:{self._target} is not open.")
        require_image(image, self.size)
        self._last_ns = self._session.read_into(image)
        return self._last_ns

    def close(self) -> None:
        """Free the camera; one that hangs in its driver is freed when that returns. Idempotent."""
        if self._session is not None:
            self._session.close()
            self._abandoned, self._session = self._session, None

    def _find(self) -> CameraInfo:
        try:
            camera = find_camera(self._target, list_cameras())
        except SourceGone as error:
            if not self._worked:
                raise
            # Half plugged in again: its node is there before it answers.
            raise SourceLost(error.what, error.next_step) from None
        if camera.problem:
            refused = SourceLost if self._worked else SourceGone
            raise refused(f"camera:{camera} cannot be opened: {camera.problem}.")
        return camera


def _not_started(camera: CameraInfo) -> SourceLost:
    """Why `camera` did not start, as far as the system tells."""
    if not camera.path:
        return SourceLost(
            f"camera:{camera} cannot be started; perhaps another program uses it or the system forbids it.",
            "Close the other program, and allow the camera in the system's privacy settings.",
        )
    from livecam.capture.v4l2info import is_busy, users

    if not Path(camera.path).exists():
        return SourceLost(f"camera:{camera} was unplugged.")
    if is_busy(camera.path):
        by = ", ".join(users(camera.path)) or "another program"
        return SourceLost(f"camera:{camera} is in use by {by}.", "Close it there.")
    return SourceLost(f"camera:{camera} cannot be started.", "Unplug it and plug it in again.")
