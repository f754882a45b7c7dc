"""One small function for each built-in TFLite operator, and the table that finds it.

Operator and option numbers are those of TensorFlow's schema.fbs.
"""

from typing import Final

import numpy as np

from livecam.errors import ModelError
from livecam.inference.convert.lowering import TO_NCHW, TO_NHWC, Floats, Lowering, Rule
from livecam.inference.convert.tflite import Operator

_SAME = 0
_NO_ACTIVATION, _RELU, _RELU6 = 0, 1, 3
_LAST: Final = np.iinfo(np.int64).max


def activated(graph: Lowering, value: str, code: int) -> str:
    """`value` after the activation that TFLite fused into the operator.

    Raises:
        ModelError: An activation that is not converted.
    """
    if code == _NO_ACTIVATION:
        return value
    if code == _RELU:
        return graph.node("Relu", [value])
    if code == _RELU6:
        return graph.node("Clip", [value, graph.floats(0.0), graph.floats(6.0)])
    raise ModelError(f"The network uses activation {code}, which is not converted.")


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Cells added before and after an axis by TensorFlow's SAME padding; the odd one goes after."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _pads(graph: Lowering, op: Operator, kernel: list[int], stride: list[int], dilation: list[int]) -> list[int]:
    """ONNX pads (top, left, bottom, right) of a window over the operator's first input."""
    if op.option(0) != _SAME:
        return [0, 0, 0, 0]
    size = graph.tensor(op, 0).shape[1:3]
    ends = [same_padding(*axis) for axis in zip(size, kernel, stride, dilation, strict=True)]
    return [ends[0][0], ends[1][0], ends[0][1], ends[1][1]]


def _convolve(graph: Lowering, op: Operator, weight: Floats, group: int, activation: int, dilation: int) -> str:
    """A convolution; `weight` is (out, in, h, w), the last two arguments are the numbers of the options."""
    kernel = list(weight.shape[2:])
    strides, dilations = (
        [op.option(2, "i"), op.option(1, "i")],
        [op.option(dilation + 1, "i", 1), op.option(dilation, "i", 1)],
    )
    inputs = [graph.value(op, 0), graph.floats(weight), graph.floats(graph.weight(op, 2))]
    pads = _pads(graph, op, kernel, strides, dilations)
    value = graph.node(
        "Conv", inputs, strides=strides, dilations=dilations, pads=pads, kernel_shape=kernel, group=group
    )
    return activated(graph, value, op.option(activation))


def _conv(graph: Lowering, op: Operator) -> str:
    return _convolve(graph, op, graph.weight(op, 1).transpose(TO_NCHW), 1, activation=3, dilation=4)


def _depthwise(graph: Lowering, op: Operator) -> str:
    weight = graph.weight(op, 1).transpose(3, 0, 1, 2)
    return _convolve(graph, op, weight, graph.tensor(op, 0).shape[3], activation=4, dilation=5)


def _binary(kind: str) -> Rule:
    def rule(graph: Lowering, operator: Operator) -> str:
        value = graph.node(kind, [graph.value(operator, 0), graph.value(operator, 1)])
        return activated(graph, value, operator.option(0))

    return rule


def _fully_connected(graph: Lowering, op: Operator) -> str:
    """Rows of the first input times the weights, whose rows are TFLite's outputs."""
    if len(graph.tensor(op, 0).shape) != 2 or op.option(1):
        raise ModelError("The network has a fully connected layer over other than plain rows, which is not converted.")
    inputs = [graph.value(op, 0), graph.floats(graph.weight(op, 1)), graph.floats(graph.weight(op, 2))]
    return activated(graph, graph.node("Gemm", inputs, transB=1), op.option(0))


def _mean(graph: Lowering, op: Operator) -> str:
    """The mean over all places of a picture: a row of its channels."""
    kept = bool(op.option(0, "?"))
    if len(graph.tensor(op, 0).shape) != 4 or sorted(graph.numbers(op, 1)) != [1, 2]:
        raise ModelError("The network takes a mean over other than all places of a picture, which is not converted.")
    pooled = graph.node("GlobalAveragePool", [graph.value(op, 0)])
    return pooled if kept else graph.node("Flatten", [pooled], axis=1)


def _logistic(graph: Lowering, op: Operator) -> str:
    return graph.node("Sigmoid", [graph.value(op, 0)])


def _relu(graph: Lowering, op: Operator) -> str:
    return graph.node("Relu", [graph.value(op, 0)])


def _prelu(graph: Lowering, op: Operator) -> str:
    """PReLU as `(1 - a) * relu(x) + a * x` by two depthwise 1x1 convolutions.

    ONNX Runtime's own PRelu leaves the blocked layout of its convolutions and took two thirds of the landmark
    network's time; this form is three times as fast and differs by 5e-5. Where no slope is above 1, the factor goes
    inside the ReLU, which then costs nothing, as the convolution does it too.
    """
    slope = graph.weight(op, 1).reshape(-1, 1, 1, 1)
    channels = graph.tensor(op, 0).shape[3]
    if slope.size != channels:
        raise ModelError("The network has a PReLU with other than one slope for each channel, which is not converted.")
    x = graph.value(op, 0)
    rest = graph.floats(1 - slope)
    if (slope <= 1).all():
        bent = graph.node("Relu", [graph.node("Conv", [x, rest], group=channels, kernel_shape=[1, 1])])
    else:
        bent = graph.node("Conv", [graph.node("Relu", [x]), rest], group=channels, kernel_shape=[1, 1])
    straight = graph.node("Conv", [x, graph.floats(slope)], group=channels, kernel_shape=[1, 1])
    return graph.node("Add", [bent, straight])


def _max_pool(graph: Lowering, op: Operator) -> str:
    kernel = [op.option(4, "i"), op.option(3, "i")]
    strides = [op.option(2, "i"), op.option(1, "i")]
    pads = _pads(graph, op, kernel, strides, [1, 1])
    value = graph.node("MaxPool", [graph.value(op, 0)], kernel_shape=kernel, strides=strides, pads=pads)
    return activated(graph, value, op.option(5))


def _pad(graph: Lowering, op: Operator) -> str:
    ends = np.array(graph.numbers(op, 1)).reshape(4, 2)[list(TO_NCHW)]
    channels, more = graph.tensor(op, 0).shape[3], int(ends[1, 1])
    if ends.sum() == more:
        # Channels of zeros behind the others: a convolution, which keeps the blocked layout; Pad would leave it.
        same = np.eye(channels + more, channels).reshape(-1, channels, 1, 1)
        return graph.node("Conv", [graph.value(op, 0), graph.floats(same)], kernel_shape=[1, 1])
    return graph.node("Pad", [graph.value(op, 0), graph.integers(ends.T.ravel()), graph.floats(0.0)])


def _concat(graph: Lowering, op: Operator) -> str:
    rank = len(graph.result(op).shape)
    axis = op.option(0, "i") % rank
    values = [graph.value(op, position) for position in range(len(op.inputs))]
    value = graph.node("Concat", values, axis=TO_NHWC[axis] if rank == 4 else axis)
    return activated(graph, value, op.option(1))


def _reshape(graph: Lowering, op: Operator) -> str:
    shape = graph.result(op).shape
    value = graph.value(op, 0)
    if len(graph.tensor(op, 0).shape) == 4:
        value = graph.node("Transpose", [value], perm=list(TO_NHWC))
    value = graph.node("Reshape", [value, graph.integers(shape)])
    return graph.node("Transpose", [value], perm=list(TO_NCHW)) if len(shape) == 4 else value


def _resize_bilinear(graph: Lowering, op: Operator) -> str:
    align_corners, half_pixel = op.option(2, "?"), op.option(3, "?")
    mode = "half_pixel" if half_pixel else "align_corners" if align_corners else "asymmetric"
    sizes = graph.integers([graph.result(op).shape[axis] for axis in TO_NCHW])
    inputs = [graph.value(op, 0), "", "", sizes]
    return graph.node("Resize", inputs, mode="linear", coordinate_transformation_mode=mode)


def _depth_to_space(graph: Lowering, op: Operator) -> str:
    return graph.node("DepthToSpace", [graph.value(op, 0)], blocksize=op.option(0, "i"), mode="DCR")


def _strided_slice(graph: Lowering, op: Operator) -> str:
    begin, end, step = (graph.numbers(op, position) for position in (1, 2, 3))
    begin_mask, end_mask = op.option(0, "i"), op.option(1, "i")
    if any(op.option(index, "i") for index in (2, 3, 4)):
        raise ModelError("The network slices with an ellipsis, a new axis or a shrunk axis, which is not converted.")
    begin = [0 if begin_mask >> axis & 1 else at for axis, at in enumerate(begin)]
    end = [_LAST if end_mask >> axis & 1 else at for axis, at in enumerate(end)]
    rank = len(graph.tensor(op, 0).shape)
    axes = [TO_NHWC[axis] if rank == 4 else axis for axis in range(len(begin))]
    return graph.node("Slice", [graph.value(op, 0), *(graph.integers(part) for part in (begin, end, axes, step))])


def _dequantize(graph: Lowering, op: Operator) -> None:
    """Half-precision weights become floats; quantised ones, which would need a scale, are refused."""
    content = graph.constant(op, 0)
    if content.dtype != np.float16:
        raise ModelError("The network has quantised weights, which are not converted.")
    graph.define_constant(op.outputs[0], content.astype(np.float32))


def _densify(graph: Lowering, op: Operator) -> None:
    """The reader has filled out sparse weights already."""
    graph.define_constant(op.outputs[0], graph.constant(op, 0))


BUILT_IN: Final[dict[int, Rule]] = {
    0: _binary("Add"),
    2: _concat,
    3: _conv,
    4: _depthwise,
    5: _depth_to_space,
    6: _dequantize,
    9: _fully_connected,
    14: _logistic,
    17: _max_pool,
    18: _binary("Mul"),
    19: _relu,
    22: _reshape,
    23: _resize_bilinear,
    34: _pad,
    40: _mean,
    45: _strided_slice,
    54: _prelu,
    124: _densify,
}
"""What converts each built-in operator, by TFLite's number."""
