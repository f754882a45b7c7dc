"""Pictures to tensors and back: u8 BGR crops on our side, normalised f32 planes on the network's."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Size
from livecam.core.seams import Tensor
from livecam.errors import ContractError
from livecam.vision.contract import Colour, Layout, PictureIn, PictureOut

Floats = npt.NDArray[np.float32]


class Feeder:
    """Writes crops into a network's input. Owns its memory; used by one thread.

    Each of the 256 values is normalised once, in a table; a crop is then split into planes and looked up. That is
    exact, allocates nothing, and is as fast as any of the ways that scale the planes.

    Args:
        picture: What the network takes.
        batch: How many crops it takes at once.
        size: Of the crops, where they are not the square of `picture`.
    """

    def __init__(self, picture: PictureIn, batch: int = 1, size: Size | None = None) -> None:
        width, height = size or (picture.side, picture.side)
        self._shape = (height, width, 3)
        self._swap = picture.colour is Colour.RGB
        self._planar = picture.layout is Layout.NCHW
        self._tables = _tables(picture)
        self._table = np.dstack(self._tables)
        self._values = np.empty((3, height, width), np.uint8)
        self._planes = list(self._values[::-1] if self._swap else self._values)
        self._bytes = np.empty(self._shape, np.uint8)
        shape = (3, height, width) if self._planar else self._shape
        self.tensor: Floats = np.zeros((batch, *shape), np.float32)

    def __call__(self, crop: Image, row: int = 0) -> Floats:
        """Write `crop`, (S, S, 3) u8 BGR, into row `row` of the batch.

        Returns:
            (batch, 3, S, S) f32, or (batch, S, S, 3) where the network has its planes last. It is this feeder's own
            memory, and what the next calls write into.

        Raises:
            ContractError: The crop is not what the network takes.
        """
        if crop.shape != self._shape or crop.dtype != np.uint8:
            raise ContractError(f"The network takes a crop of shape {self._shape} u8, got {crop.shape} {crop.dtype}.")
        target = self.tensor[row]
        if self._planar:
            cv2.split(crop, self._planes)
            for values, table, plane in zip(self._values, self._tables, target, strict=True):
                cv2.LUT(values, table, dst=plane)
        else:
            ordered = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=self._bytes) if self._swap else crop
            cv2.LUT(ordered, self._table, dst=target)
        return self.tensor


class Reader:
    """Reads a network's picture back into a crop. Owns its scratch memory; used by one thread.

    Args:
        result: How the picture is read.
        side: Width and height, px.
    """

    def __init__(self, result: PictureOut, side: int) -> None:
        self._shape = (3, side, side) if result.layout is Layout.NCHW else (side, side, 3)
        self._planar = result.layout is Layout.NCHW
        self._swap = result.colour is Colour.RGB
        self._gain = 255.0 / (result.high - result.low)
        self._offset = -result.low * self._gain
        self._crop_shape = (side, side, 3)
        self._values = np.empty(self._shape, np.uint8)
        self._flat = self._values.reshape(-1, side)

    def __call__(self, row: Tensor, out: Image) -> Image:
        """Write the picture `row`, one of the batch, into `out`, (S, S, 3) u8 BGR, and return `out`.

        Values are rounded to the nearest and cut to 0..255 (peers truncate, which darkens by half a step on average).

        Raises:
            ContractError: `row` has another shape or dtype or values that are not finite, or `out` another shape.
        """
        if out.shape != self._crop_shape or out.dtype != np.uint8:
            raise ContractError(f"A crop of shape {self._crop_shape} u8 is wanted, got {out.shape} {out.dtype}.")
        flat = finite(row, self._shape, "picture").reshape(self._flat.shape)
        cv2.addWeighted(flat, self._gain, flat, 0.0, self._offset, dst=self._flat, dtype=cv2.CV_8U)
        if self._planar:
            cv2.merge(list(self._values[::-1] if self._swap else self._values), out)
        else:
            np.copyto(out, self._values[..., ::-1] if self._swap else self._values)
        return out


def finite(tensor: Tensor, shape: tuple[int, ...], what: str) -> Floats:
    """`tensor` as f32, known to have `shape` and to be finite.

    The check is one sum, in f64: whatever is not finite stays so through it.

    Raises:
        ContractError: It has another shape or dtype, or values that are not finite.
    """
    if tensor.shape != shape or tensor.dtype != np.float32:
        raise ContractError(
            f"The network's {what} has shape {tensor.shape} {tensor.dtype}; it must have {shape} float32.",
            "The model is not what its recipe says; choose another one.",
        )
    values: Floats = np.ascontiguousarray(tensor, dtype=np.float32)
    if values.size and not math.isfinite(cv2.sumElems(values.reshape(-1, shape[-1]))[0]):
        raise ContractError(
            f"The network's {what} holds values that are not finite.",
            "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
        )
    return values


def _tables(picture: PictureIn) -> list[Floats]:
    """By plane, in the network's order: (1, 256) f32, what each value 0..255 becomes."""
    values = np.arange(256.0)
    return [
        ((values - mean) / std).astype(np.float32)[None] for mean, std in zip(picture.mean, picture.std, strict=True)
    ]
