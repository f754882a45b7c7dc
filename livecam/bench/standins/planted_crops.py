"""Swappers, enhancers, maskers, recognisers and converters whose effect can be foretold in a line of arithmetic."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from livecam.bench.standins.graph import Wire
from livecam.bench.standins.inswapper import EMAP, EMAP_SPREAD
from livecam.bench.standins.layers import Net
from livecam.bench.standins.width import PLANTED

Box: TypeAlias = tuple[float, float, float, float]
Floats: TypeAlias = npt.NDArray[np.float32]

_SHARPEN: Final = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
_REGION: Final = (0.2, 0.15, 0.8, 0.9)
"""Where a crop's face is by default, x1, y1, x2, y2 of its side."""

_LIKELY: Final = 8.0
"""Logit of the class a pixel belongs to; the others have 0."""


def plant_swapper(
    side: int = 128, k: float = 0.25, low: float = 0.0, emap: bool = True, batch: int | str = 1, seed: int = 0
) -> ModelProto:
    """A swapper that gives ``clip(target + k * (source @ small), low, 1)``: each identity has a tint of its own.

    Args:
        side: Of the crop, px.
        k: Strength.
        low: What stands for black: 0 for inswapper, -1 for Ghost and its like.
        emap: Whether it carries the matrix ``buff2fs`` as its last initializer.
        batch: Of the target; a name makes it free.
        seed: Of the matrices.
    """
    net = Net("planted_swapper", PLANTED, opset=11)
    target = net.input("target", (batch, 3, side, side))
    tinted = _tinted(net, target, net.input("source", (1, 512)), k, low, seed)
    net.output(tinted, "output", (batch, 3, side, side))
    if emap:
        net.named_weight(EMAP, (512, 512), EMAP_SPREAD)
    return net.finish().model(seed)


def small_matrix(seed: int = 0) -> Floats:
    """(512, 3) f32: what a planted swapper multiplies the identity by; tints of unit vectors have spread 1."""
    return np.random.default_rng((seed, 512)).standard_normal((512, 3), np.float32)


def _tinted(net: Net, target: Wire, source: Wire, k: float, low: float, seed: int) -> Wire:
    tint = net.op("MatMul", source, net.constant(small_matrix(seed)), channels=3)
    column = net.reshape(net.op("Mul", tint, net.constant(k)), (-1, 3, 1, 1), 3)
    return net.op("Clip", net.op("Add", target, column), net.constant(low), net.constant(1.0))


def plant_hyperswap(k: float = 0.25, region: Box = _REGION, seed: int = 0) -> ModelProto:
    """A HyperSwap: as `plant_swapper` from -1 to 1 inside its mask, which is 1 in `region` (of the side) and else 0."""
    net = Net("planted_hyperswap", PLANTED, opset=11)
    source, target = net.input("source", (1, 512)), net.input("target", (1, 3, 256, 256))
    nothing = net.op("Mul", net.op("ReduceMean", target, keepdims=0), net.constant(0.0))
    mask = net.op("Add", net.constant(_rectangle(256, region)[None, None]), nothing)
    net.output(net.blend(mask, _tinted(net, target, source, k, -1.0, seed), target), "output", (1, 3, 256, 256))
    net.output(mask, "mask", (1, 1, 256, 256))
    return net.finish().model()


def plant_image_swapper(side: int = 256, source_side: int = 112, k: float = 0.5, low: float = 0.0) -> ModelProto:
    """A swapper whose identity is a picture: it gives ``clip(target + k * (mean colour of source - 0.25), low, 1)``.

    No usual picture has a mean of a quarter: each changes the face.
    """
    net = Net("planted_image_swapper", PLANTED, opset=11)
    target = net.input("target", (1, 3, side, side))
    source = net.input("source", (1, 3, source_side, source_side))
    tint = net.op("Sub", net.mean(source, 2, 3), net.constant(0.25))
    moved = net.op("Add", target, net.op("Mul", tint, net.constant(k)))
    image = net.op("Clip", moved, net.constant(low), net.constant(1.0))
    net.output(image, "output", (1, 3, side, side))
    return net.finish().model()


def plant_enhancer(side: int = 512, brighten: float = 0.1, fidelity: bool = False) -> ModelProto:
    """An enhancer that sharpens by a fixed 3x3 kernel, edges mirrored, and adds `brighten`; from -1 to 1.

    With `fidelity` it has CodeFormer's second input, ``weight`` f64 (1,): 1 gives the input back, 0 the full effect.
    """
    net = Net("planted_enhancer", PLANTED, opset=11)
    picture = net.input("input", (1, 3, side, side))
    kernel = net.constant(np.tile(_SHARPEN, (3, 1, 1, 1)))
    made = net.convolve(net.reflect(picture, 1), kernel, 3, 3, pads=0, groups=3)
    made = net.op("Add", made, net.constant(brighten))
    if fidelity:
        weight = net.input("weight", (1,), "float64", channels=1)
        made = net.blend(weight, picture, made)
    image = net.op("Clip", made, net.constant(-1.0), net.constant(1.0))
    net.output(image, "output", (1, 3, side, side))
    return net.finish().model()


def plant_xseg(region: Box = _REGION) -> ModelProto:
    """An XSeg whose mask, (N, 256, 256, 1), is 1 in `region` (of the side) and 0 elsewhere."""
    net = Net("planted_xseg", PLANTED, opset=11)
    picture = net.input("input", ("batch", 256, 256, 3), channels=3)
    nothing = net.op("Mul", net.mean(picture, 1, 2, 3), net.constant(0.0))
    mask = net.op("Add", net.constant(_rectangle(256, region)[None, :, :, None]), nothing)
    net.output(mask, "output", ("batch", 256, 256, 1))
    return net.finish().model()


def plant_bisenet(regions: Mapping[int, Box] | None = None) -> ModelProto:
    """A BiSeNet that sees each class of `regions` in its rectangle, of the side; later ones on top, else background."""
    classes = np.zeros((512, 512), np.int64)
    for number, region in (regions or {1: _REGION}).items():
        classes[_rectangle(512, region) > 0] = number
    logits = np.float32(_LIKELY) * (classes == np.arange(19)[:, None, None]).astype(np.float32)
    net = Net("planted_bisenet", PLANTED, opset=11)
    picture = net.input("input", ("batch", 3, 512, 512))
    nothing = net.op("Mul", net.mean(picture, 1, 2, 3), net.constant(0.0))
    net.output(net.op("Add", net.constant(logits[None]), nothing), "output", ("batch", 19, 512, 512))
    return net.finish().model()


def plant_recogniser(side: int = 112, length: int = 512, seed: int = 0) -> ModelProto:
    """A recogniser: a fixed random projection of the picture, averaged to an eighth and freed of mean and contrast.

    The same picture always gives the same vector, a slightly other picture a nearby one, another face another one.
    """
    net = Net("planted_recogniser", PLANTED, opset=11)
    picture = net.input("input", ("batch", 3, side, side))
    coarse = net.op("AveragePool", picture, kernel_shape=[8, 8], strides=[8, 8])
    centred = net.op("Sub", coarse, net.mean(coarse, 2, 3))
    power = net.op("Add", net.mean(net.op("Mul", centred, centred), 1, 2, 3), net.constant(1e-6))
    even = net.op("Div", centred, net.op("Sqrt", power))
    rows = net.op("Flatten", even, channels=3 * (side // 8) ** 2, axis=1)
    net.output(net.linear(rows, length, bias=False), "output", ("batch", length))
    return net.finish().model(seed)


def plant_converter(seed: int = 0, length: float = 3.0) -> ModelProto:
    """A converter: the input at unit length, turned by a fixed rotation, times `length`."""
    drawn = np.random.default_rng((seed, 3)).standard_normal((512, 512))
    rotation = np.linalg.qr(drawn)[0]
    net = Net("planted_converter", PLANTED, opset=11)
    source = net.input("input", ("batch", 512))
    unit = net.op("LpNormalization", source, axis=-1, p=2)
    net.output(net.op("MatMul", unit, net.constant(rotation * length)), "output", ("batch", 512))
    return net.finish().model()


def _rectangle(side: int, region: Sequence[float]) -> Floats:
    """(side, side) f32: 1 in `region`, x1, y1, x2, y2 of the side."""
    x1, y1, x2, y2 = (round(value * side) for value in region)
    mask = np.zeros((side, side), np.float32)
    mask[y1:y2, x1:x2] = 1.0
    return mask
