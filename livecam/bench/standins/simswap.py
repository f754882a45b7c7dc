"""SimSwap 256 and the unofficial SimSwap 512, and the crossface converters they need.

Checked: SimSwap has 62.85 / 70.12 GMAC and 55.05 / 55.08 M parameters for 256 / 512 px, crossface 0.0055 GMAC and
5.515 M parameters; as counted on the published architectures.
"""

from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

IDENTITY: Final = 512
_BLOCKS: Final = 9
_CROSS: Final = (1024, 2048, 1024)


def simswap(name: str, side: int, divisor: int) -> Draft:
    """The swapper for crops of 256 or 512 px; the larger has one level more, at half the width."""
    net = Net(name, about(divisor), opset=11)
    target = net.input("target", (1, 3, side, side))
    source = net.input("source", (1, IDENTITY))
    levels = [64, 128, 256, 512] if side == 256 else [32, 64, 128, 256, 512]
    x = net.relu(net.conv(net.reflect(target, 3), narrow(levels[0], divisor), 7, pads=0))
    for channels in levels[1:]:
        x = net.relu(net.conv(x, narrow(channels, divisor), stride=2))
    for _ in range(_BLOCKS):
        inner = net.relu(_styled(net, net.conv(net.reflect(x, 1), x.channels, pads=0), source))
        x = net.op("Add", x, _styled(net, net.conv(net.reflect(inner, 1), x.channels, pads=0), source))
    for channels in reversed(levels[:-1]):
        x = net.relu(net.conv(net.resize(x, 2.0), narrow(channels, divisor)))
    x = net.op("Tanh", net.conv(net.reflect(x, 3), 3, 7, pads=0, gain=PLAIN / 4))
    image = net.op("Div", net.op("Add", x, net.constant(1.0)), net.constant(2.0))
    net.output(image, "output", (1, 3, side, side))
    return net.finish()


def _styled(net: Net, x: Wire, source: Wire) -> Wire:
    """Instance normalisation in plain operators, times one plus gamma, plus beta, which the identity decides."""
    centred = net.op("Sub", x, net.mean(x, 2, 3))
    variance = net.op("Add", net.mean(net.op("Mul", centred, centred), 2, 3), net.constant(1e-8))
    even = net.op("Div", centred, net.op("Sqrt", variance))
    style = net.reshape(net.linear(source, 2 * x.channels, gain=2.0), (0, -1, 1, 1), 2 * x.channels)
    gamma = net.op("Add", net.part(style, 0, x.channels), net.constant(1.0))
    scaled = net.op("Mul", even, gamma)
    return net.op("Add", scaled, net.part(style, x.channels, 2 * x.channels))


def crossface(name: str, divisor: int) -> Draft:
    """The converter between identity spaces."""
    net = Net(name, about(divisor), opset=17)
    source = net.input("input", (1, IDENTITY))
    unit = net.op("LpNormalization", source, axis=-1, p=2)
    x = unit
    for width in _CROSS:
        x = net.gelu(net.layer_norm(net.linear(x, narrow(width, divisor))))
    direct = net.op("Mul", net.linear(unit, IDENTITY), net.constant(0.2))
    net.output(net.op("Add", net.linear(x, IDENTITY), direct), "output", (1, IDENTITY))
    return net.finish()
