"""Colour matching on the card: measured, followed and applied without a wait.

The arithmetic between the means and the matrix is a kernel's, so that this frame's own colours are used as on the
processor. What is known of a wearer stays on the host: it goes up with the arguments and comes back with the status.
"""

from typing import Final

import numpy as np

from livecam.canvas.device.verdict import Status, offset_of
from livecam.canvas.device.workspace import Workspace
from livecam.canvas.kernels.arguments import RecolourArguments
from livecam.canvas.kernels.chain_arguments import ColourArguments
from livecam.canvas.kernels.chain_arguments import Transfer as Told
from livecam.canvas.kernels.fill import means_arguments
from livecam.canvas.kernels.layout import Image
from livecam.vision.color import OVAL, SIDE, ColourMemory, Transfer

_CELLS: Final = SIDE * SIDE
_NUMBER: Final = 4


class DeviceColour:
    """Moves a swapped crop's colours to the wearer's, on the card. One thread.

    Args:
        work: Memory on the card.
        swapped: What is recoloured.
        original: The wearer's crop.
        mask: Address of what counts as face, (S, S) u8.
        status: Address of the `Status`.
        strength: 0..1.
    """

    def __init__(
        self, work: Workspace, swapped: Image, original: Image, mask: int, status: int, strength: float
    ) -> None:
        self._work = work
        self._area = swapped.width * swapped.height
        means = [work.memory(_NUMBER * _CELLS * channels) for channels in (3, 3, 1)]
        plane = Image(data=mask, width=swapped.width, height=swapped.height, pitch=swapped.width)
        self._means = [
            work.arguments(means_arguments(image, place, SIDE, channels))
            for image, place, channels in zip((swapped, original, plane), means, (3, 3, 1), strict=True)
        ]
        self._recolour = work.arguments(RecolourArguments(image=swapped))
        oval = work.constant(OVAL.astype(np.float32).view(np.uint8))
        matching = ColourArguments(swapped=means[0], original=means[1], mask=means[2], oval=oval, cells=_CELLS)
        matching.matrix = self._recolour.address + RecolourArguments.matrix.offset
        matching.colours, matching.strength = status + offset_of("colours"), strength
        self._match = work.arguments(matching)

    def prepare(self, memory: ColourMemory, now_ns: int) -> None:
        """Say what is known of the wearer at the frame of `now_ns`."""
        arguments = self._match.host
        arguments.known = memory.transfer is not None
        arguments.calm = memory.calm(now_ns)
        if memory.transfer is not None:
            gain, shift, middle = (part.tolist() for part in memory.transfer)
            arguments.before.gain[:], arguments.before.shift[:], arguments.before.middle[:] = gain, shift, middle

    def begin(self) -> None:
        """Begin to measure and to recolour."""
        for means in self._means:
            self._work.blocks("block_means", means, _CELLS)
        self._work.blocks("colour_match", self._match, 1)
        self._work.launch("recolour", self._recolour, self._area)


def learn(memory: ColourMemory, status: Status, now_ns: int) -> None:
    """Keep what was used for the frame of `now_ns`, if anything was measured in it."""
    if status.colours.measured:
        told: Told = status.colours.transfer
        gain, shift, middle = (np.array(part, np.float64) for part in (told.gain, told.shift, told.middle))
        memory.keep(Transfer(gain, shift, middle), now_ns)
