"""SCRFD with keypoints in the three sizes of the catalogue, layer by layer as the published 2.5g and 500m graphs.

Checked: GMAC and parameters of all three equal those of the published networks (0.734 / 3.428 / 13.341 GMAC at 640 px).
Drawn weights find nothing: every score is near 0.01. For faces where they are wanted, see `planted`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import Net
from livecam.bench.standins.width import about, narrow

STRIDES: Final = (8, 16, 32)
ANCHORS: Final = 2
KINDS: Final = (("score", 1), ("box", 4), ("kps", 10))
"""Outputs in the graph's order, each for the three strides, with the values of one anchor."""

RARE: Final = -4.595
"""Bias of the class scores: a probability of 0.01."""

_FAINT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Size:
    """One size of the family.

    Attributes:
        stem: Channels of the convolutions before the first pooling; of MobileNet's first three.
        widths: Channels of the four stages.
        blocks: Blocks of each stage.
        neck: Channels of the pyramid.
        head: Convolutions of 3x3 in each head.
        head_width: Their channels.
        separable: Whether backbone and heads are depthwise-separable (500m).
    """

    stem: tuple[int, ...]
    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    neck: int
    head: int
    head_width: int
    separable: bool = False


SIZES: Final = {
    "500m": Size((16, 16), (40, 72, 152, 288), (2, 3, 2, 6), 16, 2, 64, separable=True),
    "2.5g": Size((12, 12, 24), (24, 48, 48, 80), (3, 5, 3, 2), 24, 2, 64),
    "10g": Size((28, 28, 56), (56, 88, 88, 224), (3, 4, 2, 3), 56, 3, 80),
}


def scrfd(name: str, size: str, divisor: int, side: int | None = None) -> Draft:
    """The detector `size` of `SIZES`, for free or for fixed sides; results are (1, N, k)."""
    shape = SIZES[size]
    net = Net(name, about(divisor), opset=11)
    picture = net.input("input.1", (1, 3, side or "height", side or "width"))
    backbone = _mobile if shape.separable else _residual
    levels = _pyramid(net, backbone(net, picture, shape, divisor), narrow(shape.neck, divisor))
    heads = [_head(net, level, shape, divisor) for level in levels]
    for place, (kind, values) in enumerate(KINDS):
        for stride, head in zip(STRIDES, heads, strict=True):
            rows = (side // stride) ** 2 * ANCHORS if side else f"rows_{stride}"
            net.output(_rows(net, head[place], values, kind == "score"), f"{kind}_{stride}", (1, rows, values))
    return net.finish()


def _rows(net: Net, x: Wire, values: int, score: bool) -> Wire:
    table = net.reshape(net.transpose(x, 0, 2, 3, 1), (1, -1, values), values)
    return net.op("Sigmoid", table) if score else table


def _residual(net: Net, x: Wire, shape: Size, divisor: int) -> list[Wire]:
    for place, channels in enumerate(shape.stem):
        x = net.relu(net.conv(x, narrow(channels, divisor), stride=1 if place else 2))
    x = net.max_pool(x)
    stages = []
    for place, (width, blocks) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
        for block in range(blocks):
            x = _block(net, x, narrow(width, divisor), stride=2 if place and block == 0 else 1)
        stages.append(x)
    return stages[1:]


def _block(net: Net, x: Wire, channels: int, stride: int) -> Wire:
    inner = net.conv(net.relu(net.conv(x, channels, stride=stride)), channels, gain=0.5)
    if stride > 1:
        x = net.conv(net.average_pool(x), channels, 1, gain=1.0)
    return net.relu(net.op("Add", inner, x))


def _mobile(net: Net, x: Wire, shape: Size, divisor: int) -> list[Wire]:
    x = net.relu(net.conv(x, narrow(shape.stem[0], divisor), stride=2))
    x = _separable(net, x, narrow(shape.stem[1], divisor))
    stages = []
    for width, blocks in zip(shape.widths, shape.blocks, strict=True):
        for block in range(blocks):
            x = _separable(net, x, narrow(width, divisor), stride=1 if block else 2)
        stages.append(x)
    return stages[1:]


def _separable(net: Net, x: Wire, channels: int, stride: int = 1) -> Wire:
    each = net.relu(net.conv(x, x.channels, stride=stride, groups=x.channels))
    return net.relu(net.conv(each, channels, 1))


def _pyramid(net: Net, stages: Sequence[Wire], channels: int) -> list[Wire]:
    """A path aggregation network: from the top down by nearest neighbour, then up again by strides."""
    fine, middle, coarse = (net.conv(stage, channels, 1, gain=1.0) for stage in stages)
    middle = net.op("Add", middle, net.resize(coarse, 2.0, "nearest"))
    fine = net.op("Add", fine, net.resize(middle, 2.0, "nearest"))
    fine, middle, coarse = (net.conv(level, channels, gain=0.7) for level in (fine, middle, coarse))
    middle = net.op("Add", middle, net.conv(fine, channels, stride=2, gain=0.7))
    coarse = net.op("Add", coarse, net.conv(middle, channels, stride=2, gain=0.7))
    return [fine, net.conv(middle, channels, gain=0.7), net.conv(coarse, channels, gain=0.7)]


def _head(net: Net, x: Wire, shape: Size, divisor: int) -> tuple[Wire, Wire, Wire]:
    for _ in range(shape.head):
        width = narrow(shape.head_width, divisor)
        x = _separable(net, x, width) if shape.separable else net.relu(net.conv(x, width))
    score = net.conv(x, ANCHORS, gain=_FAINT, centre=RARE)
    box, kps = (net.conv(x, ANCHORS * values, gain=_FAINT) for _, values in KINDS[1:])
    if not shape.separable:
        box = net.op("Mul", box, net.weight((1,), 0.0, 1.0))
    return score, box, kps
