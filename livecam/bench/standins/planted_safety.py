"""Judges of pictures whose answer is known: bright is nudity, bright is old, whatever is on the picture."""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto

from livecam.bench.standins.graph import Wire
from livecam.bench.standins.layers import Net
from livecam.bench.standins.width import PLANTED

_NOWHERE = 0.01


def plant_scores(side: int, weights: Sequence[float], low: float, high: float, gain: float = 1.0) -> ModelProto:
    """A network of classes: those that count get ``gain * b``, the others ``gain * (1 - b)``, as scores (1, C).

    Args:
        side: Of its picture, px.
        weights: Of each class; above 0 it counts.
        low: What a black pixel is fed as.
        high: What a white one is; b is 0 for a black picture and 1 for a white one.
        gain: Of the scores.
    """
    net = Net("planted_scores", PLANTED, opset=11)
    bright = net.reshape(_bright(net, net.input("input", (1, 3, side, side)), low, high), (1, 1), 1)
    slope = np.where(np.array(weights) > 0, gain, -gain)[None].astype(np.float32)
    offset = np.where(np.array(weights) > 0, 0.0, gain)[None].astype(np.float32)
    scores = net.op("Add", net.op("Mul", bright, net.constant(slope)), net.constant(offset))
    net.output(scores, "output", (1, len(weights)))
    return net.finish().model()


def plant_rows(side: int, weights: Sequence[float], counts: int) -> ModelProto:
    """A network of boxes, (1, 4 + C, `counts`): in one of them the classes that count have the picture's brightness.

    Args:
        side: Of its picture, px; fed as 0..1.
        weights: Of each class; above 0 it counts. The others are surely seen, which must not count.
        counts: How many boxes there are.
    """
    counted = np.array(weights) > 0
    place = np.zeros((1, 4 + len(weights), counts), np.float32)
    place[0, 4:, counts // 2] = counted
    rest = np.full_like(place, _NOWHERE)
    rest[0, 4:, counts // 2] = np.where(counted, 0.0, 1.0)
    net = Net("planted_rows", PLANTED, opset=11)
    bright = net.reshape(_bright(net, net.input("images", (1, 3, side, side)), 0.0, 1.0), (1, 1, 1), 1)
    rows = net.op("Add", net.op("Mul", bright, net.constant(place)), net.constant(rest))
    net.output(rows, "output0", (1, 4 + len(weights), counts))
    return net.finish().model()


def plant_genderage(side: int = 96) -> ModelProto:
    """A network that takes a black face, fed as 0, to be newborn and a white one, fed as 255, to be 100 years old."""
    net = Net("planted_genderage", PLANTED, opset=11)
    bright = net.reshape(_bright(net, net.input("data", (1, 3, side, side)), 0.0, 255.0), (1, 1), 1)
    values = net.op("Mul", bright, net.constant(np.array([[-1.0, 1.0, 1.0]])))
    net.output(values, "fc1", (1, 3))
    return net.finish().model()


def plant_fairface(side: int = 224) -> ModelProto:
    """A network that puts faces into one of nine spans by their brightness; the picture is fed as ImageNet's are."""
    net = Net("planted_fairface", PLANTED, opset=11)
    bright = _bright(net, net.input("input", (1, 3, side, side)), -2.0, 2.5)
    for name, spans in (("race_id", 7.0), ("gender_id", 2.0), ("age_id", 9.0)):
        steps = net.op("Floor", net.op("Mul", net.reshape(bright, (1,), 1), net.constant(spans)))
        number = net.op("Clip", steps, net.constant(0.0), net.constant(spans - 1))
        net.output(number, name, (1,), "int64")
    return net.finish().model()


def _bright(net: Net, picture: Wire, low: float, high: float) -> Wire:
    """Mean brightness, 0 where every pixel is fed as `low` and 1 where as `high`."""
    above = net.op("Sub", net.mean(picture, 1, 2, 3), net.constant(low))
    return net.op("Div", above, net.constant(high - low))
