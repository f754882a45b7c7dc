"""What GPEN and GFPGAN share: StyleGAN 2 convolutions, whose weights are computed at run time from a style."""

import math
from typing import Final

import numpy as np

from livecam.bench.standins.graph import Wire
from livecam.bench.standins.layers import Net

ROOT_2: Final = math.sqrt(2.0)
_TINY: Final = 1e-8
_BINOMIAL: Final = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def widths(multiplier: int, share: float) -> dict[int, int]:
    """Channels by the side of the picture, in StyleGAN's plan."""
    plan = dict.fromkeys((4, 8, 16, 32), 512.0)
    plan |= {side: 512.0 * 32 / side * multiplier for side in (64, 128, 256, 512, 1024, 2048)}
    return {side: int(channels * share) for side, channels in plan.items()}


def modulated_weight(net: Net, x: Wire, style: Wire, channels: int, kernel: int, demodulate: bool = True) -> Wire:
    """Weights (channels, in, k, k) times the style of each input channel, brought back to unit size on demand."""
    scale = net.reshape(net.linear(style, x.channels, gain=0.3, centre=1.0), (1, -1, 1, 1))
    drawn = net.weight((channels, x.channels, kernel, kernel), 1.0 / math.sqrt(x.channels * kernel**2))
    weight = net.op("Mul", scale, drawn)
    if not demodulate:
        return weight
    power = net.op("Add", net.sum(net.op("Mul", weight, weight), 1, 2, 3), net.constant(_TINY))
    return net.op("Div", weight, net.op("Sqrt", power))


def blur(net: Net, x: Wire, pads: tuple[int, int], gain: float = 1.0) -> Wire:
    """Each channel blurred by [1, 3, 3, 1] both ways; `pads` before and after."""
    weight = net.constant(np.tile(_BINOMIAL * gain, (x.channels, 1, 1, 1)))
    before, after = pads
    return net.convolve(x, weight, x.channels, 4, pads=(before, before, after, after), groups=x.channels)


def fused_leaky(net: Net, x: Wire) -> Wire:
    """Bias, leaky rectifier, times the root of 2."""
    raised = net.op("Add", x, net.weight((x.channels, 1, 1), 0.02))
    return net.op("Mul", net.leaky(raised), net.constant(ROOT_2))


def to_rgb(net: Net, x: Wire, style: Wire, skip: Wire | None) -> Wire:
    """A picture of this size's own, added to `skip`, which must have the size already."""
    weight = modulated_weight(net, x, style, 3, 1, demodulate=False)
    picture = net.op("Add", net.convolve(x, weight, 3, 1), net.weight((3, 1, 1), 0.02))
    return picture if skip is None else net.op("Add", picture, skip)
