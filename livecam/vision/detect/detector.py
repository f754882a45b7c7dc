"""What all published detectors share: fit the frame in, run the network, decode, suppress, back to the frame."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Image, Points, Size
from livecam.core.seams import Engine, Tensor
from livecam.errors import ContractError, ModelError
from livecam.vision.contract import DetectorContract, Layout
from livecam.vision.detect.letterbox import Letterbox
from livecam.vision.detect.nms import Candidates, suppress
from livecam.vision.mesh.detect import Fit
from livecam.vision.tensor import Feeder, Floats, finite

STRIDES = (8, 16, 32)
"""Px of the picture from cell to cell, by level."""


class Decoder(Protocol):
    """Turns a network's outputs into candidates."""

    @property
    def pixel(self) -> float:
        """Added to widths and heights when overlaps are judged."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Of each output by role, without its batch axis; -1 is free."""
        ...

    def __call__(self, outputs: Mapping[str, Tensor], threshold: float) -> Candidates:
        """Candidates in px of the network's picture, of a score of at least `threshold`, in any order.

        Raises:
            ContractError: An output has another shape or values that are not finite.
        """
        ...


class PictureDetector:
    """A `Detector` over a published network, and a `ShrinkingDetector`. Owns its memory; used by one thread.

    Args:
        engine: Bound by role.
        contract: Its numbers.
        decoder: How its outputs are read.
        size: Of its picture, see `picture_size`.
    """

    def __init__(self, engine: Engine, contract: DetectorContract, decoder: Decoder, size: Size) -> None:
        self._engine = engine
        self._iou = contract.iou
        self._decoder = decoder
        self._letterbox = Letterbox(size)
        self._feed = Feeder(contract.picture, size=size)
        self._shrunk = np.zeros(size.image_shape, np.uint8)
        self.size = size

    @property
    def side(self) -> int:
        """Side of the shrunk image, px, where it is square."""
        return self.size.width

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        """Faces in `image` (H, W, 3) u8 BGR with a score of at least `threshold`, best first.

        Raises:
            ContractError: The network gave rubbish.
            EngineError: The backend failed.
        """
        fit = self.shrink(image, self._shrunk)
        return self.detect_shrunk(self._shrunk, fit, threshold)

    def shrink(self, image: Image, out: Image) -> Fit:
        """Fit `image`, (H, W, 3) u8 BGR, into `out`, (h, w, 3) u8 of `size`. The cheap half of a call."""
        return self._letterbox(image, out)

    def detect_shrunk(self, shrunk: Image, fit: Fit, threshold: float) -> list[Detection]:
        """Faces in what `shrink` made, px of the frame, best first.

        Raises:
            ContractError: The network gave rubbish.
            EngineError: The backend failed.
        """
        outputs = self._engine.run({"picture": self._feed(shrunk)})
        found = _in_frame(self._decoder(outputs, threshold), fit)
        return _detections(suppress(found, self._iou, self._decoder.pixel))


def picture_size(engine: Engine, contract: DetectorContract, wanted: Size | None = None) -> Size:
    """Size of the picture that `engine` is run at: its own; where that is free `wanted`, else the contract's side.

    Raises:
        ModelError: The network takes no such picture, or its sides are no multiples of 32.
    """
    asked = wanted or Size(contract.picture.side, contract.picture.side)
    own = _own_sides(engine, contract.picture.layout)
    size = Size(own[0] if own[0] > 0 else asked.width, own[1] if own[1] > 0 else asked.height)
    if any(side <= 0 or side % STRIDES[-1] for side in size):
        raise ModelError(f"The face detector's network cannot take a picture of {size}; sides are multiples of 32.")
    if wanted is not None and size != wanted:
        raise ModelError(f"The face detector's network takes pictures of {size}, not {wanted}.")
    return size


def check_outputs(engine: Engine, decoder: Decoder) -> None:
    """Raise ModelError unless `engine` gives what `decoder` reads.

    Where the picture's sides are free, what a file says about its rows is not trusted (insightface's det_10g declares
    those of 640 px).
    """
    free = -1 in engine.inputs["picture"].shape[1:]
    for role, (rows, columns) in decoder.shapes.items():
        spec, wanted = engine.outputs.get(role), (-1 if free else rows, columns)
        if spec is None or spec.dtype != "float32" or not _fits(spec.shape, wanted):
            told = "nothing" if spec is None else f"{spec.dtype}{list(spec.shape)}"
            raise ModelError(f"The face detector's network gives {told} as {role}, not float32{list(wanted)}.")


def rows_of(outputs: Mapping[str, Tensor], role: str, shape: tuple[int, int]) -> Floats:
    """The output `role`, f32 of `shape` (-1 is free), with or without a batch axis in front; finite.

    Raises:
        ContractError: It is anything else.
    """
    tensor = outputs[role]
    rows = tensor[0] if tensor.ndim == 3 and len(tensor) == 1 else tensor
    return finite(rows, shape if -1 not in shape else _filled(shape, rows.shape), role)


def anchors_of(size: Size, stride: int, per_cell: int) -> Points:
    """(N, 2) f32 px: the upper left corner of each cell, row by row, each `per_cell` times."""
    across, down = np.meshgrid(np.arange(0, size.width, stride), np.arange(0, size.height, stride))
    return np.stack([across, down], axis=-1).reshape(-1, 2).repeat(per_cell, axis=0).astype(np.float32)


def _own_sides(engine: Engine, layout: Layout) -> tuple[int, int]:
    """Width and height of the picture that `engine` takes, -1 where free; raise ModelError if it takes none."""
    spec = engine.inputs.get("picture")
    if spec is not None and len(spec.shape) == 4 and spec.dtype == "float32":
        _, *rest = spec.shape
        planes, height, width = rest if layout is Layout.NCHW else (rest[2], rest[0], rest[1])
        if planes in {3, -1}:
            return width, height
    raise ModelError(f"The face detector's network does not take one picture in colour: {spec}.")


def _fits(shape: tuple[int, ...], wanted: tuple[int, int]) -> bool:
    """Whether a tensor of `shape`, -1 where free, can be `wanted`, with or without a batch axis."""
    if len(shape) not in {2, 3} or (len(shape) == 3 and shape[0] not in {1, -1}):
        return False
    return all(-1 in pair or pair[0] == pair[1] for pair in zip(shape[-2:], wanted, strict=True))


def _filled(shape: tuple[int, int], found: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with what is free taken from `found`, where that has as many axes."""
    if len(found) != len(shape):
        return shape
    return tuple(real if side == -1 else side for side, real in zip(shape, found, strict=True))


def _in_frame(found: Candidates, fit: Fit) -> Candidates:
    """`found`, px of the picture, in px of the frame.

    Raises:
        ContractError: A box or point lies nowhere.
    """
    scale = np.array([fit.scale_x, fit.scale_y], np.float32)
    corners = (found.corners.reshape(-1, 2, 2) / scale).reshape(-1, 4)
    five = found.five / scale
    if not (np.isfinite(corners).all() and np.isfinite(five).all()):
        raise ContractError("The face detector's network gives a box that is not finite.", "Choose another model.")
    return Candidates(corners, five, found.scores)


def _detections(found: Candidates) -> list[Detection]:
    rows = zip(found.corners.tolist(), found.five, found.scores.tolist(), strict=True)
    return [Detection(Box(*box), Landmarks(five, Topology.FIVE), score) for box, five, score in rows]
