"""inswapper_128, its 16-bit save, and ReSwapper, which has the same graph.

Checked: 174.58 GMAC and 138.5 M parameters at full width, as counted on the published architecture.
"""

from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

EMAP: Final = "buff2fs"
EMAP_SPREAD: Final = 0.1723
"""Standard deviation of the values of the published matrix."""

_STYLES: Final = 6


def inswapper(name: str, side: int, divisor: int, *, half: bool = False) -> Draft:
    """The swapper for crops of `side` px."""
    net = Net(name, about(divisor), opset=11, half=half)
    target = net.input("target", (1, 3, side, side))
    source = net.input("source", (1, 512))
    x = net.leaky(net.conv(net.reflect(target, 3), narrow(128, divisor), 7, pads=0))
    for channels, stride in ((256, 1), (512, 2), (1024, 2)):
        x = net.leaky(net.conv(x, narrow(channels, divisor), stride=stride))
    for _ in range(_STYLES):
        x = _style_block(net, x, source)
    for channels in (512, 256):
        x = net.leaky(net.conv(net.resize(x, 2.0), narrow(channels, divisor)))
    x = net.leaky(net.conv(x, narrow(128, divisor)))
    x = net.op("Tanh", net.conv(net.reflect(x, 3), 3, 7, pads=0, gain=PLAIN / 2))
    image = net.op("Div", net.op("Add", x, net.constant(1.0)), net.constant(2.0))
    net.output(image, "output", (1, 3, side, side))
    # Loaders take it from the graph; no node uses it. It has to be the last.
    net.named_weight(EMAP, (512, 512), EMAP_SPREAD)
    return net.finish()


def _style_block(net: Net, x: Wire, source: Wire) -> Wire:
    inner = net.relu(_styled(net, net.conv(net.reflect(x, 1), x.channels, pads=0), source))
    inner = _styled(net, net.conv(net.reflect(inner, 1), x.channels, pads=0), source)
    return net.op("Add", x, inner)


def _styled(net: Net, x: Wire, source: Wire) -> Wire:
    """Instance normalisation in plain operators, times gamma plus beta, which the identity decides.

    Offsets of 0.5 keep gamma from being near 0, since a drawn identity at unit length moves it only a little.
    """
    centred = net.op("Sub", x, net.mean(x, 2, 3))
    variance = net.mean(net.op("Mul", centred, centred), 2, 3)
    deviation = net.op("Sqrt", net.op("Add", variance, net.constant(1e-8 if net.dtype == "float32" else 1e-5)))
    even = net.op("Div", centred, deviation)
    style = net.linear(source, 2 * x.channels, gain=4.0, centre=0.5)
    for axis in (2, 3):
        style = net.op("Unsqueeze", style, axes=[axis])
    gamma, beta = net.part(style, 0, x.channels), net.part(style, x.channels, 2 * x.channels)
    return net.op("Add", net.op("Mul", even, gamma), beta)
