"""Single operators, converted and run, against NumPy's idea of what TFLite does. Pictures here are NHWC."""

from typing import cast

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from livecam.errors import ModelError
from livecam.inference.convert.flat import Table
from livecam.inference.convert.lowering import TO_NCHW, TO_NHWC, Lowering
from livecam.inference.convert.network import _lower
from livecam.inference.convert.tflite import Network, Operator, Tensor

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float32]
PICTURE = np.random.default_rng(3).normal(size=(1, 6, 4, 8)).astype(np.float32)


class Options:
    """Stands for a table of options."""

    def __init__(self, numbers: dict[int, int]) -> None:
        self.numbers = numbers

    def number(self, index: int, code: str, default: int = 0) -> int:
        return self.numbers.get(index, default)


def lowered(code: int, options: dict[int, int], inputs: list[Array | None], shape: tuple[int, ...]) -> Lowering:
    """One operator over `PICTURE` (None in `inputs`) and constants."""
    tensors = [Tensor("", (PICTURE if i is None else i).shape, "", i) for i in inputs] + [Tensor("", shape, "", None)]
    operator = Operator(code, "", tuple(range(len(inputs))), (len(inputs),), cast(Table, Options(options)), b"")
    graph = Lowering(Network(tuple(tensors), (operator,), (0,), (len(inputs),)))
    for number, content in enumerate(inputs):
        if content is None:
            graph.define(number, "x")
    _lower(graph, operator)
    return graph


def run(code: int, options: dict[int, int], inputs: list[Array | None], shape: tuple[int, ...]) -> Floats:
    graph = lowered(code, options, inputs, shape)
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [PICTURE.shape[axis] for axis in TO_NCHW])
    value = graph.defined(len(inputs))
    result = helper.make_tensor_value_info(value, TensorProto.FLOAT, None)
    weights = [numpy_helper.from_array(content, name) for name, content in graph.weights.items()]
    body = helper.make_graph(graph.nodes, "one", [source], [result], weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: Floats = session.run(None, {"x": PICTURE.transpose(TO_NCHW)})[0]
    return output.transpose(TO_NHWC) if output.ndim == 4 else output


def test_a_constant_for_each_channel_is_added_to_each_channel() -> None:
    offset = np.arange(8, dtype=np.float32)
    found = run(0, {0: 1}, [None, offset], PICTURE.shape)
    np.testing.assert_allclose(found, np.maximum(PICTURE + offset, 0), atol=1e-6)


def test_prelu_bends_each_channel_by_its_own_slope() -> None:
    slope = np.linspace(-0.5, 1.5, 8, dtype=np.float16).reshape(1, 1, 8)
    expected = np.where(PICTURE > 0, PICTURE, PICTURE * slope.astype(np.float32))
    np.testing.assert_allclose(run(54, {}, [None, slope], PICTURE.shape), expected, atol=1e-6)


def test_concatenation_of_channels() -> None:
    found = run(2, {0: 3}, [None, PICTURE + 1], (1, 6, 4, 16))
    np.testing.assert_array_equal(found, np.concatenate([PICTURE, PICTURE + 1], axis=3))


def test_slices_keep_their_axes_and_masks() -> None:
    begin, end, step = (np.array(numbers, np.int32) for numbers in ([0, 1, 3, 2], [1, 5, 4, 8], [1, 2, 1, 3]))
    found = run(45, {0: 0b0100, 1: 0b0010}, [None, begin, end, step], (1, 3, 4, 2))
    np.testing.assert_array_equal(found, PICTURE[:, 1::2, 0:4, 2:8:3])


def test_padding_of_rows_and_channels() -> None:
    ends = np.array([[0, 0], [1, 2], [0, 1], [0, 3]], np.int32)
    np.testing.assert_array_equal(run(34, {}, [None, ends], (1, 9, 5, 11)), np.pad(PICTURE, ends))


def test_reshaping_reads_channels_last() -> None:
    np.testing.assert_array_equal(run(22, {}, [None], (1, 24, 8)), PICTURE.reshape(1, 24, 8))
    np.testing.assert_array_equal(run(22, {}, [None], (1, 4, 6, 8)), PICTURE.reshape(1, 4, 6, 8))


def test_depth_to_space_deals_channels_out_in_rows() -> None:
    expected = PICTURE.reshape(1, 6, 4, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 12, 8, 2)
    np.testing.assert_array_equal(run(5, {0: 2}, [None], (1, 12, 8, 2)), expected)


def test_max_pooling_with_same_padding() -> None:
    found = run(17, {0: 0, 1: 2, 2: 2, 3: 2, 4: 2}, [None], (1, 3, 2, 8))
    np.testing.assert_array_equal(found, PICTURE.reshape(1, 3, 2, 2, 2, 8).max(axis=(2, 4)))


@pytest.mark.parametrize(
    ("code", "options", "inputs", "expected"),
    [
        (0, {0: 4}, [None, PICTURE], "activation 4"),
        (6, {}, [np.zeros(3, np.int8)], "quantised weights"),
        (54, {}, [None, np.zeros((6, 4, 8), np.float32)], "one slope for each channel"),
        (45, {4: 1}, [None, *[np.zeros(4, np.int32)] * 3], "shrunk axis"),
        (200, {}, [None], "operator 200, which is not converted"),
        (34, {}, [None, None], "must be a constant"),
        (34, {}, [None, np.zeros((3, 2), np.int32)], "operator 34 contradicts its tensors"),
        (0, {}, [None], "lacks its tensor number 1"),
    ],
)
def test_what_is_not_converted_is_told(
    code: int, options: dict[int, int], inputs: list[Array | None], expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        lowered(code, options, inputs, PICTURE.shape)


def row(code: int, options: dict[int, int], weights: list[Array], size: int) -> Floats:
    """What an operator makes of the first row of `PICTURE`, given as (1, 192)."""
    tensors = [Tensor("", (1, PICTURE.size), "", None), *(Tensor("", w.shape, "", w) for w in weights)]
    tensors.append(Tensor("", (1, size), "", None))
    numbers = tuple(range(len(weights) + 1))
    operator = Operator(code, "", numbers, (len(numbers),), cast(Table, Options(options)), b"")
    graph = Lowering(Network(tuple(tensors), (operator,), (0,), (len(numbers),)))
    graph.define(0, "x")
    _lower(graph, operator)
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, PICTURE.size])
    result = helper.make_tensor_value_info(graph.defined(len(numbers)), TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(content, name) for name, content in graph.weights.items()]
    body = helper.make_graph(graph.nodes, "one", [source], [result], constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: Floats = session.run(None, {"x": PICTURE.reshape(1, -1)})[0]
    return output


def test_fully_connected_rows() -> None:
    weight = np.random.default_rng(5).normal(size=(3, PICTURE.size)).astype(np.float32)
    bias = np.array([1, -2, 3], np.float32)
    expected = PICTURE.reshape(1, -1) @ weight.T + bias
    np.testing.assert_allclose(row(9, {}, [weight, bias], 3), expected, atol=1e-4)
    np.testing.assert_allclose(row(9, {0: 1}, [weight, bias], 3), np.maximum(expected, 0), atol=1e-4)


def test_a_fully_connected_layer_over_a_picture_is_refused() -> None:
    with pytest.raises(ModelError, match="fully connected"):
        lowered(9, {}, [None, np.zeros((3, 8), np.float32), np.zeros(3, np.float32)], (1, 3))


@pytest.mark.parametrize(("kept", "shape"), [(0, (1, 8)), (1, (1, 1, 1, 8))])
def test_the_mean_of_a_picture(kept: int, shape: tuple[int, ...]) -> None:
    found = run(40, {0: kept}, [None, np.array([1, 2], np.int32)], shape)
    np.testing.assert_allclose(found, PICTURE.mean(axis=(1, 2)).reshape(shape), atol=1e-6)


def test_the_mean_over_channels_is_refused() -> None:
    with pytest.raises(ModelError, match="mean over other"):
        lowered(40, {}, [None, np.array([3], np.int32)], (1, 6, 4))


def test_logistic() -> None:
    np.testing.assert_allclose(run(14, {}, [None], PICTURE.shape), 1 / (1 + np.exp(-PICTURE)), atol=1e-6)


def test_relu6_after_an_addition() -> None:
    offset = np.arange(8, dtype=np.float32)
    found = run(0, {0: 3}, [None, offset], PICTURE.shape)
    np.testing.assert_allclose(found, np.clip(PICTURE + offset, 0, 6), atol=1e-6)
