"""YuNet and the FaceMesh of 192 px, node by node as the published graphs.

Checked: YuNet has 0.542 GMAC and 73,872 parameters at 640 px, FaceMesh 0.035 GMAC and 579,760 parameters, as counted on
the published files.
"""

from collections.abc import Sequence
from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.scrfd import RARE, STRIDES
from livecam.bench.standins.width import about, narrow

_YUNET: Final = (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
_MESH: Final = ((16, 2), (32, 2), (64, 2), (128, 2), (128, 2), (128, 2))
"""Channels of each level of FaceMesh, from 96 px down, and the blocks there that keep the size."""


def yunet(name: str, divisor: int, side: int = 640) -> Draft:
    """The face detector."""
    net = Net(name, about(divisor), opset=11)
    wide, thin = narrow(64, divisor), narrow(16, divisor)
    x = net.relu(net.conv(net.input("input", (1, 3, side, side)), thin, stride=2))
    x = net.max_pool(_unit(net, x, thin))
    for channels in (thin, wide, wide, wide):
        x = _unit(net, x, channels)
    levels = []
    for _ in range(3):
        x = _unit(net, _unit(net, net.max_pool(x), wide), wide)
        levels.append(x)
    heads = _merged(net, levels, wide)
    for kind, values in _YUNET:
        for stride, level in zip(STRIDES, heads, strict=True):
            table = net.transpose(_predicted(net, level, values), 0, 2, 3, 1)
            rows = net.reshape(table, (1, -1, values))
            rows = net.op("Sigmoid", rows) if values == 1 else rows
            net.output(rows, f"{kind}_{stride}", (1, (side // stride) ** 2, values))
    return net.finish()


def _merged(net: Net, levels: Sequence[Wire], wide: int) -> list[Wire]:
    """From the top down by nearest neighbour, then one unit more for each level's head."""
    fine, middle, coarse = levels
    coarse = _unit(net, coarse, wide)
    middle = _unit(net, net.op("Add", middle, net.resize(coarse, 2.0, "nearest")), wide)
    fine = _unit(net, net.op("Add", fine, net.resize(middle, 2.0, "nearest")), wide)
    return [_unit(net, level, wide) for level in (fine, middle, coarse)]


def _unit(net: Net, x: Wire, channels: int) -> Wire:
    point = net.conv(x, channels, 1, gain=PLAIN)
    return net.relu(net.conv(point, channels, groups=channels))


def _predicted(net: Net, x: Wire, values: int) -> Wire:
    """As `_unit`, not rectified; scores are low everywhere, as drawn weights must find nothing."""
    point = net.conv(x, values, 1, gain=PLAIN)
    return net.conv(point, values, groups=values, gain=0.1, centre=RARE if values == 1 else 0.0)


def facemesh(name: str, divisor: int) -> Draft:
    """The landmarker; its picture is (1, 192, 192, 3)."""
    net = Net(name, about(divisor), opset=11)
    x = net.transpose(net.input("input_1", (1, 192, 192, 3), channels=3), 0, 3, 1, 2)
    x = net.prelu(net.conv(x, narrow(16, divisor), stride=2, pads=(0, 0, 1, 1)))
    for level, (channels, blocks) in enumerate(_MESH):
        x = _mesh_block(net, x, narrow(channels, divisor), 2) if level else x
        for _ in range(blocks):
            x = _mesh_block(net, x, x.channels, 1)
    x = net.prelu(net.conv(x, narrow(32, divisor), 1))
    x = _mesh_block(net, x, x.channels, 1)
    points = net.conv(x, 1404, pads=0, stride=3, gain=20.0)
    net.output(net.reshape(points, (1, 1, 1, -1), 1404), "conv2d_21", (1, 1, 1, 1404))
    return net.finish()


def _mesh_block(net: Net, x: Wire, channels: int, stride: int) -> Wire:
    """A depthwise and a pointwise convolution beside the input, which is pooled and padded with channels of zeros."""
    pads = 1 if stride == 1 else (0, 0, 1, 1)
    inner = net.conv(x, x.channels, stride=stride, pads=pads, groups=x.channels, gain=PLAIN)
    inner = net.conv(inner, channels, 1, gain=PLAIN / 2)
    short = x if stride == 1 else net.max_pool(x)
    if channels > x.channels:
        short = net.padded(short, channels)
    return net.prelu(net.op("Add", short, inner))
