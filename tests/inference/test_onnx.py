"""The ONNX Runtime engine: what it refuses to load, and that it never falls back in silence."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper

from livecam.core.seams import Engine, TensorSpec
from livecam.errors import EngineError, ModelError
from livecam.inference.onnx import OnnxEngine, load, providers
from livecam.inference.recipe import Recipe

NAME = "face_detection_short_range"


def save(folder: Path, nodes: list[NodeProto], weights: list[TensorProto] | None = None) -> Path:
    """A network from x (n, 3) float to y."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "test", [source], [result], weights or [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    return save(tmp_path, [helper.make_node("Add", ["x", "x"], ["y"])])


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def test_runs_and_tells_its_shapes(doubling: Path) -> None:
    engine: Engine = OnnxEngine(doubling)
    assert engine.inputs == {"x": TensorSpec((-1, 3), "float32")}
    assert list(engine.outputs) == ["y"]
    feed = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(engine.run({"x": feed})["y"], 2 * feed)


def test_a_closed_engine_says_so(doubling: Path) -> None:
    engine = OnnxEngine(doubling)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match=r"network\.onnx is closed"):
        engine.run({"x": np.zeros((1, 3), np.float32)})


@pytest.mark.parametrize(
    "feeds",
    [
        {"x": np.zeros((1, 4), np.float32)},
        {"x": np.zeros((1, 3), np.float64)},
        {"z": np.zeros((1, 3), np.float32)},
        {},
    ],
)
def test_feeds_that_do_not_fit_are_engine_errors(feeds: dict[str, np.ndarray], doubling: Path) -> None:
    with pytest.raises(EngineError, match="failed on cpu"):
        OnnxEngine(doubling).run(feeds)


def test_an_unknown_provider_names_the_known(doubling: Path) -> None:
    with pytest.raises(EngineError, match=r"no provider 'gpu'.*cpu, cuda"):
        OnnxEngine(doubling, provider="gpu")


def test_a_provider_that_was_not_built_in_is_refused(doubling: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EngineError, match=r"built without cuda; it has cpu.*livecam\[gpu\]"):
        OnnxEngine(doubling, provider="cuda")
    assert providers() == ("cpu",)


def test_a_provider_that_does_not_start_is_no_silent_fallback(doubling: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime takes the CPU when CUDA's libraries are missing, and only logs it."""

    class FellBack:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FellBack)
    with pytest.raises(EngineError, match="was to run on cuda"):
        OnnxEngine(doubling, provider="cuda")
    assert "cuda" not in providers()


def test_the_cpu_is_always_there() -> None:
    assert "cpu" in providers()


@pytest.mark.parametrize("kind", ["RandomNormalLike", "RandomUniformLike", "Bernoulli"])
def test_random_operators_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=kind):
        OnnxEngine(save(tmp_path, [helper.make_node(kind, ["x"], ["y"])]))


def test_random_operators_inside_a_branch_are_refused(tmp_path: Path) -> None:
    result = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("RandomNormal", [], ["r"], shape=[1])], "branch", [], [result])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    with pytest.raises(ModelError, match="RandomNormal"):
        OnnxEngine(save(tmp_path, [node], [condition]))


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "a/../../secret.bin"])
def test_data_outside_the_folder_is_refused(location: str, tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [external(location)])
    with pytest.raises(ModelError, match="outside its folder"):
        OnnxEngine(path)


def test_data_beside_the_network_is_read(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    path = save(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [external("w.bin")])
    result = OnnxEngine(path).run({"x": np.zeros((1, 3), np.float32)})["y"]
    np.testing.assert_array_equal(result, [[1, 2, 3]])


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "w.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(ModelError, match="outside its folder"):
        OnnxEngine(save(inside, [helper.make_node("Add", ["x", "w"], ["y"])], [external("w.bin")]))


def test_what_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match=r"network\.onnx is not an ONNX file"):
        OnnxEngine(path)
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read: No such file"):
        OnnxEngine(tmp_path / "gone.onnx")


def test_a_graph_that_cannot_be_loaded_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be loaded on cpu"):
        OnnxEngine(save(tmp_path, [helper.make_node("NoSuchOperator", ["x"], ["y"])]))


@pytest.mark.parametrize(
    "spec", [TensorSpec((5,), "float32"), TensorSpec((896,), "float16"), TensorSpec((1, 896), "float32")]
)
def test_a_network_that_does_not_fit_its_recipe_is_refused(
    spec: TensorSpec, recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]
) -> None:
    recipe = recipes[NAME]
    changed = replace(recipe, outputs={**recipe.outputs, "scores": spec})
    with pytest.raises(ModelError, match=r"outputs are boxes float32\[896, 16\], scores float32\[896\], not"):
        load(changed, mesh_models[NAME])


def test_free_dimensions_fit_any_size(recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]) -> None:
    recipe = recipes[NAME]
    changed = replace(recipe, outputs={**recipe.outputs, "scores": TensorSpec((-1,), "float32")})
    assert load(changed, mesh_models[NAME]).provider == "cpu"


def test_a_network_of_another_recipe_is_refused(recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]) -> None:
    with pytest.raises(ModelError, match="does not fit its recipe face_landmark"):
        load(recipes["face_landmark"], mesh_models[NAME])
