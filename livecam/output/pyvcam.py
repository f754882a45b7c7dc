"""The virtual camera through pyvirtualcam: OBS's or Unity Capture's, and v4l2loopback's for who asks for it.

pyvirtualcam prints a failed write and goes on, and picks somebody else's device when none is named. So the device is
chosen here, the backend is named, and whether pictures still arrive is looked at once a second.
"""

import logging
from typing import TYPE_CHECKING, Protocol

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.seams import Clock
from livecam.errors import ExtraMissing, SinkGone, SinkLost
from livecam.output.checks import black, demand_even, fitting
from livecam.output.outputs import OutputInfo
from livecam.output.pick import outputs_for, pick

try:
    import pyvirtualcam
    from pyvirtualcam.camera import BACKENDS
except ImportError as missing:
    raise ExtraMissing(
        "The virtual camera needs the package pyvirtualcam, which is not installed.", "Run pip install 'livecam[vcam]'."
    ) from missing

if TYPE_CHECKING:
    from livecam.output.loopback_readers import LoopbackReaders

_LOG = logging.getLogger("livecam.output")
_CHECK_NS = NS_PER_S
_V4L2 = "v4l2loopback"


class NodeWatch(Protocol):
    """Looks after a device beside pyvirtualcam."""

    def prepare(self, repairable: bool, size: Size) -> None:
        """Make the device ready for a writer of pictures of `size`.

        Raises:
            SinkLost: It cannot be.
        """
        ...

    def check(self, size: Size) -> None:
        """See that pictures of `size` arrive.

        Raises:
            SinkLost: They do not.
        """
        ...


class PyVirtualCamSink:
    """Writes pictures to a virtual camera.

    Args:
        target: Which one: path, number or label; empty takes the first free one, rather one labelled livecam.
        backend: pyvirtualcam's name for the way to it, which takes the device as it is; empty finds out. For
            ``v4l2loopback`` the device is found and looked after as when none is named.
        clock: Where time comes from.
    """

    def __init__(self, target: str = "", backend: str = "", clock: Clock | None = None) -> None:
        self._target = target
        self._backend = backend
        self._clock = clock or MonotonicClock()
        self._camera: pyvirtualcam.Camera | None = None
        self._size: Size | None = None
        self._device = ""
        self._label = ""
        self._watch: NodeWatch | None = None
        self._check_due_ns = 0
        self._readers: LoopbackReaders | None = None

    @property
    def readers(self) -> int | None:
        """Programs that have the device open for reading; None where the driver tells nobody, as OBS's does."""
        if self._camera is None:
            return 0
        return self._readers.count() if self._readers is not None else None

    @property
    def name(self) -> str:
        """Such as ``virtualcam:/dev/video10 (livecam)``."""
        where = self._device or self._target
        text = f"virtualcam:{where}" if where else "virtualcam"
        return f"{text} ({self._label})" if self._label and self._label != where else text

    def open(self, size: Size, fps: float) -> None:
        """Choose the device, make it ready, open it for I420 pictures of `size`, and show black at once.

        Raises:
            SinkGone: The size is odd, the device may not be written to, or is no virtual camera.
            SinkLost: There is no such device now, or another program feeds it.
        """
        demand_even(size, self.name)
        self.close()
        found = self._chosen()
        self._device, self._label = found.device, found.label
        self._watch = _watch(found)
        self._readers = _readers(found, self._clock)
        if self._watch is not None:
            self._watch.prepare(found.repairable, size)
        self._camera = _camera(found, size, fps)
        self._show(black(size))
        self._size = size
        self._check_due_ns = self._clock.now_ns() + _CHECK_NS

    def send(self, cleared: Cleared) -> None:
        """Show one picture.

        Raises:
            SinkLost: The device is gone, or does not show what it is sent.
        """
        picture = fitting(cleared, self._size, self.name)
        self._show(picture)
        now_ns = self._clock.now_ns()
        if self._watch is not None and self._size is not None and now_ns >= self._check_due_ns:
            self._check_due_ns = now_ns + _CHECK_NS
            self._watch.check(self._size)

    def close(self) -> None:
        """Free the device. Programs that read it keep the last picture."""
        camera, self._camera, self._size = self._camera, None, None
        if camera is None:
            return
        try:
            camera.close()
        except (RuntimeError, OSError) as error:
            _LOG.warning("%s did not close: %s", self.name, error)

    def _show(self, picture: Picture) -> None:
        if self._camera is None:
            return
        try:
            self._camera.send(picture)
        except (RuntimeError, OSError) as error:
            raise SinkLost(f"{self.name} failed: {error}.", "It is opened again.") from error

    def _chosen(self) -> OutputInfo:
        if self._backend not in ("", _V4L2):
            return OutputInfo(self._target, self._target, self._backend, self._backend, ready=True)
        return pick(self._target, outputs_for(self._target))


def _camera(found: OutputInfo, size: Size, fps: float) -> "pyvirtualcam.Camera":
    if found.backend not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise SinkGone(f"pyvirtualcam has no backend {found.backend!r} on this system.", f"It has: {known}.")
    try:
        return pyvirtualcam.Camera(
            width=size.width,
            height=size.height,
            fps=fps,
            fmt=pyvirtualcam.PixelFormat.I420,
            device=found.device or None,
            backend=found.backend,
        )
    except (RuntimeError, OSError) as error:
        raise SinkLost(f"Cannot open the virtual camera {found.device}: {error}") from error


def _watch(found: OutputInfo) -> "NodeWatch | None":
    if found.backend != _V4L2:
        return None
    from livecam.output.loopback_watch import LoopbackWatch

    return LoopbackWatch(found.device)


def _readers(found: OutputInfo, clock: Clock) -> "LoopbackReaders | None":
    if found.backend != _V4L2:
        return None
    from livecam.output.loopback_readers import LoopbackReaders

    return LoopbackReaders(found.device, clock)
