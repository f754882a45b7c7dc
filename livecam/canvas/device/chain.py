"""Everything of a swap that only reads the frame, in fixed memory of the card: crop, masks, swap, colours, enhancer."""

import contextlib
import ctypes
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.colour import DeviceColour
from livecam.canvas.device.mask import DeviceMask, DeviceMaskers
from livecam.canvas.device.sharpen import DeviceSharpener, EnhanceNetwork
from livecam.canvas.device.stage import DeviceStage, SwapNetwork, square
from livecam.canvas.device.verdict import Part, Status, middle_of, offset_of
from livecam.canvas.device.workspace import Workspace, described
from livecam.canvas.kernels.fill import crop_arguments, means_arguments
from livecam.canvas.kernels.layout import Image
from livecam.core.device import DeviceImage
from livecam.core.face import Landmarks
from livecam.core.frame import Image as Picture
from livecam.core.frame import Matrix, Points
from livecam.core.ladder import Sharpening
from livecam.vision.color import ColourMemory


class Piece(NamedTuple):
    """What is done with a frame; each kind has its own graph.

    Attributes:
        networks: Whether networks find what covers the face.
        sharpening: Which enhancer sharpens; None for none.
        carry: Whether it is not run, and its detail of the last time is used.
    """

    networks: bool
    sharpening: Sharpening | None
    carry: bool


class Placed(NamedTuple):
    """A face in a frame.

    Attributes:
        landmarks: Px of the frame.
        five: (5, 2) f32 px of the frame.
        matrix: Frame px to crop px.
        now_ns: The time of the frame.
    """

    landmarks: Landmarks
    five: Points
    matrix: Matrix
    now_ns: int


class Painting(NamedTuple):
    """What is to be painted, on the card.

    Attributes:
        image: (S, S, 3) u8 BGR.
        mask: (S, S) u8: where.
        matrix: Frame px to crop px.
    """

    image: DeviceImage
    mask: DeviceImage
    matrix: Matrix


class DeviceChain:
    """The steps of a swap and their memory. One thread.

    Args:
        canvas: The frames' canvas.
        swapper: What swaps.
        maskers: What of the swapped crop is shown.
        enhancers: What may sharpen.
        colour: 0..1, how far the swapped crop takes on the wearer's colours.

    Attributes:
        work: Its memory.
        stage: The swapper.
        mask: The mask.
        status: What came down of the last frame, once it was waited for.
    """

    def __init__(
        self,
        canvas: CudaCanvas,
        swapper: SwapNetwork,
        maskers: DeviceMaskers,
        enhancers: Mapping[Sharpening, EnhanceNetwork],
        colour: float,
    ) -> None:
        self.work = Workspace(canvas)
        with contextlib.ExitStack() as stack:
            stack.callback(self.work.close)
            self._canvas, self._side = canvas, swapper.side
            self._allocate(swapper, maskers, colour)
            plane = (self._swapped, self.mask.address, maskers.box_blur, self._card_status)
            self._sharpeners = {
                kind: DeviceSharpener(self.work, network, swapper, *plane) for kind, network in enhancers.items()
            }
            stack.pop_all()

    def prepare(self, placed: Placed, colour: ColourMemory, piece: Piece, blend: float) -> None:
        """Write what is different in this frame into the arguments.

        Raises:
            ContractError: The landmarks are too few for a masker.
        """
        frame = described(self._canvas.pixels)
        # What does not come down is a picture of one colour, which is refused.
        self._told[:] = 0
        self._crop.write(crop_arguments(frame, placed.matrix, self._crop_image.address, square(self._side)))
        self.mask.prepare(placed.landmarks, placed.matrix, placed.now_ns, networks=piece.networks)
        self._cover.host.box = middle_of(placed.five, placed.matrix, self._side)
        if self._colour is not None:
            self._colour.prepare(colour, placed.now_ns)
        if piece.sharpening is not None:
            self._sharpeners[piece.sharpening].prepare(frame, placed.matrix, blend)

    def begin(self, piece: Piece) -> None:
        """Begin all steps, up to the status that comes down."""
        work, device = self.work, self.work.device
        work.upload()
        device.zero(self._card_status, len(self._told), work.stream)
        work.launch("warp", self._crop, self._side**2)
        self.mask.start(networks=piece.networks)
        self.stage.begin()
        if self._colour is not None:
            self._colour.begin()
        self.mask.finish(networks=piece.networks)
        work.blocks("block_means", self._cover, 1)
        if piece.sharpening is not None:
            self._sharpeners[piece.sharpening].begin(carry=piece.carry)
        device.download(self._told, self._card_status, work.stream)

    def painting(self, piece: Piece, matrix: Matrix) -> Painting:
        """What was made, for a crop of `matrix`, frame px to crop px."""
        if piece.sharpening is None:
            size = square(self._side)
            return Painting(self._swapped_image, DeviceImage(self.mask.address, size, 1), matrix)
        sharpener = self._sharpeners[piece.sharpening]
        return Painting(sharpener.image, sharpener.mask, sharpener.matrix(matrix))

    def compared(self, sharpening: Sharpening) -> tuple[Picture, Picture]:
        """See `DeviceSharpener.compared`."""
        return self._sharpeners[sharpening].compared()

    def looked_at(self, piece: Piece) -> tuple[int, int]:
        """How many pixels the sums of the status are of: the swapped crop's, and the sharpened one's."""
        sharp = 0 if piece.sharpening is None else self._sharpeners[piece.sharpening].looked_at
        return self.stage.looked_at, sharp

    def close(self) -> None:
        """Free its memory. Idempotent."""
        self.work.close()

    def _allocate(self, swapper: SwapNetwork, maskers: DeviceMaskers, colour: float) -> None:
        work, size = self.work, square(self._side)
        self._card_status = status = work.memory(ctypes.sizeof(Status))
        self._told = work.pinned(ctypes.sizeof(Status))
        self.status = Status.from_address(self._told.ctypes.data)
        self._crop_image, self._swapped_image = work.image(size), work.image(size)
        crop, self._swapped = described(self._crop_image), described(self._swapped_image)
        self._crop = work.arguments(crop_arguments(crop, np.eye(2, 3), crop.data, size))
        bad = status + offset_of("bad", Part.MASKER)
        self.mask = DeviceMask(work, maskers, crop, self._swapped, bad)
        self.stage = DeviceStage(work, swapper, crop, self._swapped, self.mask.address, status)
        address = self.mask.address
        self._colour = DeviceColour(work, self._swapped, crop, address, status, colour) if colour > 0 else None
        plane = Image(data=address, width=self._side, height=self._side, pitch=self._side)
        self._cover = work.arguments(means_arguments(plane, status + offset_of("cover"), 1, channels=1))
