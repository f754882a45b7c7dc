"""The swapper network on the card: split the crop into what it takes, run it, join what it gives."""

from dataclasses import dataclass

import numpy as np

from livecam.canvas.device.port import kind_of, picture_port, port
from livecam.canvas.device.verdict import STEP, Part, offset_of
from livecam.canvas.device.workspace import Arguments, Workspace
from livecam.canvas.kernels.chain_arguments import JoinArguments, SplitArguments, SumsArguments
from livecam.canvas.kernels.fill import Feed
from livecam.canvas.kernels.layout import Image
from livecam.core.device import DeviceEngine, DeviceTensor
from livecam.core.frame import Matrix, Points, Size
from livecam.errors import ContractError
from livecam.vision.contract import Colour, Layout, PictureIn, PictureOut, SwapperContract
from livecam.vision.swap.stage import LARGEST_BOOST
from livecam.vision.template import align
from livecam.vision.tensor import Floats


@dataclass(frozen=True, slots=True)
class SwapNetwork:
    """A swapper on the card.

    Attributes:
        engine: Bound by role: ``target`` and ``source`` to ``image`` (and ``mask``).
        contract: Its numbers.
        boost: Side of the crops over the network's own; see `livecam.vision.swap.stage.CropSwapper`.

    Raises:
        ValueError: The boost is out of range.
    """

    engine: DeviceEngine
    contract: SwapperContract
    boost: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.boost <= LARGEST_BOOST:
            raise ValueError(f"A pixel boost lies in 1..{LARGEST_BOOST}, not {self.boost}.")

    @property
    def side(self) -> int:
        """Of the crops, px."""
        return self.contract.picture.side * self.boost

    def matrix(self, five: Points) -> Matrix:
        """The matrix, frame px to crop px, for a face with these five points, (5, 2) f32 px.

        Raises:
            ValueError: The points coincide.
        """
        alignment = self.contract.alignment
        return align(five, alignment.template, self.side, alignment.offset_px * self.boost)


class DeviceStage:
    """Swaps a crop into another, both on the card. One thread.

    Args:
        work: Memory on the card.
        network: The swapper.
        crop: Of the wearer.
        swapped: Becomes the persona.
        mask: Address of the crop's mask, which the network's own narrows.
        status: Address of the `Status`.

    Attributes:
        looked_at: How many pixels its sums are of.

    Raises:
        ContractError: The engine does not fit the contract, or takes another number of crops at once than one or all.
    """

    def __init__(
        self, work: Workspace, network: SwapNetwork, crop: Image, swapped: Image, mask: int, status: int
    ) -> None:
        self._work, self._engine = work, network.engine
        self._source = _source(network.engine)
        self._staged = work.pinned(self._source.bytes)
        self._worn: Floats | None = None
        self._area = crop.width * crop.height
        self._runs = _runs(work, network, crop, swapped, mask, status)
        sums = SumsArguments(image=swapped, given=crop, sums=status + offset_of("swapped"), step=STEP)
        self._sums = work.arguments(sums)
        self.looked_at = (crop.width // STEP) * (crop.height // STEP)

    def fits(self, source: Floats) -> bool:
        """Whether `source` is of the shape that the network takes."""
        return source.shape == self._source.shape

    def wear(self, source: Floats) -> None:
        """Begin to copy who is worn to the card, unless that array is there; of a shape that `fits`."""
        if self._worn is source:
            return
        self._worn = None
        staged = self._staged.view(self._source.dtype).reshape(self._source.shape)
        np.copyto(staged, source, casting="same_kind")
        self._work.device.upload(self._source.address, self._staged, self._work.stream)
        self._worn = source

    def begin(self) -> None:
        """Begin to swap."""
        part = self._area // len(self._runs)
        for run in self._runs:
            self._work.launch("split", run.split, part)
            self._engine.enqueue(self._work.stream)
            for join in run.joins:
                self._work.launch("join", join, part)
        self._work.blocks("sums", self._sums, 1)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the network: what goes in, and what comes out."""

    split: Arguments[SplitArguments]
    joins: tuple[Arguments[JoinArguments], ...]


def split_arguments(
    image: Image, feed: Feed, kind: int, factor: int = 1, first: int = 0, rows: int = 1
) -> SplitArguments:
    """For `split`: `rows` phases of `image`, from phase `first` on, into a network's input."""
    picture: PictureIn = feed.picture
    arguments = SplitArguments(image=image, tensor=feed.address, factor=factor, first=first, rows=rows, kind=kind)
    arguments.mean[:], arguments.scale[:] = picture.mean, [1.0 / std for std in picture.std]
    arguments.swap, arguments.planar = picture.colour is Colour.RGB, picture.layout is Layout.NCHW
    return arguments


def result_shape(result: PictureOut, side: int, rows: int = 1) -> tuple[int, ...]:
    """Of a network's picture."""
    return (rows, 3, side, side) if result.layout is Layout.NCHW else (rows, side, side, 3)


def _source(engine: DeviceEngine) -> DeviceTensor:
    source = engine.inputs.get("source")
    if source is None:
        raise ContractError("The swapper's network on the graphics card takes no identity.")
    kind_of(source)
    return source


def _runs(work: Workspace, network: SwapNetwork, crop: Image, swapped: Image, mask: int, status: int) -> list[_Run]:
    contract, own, factor = network.contract, network.contract.picture.side, network.boost
    rows = _rows(network)
    feed = picture_port(network.engine, contract.picture, "target", rows)
    kind = kind_of(network.engine.inputs["target"])
    image = port(network.engine.outputs, "image", result_shape(contract.result, own, rows))
    runs = []
    for first in range(0, factor * factor, rows):
        split = work.arguments(split_arguments(crop, feed, kind, factor, first, rows))
        bad = status + offset_of("bad", Part.SWAPPER)
        joins = [work.arguments(_join(image, contract.result, swapped, bad, factor, first, rows))]
        if contract.own_mask:
            own_mask = port(network.engine.outputs, "mask", (rows, 1, own, own))
            bad = status + offset_of("bad", Part.MASK)
            joins.append(work.arguments(_join_mask(own_mask, crop.width, mask, bad, factor, first, rows)))
        runs.append(_Run(split, tuple(joins)))
    return runs


def _rows(network: SwapNetwork) -> int:
    """How many crops the engine takes at once."""
    target, all_rows = network.engine.inputs.get("target"), network.boost**2
    rows = target.shape[0] if target is not None and target.shape else 0
    if rows not in (1, all_rows):
        raise ContractError(
            f"The swapper's network takes {rows} crops at once; boost {network.boost} needs 1 or {all_rows}."
        )
    return rows


def _join(
    tensor: DeviceTensor, result: PictureOut, out: Image, bad: int, factor: int, first: int, rows: int
) -> JoinArguments:
    gain = 255.0 / (result.high - result.low)
    arguments = JoinArguments(tensor=tensor.address, out=out, bad=bad, gain=gain, offset=-result.low * gain)
    arguments.factor, arguments.first, arguments.rows = factor, first, rows
    arguments.channels, arguments.kind = 3, kind_of(tensor)
    arguments.swap, arguments.planar = result.colour is Colour.RGB, result.layout is Layout.NCHW
    return arguments


def _join_mask(
    tensor: DeviceTensor, side: int, mask: int, bad: int, factor: int, first: int, rows: int
) -> JoinArguments:
    out = Image(data=mask, width=side, height=side, pitch=side)
    arguments = JoinArguments(tensor=tensor.address, out=out, bad=bad, gain=255.0, channels=1, planar=1, narrow=1)
    arguments.factor, arguments.first, arguments.rows = factor, first, rows
    arguments.kind = kind_of(tensor)
    return arguments


def square(side: int) -> Size:
    """Of a crop."""
    return Size(side, side)
