"""The layers that the stand-ins are made of. Weights are drawn so that values keep their size from layer to layer."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from livecam.bench.standins.graph import Graph, Wire

RECTIFIED: Final = math.sqrt(2.0)
"""Gain of a layer before a rectifier (He and others, 2015)."""

PLAIN: Final = 1.0
"""Gain of a layer before nothing that takes half of the values away."""

_BIAS: Final = 0.02


class Net(Graph):
    """A graph with layers. Pictures are (N, C, H, W), vectors (N, C)."""

    def conv(
        self,
        x: Wire,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        pads: int | Sequence[int] | None = None,
        groups: int = 1,
        bias: bool = True,
        gain: float = RECTIFIED,
        centre: float = 0.0,
    ) -> Wire:
        """A convolution; it keeps the size (over the stride) unless `pads` says otherwise. Biases lie at `centre`."""
        fan_in = x.channels // groups * kernel**2
        weight = self.weight((channels, x.channels // groups, kernel, kernel), gain / math.sqrt(fan_in))
        offset = self.weight((channels,), _BIAS, centre) if bias else ""
        return self.convolve(x, weight, channels, kernel, stride, pads=pads, groups=groups, bias=offset)

    def convolve(
        self,
        x: Wire,
        weight: Wire | str,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        pads: int | Sequence[int] | None = None,
        groups: int = 1,
        bias: str = "",
    ) -> Wire:
        """A convolution with weights that exist already, stored or computed."""
        around = (kernel - 1) // 2 if pads is None else pads
        return self.op(
            "Conv",
            x,
            weight,
            *([bias] if bias else []),
            channels=channels,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[around] * 4 if isinstance(around, int) else list(around),
            group=groups,
        )

    def deconv(
        self, x: Wire, channels: int, kernel: int, stride: int, pad: int, *, extra: int = 0, bias: bool = True
    ) -> Wire:
        """A transposed convolution; `extra` is what the output has more at its end."""
        fan_in = x.channels * (kernel / stride) ** 2
        weight = self.weight((x.channels, channels, kernel, kernel), RECTIFIED / math.sqrt(fan_in))
        return self.op(
            "ConvTranspose",
            x,
            weight,
            *([self.weight((channels,), _BIAS)] if bias else []),
            channels=channels,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad] * 4,
            output_padding=[extra, extra],
        )

    def linear(self, x: Wire, width: int, *, bias: bool = True, gain: float = PLAIN, centre: float = 0.0) -> Wire:
        """A linear map of vectors (N, C)."""
        weight = self.weight((width, x.channels), gain / math.sqrt(x.channels))
        offset = [self.weight((width,), _BIAS, centre)] if bias else []
        return self.op("Gemm", x, weight, *offset, channels=width, transB=1)

    def project(self, x: Wire, width: int, *, bias: bool = True) -> Wire:
        """A linear map along the last axis of anything."""
        weight = self.weight((x.channels, width), PLAIN / math.sqrt(x.channels))
        product = self.op("MatMul", x, weight, channels=width)
        return self.op("Add", product, self.weight((width,), _BIAS)) if bias else product

    def relu(self, x: Wire) -> Wire:
        """What is below 0 becomes 0."""
        return self.op("Relu", x)

    def leaky(self, x: Wire, slope: float = 0.2) -> Wire:
        """What is below 0 is made smaller."""
        return self.op("LeakyRelu", x, alpha=slope)

    def prelu(self, x: Wire) -> Wire:
        """What is below 0 is made smaller, by a slope of each channel's own."""
        return self.op("PRelu", x, self.weight((x.channels, 1, 1), 0.02, 0.25))

    def silu(self, x: Wire) -> Wire:
        """``x * sigmoid(x)``."""
        return self.op("Mul", x, self.op("Sigmoid", x))

    def gelu(self, x: Wire) -> Wire:
        """The exact form, with the error function, in operators every version has."""
        inner = self.op("Erf", self.op("Div", x, self.constant(math.sqrt(2.0))))
        grown = self.op("Mul", x, self.op("Add", inner, self.constant(1.0)))
        return self.op("Mul", grown, self.constant(0.5))

    def batch_norm(self, x: Wire) -> Wire:
        """Batch normalisation that could not be folded into a convolution before it."""
        ones, zeros = self.weight((x.channels,), 0.02, 1.0), self.weight((x.channels,), 0.02)
        mean, variance = self.weight((x.channels,), 0.02), self.weight((x.channels,), 0.0, 1.0)
        return self.op("BatchNormalization", x, ones, zeros, mean, variance, epsilon=1e-5)

    def instance_norm(self, x: Wire) -> Wire:
        """Instance normalisation without weights."""
        ones, zeros = self.constant(np.ones(x.channels)), self.constant(np.zeros(x.channels))
        return self.op("InstanceNormalization", x, ones, zeros, epsilon=1e-5)

    def group_norm(self, x: Wire, groups: int = 32) -> Wire:
        """Group normalisation as it is exported: instance normalisation of (N, groups, rest)."""
        count = math.gcd(groups, x.channels)
        parted = self.op("Reshape", x, self.constant(np.array([0, count, -1])), channels=count)
        ones, zeros = self.constant(np.ones(count)), self.constant(np.zeros(count))
        even = self.op("InstanceNormalization", parted, ones, zeros, epsilon=1e-6)
        whole = self.op("Reshape", even, self.op("Shape", x), channels=x.channels)
        scaled = self.op("Mul", whole, self.weight((x.channels, 1, 1), 0.02, 1.0))
        return self.op("Add", scaled, self.weight((x.channels, 1, 1), 0.02))

    def layer_norm(self, x: Wire) -> Wire:
        """Layer normalisation along the last axis (opset 17)."""
        scale, shift = self.weight((x.channels,), 0.02, 1.0), self.weight((x.channels,), 0.02)
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)

    def resize(self, x: Wire, scale: float, mode: str = "linear", corners: str = "") -> Wire:
        """Resize by `scale`; bilinear pixels lie as with ``align_corners=False`` unless `corners` says otherwise."""
        rule = corners or ("asymmetric" if mode == "nearest" else "half_pixel")
        # Scales are 32-bit floats whatever the graph's own type is.
        scales = self.raw(np.array([1.0, 1.0, scale, scale], np.float32))
        # Before opset 13 the unused second input could not be left out.
        unused = "" if self.opset >= 13 else self.raw(np.zeros(0, np.float32))
        return self.op(
            "Resize", x, unused, scales, mode=mode, coordinate_transformation_mode=rule, nearest_mode="floor"
        )

    def concat(self, *parts: Wire, axis: int = 1) -> Wire:
        """Along the channels, unless another `axis` is given."""
        return self.op("Concat", *parts, channels=sum(part.channels for part in parts), axis=axis)

    def part(self, x: Wire, start: int, stop: int, axis: int = 1) -> Wire:
        """Channels `start` to `stop`."""
        bounds = [self.constant(np.array([number])) for number in (start, stop, axis)]
        return self.op("Slice", x, *bounds, channels=stop - start)

    def reshape(self, x: Wire, shape: Sequence[int], channels: int = 0) -> Wire:
        """0 keeps a length, -1 is what is left."""
        return self.op("Reshape", x, self.constant(np.array(shape)), channels=channels or x.channels)

    def transpose(self, x: Wire, *order: int) -> Wire:
        """Axes in another order."""
        return self.op("Transpose", x, perm=list(order))

    def reflect(self, x: Wire, width: int) -> Wire:
        """Mirror the edges outwards by `width` px."""
        return self.op("Pad", x, self.constant(np.array([0, 0, width, width] * 2)), mode="reflect")

    def padded(self, x: Wire, channels: int) -> Wire:
        """Channels of zeros behind its own."""
        pads = self.constant(np.array([0, 0, 0, 0, 0, channels - x.channels, 0, 0]))
        return self.op("Pad", x, pads, channels=channels)

    def max_pool(self, x: Wire, kernel: int = 2, stride: int = 2, pad: int = 0) -> Wire:
        """The largest of each window."""
        return self.op("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def average_pool(self, x: Wire) -> Wire:
        """Half the size."""
        return self.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])

    def blend(self, mask: Wire, one: Wire, other: Wire) -> Wire:
        """``one * mask + other * (1 - mask)``."""
        rest = self.op("Sub", self.constant(1.0), mask)
        return self.op("Add", self.op("Mul", one, mask), self.op("Mul", other, rest))

    def sum(self, x: Wire, *axes: int) -> Wire:
        """Sum along `axes`, which stay with length 1. For opsets from 13."""
        return self.op("ReduceSum", x, self.constant(np.array(axes)), keepdims=1)

    def mean(self, x: Wire, *axes: int) -> Wire:
        """Mean along `axes`, which stay with length 1. For opsets before 18."""
        return self.op("ReduceMean", x, axes=list(axes), keepdims=1)
