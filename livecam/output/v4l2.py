"""The virtual camera on Linux, by livecam's own writer: no vendor library, real errors, and other threads run on.

Y'CbCr pictures say nowhere how they are to be read. Browsers (and so Meet, Teams and Zoom in a browser), ffmpeg and
OpenCV take a camera's for BT.601, which is what livecam makes; OBS takes them for BT.709 and has no setting for it.
``?matrix=709`` writes what OBS expects, and is then off everywhere else by the same amount.
"""

import platform

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError, SinkLost
from livecam.output import loopback
from livecam.output.checks import black, demand_even, fitting
from livecam.output.colours import ToBt709
from livecam.output.loopback_readers import LoopbackReaders
from livecam.output.pick import outputs_for, pick
from livecam.output.v4l2_format import Matrix
from livecam.output.v4l2_node import OutputNode

_CHECK_NS = NS_PER_S
_MATRICES = {str(matrix.value): matrix for matrix in Matrix}


def make(spec: Spec, wish: SinkWish) -> "V4l2Sink":
    """Build ``v4l2``, ``v4l2:DEVICE`` or ``v4l2:DEVICE?matrix=709``; DEVICE is a path, a number or a label.

    Raises:
        ConfigError: A parameter is unknown, the matrix is neither 601 nor 709, or this is not Linux.
    """
    if platform.system() != "Linux":
        raise ConfigError(f"{spec.kind} writes to a Linux driver, v4l2loopback.", "Use virtualcam here.")
    spec.known("matrix")
    matrix = spec.params.get("matrix", "601")
    if matrix not in _MATRICES:
        raise ConfigError(f"matrix={matrix!r} in {spec.text!r} must be 601 or 709.", "OBS reads 709, all others 601.")
    return V4l2Sink(spec.target, _MATRICES[matrix], spec.kind)


class V4l2Sink:
    """Writes pictures to a v4l2loopback node.

    Args:
        target: Which one: path, number or label; empty takes the best free one, rather one labelled livecam.
        matrix: By which the readers will read.
        kind: What the sink is called, before its device.
        clock: Where time comes from.
    """

    def __init__(
        self, target: str = "", matrix: Matrix = Matrix.BT601, kind: str = "v4l2", clock: Clock | None = None
    ) -> None:
        self._target = target
        self._matrix = matrix
        self._kind = kind
        self._clock = clock or MonotonicClock()
        self._node: OutputNode | None = None
        self._size: Size | None = None
        self._converter: ToBt709 | None = None
        self._converted: Picture = black(Size(2, 2))
        self._device = ""
        self._label = ""
        self._check_due_ns = 0
        self._readers: LoopbackReaders | None = None

    @property
    def readers(self) -> int | None:
        """Programs that have the device open for reading; see `LoopbackReaders`."""
        node, readers = self._node, self._readers
        return readers.count(node.streaming) if node is not None and readers is not None else 0

    @property
    def name(self) -> str:
        """Such as ``v4l2:/dev/video10 (livecam)``."""
        where = self._device or self._target
        text = f"{self._kind}:{where}" if where else self._kind
        return f"{text} ({self._label})" if self._label else text

    def open(self, size: Size, fps: float) -> None:
        """Choose the device, make it ready, set it up for `size`, and show black at once.

        Raises:
            SinkGone: The size is odd, the device may not be written to, or is no virtual camera.
            SinkLost: There is no such device now, another program feeds it, or it carries another size.
        """
        demand_even(size, self.name)
        self.close()
        found = pick(self._target, outputs_for(self._target))
        self._device, self._label = found.device, found.label
        if found.repairable:
            _repair(found.device)
        self._node = OutputNode(found.device, size, fps, self._matrix)
        self._converter = ToBt709(size) if self._matrix is Matrix.BT709 else None
        self._converted = black(size)
        try:
            self._node.write(self._converted)
            self._node.check()
        except SinkLost:
            self.close()
            raise
        self._size = size
        self._readers = LoopbackReaders(self._device, self._clock)
        self._check_due_ns = self._clock.now_ns() + _CHECK_NS

    def send(self, cleared: Cleared) -> None:
        """Show one picture.

        Raises:
            SinkLost: The device is gone, did not take the picture whole, or does not show it.
        """
        picture = fitting(cleared, self._size, self.name)
        if self._node is None:
            return
        if self._converter is not None:
            self._converter.convert(picture, self._converted)
            picture = self._converted
        self._node.write(picture)
        self._node.listen()
        now_ns = self._clock.now_ns()
        if now_ns >= self._check_due_ns:
            self._check_due_ns = now_ns + _CHECK_NS
            self._node.check()

    def close(self) -> None:
        """Free the device. Programs that read it keep the last picture."""
        node, self._node, self._size = self._node, None, None
        if node is not None:
            node.close()


def _repair(device: str) -> None:
    try:
        loopback.repair(device)
    except OSError as error:
        raise SinkLost(f"{device} cannot be made ready: {error.strerror}.") from error
