"""ONNX files before they run: emap is taken, sizes are fixed, and what is no network is refused."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from livecam.core.frame import Size
from livecam.errors import ModelError
from livecam.inference import graph
from livecam.inference.graph import emap_of, fitting_for, input_shapes, read_graph, with_batch, with_shapes
from tests.vision.swap import planted

NOISE = np.random.default_rng(9).standard_normal((512, 512)).astype(np.float32)


def network(folder: Path, weights: list[TensorProto]) -> Path:
    """x (b, 3, h, w) through a Relu to y, with `weights` that nothing uses."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3, "h", "w"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 640, 640])
    nodes = [helper.make_node("Relu", ["x"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    content = helper.make_graph(nodes, "g", [source], [result], weights)
    content.value_info.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3, 640, 640]))
    model = helper.make_model(content, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def matrix(name: str, scale: float, shape: tuple[int, int] = (512, 512)) -> TensorProto:
    return numpy_helper.from_array(np.resize(NOISE * np.float32(scale), shape), name)


@pytest.mark.parametrize(
    ("weights", "scale"),
    [
        ([matrix("buff2fs", 0.1723), matrix("w", 0.16)], 0.1723),
        ([matrix("w", 1.0), matrix("other", 0.1), matrix("initializer", 0.18)], 0.18),
        ([matrix("buff2fs", 0.9, (64, 512)), matrix("initializer", 0.18)], 0.18),
    ],
    ids=["by its name", "the last of its shape", "a namesake of another shape"],
)
def test_emap_is_found(weights: list[TensorProto], scale: float, tmp_path: Path) -> None:
    emap = emap_of(network(tmp_path, weights))
    assert emap.dtype == np.float32
    np.testing.assert_array_equal(emap, NOISE * np.float32(scale))


def test_half_precision_is_widened(tmp_path: Path) -> None:
    half = (NOISE * 0.17).astype(np.float16)
    emap = emap_of(network(tmp_path, [numpy_helper.from_array(half, "buff2fs")]))
    np.testing.assert_array_equal(emap, half.astype(np.float32))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "lacks the 512x512 matrix"),
        ([matrix("buff2fs", 0.17, (512, 511))], "lacks the 512x512 matrix"),
        ([matrix("buff2fs", 0.1)], r"standard deviation is 0\.1"),
        ([matrix("buff2fs", 1.0)], r"not between 0\.15 and 0\.2"),
        ([matrix("buff2fs", np.nan)], "cannot be right"),
        ([matrix("buff2fs", np.inf)], "cannot be right"),
    ],
)
def test_a_missing_or_impossible_emap_is_refused(weights: list[TensorProto], message: str, tmp_path: Path) -> None:
    path = network(tmp_path, weights)
    with pytest.raises(ModelError, match=message), np.errstate(invalid="ignore"):
        emap_of(path)
    assert not path.with_suffix(".emap.npz").exists()


def test_emap_is_kept_beside_the_network_with_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = network(tmp_path, [matrix("buff2fs", 0.17)])
    first = emap_of(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["network.emap.npz", "network.onnx"]
    parsed: list[Path] = []

    def counted(each: Path) -> ModelProto:
        parsed.append(each)
        return read_graph(each)

    monkeypatch.setattr(graph, "read_graph", counted)
    np.testing.assert_array_equal(emap_of(path), first)
    assert parsed == []
    network(tmp_path, [matrix("buff2fs", 0.19)])
    np.testing.assert_array_equal(emap_of(path), NOISE * np.float32(0.19))
    assert parsed == [path]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_a_damaged_copy_is_made_again(content: bytes, tmp_path: Path) -> None:
    path = network(tmp_path, [matrix("buff2fs", 0.17)])
    path.with_suffix(".emap.npz").write_bytes(content)
    np.testing.assert_array_equal(emap_of(path), NOISE * np.float32(0.17))
    assert len(path.with_suffix(".emap.npz").read_bytes()) > 512 * 512 * 4


def test_a_copy_that_cannot_be_kept_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = network(tmp_path, [matrix("buff2fs", 0.17)])
    monkeypatch.setattr(np, "savez", full)
    assert emap_of(path).shape == (512, 512)
    assert [each.name for each in tmp_path.iterdir()] == ["network.onnx"]


def test_shapes_are_fixed_and_stale_ones_forgotten(tmp_path: Path) -> None:
    model = read_graph(network(tmp_path, []))
    assert input_shapes(model) == {"x": (-1, 3, -1, -1)}
    with_shapes(model, {"x": (1, 3, 320, 256)})
    assert input_shapes(model) == {"x": (1, 3, 320, 256)}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    assert [axis.dim_value for axis in inferred.graph.output[0].type.tensor_type.shape.dim] == [1, 3, 320, 256]


@pytest.mark.parametrize("shapes", [{"z": (1, 3, 8, 8)}, {"x": (1, 3)}])
def test_shapes_for_what_is_not_there_are_refused(shapes: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no input"):
        with_shapes(read_graph(network(tmp_path, [])), shapes)


def test_a_batch_is_for_pictures_only(tmp_path: Path) -> None:
    model = read_graph(planted.swapper(tmp_path / "swapper.onnx"))
    with_batch(model, 4)
    assert input_shapes(model) == {"target": (4, 3, 128, 128), "source": (1, 512)}
    vectors = ModelProto()
    vectors.graph.input.append(helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 512]))
    with pytest.raises(ModelError, match="no pictures"):
        with_batch(vectors, 4)


def test_weights_that_are_listed_as_inputs_are_none(tmp_path: Path) -> None:
    """Files of old operator sets list every weight as an input as well."""
    model = read_graph(network(tmp_path, [matrix("w", 1.0)]))
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [512, 512]))
    assert list(input_shapes(model)) == ["x"]


@pytest.mark.parametrize(
    ("size", "shape"), [(None, (1, 3, 640, 640)), (Size(640, 384), (1, 3, 384, 640))], ids=["recipe", "asked"]
)
def test_what_a_file_leaves_free_is_fixed_by_its_recipe(
    size: Size | None, shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = network(tmp_path, [])
    content = read_graph(path)
    assert fitting_for(planted.model("scrfd_2.5g"), path, size=size)(content)
    assert input_shapes(content) == {"x": shape}
    assert not fitting_for(planted.model("scrfd_2.5g"), path)(content)


def test_planes_last_are_fixed_too(tmp_path: Path) -> None:
    source = planted.value("input", ["n", "h", "w", 3])
    node = helper.make_node("Relu", ["input"], ["output"])
    path = planted.save(tmp_path / "x.onnx", [node], [source], [planted.value("output", [1, 256, 256, 1])], {})
    content = read_graph(path)
    assert fitting_for(planted.model("xseg_3"), path)(content)
    assert input_shapes(content) == {"input": (1, 256, 256, 3)}


def test_a_picture_as_source_has_its_own_side(tmp_path: Path) -> None:
    inputs = [planted.value("source", ["n", 3, "a", "b"]), planted.value("target", ["n", 3, "c", "d"])]
    node = helper.make_node("Relu", ["target"], ["output"])
    path = planted.save(tmp_path / "x.onnx", [node], inputs, [planted.value("output", [1, 3, 256, 256])], {})
    content = read_graph(path)
    blend = planted.model("blendswap_256")
    free = {role: replace(port, spec=replace(port.spec, shape=(-1, 3, -1, -1))) for role, port in blend.inputs.items()}
    fitting_for(replace(blend, inputs=free), path)(content)
    assert input_shapes(content) == {"source": (1, 3, 112, 112), "target": (1, 3, 256, 256)}


def test_an_inswapper_without_emap_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = planted.swapper(tmp_path / "swapper.onnx", emap=None)
    with pytest.raises(ModelError, match="lacks the 512x512 matrix"):
        fitting_for(planted.model("inswapper_128"), path)(read_graph(path))
    fitting_for(planted.model("simswap_256"), path)(read_graph(path))


def test_what_is_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = planted.swapper(tmp_path / "swapper.onnx")
    content = path.read_bytes()
    for length in (0, 1, 2, 10, 100, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match="cut short"):
            read_graph(path)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_picture_is_no_network(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(cv2.imencode(ending, np.arange(768, dtype=np.uint8).reshape(16, 16, 3))[1].tobytes())
    with pytest.raises(ModelError, match="not an ONNX file"):
        read_graph(path)
