"""The ArcFace recognisers: improved residual networks (w600k_r50, AuraFace) and MobileFaceNet (w600k_mbf).

Checked: w600k_r50 has 6.309 GMAC and 43.56 M parameters, w600k_mbf has 3.35 M parameters; both as published.
"""

from dataclasses import dataclass
from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

SIDE: Final = 112
LENGTH: Final = 512
LAYERS: Final = {50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
"""Blocks of the four stages, by the depth in the network's name."""


@dataclass(frozen=True, slots=True)
class MobileStage:
    """A stage of MobileFaceNet.

    Attributes:
        channels: Between its blocks.
        blocks: That keep the size.
        inside: Channels inside of them.
        halved_through: Channels inside of the block that halves the size before them; 0 where there is none.
    """

    channels: int
    blocks: int
    inside: int
    halved_through: int


MOBILE: Final = (
    MobileStage(128, 2, 128, 0),
    MobileStage(128, 8, 128, 128),
    MobileStage(256, 12, 256, 256),
    MobileStage(256, 4, 256, 512),
)


def residual(name: str, depth: int, divisor: int) -> Draft:
    """An improved residual network: batch normalisation before the first convolution of every block."""
    net = Net(name, about(divisor), opset=11)
    picture = net.input("input.1", ("batch", 3, SIDE, SIDE))
    x = net.prelu(net.conv(picture, narrow(64, divisor)))
    for stage, blocks in enumerate(LAYERS[depth]):
        for block in range(blocks):
            x = _block(net, x, narrow(64 << stage, divisor), stride=1 if block else 2)
    rows = net.op("Flatten", net.batch_norm(x), channels=x.channels * 49, axis=1)
    # A row of weights for each of 512 values, and batch normalisation folded into them.
    net.output(net.linear(rows, LENGTH), "embedding", ("batch", LENGTH))
    return net.finish()


def _block(net: Net, x: Wire, channels: int, stride: int) -> Wire:
    inner = net.prelu(net.conv(net.batch_norm(x), channels))
    inner = net.conv(inner, channels, stride=stride, gain=0.5)
    if stride > 1:
        x = net.conv(x, channels, 1, stride, gain=PLAIN)
    return net.op("Add", inner, x)


def mobile(name: str, divisor: int) -> Draft:
    """MobileFaceNet with stages of 2, 8, 12 and 4 blocks, at scale 2."""
    net = Net(name, about(divisor), opset=11)
    x = net.input("input.1", ("batch", 3, SIDE, SIDE))
    x = net.prelu(net.conv(x, narrow(128, divisor), stride=2))
    for stage in MOBILE:
        if stage.halved_through:
            x = _inverted(net, x, narrow(stage.channels, divisor), narrow(stage.halved_through, divisor), stride=2)
        for _ in range(stage.blocks):
            x = net.op("Add", x, _inverted(net, x, x.channels, narrow(stage.inside, divisor)))
    x = net.prelu(net.conv(x, narrow(512, divisor), 1))
    x = net.conv(x, x.channels, 7, pads=0, groups=x.channels, gain=PLAIN)
    rows = net.op("Flatten", x, axis=1)
    net.output(net.linear(rows, LENGTH), "embedding", ("batch", LENGTH))
    return net.finish()


def _inverted(net: Net, x: Wire, channels: int, inside: int, stride: int = 1) -> Wire:
    wide = net.prelu(net.conv(x, inside, 1))
    each = net.prelu(net.conv(wide, inside, stride=stride, groups=inside))
    return net.conv(each, channels, 1, gain=0.5)
