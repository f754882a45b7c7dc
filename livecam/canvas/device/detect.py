"""A face detector on the card: the frame that is there already is looked at, and a few KB come down."""

import contextlib
from collections.abc import Mapping
from ctypes import sizeof
from typing import Final

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.port import picture_port
from livecam.canvas.device.reading import reading
from livecam.canvas.device.workspace import Graphs, Workspace, described
from livecam.canvas.kernels.arguments import Found, WarpArguments
from livecam.canvas.kernels.faces import detections
from livecam.canvas.kernels.fill import letterbox_arguments
from livecam.core.device import DeviceEngine, DeviceTensor
from livecam.core.face import Detection
from livecam.core.frame import Frame, Image, Size
from livecam.errors import ContractError
from livecam.vision.contract import DetectorContract, Layout
from livecam.vision.detect.detector import STRIDES

LOWEST: Final = 0.3
"""Below what any follower or watch asks for."""


class DeviceDetector:
    """A `Detector` of the frame that a canvas has loaded. One thread, which has entered the card.

    Letterbox, network, decoding and suppression are one graph with one wait. A frame is looked at once, at the lowest
    threshold: whoever asks again with another one gets the same faces, as far as they reach it. That is what a run with
    his threshold would give, since a face is only ever suppressed by a better one.

    The first to ask must do so before the frame is painted on.

    Args:
        canvas: Where the frames are.
        engine: The network, bound by role; the caller's, and outlives this.
        contract: Its numbers.
        lowest: The lowest threshold that anybody will ask for, 0..1.

    Raises:
        ContractError: The network does not fit the contract.
        DeviceError: The card's memory does not suffice.
    """

    def __init__(
        self, canvas: CudaCanvas, engine: DeviceEngine, contract: DetectorContract, lowest: float = LOWEST
    ) -> None:
        self._canvas, self._engine = canvas, engine
        self._lowest = lowest
        self.size = _picture_size(engine.inputs, contract)
        self._feed = picture_port(engine, contract.picture, size=self.size)
        self._work = work = Workspace(canvas)
        with contextlib.ExitStack() as stack:
            stack.callback(work.close)
            self._found_at = work.memory(sizeof(Found))
            self._told = work.pinned(sizeof(Found))
            self._found = Found.from_address(self._told.ctypes.data)
            self._letterbox = work.arguments(WarpArguments())
            self._reading = reading(work, engine.outputs, contract, self.size, self._found_at, self._lowest)
            stack.pop_all()
        self._graphs = Graphs(canvas.device, canvas.stream, (engine,))
        self._seen: Frame | None = None
        self._faces: tuple[Detection, ...] = ()

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        """Faces in `image`, the one that the canvas has loaded, with a score of at least `threshold`, best first.

        Raises:
            ContractError: The canvas has another frame, the threshold is below the lowest one, or the network gave
                rubbish or more faces than can be told.
            DeviceError: The card failed.
        """
        frame = self._canvas.frame
        if frame is None or frame.image is not image:
            raise ContractError("The detector on the graphics card was asked about an image that is not there.")
        if threshold < self._lowest:
            raise ContractError(f"The detector on the graphics card looks from {self._lowest} on, not {threshold}.")
        if self._seen is not frame:
            self._faces = tuple(self._look())
            self._seen = frame
        return [face for face in self._faces if face.score >= threshold]

    def close(self) -> None:
        """Free its memory on the card. Idempotent."""
        self._graphs.close()
        self._work.close()

    def _look(self) -> list[Detection]:
        arguments, fit = letterbox_arguments(described(self._canvas.pixels), self._feed)
        self._letterbox.write(arguments)
        self._reading.prepare(fit)
        # What does not come down is no answer.
        self._found.bad = 1
        self._graphs("look", self._begin)
        self._canvas.device.wait(self._canvas.stream)
        return detections(self._found)

    def _begin(self) -> None:
        work, device = self._work, self._canvas.device
        work.upload()
        device.zero(self._found_at, len(self._told), work.stream)
        work.launch("warp", self._letterbox, self.size.width * self.size.height)
        self._engine.enqueue(work.stream)
        self._reading.begin()
        device.download(self._told, self._found_at, work.stream)


def _picture_size(inputs: Mapping[str, DeviceTensor], contract: DetectorContract) -> Size:
    """Of the picture that the network takes."""
    tensor = inputs.get("picture")
    if tensor is None or len(tensor.shape) != len("nchw"):
        raise ContractError("The face detector's network on the graphics card does not take one picture in colour.")
    _, *rest = tensor.shape
    height, width = rest[1:] if contract.picture.layout is Layout.NCHW else rest[:2]
    if width % STRIDES[-1] or height % STRIDES[-1]:
        raise ContractError(f"The face detector's network cannot take a picture of {width}x{height}: sides of 32.")
    return Size(width, height)
