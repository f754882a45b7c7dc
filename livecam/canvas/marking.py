"""The invisible mark as a canvas on a graphics card lays it, on the picture before it comes down."""

import contextlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.arguments import MarkArguments
from livecam.core.device import Device
from livecam.core.frame import Picture, Size
from livecam.privacy.laid import Laid
from livecam.privacy.mark_code import CANVAS_HEIGHT, CANVAS_WIDTH, Floats
from livecam.privacy.watermark import BUSY, MOST, turn_of

CELLS: Final = CANVAS_WIDTH * CANVAS_HEIGHT
KERNELS: Final = ("mark_shrink", "mark_weigh", "mark_lay")
"""To be run in this order, with the same arguments."""


@dataclass(frozen=True, slots=True, eq=False)
class CardMark:
    """What pictures are marked with. It belongs to a run, whose canvases come and go.

    Attributes:
        patterns: (4, 144, 256) f32, see `livecam.privacy.watermark.patterns_of`.
        laid: Told which pictures are marked.
    """

    patterns: Floats
    laid: Laid


class Marking:
    """A `CardMark` on one card. Owns its memory there; used by the canvas's thread.

    Args:
        device: The card.
        mark: Of the run.
        stream: In which the patterns go up.

    Raises:
        DeviceError: The card has no memory left.
    """

    def __init__(self, device: Device, mark: CardMark, stream: int) -> None:
        self._device, self._laid = device, mark.laid
        count = mark.patterns.nbytes
        with contextlib.ExitStack() as undo:
            self._memory = device.allocate(count + 2 * CELLS)
            undo.callback(device.free, self._memory)
            staged = device.pinned(count)
            try:
                staged[:] = mark.patterns.reshape(-1).view(np.uint8)
                device.upload(self._memory, staged, stream)
                device.wait(stream)
            finally:
                device.free_pinned(staged)
            undo.pop_all()
        self._work = self._memory + count

    def arguments(self, luma: int, size: Size, captured_ns: int) -> MarkArguments | None:
        """For `KERNELS`: mark the picture of `size` whose luma is at `luma`; None where it is smaller than the mark."""
        if size.width < CANVAS_WIDTH or size.height < CANVAS_HEIGHT:
            return None
        return MarkArguments(
            luma=fill.image(luma, size, channels=1),
            pattern=self._memory + 4 * CELLS * turn_of(captured_ns),
            small=self._work,
            change=self._work + CELLS,
            busy=BUSY,
            most=MOST,
        )

    def arrived(self, picture: Picture) -> None:
        """`picture` came down, marked."""
        self._laid.note(picture)

    def close(self) -> None:
        """Free the card's memory.

        Raises:
            DeviceError: The card failed.
        """
        self._device.free(self._memory)
