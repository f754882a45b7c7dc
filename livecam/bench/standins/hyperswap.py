"""HyperSwap 256 and Ghost: a generator whose normalisation is steered by the identity and by the target's features.

Checked: HyperSwap has 31.93 GMAC and 201.2 M parameters; Ghost 1 / 2 / 3 have 16.3 / 31.0 / 45.7 GMAC and
128.4 / 184.3 / 240.2 M parameters; all as counted on the published architectures.
"""

from collections.abc import Sequence
from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

SIDE: Final = 256
IDENTITY: Final = 512

_DOWN: Final = (32, 64, 128, 256, 512, 1024, 1024)
_UP: Final = (1024, 512, 256, 128, 64, 32)
_LAYERS: Final = ((1024, 1024), (1024, 1024), (1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64), (64, 3))
"""Channels in and out of the generator's layers, from 2x2 to 256x256."""


def hyperswap(name: str, divisor: int) -> Draft:
    """The swapper with its own mask; the composition happens inside. 16-bit inside as the published files."""
    net = Net(name, about(divisor), opset=15, half=True)
    source = net.input("source", (1, IDENTITY))
    target = net.input("target", (1, 3, SIDE, SIDE))
    features = target_features(net, target, divisor)
    x = _seed(net, source, narrow(1024, divisor))
    made = generate(net, x, source, features, divisor, blocks=2)
    mask = _mask(net, net.concat(target, features[-1]), narrow(16, divisor))
    net.output(net.blend(mask, made, target), "output", (1, 3, SIDE, SIDE))
    net.output(mask, "mask", (1, 1, SIDE, SIDE))
    return net.finish()


def ghost(name: str, blocks: int, divisor: int) -> Draft:
    """Ghost with 1, 2 or 3 `blocks` in each layer: the same family without a mask."""
    net = Net(name, about(divisor), opset=11)
    source = net.input("source", (1, IDENTITY))
    target = net.input("target", (1, 3, SIDE, SIDE))
    features = target_features(net, target, divisor, "align_corners")
    x = net.deconv(_column(net, source), narrow(1024, divisor), 2, 1, 0)
    made = generate(net, x, source, features, divisor, blocks=blocks, corners="align_corners")
    net.output(made, "output", (1, 3, SIDE, SIDE))
    return net.finish()


def _seed(net: Net, source: Wire, channels: int) -> Wire:
    """The identity as a picture of 2x2."""
    shuffled = net.conv(_column(net, source), channels * 4)
    return net.op("DepthToSpace", shuffled, channels=channels, blocksize=2, mode="CRD")


def target_features(net: Net, x: Wire, divisor: int, corners: str = "") -> list[Wire]:
    """What the target looks like, at eight sizes from 2x2 to its own."""
    skips: list[Wire] = []
    for channels in _DOWN:
        # Batch normalisation follows in the original and is folded into the convolution, as in published files.
        x = net.leaky(net.conv(x, narrow(channels, divisor), 4, 2, pads=1), 0.1)
        skips.append(x)
    features = [x]
    for channels, skip in zip(_UP, reversed(skips[:-1]), strict=True):
        x = net.concat(net.leaky(net.deconv(x, narrow(channels, divisor), 4, 2, 1), 0.1), skip)
        features.append(x)
    return [*features, net.resize(x, 2.0, corners=corners)]


def generate(
    net: Net, x: Wire, source: Wire, features: Sequence[Wire], divisor: int, blocks: int, corners: str = ""
) -> Wire:
    """A picture in [-1, 1]: layers of `blocks` adaptive blocks, bilinear doubling between them."""
    for place, ((_, channels), feature) in enumerate(zip(_LAYERS, features, strict=True)):
        if place:
            x = net.resize(x, 2.0, corners=corners)
        x = _layer(net, x, source, feature, 3 if channels == 3 else narrow(channels, divisor), blocks)
    return net.op("Tanh", x)


def _layer(net: Net, x: Wire, source: Wire, feature: Wire, channels: int, blocks: int) -> Wire:
    inner, last = x, channels
    for block in range(blocks):
        last = channels if block == blocks - 1 else x.channels
        inner = _adaptive(net, inner, source, feature, last)
    short = x if x.channels == channels else _adaptive(net, x, source, feature, channels)
    return net.op("Add", inner, short)


def _adaptive(net: Net, x: Wire, source: Wire, feature: Wire, channels: int) -> Wire:
    """Normalise, take scale and shift from the identity here and from the target there, rectify, convolve."""
    even = net.instance_norm(x)
    one = _modulated(net, even, *(_column(net, net.linear(source, x.channels)) for _ in range(2)))
    other = _modulated(net, even, *(net.conv(feature, x.channels, 1, gain=PLAIN) for _ in range(2)))
    mask = net.op("Sigmoid", net.conv(even, 1, 1, gain=PLAIN))
    return net.conv(net.relu(net.blend(mask, one, other)), channels, bias=False, gain=PLAIN / 2)


def _column(net: Net, vector: Wire) -> Wire:
    return net.reshape(vector, (0, -1, 1, 1), vector.channels)


def _modulated(net: Net, x: Wire, scale: Wire, shift: Wire) -> Wire:
    return net.op("Add", net.op("Mul", x, scale), shift)


def _mask(net: Net, x: Wire, channels: int) -> Wire:
    """A small U shape; (1, 1, S, S), 0..1."""
    for wider in (1, 2, 4):
        x = net.max_pool(net.relu(net.conv(x, channels * wider)))
    inner = net.relu(net.conv(net.relu(net.conv(x, x.channels)), x.channels))
    x = net.relu(net.op("Add", inner, x))
    for wider in (2, 1, 1):
        x = net.relu(net.deconv(x, channels * wider, 2, 2, 0))
    return net.op("Sigmoid", net.conv(x, 1, 1, gain=PLAIN))
