"""The mask of a crop on the card: box, landmarks, occlusion and regions, composed by minimum."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.canvas.device.port import kind_of, picture_port, port
from livecam.canvas.device.workspace import Workspace
from livecam.canvas.kernels.chain_arguments import MergeArguments, ShareArguments, SoftenArguments
from livecam.canvas.kernels.fill import feed_arguments
from livecam.canvas.kernels.layout import Image
from livecam.core.device import DeviceEngine
from livecam.core.face import Landmarks
from livecam.core.frame import NS_PER_S, Matrix, Size
from livecam.core.frame import Image as Pixels
from livecam.errors import ContractError
from livecam.vision.contract import MaskerContract, MaskerFamily
from livecam.vision.mask.bisenet import CLASSES
from livecam.vision.mask.box import box_mask
from livecam.vision.mask.soft import SIGMA_PX
from livecam.vision.swap.masks import BOX_BLUR, PlacedMasker

# As livecam/vision/mask/xseg.py and steady.py; tests/canvas/device/ holds them together.
_FLOOR: Final = 0.1
_TIME_CONSTANT_S: Final = 0.12
_LONGEST_GAP_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class MaskNetwork:
    """A masker on the card.

    Attributes:
        engine: Bound by role: ``picture`` to ``mask`` (XSeg) or ``logits`` (BiSeNet).
        contract: Its numbers.
    """

    engine: DeviceEngine
    contract: MaskerContract


@dataclass(frozen=True, slots=True)
class DeviceMaskers:
    """What composes the mask of a crop, beside the box; see `livecam.vision.swap.masks.Maskers`.

    Attributes:
        before: They see the crop before the swap: occlusion.
        placed: They are told where the face is, and draw on the host.
        after: They see the crop after the swap: regions.
        box_blur: 0..1, how much of half the crop's side is soft.
    """

    before: tuple[MaskNetwork, ...] = ()
    placed: tuple[PlacedMasker, ...] = ()
    after: tuple[MaskNetwork, ...] = ()
    box_blur: float = BOX_BLUR


class NetworkMask:
    """What one masker network says of a crop, softened and steadied over time. One thread.

    The work is done at the smaller of both sides, as on the processor.

    Args:
        work: Memory on the card.
        network: The masker.
        crop: What it looks at, on the card.
        mask: Address of the crop's mask, which it narrows.
        bad: Address of the count of what is not finite.

    Raises:
        ContractError: The network does not fit its contract, or its regions are none or all of the classes.
    """

    def __init__(self, work: Workspace, network: MaskNetwork, crop: Image, mask: int, bad: int) -> None:
        self._work, self._engine = work, network.engine
        contract, side = network.contract, crop.width
        own, small = contract.picture.side, min(contract.picture.side, crop.width)
        feed = picture_port(network.engine, contract.picture)
        scale = own / side
        edge = (scale - 1) / 2
        self._feed = work.arguments(feed_arguments(crop, np.array([[scale, 0, edge], [0, scale, edge]]), feed))
        self._feed.host.taps = max(1, round(1 / scale))
        plane, rows, soft = work.memory(4 * small * small), work.memory(4 * small * small), work.memory(small * small)
        self._share = work.arguments(_share(network, small, plane, bad))
        self._soften = work.arguments(soften_arguments(small, side, plane, rows, soft))
        shown = work.memory(side * side)
        self._merge = work.arguments(MergeArguments(soft=soft, shown=shown, mask=mask, soft_side=small, side=side))
        self._areas = (own * own, small * small, side * side)
        self._last_ns: int | None = None

    def prepare(self, now_ns: int) -> None:
        """Say how much of a small change is followed in this frame."""
        step_s = math.inf if self._last_ns is None else (now_ns - self._last_ns) / NS_PER_S
        self._last_ns = now_ns
        fresh = not 0 <= step_s <= _LONGEST_GAP_S
        self._merge.host.fresh = fresh
        self._merge.host.calm = 0.0 if fresh else 1 - math.exp(-step_s / _TIME_CONSTANT_S)

    def forget(self) -> None:
        """What it said last was rubbish."""
        self._last_ns = None

    def begin(self) -> None:
        """Begin to run it and to narrow the mask."""
        own, small, side = self._areas
        self._work.launch("warp", self._feed, own)
        self._engine.enqueue(self._work.stream)
        self._work.launch("share", self._share, small)
        self._work.launch("blur_rows", self._soften, small)
        self._work.launch("soften", self._soften, small)
        self._work.launch("merge", self._merge, side)


class DeviceMask:
    """The mask of one face's crop, on the card. One thread.

    Masks from landmarks are drawn on the host, where the landmarks are, and go up with the box: one small copy.

    Args:
        work: Memory on the card.
        maskers: What composes it.
        crop: Before the swap, on the card.
        swapped: After the swap.
        bad: Address of the count of what is not finite.

    Attributes:
        address: (side, side) u8 on the card.
    """

    def __init__(self, work: Workspace, maskers: DeviceMaskers, crop: Image, swapped: Image, bad: int) -> None:
        self._work, self._placed = work, maskers.placed
        side = crop.width
        self._bytes = side * side
        self.address = work.memory(self._bytes)
        self._box = box_mask(side, maskers.box_blur)
        self._resident = work.constant(self._box.reshape(-1))
        self._drawn: Pixels = work.pinned(self._bytes).reshape(side, side)
        self._other = np.empty((side, side), np.uint8)
        self._unseen = np.zeros(Size(side, side).image_shape, np.uint8)
        self._before = [NetworkMask(work, network, crop, self.address, bad) for network in maskers.before]
        self._after = [NetworkMask(work, network, swapped, self.address, bad) for network in maskers.after]

    def prepare(self, landmarks: Landmarks, matrix: Matrix, now_ns: int, *, networks: bool) -> None:
        """Take where the face is, for the frame of `now_ns`; `networks` says whether they will be run.

        Raises:
            ContractError: The landmarks are too few.
        """
        for masker in self._placed:
            masker.place(landmarks, matrix)
        if self._placed:
            np.copyto(self._drawn, self._box)
        for masker in self._placed:
            cv2.min(self._drawn, masker(self._unseen, self._other), dst=self._drawn)
        for network in (*self._before, *self._after) if networks else ():
            network.prepare(now_ns)

    def start(self, *, networks: bool) -> None:
        """Begin with what the crop before the swap tells."""
        if self._placed:
            self._work.device.upload(self.address, self._drawn, self._work.stream)
        else:
            self._work.device.copy(self.address, self._resident, self._bytes, self._work.stream)
        _begin(self._before if networks else ())

    def finish(self, *, networks: bool) -> None:
        """Go on with what the swapped crop tells."""
        _begin(self._after if networks else ())

    def forget(self) -> None:
        """What the networks said last was rubbish."""
        for network in (*self._before, *self._after):
            network.forget()


def _begin(networks: Sequence[NetworkMask]) -> None:
    for network in networks:
        network.begin()


def _share(network: MaskNetwork, side: int, plane: int, bad: int) -> ShareArguments:
    contract, own = network.contract, network.contract.picture.side
    if contract.family is MaskerFamily.XSEG:
        answer = port(network.engine.outputs, "mask", (1, own, own, 1))
        classes, regions = 1, 0
    else:
        answer = port(network.engine.outputs, "logits", (1, CLASSES, own, own))
        classes, regions = CLASSES, _bits(contract.regions)
    return ShareArguments(
        tensor=answer.address,
        out=plane,
        bad=bad,
        side=own,
        out_side=side,
        classes=classes,
        regions=regions,
        kind=kind_of(answer),
        floor=_FLOOR,
    )


def _bits(regions: tuple[int, ...]) -> int:
    """One bit for each region."""
    inside = set(regions)
    if not inside or not inside < set(range(CLASSES)):
        raise ContractError(f"Regions must be some of 0..{CLASSES - 1}, not {regions}.")
    return sum(1 << region for region in inside)


def soften_arguments(side: int, crop_side: int, plane: int, rows: int, out: int) -> SoftenArguments:
    """For `blur_rows`, then `soften`.

    Args:
        side: Of the mask, px.
        crop_side: Of the crop that it is for.
        plane: Address of the mask, f32 0..1.
        rows: Working memory, likewise.
        out: The soft mask, u8.
    """
    sigma = SIGMA_PX * side / crop_side
    # The size that cv2.GaussianBlur chooses for 32-bit floats.
    weights = cv2.getGaussianKernel(round(sigma * 8 + 1) | 1, sigma, cv2.CV_32F)[:, 0]
    middle = len(weights) // 2
    arguments = SoftenArguments(plane=plane, rows=rows, out=out, side=side, reach=middle)
    arguments.weights[: middle + 1] = weights[middle:].tolist()
    return arguments
