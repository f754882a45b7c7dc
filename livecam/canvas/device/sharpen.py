"""The enhancer on the card: a swapped crop with its surroundings, sharpened, and blended."""

from dataclasses import dataclass

import numpy as np

from livecam.canvas.device.port import kind_of, picture_port, port
from livecam.canvas.device.stage import SwapNetwork, result_shape, split_arguments, square
from livecam.canvas.device.verdict import STEP, Part, offset_of
from livecam.canvas.device.workspace import Workspace, described
from livecam.canvas.kernels.chain_arguments import LayArguments, MixArguments, SumsArguments, TrimArguments
from livecam.canvas.kernels.fill import crop_arguments, read_arguments
from livecam.canvas.kernels.layout import KIND_F16, Image
from livecam.core.device import DeviceEngine, DeviceImage
from livecam.core.frame import Image as Picture
from livecam.core.frame import Matrix, Points, Size
from livecam.core.geometry import compose, invert
from livecam.errors import ContractError
from livecam.vision.contract import EnhancerContract
from livecam.vision.mask.box import box_mask
from livecam.vision.swap.sharpen import Field
from livecam.vision.template import Template, align, points_of

# The mask fades the result in once more when it is painted; see livecam/vision/swap/sharpen.py.
_FADING = 2.0
_BYTES_OF_DETAIL = 2


@dataclass(frozen=True, slots=True)
class EnhanceNetwork:
    """An enhancer on the card.

    Attributes:
        engine: Bound by role: ``picture`` (and ``weight``) to ``image``.
        contract: Its numbers.
        fidelity: Of CodeFormer, 0..1; the recipe's unless given.

    Raises:
        ValueError: The fidelity is out of range, or the network has none.
    """

    engine: DeviceEngine
    contract: EnhancerContract
    fidelity: float | None = None

    def __post_init__(self) -> None:
        if self.fidelity is None:
            return
        if self.contract.fidelity is None:
            raise ValueError("This enhancer has no fidelity to set; CodeFormer has.")
        if not 0.0 <= self.fidelity <= 1.0:
            raise ValueError(f"An enhancer's fidelity lies in 0..1, not {self.fidelity}.")

    @property
    def side(self) -> int:
        """Of its crops, px."""
        return self.contract.picture.side

    def matrix(self, five: Points) -> Matrix:
        """The matrix, frame px to crop px, for a face with these five points, (5, 2) f32 px."""
        alignment = self.contract.alignment
        return align(five, alignment.template, self.side, alignment.offset_px)


class DeviceSharpener:
    """Sharpens a swapped crop on the card. One thread.

    The frame is cropped once more, at the swapper's scale but as wide as both networks see, so that the swap has its
    surroundings; nothing goes back through the frame.

    Args:
        work: Memory on the card.
        network: The enhancer.
        swapper: Whose crops they are.
        swapped: The swapped crop.
        mask: Address of its mask, (S, S) u8.
        box_blur: 0..1, of the box mask of the enhancer's crop.
        status: Address of the `Status`.

    Attributes:
        image: What is to be painted.
        mask: Where, (s, s) u8.
        looked_at: How many pixels its sums are of.

    Raises:
        ContractError: The engine does not fit the contract.
    """

    def __init__(
        self,
        work: Workspace,
        network: EnhanceNetwork,
        swapper: SwapNetwork,
        swapped: Image,
        mask: int,
        box_blur: float,
        status: int,
    ) -> None:
        self._work, self._engine = work, network.engine
        side = network.side
        field = _field(swapper, network)
        left, top = min(field.left, 0), min(field.top, 0)
        right, bottom = (max(start + field.side, swapper.side) for start in (field.left, field.top))
        self._size = Size(right - left, bottom - top)
        self._wide = work.image(self._size)
        self._to_wide = np.array([[1.0, 0, -left], [0, 1, -top]])
        self._to_fine = field.matrix(side)
        self._crop = work.arguments(crop_arguments(described(self._wide), np.eye(2, 3), self._wide.address, self._size))
        own = described(self._wide, -left, -top, square(swapper.side))
        self._lay = work.arguments(
            LayArguments(under=own, over=swapped, mask=mask, mask_pitch=swapper.side, gain=_FADING)
        )
        seen = described(self._wide, field.left - left, field.top - top, square(field.side))
        plain, self.image = (work.image(square(side)) for _ in range(2))
        self._plain, self._copies = plain, np.empty(0, np.uint8)
        scaled = Field(field.side, 0, 0).matrix(side)
        self._fit = work.arguments(crop_arguments(seen, scaled, plain.address, square(side)))
        self._network(network, plain, status)
        self.mask = work.image(square(side), 1)
        box = work.constant(box_mask(side, box_blur).reshape(-1))
        back = invert(self._to_fine)
        trim = TrimArguments(mask=mask, box=box, out=self.mask.address, side=swapper.side, out_side=side)
        trim.scale, trim.left, trim.top = back[0, 0], back[0, 2], back[1, 2]
        self._trim = work.arguments(trim)
        self.looked_at = (side // STEP) ** 2
        self._areas = (self._size.width * self._size.height, swapped.width * swapped.height, side * side)

    def prepare(self, frame: Image, matrix: Matrix, blend: float) -> None:
        """Take where the face is, and how much of the sharpened one is shown, 0..1."""
        self._crop.write(crop_arguments(frame, compose(self._to_wide, matrix), self._wide.address, self._size))
        self._mix.host.share = blend

    def matrix(self, matrix: Matrix) -> Matrix:
        """From frame px to px of `image`, for that of the swapper's crop."""
        return compose(self._to_fine, matrix)

    def begin(self, *, carry: bool) -> None:
        """Begin to sharpen; with `carry` the detail of the last time is used again and the network is not run."""
        wide, own, fine = self._areas
        self._work.launch("warp", self._crop, wide)
        self._work.launch("lay", self._lay, own)
        self._work.launch("warp", self._fit, fine)
        if carry:
            self._work.launch("carry", self._mix, fine)
        else:
            self._work.launch("split", self._split, fine)
            self._engine.enqueue(self._work.stream)
            self._work.launch("read_tensor", self._read, fine)
            self._work.blocks("sums", self._sums, 1)
            self._work.launch("mix", self._mix, fine)
        self._work.launch("trim", self._trim, fine)

    def compared(self) -> tuple[Picture, Picture]:
        """What the network was given last and what was made of it, (S, S, 3) u8 BGR each: the caller's own copies.

        Waits for the card; for now and then, since it copies both down.

        Raises:
            DeviceError: The card failed.
        """
        work, count = self._work, self._plain.bytes
        if not len(self._copies):
            self._copies = work.pinned(2 * count)
        parts = (self._copies[:count], self._copies[count:])
        for part, image in zip(parts, (self._plain, self.image), strict=True):
            work.device.download(part, image.address, work.stream)
        work.device.wait(work.stream)
        plain, sharp = (part.reshape(self._plain.size.image_shape).copy() for part in parts)
        return plain, sharp

    def _network(self, network: EnhanceNetwork, plain: DeviceImage, status: int) -> None:
        """What the network takes and gives."""
        work, contract, side = self._work, network.contract, network.side
        feed = picture_port(network.engine, contract.picture)
        given, sharp = described(plain), described(self.image)
        self._split = work.arguments(split_arguments(given, feed, kind_of(network.engine.inputs["picture"])))
        result = port(network.engine.outputs, "image", result_shape(contract.result, side))
        bad, half = status + offset_of("bad", Part.ENHANCER), kind_of(result) == KIND_F16
        self._read = work.arguments(read_arguments(result.address, contract.result, sharp, bad, half=half))
        sums = SumsArguments(image=sharp, given=given, sums=status + offset_of("sharpened"), step=STEP)
        self._sums = work.arguments(sums)
        detail = work.memory(_BYTES_OF_DETAIL * plain.bytes)
        self._mix = work.arguments(MixArguments(image=sharp, other=given, detail=detail, share=1.0))
        if contract.fidelity is not None:
            _set_fidelity(work, network, contract.fidelity)


def _field(swapper: SwapNetwork, enhancer: EnhanceNetwork) -> Field:
    """As `livecam.vision.swap.sharpen.field_of`."""
    five = points_of(Template.ARCFACE_128, 128)
    exact = compose(swapper.matrix(five), invert(enhancer.matrix(five)))
    side = round(enhancer.side * float(np.hypot(exact[0, 0], exact[1, 0])))
    middle = exact @ ((enhancer.side - 1) / 2, (enhancer.side - 1) / 2, 1)
    left, top = np.rint(middle - (side - 1) / 2).astype(int).tolist()
    return Field(side, left, top)


def _set_fidelity(work: Workspace, network: EnhanceNetwork, default: float) -> None:
    """Write the second input, for the one network that has it; it stays."""
    weight = network.engine.inputs.get("weight")
    if weight is None:
        raise ContractError("The enhancer's network on the graphics card takes no fidelity, its recipe says so.")
    value = default if network.fidelity is None else network.fidelity
    work.put(weight.address, np.full(weight.shape, value, weight.dtype).reshape(-1).view(np.uint8))
