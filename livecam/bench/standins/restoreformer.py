"""RestoreFormer++: a VQGAN whose decoder asks the encoder by multi-head cross attention.

Checked: 343.8 GMAC and 73.7 M parameters, as counted on the published architecture.
"""

from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.vqgan import (
    MULTIPLIERS,
    SIDE,
    codebook,
    cross_attention,
    doubled,
    encode,
    level_width,
    looked_up,
    residual,
    self_attention,
)
from livecam.bench.standins.width import about

_HEADS: Final = 4
_LAST: Final = len(MULTIPLIERS) - 1


def restoreformer(name: str, divisor: int) -> Draft:
    """The enhancer."""
    net = Net(name, about(divisor), opset=16)
    x, levels = encode(net, net.input("input", (1, 3, SIDE, SIDE)), divisor, _HEADS)
    # The decoder's last level asks what the encoder had before its middle attention.
    before = residual(net, x, x.channels)
    middle = residual(net, self_attention(net, before, _HEADS), x.channels)
    codes = codebook(net, divisor)
    latent = net.conv(net.silu(net.group_norm(middle)), codes.channels, gain=PLAIN)
    feature = net.conv(latent, codes.channels, 1, gain=PLAIN)
    quantised = net.conv(looked_up(net, _nearest(net, feature, codes), codes), codes.channels, 1, gain=PLAIN)
    asked = {_LAST: before, _LAST - 1: levels[_LAST - 1]}
    net.output(_decode(net, quantised, middle, asked, divisor), "output", (1, 3, SIDE, SIDE))
    return net.finish()


def _nearest(net: Net, feature: Wire, codes: Wire) -> Wire:
    """(1, 256): the code closest to each place, by ``|z|^2 + |e|^2 - 2 z e``."""
    tokens = net.transpose(net.reshape(feature, (0, 0, -1)), 0, 2, 1)
    own = net.sum(net.op("Mul", tokens, tokens), -1)
    theirs = net.transpose(net.sum(net.op("Mul", codes, codes), -1), 1, 0)
    product = net.op("MatMul", tokens, net.transpose(codes, 1, 0))
    distance = net.op("Sub", net.op("Add", own, theirs), net.op("Mul", product, net.constant(2.0)))
    return net.op("ArgMin", distance, axis=-1, keepdims=0)


def _decode(net: Net, x: Wire, middle: Wire, asked: dict[int, Wire], divisor: int) -> Wire:
    x = residual(net, net.conv(x, middle.channels, gain=PLAIN), middle.channels)
    x = residual(net, cross_attention(net, x, middle, _HEADS), x.channels)
    for level in range(_LAST, -1, -1):
        for _ in range(3):
            x = residual(net, x, level_width(level, divisor))
            x = cross_attention(net, x, asked[level], _HEADS) if level in asked else x
        x = doubled(net, x) if level else x
    return net.conv(net.silu(net.group_norm(x)), 3, gain=PLAIN / 2)
