"""GPEN: an encoder whose features stand in for the noise of a StyleGAN 2 generator, concatenated.

Checked: 8.70 / 138.1 / 173.3 / 210.0 GMAC and 18.9 / 71.0 / 71.2 / 71.3 M parameters for 256 / 512 / 1024 / 2048 px, as
counted on the published architecture.
"""

import math
from typing import Final

import numpy as np

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import Net
from livecam.bench.standins.stylegan import blur, fused_leaky, modulated_weight, to_rgb, widths
from livecam.bench.standins.width import about, narrow

_STYLE: Final = 512
_MAPPING: Final = 8
_SKIP_KERNEL: Final = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16.0


def gpen(name: str, side: int, divisor: int) -> Draft:
    """The enhancer for pictures of `side` px."""
    plan = widths(1, 0.5) if side == 256 else widths(2, 1.0)
    plan = {size: narrow(channels, divisor) for size, channels in plan.items()}
    net = Net(name, about(divisor), opset=16)
    features = _encode(net, net.input("input", (1, 3, side, side)), plan, side)
    rows = net.op("Flatten", features[4], channels=features[4].channels * 16, axis=1)
    style = _lifted(net, net.linear(rows, narrow(_STYLE, divisor)))
    net.output(_generate(net, _map(net, style), features, plan, side), "output", (1, 3, side, side))
    return net.finish()


def _encode(net: Net, x: Wire, plan: dict[int, int], side: int) -> dict[int, Wire]:
    """Features by the side of the picture, down to 4."""
    x = fused_leaky(net, net.conv(x, plan[side], 1, bias=False, gain=1.0))
    features = {side: x}
    for place in range(int(math.log2(side)) - 1, 1, -1):
        down = net.conv(blur(net, x, (2, 2)), plan[2**place], stride=2, pads=0, bias=False, gain=1.0)
        features[2**place] = x = fused_leaky(net, down)
    return features


def _lifted(net: Net, x: Wire) -> Wire:
    return net.op("Mul", net.leaky(x), net.constant(math.sqrt(2.0)))


def _map(net: Net, style: Wire) -> Wire:
    """The mapping network: unit power, then eight layers."""
    power = net.op("Add", net.mean(net.op("Mul", style, style), 1), net.constant(1e-8))
    style = net.op("Div", style, net.op("Sqrt", power))
    for _ in range(_MAPPING):
        style = _lifted(net, net.linear(style, style.channels))
    return style


def _generate(net: Net, style: Wire, features: dict[int, Wire], plan: dict[int, int], side: int) -> Wire:
    start = Wire(net.weight((1, plan[4], 4, 4), 1.0), plan[4])
    x = _styled(net, start, style, features[4])
    picture = to_rgb(net, x, style, None)
    for place in range(3, int(math.log2(side)) + 1):
        feature = features[2**place]
        x = _styled(net, x, style, feature, up=True)
        x = _styled(net, x, style, feature)
        picture = to_rgb(net, x, style, _doubled(net, picture))
    return picture


def _styled(net: Net, x: Wire, style: Wire, feature: Wire, up: bool = False) -> Wire:
    """A modulated convolution and the feature beside its result: twice the feature's channels."""
    weight = modulated_weight(net, x, style, feature.channels, 3)
    if up:
        turned = net.transpose(weight, 1, 0, 2, 3)
        grown = net.op("ConvTranspose", x, turned, channels=feature.channels, kernel_shape=[3, 3], strides=[2, 2])
        made = blur(net, grown, (1, 1), gain=4.0)
    else:
        made = net.convolve(x, weight, feature.channels, 3)
    beside = net.op("Mul", feature, net.weight((1,), 0.0, 0.5))
    return fused_leaky(net, net.concat(made, beside))


def _doubled(net: Net, picture: Wire) -> Wire:
    """Zeros between the pixels and a blur, in one transposed convolution."""
    weight = net.constant(np.tile(_SKIP_KERNEL, (3, 1, 1, 1)))
    return net.op("ConvTranspose", picture, weight, kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4, group=3)
