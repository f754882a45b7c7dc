"""Networks in 16 bit: close to the 32-bit ones, and in 32 bit where 16 bits would break them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from livecam.bench import standins
from livecam.errors import ModelError
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.graph import fitting_for
from livecam.inference.half import TWIN, Converted, overflowing, to_half

Array = npt.NDArray[np.generic]
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def floats(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def whole(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.asarray(values, np.int64)


def agree(found: Array, wanted: Array, rtol: float = 0.0, atol: float = 0.0) -> None:
    np.testing.assert_allclose(found.astype(np.float64), wanted.astype(np.float64), rtol=rtol, atol=atol)


def run_exactly(model: ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """With NumPy, which rounds after every operator; ONNX Runtime's processor leaves out casts where it can."""
    onnx.checker.check_model(model, full_check=True)
    with np.errstate(all="ignore"):
        results = ReferenceEvaluator(model).run(None, dict(feeds))
    return dict(zip([output.name for output in model.graph.output], results, strict=True))


def run(model: ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def parsed(body: str, weights: Mapping[str, Array] | None = None) -> ModelProto:
    """A network in ONNX's own text form, with `weights`."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{body}')
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in (weights or {}).items())
    return model


def copied(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def converted(model: ModelProto, feeds: Mapping[str, Array]) -> tuple[Converted, dict[str, Array], dict[str, Array]]:
    """What became of it, and the results before and after."""
    result = to_half(copied(model))
    return result, run_exactly(model, feeds), run_exactly(result.model, feeds)


def kinds(model: ModelProto) -> dict[str, str]:
    """In which precision each value is made or kept, by name."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    types |= {
        value.name: value.type.tensor_type.elem_type
        for value in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    return {name: TensorProto.DataType.Name(kind) for name, kind in types.items()}


def real_feeds(model: ModelProto) -> dict[str, Array]:
    """Noise as pictures are, and a vector of length one."""
    drawn, weights = np.random.default_rng(0), {tensor.name for tensor in model.graph.initializer}
    feeds: dict[str, Array] = {}
    for value in (value for value in model.graph.input if value.name not in weights):
        noise = drawn.random([axis.dim_value for axis in value.type.tensor_type.shape.dim])
        if noise.ndim == 2:
            noise = (noise - 0.5) / np.linalg.norm(noise - 0.5)
        feeds[value.name] = noise.astype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    return feeds


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        # Relative to the 32-bit results, root of the mean square; three times what was measured.
        ("inswapper_128", 0.0013),
        ("gpen_bfr_256", 0.0042),
        ("gfpgan_1.4", 0.0017),
        ("xseg_1", 0.0072),
        ("scrfd_500m", 0.0056),
        ("arcface_w600k_r50", 0.0036),
        ("bisenet_resnet_18", 0.005),
        ("simswap_256", 0.001),
    ],
)
def test_stand_ins_agree_with_their_32_bit_selves(name: str, limit: float) -> None:
    model = standins.build(name, 16)
    fitting_for(load_model(name, catalogue_folders(None)), Path(name))(model)
    ports = [value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)]
    feeds = real_feeds(model)
    result = to_half(copied(model))
    before, after = run(model, feeds), run(result.model, feeds)
    assert result.halved > len(result.wide) / 2
    graph = result.model.graph
    assert [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)] == ports
    size = sum(len(tensor.raw_data) for tensor in graph.initializer)
    assert size < 0.62 * sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    for role, wanted in before.items():
        assert after[role].dtype == wanted.dtype
        exact = wanted.astype(np.float64)
        error = np.linalg.norm(after[role].astype(np.float64) - exact) / np.linalg.norm(exact)
        assert error < limit, role


def test_inputs_outputs_and_their_names_stay() -> None:
    model = parsed("g (float[1,4] x, int64[1] n) => (float[1,4] y, float[1,4] z) { y = Relu(x)  z = Tanh(y) }")
    result, before, after = converted(model, {"x": floats([[1, -2, 3, -4]]), "n": whole([1])})
    assert [value.name for value in result.model.graph.input] == ["x", "n"]
    assert list(after) == ["y", "z"]
    for name, wanted in before.items():
        agree(after[name], wanted, atol=1e-3)
    assert {kind for name, kind in kinds(result.model).items() if name.endswith(TWIN)} == {"FLOAT16"}


NORMALISATION = """g (float[1,2,8,8] x) => (float[1,2,8,8] y) {
    m = ReduceMean <axes = [2, 3]> (x)
    d = Sub (x, m)
    s = Mul (d, d)
    v = ReduceMean <axes = [2, 3]> (s)
    e = Add (v, eps)
    r = Sqrt (e)
    n = Div (d, r)
    k = Mul (n, scale)
    y = Add (k, scale)
}"""


@pytest.mark.parametrize("spread", [3000.0, 1e-4], ids=["squares beyond the range", "squares below it"])
def test_variances_are_taken_in_32_bit(spread: float) -> None:
    model = parsed(NORMALISATION, {"eps": floats([1e-10]), "scale": floats([2.0])})
    picture = (np.random.default_rng(1).standard_normal((1, 2, 8, 8)) * spread).astype(np.float32)
    result, before, after = converted(model, {"x": picture})
    agree(after["y"], before["y"], atol=0.01)
    stayed = {node.op_type for node in result.model.graph.node if node.name in result.wide}
    assert stayed == {"ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div"}
    assert result.halved == 2, "scale and shift work in 16 bit"


def test_demodulation_is_worked_out_in_32_bit() -> None:
    body = """g (float[1,8] style, float[1,8,4,4] x) => (float[1,4,4,4] y) {
        shape = Constant <value = int64[4] {1, 8, 1, 1}> ()
        s = Reshape (style, shape)
        m = Mul (w, s)
        q = Pow (m, two)
        t = ReduceSum <keepdims = 1> (q, axes)
        e = Add (t, eps)
        r = Sqrt (e)
        i = Reciprocal (r)
        k = Mul (m, i)
        y = Conv <kernel_shape = [1, 1]> (x, k)
    }"""
    weights: dict[str, Array] = {
        "w": np.random.default_rng(2).standard_normal((4, 8, 1, 1)).astype(np.float32),
        "two": floats([2.0]),
        "eps": floats([1e-8]),
        "axes": whole([1, 2, 3]),
    }
    style = np.full((1, 8), 400.0, np.float32)
    picture = np.random.default_rng(3).standard_normal((1, 8, 4, 4)).astype(np.float32)
    result, before, after = converted(parsed(body, weights), {"style": style, "x": picture})
    assert np.isfinite(after["y"]).all()
    agree(after["y"], before["y"], atol=0.01)
    assert [node.op_type for node in result.model.graph.node if node.name not in result.wide].count("Conv") == 1


@pytest.mark.parametrize("constant", [1e5, 1e-8])
def test_what_16_bits_cannot_hold_stays(constant: float) -> None:
    model = parsed("g (float[4] x) => (float[4] y) { a = Mul (x, c)  y = Relu (a) }", {"c": floats([constant])})
    result, before, after = converted(model, {"x": floats([1, 2, 3, 4]) / constant})
    agree(after["y"], before["y"], rtol=1e-3)
    assert list(result.wide.values()) == ["a constant that 16 bits cannot hold"]


def test_a_few_small_weights_among_others_do_no_harm() -> None:
    weights = floats([1.0, 1e-9, 0.0, -2.0])
    assert to_half(parsed("g (float[4] x) => (float[4] y) { y = Mul (x, c) }", {"c": weights})).wide == {}


def test_batch_normalisation_is_folded() -> None:
    body = "g (float[1,3,2,2] x) => (float[1,3,2,2] y) { y = BatchNormalization <epsilon = 1e-5> (x, s, b, m, v) }"
    weights: dict[str, Array] = {
        "s": floats([1, 2, 3]),
        "b": floats([0, 1, -1]),
        "m": floats([0.5, 2e5, 0]),
        "v": floats([1e-7, 3e10, 1]),
    }
    picture = (np.random.default_rng(4).random((1, 3, 2, 2)) * 10).astype(np.float32)
    result, before, after = converted(parsed(body, weights), {"x": picture})
    assert [node.op_type for node in result.model.graph.node if node.op_type != "Cast"] == ["Mul", "Add"]
    agree(after["y"], before["y"], rtol=2e-3, atol=2e-3)


def test_scales_of_resizing_stay_in_32_bit() -> None:
    body = """g (float[1,1,2,2] x) => (float[1,1,4,4] y) {
        y = Resize <mode = "linear"> (x, , scales)
    }"""
    model = parsed(body, {"scales": floats([1, 1, 2, 2])})
    result, before, after = converted(model, {"x": floats([[[[1, 2], [3, 4]]]])})
    agree(after["y"], before["y"], atol=1e-2)
    assert kinds(result.model)["scales"] == "FLOAT"


def test_a_weight_may_be_used_in_both_precisions() -> None:
    body = "g (float[1,4] x) => (float[1,4] y, float[1,1] z) { y = Mul (x, w)  a = Mul (w, w)  z = ReduceSum (a) }"
    result, before, after = converted(
        parsed(body, {"w": floats([[300, 301, 302, 303]])}), {"x": floats([[1, 1, 1, 1]])}
    )
    assert kinds(result.model)["w"] == "FLOAT"
    assert kinds(result.model)["w" + TWIN] == "FLOAT16"
    np.testing.assert_array_equal(after["z"], before["z"])
    agree(after["y"], before["y"], rtol=1e-3)


def test_what_inner_graphs_take_from_outside_is_still_there() -> None:
    body = """g (float[4] x, bool[1] c) => (float[4] y) {
        a = Exp (x)
        b = If (c) <
            then_branch = one () => (float[4] o) { o = Mul (a, w) },
            else_branch = two () => (float[4] o) { o = Neg (a) }
        >
        y = Tanh (b)
    }"""
    model = parsed(body, {"w": floats([0.5, 0.25, 1, 2])})
    for chosen in (True, False):
        result, before, after = converted(model, {"x": floats([-1, 0, 1, 2]), "c": np.array([chosen])})
        agree(after["y"], before["y"], atol=2e-3)
        assert list(result.wide.values()) == ["not defined in 16 bit"]


def test_casts_lead_to_the_new_precision() -> None:
    body = "g (int64[4] n) => (float[4] y) { a = Cast <to = 1> (n)  y = Sin (a) }"
    result, before, after = converted(parsed(body), {"n": whole([0, 1, 2, 3])})
    agree(after["y"], before["y"], atol=1e-3)
    assert kinds(result.model)["a" + TWIN] == "FLOAT16"


def test_64_bit_values_are_let_be() -> None:
    body = "g (double[1] w, float[1] x) => (float[1] y) { a = Cast <to = 1> (w)  y = Mul (a, x) }"
    _, before, after = converted(parsed(body), {"w": np.array([0.7]), "x": floats([3])})
    agree(after["y"], before["y"], rtol=1e-3)


def test_weights_that_old_files_list_among_the_inputs() -> None:
    model = parsed("g (float[2] x, float[2] w) => (float[2] y) { y = Mul (x, w) }", {"w": floats([2, 3])})
    result, before, after = converted(model, {"x": floats([1, 2])})
    assert [value.name for value in result.model.graph.input] == ["x"]
    agree(after["y"], before["y"], rtol=1e-3)


def test_a_network_in_16_bit_comes_back_as_it_is() -> None:
    model = parsed(
        "g (float[2] x) => (float[2] y) { a = Cast <to = 10> (x)  b = Mul (a, w)  y = Cast <to = 1> (b) }",
        {"w": floats([2, 3]).astype(np.float16)},
    )
    before = model.SerializeToString()
    assert to_half(model).model.SerializeToString() == before


@pytest.mark.parametrize("named", ["Exp", "the_exp"])
def test_the_caller_may_keep_nodes_wide(named: str) -> None:
    model = parsed("g (float[2] x) => (float[2] y) { a = Exp (x)  y = Neg (a) }")
    model.graph.node[0].name = "the_exp"
    assert to_half(model, [named]).wide == {"the_exp": "named by the caller"}


def test_a_name_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ModelError, match="'Wrong'"):
        to_half(parsed("g (float[2] x) => (float[2] y) { y = Exp (x) }"), ["Wrong"])


def test_what_overflows_is_found_and_then_kept_wide() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { a = Exp (x)  b = Log (a)  y = Neg (b) }")
    feeds = {"x": floats([1, 12])}
    named = overflowing(model, feeds)
    assert [node.op_type for node in model.graph.node if node.name in named] == ["Exp", "Log"]
    before = run_exactly(model, feeds)
    assert not np.isfinite(run_exactly(to_half(copied(model)).model, feeds)["y"]).all()
    agree(run_exactly(to_half(copied(model), named).model, feeds)["y"], before["y"], atol=0.01)
