"""2dfan4: four stacked hourglasses and, as in the published file, the heat maps read out in the graph.

Checked: 25.2 GMAC and 23.8 M parameters, as counted on the published architecture.
"""

from typing import Final

import numpy as np

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import Net
from livecam.bench.standins.width import about, narrow

SIDE: Final = 256
POINTS: Final = 68
_MAP: Final = 64
_STACKS: Final = 4
_DEPTH: Final = 4
_FAINT: Final = 0.005
"""Gain of the maps, whose peaks are near 1 in the published network."""


def fan(name: str, divisor: int) -> Draft:
    """The landmarker."""
    net = Net(name, about(divisor), opset=11)
    x = net.relu(net.conv(net.input("input", (1, 3, SIDE, SIDE)), narrow(64, divisor), 7, 2))
    x = net.average_pool(_block(net, x, narrow(128, divisor, 4)))
    x = _block(net, x, x.channels)
    x = _block(net, x, narrow(256, divisor, 8))
    maps = x
    for stack in range(_STACKS):
        inner = _block(net, _hourglass(net, x, _DEPTH), x.channels)
        inner = net.relu(net.conv(inner, x.channels, 1))
        maps = net.conv(inner, POINTS, 1, gain=_FAINT)
        if stack < _STACKS - 1:
            onward = net.op("Add", net.conv(inner, x.channels, 1, gain=0.5), net.conv(maps, x.channels, 1, gain=0.5))
            x = net.op("Add", x, onward)
    net.output(_read_out(net, maps), "landmarks_xyscore", (1, POINTS, 3))
    net.output(maps, "heatmaps", (1, POINTS, _MAP, _MAP))
    return net.finish()


def _block(net: Net, x: Wire, channels: int) -> Wire:
    """Three convolutions, each seeing the one before; their results side by side, and the input added."""
    first = _normed(net, x, channels // 2)
    second = _normed(net, first, channels // 4)
    third = _normed(net, second, channels // 4)
    if x.channels != channels:
        x = net.conv(net.relu(net.batch_norm(x)), channels, 1, bias=False)
    return net.op("Add", net.concat(first, second, third), x)


def _normed(net: Net, x: Wire, channels: int) -> Wire:
    return net.conv(net.relu(net.batch_norm(x)), channels, bias=False, gain=0.7)


def _hourglass(net: Net, x: Wire, depth: int) -> Wire:
    upper = _block(net, x, x.channels)
    lower = _block(net, net.average_pool(x), x.channels)
    lower = _hourglass(net, lower, depth - 1) if depth > 1 else _block(net, lower, x.channels)
    lower = _block(net, lower, x.channels)
    return net.op("Add", upper, net.resize(lower, 2.0, "nearest"))


def _read_out(net: Net, maps: Wire) -> Wire:
    """(1, 68, 3): where each map is largest, in cells, and how large it is there."""
    rows = net.reshape(maps, (0, 0, -1))
    score = net.op("ReduceMax", rows, axes=[2], keepdims=1)
    place = net.op("ArgMax", rows, axis=2, keepdims=1)
    width = net.constant(np.array(_MAP))
    x, y = (net.cast(net.op(kind, place, width), net.dtype) for kind in ("Mod", "Div"))
    return net.concat(x, y, score, axis=2)
