"""GFPGAN 1.2, 1.3 and 1.4 ("clean"): a U-Net that steers half of the channels of a StyleGAN 2 decoder.

Checked: 197.8 GMAC and 84.7 M parameters, as counted on the published architecture. Noise is stored, not drawn.
"""

import math
from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.stylegan import ROOT_2, modulated_weight, to_rgb, widths
from livecam.bench.standins.width import about, narrow

SIDE: Final = 512
_STYLE: Final = 512
_LATENTS: Final = 16
_LEVELS: Final = tuple(2**place for place in range(3, int(math.log2(SIDE)) + 1))
"""Sides from 8 to 512."""


def gfpgan(name: str, divisor: int) -> Draft:
    """The enhancer."""
    plan = {size: narrow(channels, divisor, 4) for size, channels in widths(2, 1.0).items()}
    half = {size: channels // 2 for size, channels in plan.items()}
    net = Net(name, about(divisor), opset=16)
    picture = net.input("input", (1, 3, SIDE, SIDE))
    bottom, skips = _down(net, picture, half)
    rows = net.op("Flatten", bottom, channels=bottom.channels * 16, axis=1)
    width = narrow(_STYLE, divisor)
    latent = net.linear(rows, _LATENTS * width)
    styles = [net.part(latent, place * width, (place + 1) * width) for place in range(_LATENTS)]
    conditions = _up(net, bottom, skips, half)
    net.output(_decode(net, styles, conditions, plan), "output", (1, 3, SIDE, SIDE))
    return net.finish()


def _down(net: Net, x: Wire, plan: dict[int, int]) -> tuple[Wire, list[Wire]]:
    x = net.leaky(net.conv(x, plan[SIDE], 1))
    skips = []
    for side in reversed(_LEVELS):
        x = _residual(net, x, plan[side // 2], 0.5)
        skips.append(x)
    return net.leaky(net.conv(x, plan[4])), skips


def _residual(net: Net, x: Wire, channels: int, scale: float) -> Wire:
    inner = net.resize(net.leaky(net.conv(x, x.channels)), scale)
    inner = net.leaky(net.conv(inner, channels, gain=PLAIN))
    short = net.conv(net.resize(x, scale), channels, 1, bias=False, gain=PLAIN / 2)
    return net.op("Add", inner, short)


def _up(net: Net, x: Wire, skips: list[Wire], plan: dict[int, int]) -> dict[int, tuple[Wire, Wire]]:
    """Scale and shift for the decoder, by side."""
    conditions = {}
    for side, skip in zip(_LEVELS, reversed(skips), strict=True):
        x = _residual(net, net.op("Add", x, skip), plan[side], 2.0)
        scale, shift = (net.conv(net.leaky(net.conv(x, x.channels, gain=0.5)), x.channels, gain=0.5) for _ in range(2))
        conditions[side] = scale, shift
    return conditions


def _decode(net: Net, styles: list[Wire], conditions: dict[int, tuple[Wire, Wire]], plan: dict[int, int]) -> Wire:
    start = Wire(net.weight((1, plan[4], 4, 4), 1.0), plan[4])
    x = _styled(net, start, styles[0], plan[4], 4)
    picture = to_rgb(net, x, styles[1], None)
    for place, side in enumerate(_LEVELS):
        first, second, third = styles[2 * place + 1 : 2 * place + 4]
        x = _styled(net, net.resize(x, 2.0), first, plan[side], side)
        x = _steered(net, x, *conditions[side])
        x = _styled(net, x, second, plan[side], side)
        picture = to_rgb(net, x, third, net.resize(picture, 2.0))
    return picture


def _styled(net: Net, x: Wire, style: Wire, channels: int, side: int) -> Wire:
    made = net.convolve(x, modulated_weight(net, x, style, channels, 3), channels, 3)
    made = net.op("Mul", made, net.constant(ROOT_2))
    noise = net.op("Mul", net.weight((1, 1, side, side), 1.0), net.weight((1,), 0.0, 0.05))
    raised = net.op("Add", net.op("Add", made, noise), net.weight((channels, 1, 1), 0.02))
    return net.leaky(raised)


def _steered(net: Net, x: Wire, scale: Wire, shift: Wire) -> Wire:
    """The first half of the channels goes through, the second is scaled and shifted."""
    half = x.channels // 2
    same, rest = net.part(x, 0, half), net.part(x, half, x.channels)
    return net.concat(same, net.op("Add", net.op("Mul", rest, scale), shift))
