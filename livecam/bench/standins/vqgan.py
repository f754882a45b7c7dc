"""What CodeFormer and RestoreFormer++ share: the encoder and decoder of a VQGAN, and attention between tokens."""

import math
from typing import Final

import numpy as np

from livecam.bench.standins.graph import Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.width import narrow

SIDE: Final = 512
CODES: Final = 1024
CODE_WIDTH: Final = 256
MULTIPLIERS: Final = (1, 2, 2, 4, 4, 8)
_BASE: Final = 64


def level_width(level: int, divisor: int) -> int:
    """Channels of `level`, where 0 is the full size and each next half of it."""
    return narrow(_BASE * MULTIPLIERS[level], divisor, 4)


def residual(net: Net, x: Wire, channels: int) -> Wire:
    """Normalise, rectify, convolve; twice."""
    inner = net.conv(net.silu(net.group_norm(x)), channels)
    inner = net.conv(net.silu(net.group_norm(inner)), channels, gain=0.5)
    short = x if x.channels == channels else net.conv(x, channels, 1, gain=PLAIN)
    return net.op("Add", short, inner)


def halved(net: Net, x: Wire) -> Wire:
    """Half the size by a convolution that looks one px further to the right and down."""
    return net.conv(x, x.channels, stride=2, pads=(0, 0, 1, 1), gain=PLAIN)


def doubled(net: Net, x: Wire) -> Wire:
    """Twice the size by nearest neighbour, and a convolution."""
    return net.conv(net.resize(x, 2.0, "nearest"), x.channels, gain=PLAIN)


def attend(net: Net, x: Wire, asking: Wire, heads: int = 1) -> Wire:
    """Attention between the places of normalised pictures: `asking` asks, `x` answers."""
    query = split(net, _tokens(net, net.conv(asking, x.channels, 1, gain=PLAIN)), heads)
    key, value = (split(net, _tokens(net, net.conv(x, x.channels, 1, gain=PLAIN)), heads) for _ in range(2))
    answer = joined(net, mixed(net, query, key, value), x.channels)
    turned = net.transpose(answer, 0, 2, 1)
    picture = net.op("Reshape", turned, net.op("Shape", x), channels=x.channels)
    return net.conv(picture, x.channels, 1, gain=PLAIN)


def self_attention(net: Net, x: Wire, heads: int = 1) -> Wire:
    """A picture and what its places have to say to each other."""
    even = net.group_norm(x)
    return net.op("Add", x, attend(net, even, even, heads))


def cross_attention(net: Net, x: Wire, asking: Wire, heads: int) -> Wire:
    """A picture and its answers to another, `asking`, of the same shape."""
    return net.op("Add", x, attend(net, net.group_norm(x), net.group_norm(asking), heads))


def _tokens(net: Net, x: Wire) -> Wire:
    """(1, C, H, W) as (1, HW, C)."""
    return net.transpose(net.reshape(x, (0, 0, -1)), 0, 2, 1)


def split(net: Net, tokens: Wire, heads: int) -> Wire:
    """(1, HW, C) as (1, heads, HW, C / heads)."""
    parted = net.reshape(tokens, (0, 0, heads, -1), tokens.channels // heads)
    return net.transpose(parted, 0, 2, 1, 3)


def mixed(net: Net, query: Wire, key: Wire, value: Wire) -> Wire:
    """Softmax attention within each head."""
    scaled = net.op("Mul", query, net.constant(1 / math.sqrt(query.channels)))
    weights = net.op("Softmax", net.op("MatMul", scaled, net.transpose(key, 0, 1, 3, 2)), axis=-1)
    return net.op("MatMul", weights, value, channels=value.channels)


def joined(net: Net, parts: Wire, channels: int) -> Wire:
    """(1, heads, HW, C / heads) as (1, HW, C)."""
    return net.reshape(net.transpose(parts, 0, 2, 1, 3), (0, 0, -1), channels)


def encode(net: Net, x: Wire, divisor: int, heads: int) -> tuple[Wire, dict[int, Wire]]:
    """The bottom at 16x16, normalised but not yet projected, and the picture at the end of each level."""
    x = net.conv(x, level_width(0, divisor), gain=PLAIN)
    levels, last = {}, len(MULTIPLIERS) - 1
    for level in range(last + 1):
        for _ in range(2):
            x = residual(net, x, level_width(level, divisor))
            x = self_attention(net, x, heads) if level == last else x
        levels[level] = x
        x = x if level == last else halved(net, x)
    return x, levels


def looked_up(net: Net, places: Wire, codes: Wire) -> Wire:
    """The codes at `places` (1, HW), as a picture (1, width, 16, 16); by one-hot rows, as the original does."""
    values = net.constant(np.array([0.0, 1.0], np.float32))
    rows = net.op("OneHot", places, net.constant(np.array(CODES)), values, axis=-1)
    picked = net.op("MatMul", rows, codes, channels=codes.channels)
    return net.reshape(net.transpose(picked, 0, 2, 1), (0, 0, 16, 16), codes.channels)


def codebook(net: Net, divisor: int) -> Wire:
    """(1024, width): the codes there are."""
    width = narrow(CODE_WIDTH, divisor, 4)
    return Wire(net.weight((CODES, width), 1.0), width)
