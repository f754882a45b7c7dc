"""BiSeNet on ResNet-18 and ResNet-34, with its three outputs, of which the first counts.

Checked: 13.77 / 23.43 GMAC and 13.3 / 23.4 M parameters, as counted on the published architecture.
"""

from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

SIDE: Final = 512
CLASSES: Final = 19
BLOCKS: Final = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def bisenet(name: str, depth: int, divisor: int) -> Draft:
    """The face parser on a ResNet of `depth` 18 or 34."""
    net = Net(name, about(divisor), opset=17)
    picture = net.input("input", (1, 3, SIDE, SIDE))
    fine, middle, coarse = _backbone(net, picture, BLOCKS[depth], divisor)
    width = narrow(128, divisor)
    overall = net.relu(net.conv(net.op("GlobalAveragePool", coarse), width, 1))
    coarse = net.op("Add", _refined(net, coarse, width), overall)
    coarse_up = net.relu(net.conv(net.resize(coarse, 2.0, "nearest"), width))
    middle = net.op("Add", _refined(net, middle, width), coarse_up)
    middle_up = net.relu(net.conv(net.resize(middle, 2.0, "nearest"), width))
    both = _fused(net, net.concat(fine, middle_up), narrow(256, divisor, 4))
    heads = ((both, both.channels, 8.0), (middle_up, narrow(64, divisor), 8.0), (coarse_up, narrow(64, divisor), 16.0))
    for name_, (x, inside, scale) in zip(("output", "output_16", "output_32"), heads, strict=True):
        logits = net.conv(net.relu(net.conv(x, inside)), CLASSES, 1, bias=False, gain=PLAIN)
        grown = net.resize(logits, scale, corners="align_corners")
        net.output(grown, name_, (1, CLASSES, SIDE, SIDE))
    return net.finish()


def _backbone(net: Net, x: Wire, blocks: tuple[int, ...], divisor: int) -> tuple[Wire, Wire, Wire]:
    """Features at an eighth, a sixteenth and a thirty-second of the size."""
    x = net.max_pool(net.relu(net.conv(x, narrow(64, divisor), 7, 2)), 3, 2, 1)
    stages = []
    for stage, count in enumerate(blocks):
        for block in range(count):
            x = _basic(net, x, narrow(64 << stage, divisor), 2 if stage and block == 0 else 1)
        stages.append(x)
    return stages[1], stages[2], stages[3]


def _basic(net: Net, x: Wire, channels: int, stride: int) -> Wire:
    inner = net.conv(net.relu(net.conv(x, channels, stride=stride)), channels, gain=0.5)
    short = net.conv(x, channels, 1, stride, gain=PLAIN) if stride > 1 else x
    return net.relu(net.op("Add", inner, short))


def _refined(net: Net, x: Wire, channels: int) -> Wire:
    """Attention refinement: the channels weighed by what is in the whole picture."""
    x = net.relu(net.conv(x, channels))
    return net.op("Mul", x, net.op("Sigmoid", net.conv(net.op("GlobalAveragePool", x), channels, 1)))


def _fused(net: Net, x: Wire, channels: int) -> Wire:
    x = net.relu(net.conv(x, channels, 1))
    inner = net.relu(net.conv(net.op("GlobalAveragePool", x), channels // 4, 1, bias=False))
    weights = net.op("Sigmoid", net.conv(inner, channels, 1, bias=False))
    return net.op("Add", x, net.op("Mul", x, weights))
