"""A swapper network as a stage: a crop of the wearer and an identity become a crop of the persona."""

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points, Size
from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.contract import SwapperContract
from livecam.vision.swap.sound import refuse_flat
from livecam.vision.template import align
from livecam.vision.tensor import Feeder, Floats, Reader, finite

LARGEST_BOOST = 8
"""Of a crop's side, over the network's own. Each step costs its square in runs."""


def phases(image: Image, factor: int) -> list[Image]:
    """The `factor` squared views of every `factor`-th pixel of `image`, row by row of their offsets.

    Reading them splits an image for pixel boost, writing them joins it: view ``i * factor + j`` is
    ``image[i::factor, j::factor]`` (MODELS.md G.4).
    """
    offsets = range(factor)
    return [image[i::factor, j::factor] for i in offsets for j in offsets]


class CropSwapper:
    """Swaps crops. Owns its memory; used by one thread.

    Pixel boost: the network sees crops of `boost` times its side as `boost` squared phases of its own size, as many at
    once as the engine takes.

    Args:
        engine: Bound by role: ``target`` and ``source`` to ``image`` (and ``mask``).
        contract: Its numbers.
        boost: Side of the crops over the network's own.

    Raises:
        ContractError: The engine does not fit the contract, or takes another number of crops at once than one or all.
        ValueError: The boost is out of range.
    """

    def __init__(self, engine: Engine, contract: SwapperContract, boost: int = 1) -> None:
        if not 1 <= boost <= LARGEST_BOOST:
            raise ValueError(f"A pixel boost lies in 1..{LARGEST_BOOST}, not {boost}.")
        own = contract.picture.side
        self.side = own * boost
        self._engine = engine
        self._alignment = contract.alignment
        self._boost = boost
        self._rows = _rows(engine, own, boost)
        self._feed = Feeder(contract.picture, self._rows)
        self._read = Reader(contract.result, own)
        self._small = np.empty(Size(own, own).image_shape, np.uint8)
        self._mask = np.empty((self.side, self.side), np.uint8) if contract.own_mask else None
        self._small_mask = np.empty((own, own), np.uint8)
        self._source_shape = engine.inputs["source"].shape

    def matrix(self, five: Points) -> Matrix:
        """The matrix, frame px to crop px, for a face with these five points, (5, 2) f32 px.

        Raises:
            ValueError: The points coincide.
        """
        alignment = self._alignment
        return align(five, alignment.template, self.side, alignment.offset_px * self._boost)

    def fits(self, source: Floats) -> bool:
        """Whether `source` is of the shape that the network takes."""
        wanted = self._source_shape
        same_rank = source.ndim == len(wanted)
        return same_rank and all(size in (-1, own) for size, own in zip(wanted, source.shape, strict=True))

    def __call__(self, crop: Image, source: Floats, out: Image) -> Image | None:
        """Write the swap of `crop` into `out`.

        Args:
            crop: (side, side, 3) u8 BGR of the wearer; only read.
            source: The persona, as the network's ``source`` takes it.
            out: (side, side, 3) u8 BGR; another array.

        Returns:
            The network's own mask, (side, side) u8, valid until the next call; None where it gives none.

        Raises:
            ContractError: The network gave another shape than promised, values that are not finite, or one colour.
            EngineError: The backend failed.
        """
        inward, outward = phases(crop, self._boost), phases(out, self._boost)
        masks = [] if self._mask is None else phases(self._mask, self._boost)
        for start in range(0, len(inward), self._rows):
            end = start + self._rows
            self._run(inward[start:end], source, outward[start:end], masks[start:end])
        refuse_flat(out, "swapper")
        return self._mask

    def _run(self, inward: list[Image], source: Floats, outward: list[Image], masks: list[Image]) -> None:
        """One run of the network: as many crops of its own size as it takes."""
        for row, part in enumerate(inward):
            self._feed(part if self._boost == 1 else _copied(part, self._small), row)
        results = self._engine.run({"target": self._feed.tensor, "source": source})
        images = results["image"]
        if len(images) != len(outward):
            raise ContractError(f"The swapper was given {len(outward)} crops and gave {len(images)}.")
        for image, part in zip(images, outward, strict=True):
            if self._boost == 1:
                self._read(image, part)
            else:
                np.copyto(part, self._read(image, self._small))
        if masks:
            values = finite(results["mask"], (len(masks), 1, *self._small_mask.shape), "mask")
            for value, part in zip(values, masks, strict=True):
                np.copyto(part, self._read_mask(value[0]))

    def _read_mask(self, values: Floats) -> Image:
        """`values`, (S, S) f32 0..1, as u8."""
        small = self._small_mask
        return cv2.addWeighted(values, 255, values, 0, 0, dst=small, dtype=cv2.CV_8U)  # type: ignore[return-value]


def _copied(image: Image, out: Image) -> Image:
    np.copyto(out, image)
    return out


def _rows(engine: Engine, side: int, boost: int) -> int:
    """How many crops the engine takes at once.

    Raises:
        ContractError: They are of another size, or neither one nor all.
    """
    rows, *picture = engine.inputs["target"].shape
    if any(found not in (-1, wanted) for found, wanted in zip(picture, (3, side, side), strict=True)):
        raise ContractError(f"The swapper's network takes crops of {picture}, its recipe says {side} px.")
    if rows not in (-1, 1, boost * boost):
        raise ContractError(f"The swapper's network takes {rows} crops at once; boost {boost} needs 1 or {boost**2}.")
    return boost * boost if rows == -1 else rows
