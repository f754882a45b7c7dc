"""XSeg: a U shape with filter response normalisation and a dense bottom. Pictures are (N, H, W, C).

Checked: 13.80 GMAC and 17.55 M parameters, as counted on the published architecture.
"""

import math
from typing import Final

import numpy as np

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import about, narrow

SIDE: Final = 256
_BASE: Final = 32
_BOTTOM: Final = 512
_DOWN: Final = ((1, 2, 4), (2, 2, 3), (4, 2, 2), (8, 3, 2), (8, 3, 2), (8, 3, 2))
"""Of each level on the way down: width in bases, convolutions, length of the blur before the halving."""
_UP: Final = ((4, (8, 8, 8)), (4, (8, 8, 8)), (4, (8, 8, 8)), (4, (4, 4)), (2, (2, 2)), (1, (1, 1)))
"""Of each level on the way up: width of the transposed convolution, and of the convolutions after it."""


def xseg(name: str, divisor: int) -> Draft:
    """The masker."""
    base = narrow(_BASE, divisor)
    net = Net(name, about(divisor), opset=13)
    picture = net.input("input", ("batch", SIDE, SIDE, 3), channels=3)
    x = net.transpose(picture, 0, 3, 1, 2)
    skips = []
    for width, convolutions, blur in _DOWN:
        for _ in range(convolutions):
            x = _normed(net, net.conv(x, base * width))
        skips.append(x)
        x = _blur_pool(net, x, blur)
    x = _dense(net, x, narrow(_BOTTOM, divisor))
    for (width, following), skip in zip(_UP, reversed(skips), strict=True):
        x = _normed(net, net.deconv(x, base * width, 3, 2, 1, extra=1))
        x = net.concat(x, skip)
        for wide in following:
            x = _normed(net, net.conv(x, base * wide))
    mask = net.op("Sigmoid", net.conv(x, 1, gain=PLAIN))
    net.output(net.transpose(mask, 0, 2, 3, 1), "output", ("batch", SIDE, SIDE, 1))
    return net.finish()


def _normed(net: Net, x: Wire) -> Wire:
    """Filter response normalisation, then whatever is larger: the value or its channel's threshold."""
    power = net.mean(net.op("Mul", x, x), 2, 3)
    even = net.op("Div", x, net.op("Sqrt", net.op("Add", power, net.weight((1,), 0.0, 1e-6))))
    scaled = net.op("Mul", even, net.weight((x.channels, 1, 1), 0.02, 1.0))
    shifted = net.op("Add", scaled, net.weight((x.channels, 1, 1), 0.02))
    return net.op("Max", shifted, net.weight((x.channels, 1, 1), 0.02))


def _blur_pool(net: Net, x: Wire, length: int) -> Wire:
    """Half the size, blurred before by a binomial of `length`."""
    binomial = np.array([math.comb(length - 1, place) for place in range(length)], np.float64)
    kernel = np.outer(binomial, binomial) / binomial.sum() ** 2
    weight = net.constant(np.tile(kernel, (x.channels, 1, 1, 1)))
    before, after = (length - 1) // 2, length // 2
    return net.convolve(x, weight, x.channels, length, 2, pads=(before, before, after, after), groups=x.channels)


def _dense(net: Net, x: Wire, bottom: int) -> Wire:
    """Through a vector and back: every place of the 4x4 sees every other."""
    rows = net.op("Flatten", x, channels=x.channels * 16, axis=1)
    grown = net.linear(net.linear(rows, bottom), rows.channels)
    return net.reshape(grown, (-1, x.channels, 4, 4), x.channels)
