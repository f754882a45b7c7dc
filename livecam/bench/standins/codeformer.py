"""CodeFormer: a VQGAN whose codes are guessed by a transformer, with a second input that says how much to believe it.

Checked: 404.9 GMAC and 94.0 M parameters, as counted on the published architecture.
"""

from typing import Final

from livecam.bench.standins.graph import Draft, Wire
from livecam.bench.standins.layers import PLAIN, Net
from livecam.bench.standins.vqgan import (
    CODES,
    MULTIPLIERS,
    SIDE,
    codebook,
    doubled,
    encode,
    joined,
    level_width,
    looked_up,
    mixed,
    residual,
    self_attention,
    split,
)
from livecam.bench.standins.width import about, narrow

_TOKENS: Final = 256
_WIDTH: Final = 512
_LAYERS: Final = 9
_HEADS: Final = 8
_FUSED: Final = (1, 2, 3, 4)
"""Levels, 256 to 32 px, at which the encoder's picture steers the decoder's."""


def codeformer(name: str, divisor: int) -> Draft:
    """The enhancer. ``weight`` is f64 (1,); more of it keeps more of the input."""
    net = Net(name, about(divisor), opset=17)
    picture = net.input("input", (1, 3, SIDE, SIDE))
    weight = net.input("weight", (1,), "float64", channels=1)
    x, levels = encode(net, picture, divisor, heads=1)
    bottom = _middle(net, x)
    codes = codebook(net, divisor)
    feature = net.conv(net.group_norm(bottom), codes.channels, gain=PLAIN)
    x = looked_up(net, _guess(net, feature, divisor), codes)
    x = _middle(net, net.conv(x, level_width(len(MULTIPLIERS) - 1, divisor), gain=PLAIN))
    net.output(_decode(net, x, levels, weight, divisor), "output", (1, 3, SIDE, SIDE))
    return net.finish()


def _middle(net: Net, x: Wire) -> Wire:
    return residual(net, self_attention(net, residual(net, x, x.channels)), x.channels)


def _guess(net: Net, feature: Wire, divisor: int) -> Wire:
    """(1, 256): which code belongs to each place of the 16x16."""
    tokens = net.transpose(net.reshape(feature, (0, 0, -1)), 0, 2, 1)
    x = net.project(tokens, narrow(_WIDTH, divisor, 2 * _HEADS))
    position = Wire(net.weight((_TOKENS, x.channels), 0.02), x.channels)
    for _ in range(_LAYERS):
        x = _layer(net, x, position)
    logits = net.project(net.layer_norm(x), CODES, bias=False)
    return net.op("ArgMax", logits, axis=-1, keepdims=0)


def _layer(net: Net, x: Wire, position: Wire) -> Wire:
    even = net.layer_norm(x)
    placed = net.op("Add", even, position)
    query, key, value = (split(net, net.project(part, x.channels), _HEADS) for part in (placed, placed, even))
    said = net.project(joined(net, mixed(net, query, key, value), x.channels), x.channels)
    x = net.op("Add", x, said)
    inner = net.gelu(net.project(net.layer_norm(x), 2 * x.channels))
    return net.op("Add", x, net.project(inner, x.channels))


def _decode(net: Net, x: Wire, levels: dict[int, Wire], weight: Wire, divisor: int) -> Wire:
    last = len(MULTIPLIERS) - 1
    for level in range(last, -1, -1):
        for place in range(2):
            x = residual(net, x, level_width(level, divisor))
            x = self_attention(net, x) if level == last else x
            x = _fused(net, x, levels[level], weight) if place == 0 and level in _FUSED else x
        x = doubled(net, x) if level else x
    return net.conv(net.group_norm(x), 3, gain=PLAIN / 2)


def _fused(net: Net, x: Wire, encoded: Wire, weight: Wire) -> Wire:
    """``x + weight * (x * scale + shift)``, where scale and shift come from both pictures."""
    both = residual(net, net.concat(encoded, x), x.channels)
    scale, shift = (net.conv(net.leaky(net.conv(both, x.channels, gain=0.5)), x.channels, gain=0.5) for _ in range(2))
    change = net.op("Add", net.op("Mul", x, scale), shift)
    return net.op("Add", x, net.op("Mul", change, weight))
