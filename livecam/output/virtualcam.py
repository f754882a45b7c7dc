"""The virtual camera, through pyvirtualcam: v4l2loopback on Linux, OBS's or Unity Capture's elsewhere.

pyvirtualcam prints a failed write and goes on, and picks somebody else's device when none is named. So the device is
chosen here, the backend is named, and whether pictures still arrive is looked at once a second.
"""

import logging
import os
import platform
from typing import Protocol

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ExtraMissing, SinkGone, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.devices import advice, list_outputs
from livecam.output.outputs import OutputInfo, best

try:
    import pyvirtualcam
    from pyvirtualcam.camera import BACKENDS
except ImportError as missing:
    raise ExtraMissing(
        "The virtual camera needs the package pyvirtualcam, which is not installed.", "Run pip install 'livecam[vcam]'."
    ) from missing

_LOG = logging.getLogger("livecam.output")
_CHECK_NS = NS_PER_S
_V4L2 = "v4l2loopback"


def make(spec: Spec, wish: SinkWish) -> "VirtualCamSink":
    """Build ``virtualcam``, ``virtualcam:DEVICE`` or ``virtualcam:DEVICE?backend=NAME``.

    DEVICE is a path, a number, or what applications call it. With a backend, it is taken as it is.

    Raises:
        ConfigError: A parameter is unknown.
    """
    spec.known("backend")
    return VirtualCamSink(spec.target, spec.params.get("backend", ""))


class NodeWatch(Protocol):
    """Looks after a device beside pyvirtualcam."""

    def prepare(self, repairable: bool) -> None:
        """Make the device ready for a writer.

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


class VirtualCamSink:
    """Writes pictures to a virtual camera.

    Args:
        target: Which one: path, number or label; empty takes the first free one, rather one labelled livecam.
        backend: pyvirtualcam's name for the way to it; empty finds out.
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

    @property
    def name(self) -> str:
        """Such as ``virtualcam:/dev/video10 (livecam)``."""
        where = self._device or self._target
        text = f"virtualcam:{where}" if where else "virtualcam"
        return f"{text} ({self._label})" if self._label and self._label != where else text

    def open(self, size: Size, fps: float) -> None:
        """Choose the device, make it ready, and open it for I420 pictures of `size`.

        Raises:
            SinkGone: The size is odd, the device may not be written to, or is no virtual camera.
            SinkLost: There is no such device now, or another program feeds it.
        """
        demand_even(size, self.name)
        self.close()
        found = self._chosen()
        self._device, self._label = found.device, found.label
        self._watch = _watch(found)
        if self._watch is not None:
            self._watch.prepare(found.repairable)
        self._camera = _camera(found, size, fps)
        self._size = size
        self._check_due_ns = self._clock.now_ns() + _CHECK_NS

    def send(self, cleared: Cleared) -> None:
        """Show one picture.

        Raises:
            SinkLost: The device is gone, or does not show what it is sent.
        """
        picture = fitting(cleared, self._size, self.name)
        if self._camera is None:
            return
        try:
            self._camera.send(picture)
        except (RuntimeError, OSError) as error:
            raise SinkLost(f"{self.name} failed: {error}.", "It is opened again.") from error
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

    def _chosen(self) -> OutputInfo:
        if self._backend:
            return OutputInfo(self._target, self._target, self._backend, self._backend, ready=True)
        outputs = list_outputs()
        if not self._target:
            return best(outputs) or _none_free(outputs)
        wanted = _path(self._target)
        for output in outputs:
            if wanted in (output.device, output.label):
                return _usable(output)
        if os.path.isabs(wanted) and os.path.exists(wanted):
            raise SinkGone(f"{wanted} is no virtual camera.", "Run livecam outputs to see those there are.")
        raise SinkLost(f"There is no virtual camera {self._target!r}.", advice())


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


def _usable(output: OutputInfo) -> OutputInfo:
    if not output.permitted:
        raise SinkGone(output.problem or f"You may not write to {output.device}.", output.next_step)
    if output.fed_by:
        raise SinkLost(f"{output.device} is being fed by {output.fed_by}.", "Stop that, or name another device.")
    if not output.free:
        raise SinkLost(output.problem or f"{output.device} takes no pictures now.", output.next_step)
    return output


def _none_free(outputs: tuple[OutputInfo, ...]) -> OutputInfo:
    if not outputs:
        raise SinkLost("There is no virtual camera on this machine.", advice())
    # The first one's trouble is the likeliest to be what the user can mend.
    return _usable(outputs[0])


def _path(target: str) -> str:
    if platform.system() != "Linux":
        return target
    if target.isdecimal():
        return f"/dev/video{target}"
    return os.path.realpath(target) if target.startswith("/") else target


def _watch(found: OutputInfo) -> "NodeWatch | None":
    if found.backend != _V4L2:
        return None
    from livecam.output.loopback_watch import LoopbackWatch

    return LoopbackWatch(found.device)
