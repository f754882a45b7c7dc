"""The ONNX Runtime engine: what it refuses to load, and that it never falls back in silence."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import psutil
import pytest
from onnx import NodeProto, TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from livecam.core.seams import Engine, TensorSpec
from livecam.errors import ConfigError, EngineError, ModelError
from livecam.inference.binding import Binding
from livecam.inference.onnx import OnnxEngine, load, load_model_engine, providers, require, threads_for
from livecam.inference.recipe import Recipe
from livecam.inference.session import PROVIDERS
from tests.vision.swap import planted

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
    with pytest.raises(EngineError, match=r"built without cuda; it has cpu.*livecam\[cuda\].*uninstall -y onnxruntime"):
        OnnxEngine(doubling, provider="cuda")
    assert set(providers()) - {"openvino"} == {"cpu"}


def test_a_provider_that_does_not_start_is_no_silent_fallback(doubling: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime takes the CPU when CUDA's libraries are missing, and only logs it."""

    class FellBack:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

        def run(self, *_: object) -> None:
            pass

    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FellBack)
    with pytest.raises(EngineError, match="was to run on cuda"):
        OnnxEngine(doubling, provider="cuda")
    assert "cuda" not in providers()
    with pytest.raises(ConfigError, match="was to run on cuda"):
        require("cuda")


def test_the_cpu_is_always_there() -> None:
    assert "cpu" in providers()
    require("cpu")


def test_a_provider_that_loads_but_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card older than the kernels that were built in is noticed in the first run only."""

    class Loads:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider"]

        def run(self, *_: object) -> None:
            raise RuntimeError("no kernel image is available for execution on the device")

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Loads)
    with pytest.raises(ConfigError, match=r"can be loaded on cuda but do not run: no kernel image"):
        require("cuda")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_which_of_cudas_libraries_are_missing_is_told_and_not_printed(
    doubling: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are looked for where pip puts them, and ONNX Runtime says what it finds on the terminal only."""

    def preload() -> None:
        print("Failed to load /a/nvidia/cu13/lib/libcublas.so.13: cannot open shared object file: No such file")
        print("Failed to load libcudart.so.13: cannot open shared object file")
        print("Please follow https://example.org")

    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(EngineError) as caught:
        OnnxEngine(doubling, provider="cuda")
    assert "took another: libcublas.so.13, libcudart.so.13 cannot be loaded." in caught.value.what
    assert "onnxruntime-gpu[cuda,cudnn]" in caught.value.next_step
    assert capfd.readouterr() == ("", "")


def test_a_provider_that_fails_in_a_run_is_no_silent_fallback(
    doubling: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default ONNX Runtime prints a line, goes over to the processor, and goes on."""
    made: list[onnxruntime.InferenceSession] = []
    real = onnxruntime.InferenceSession

    def make(*arguments: object, **named: object) -> object:
        made.append(real(*arguments, **named))
        return made[-1]

    class Failing:
        def __init__(self, real: object) -> None:
            self.real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

        def run(self, *_: object) -> None:
            raise EPFail("the card has fallen off the bus")

    monkeypatch.setattr(onnxruntime, "InferenceSession", make)
    engine = OnnxEngine(doubling)
    vars(made[0])["_sess"] = Failing(made[0]._sess)
    with pytest.raises(EngineError, match="failed on cpu: the card has fallen off the bus"):
        engine.run({"x": np.zeros((1, 3), np.float32)})
    assert capsys.readouterr().out == ""


def test_a_provider_that_cannot_load_a_network_is_no_silent_fallback(
    doubling: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(onnxruntime.InferenceSession, "_create_inference_session", refuse)
    with pytest.raises(EngineError, match="cannot be loaded on cpu: CUDA driver version is insufficient"):
        OnnxEngine(doubling)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["tensorrt", "rtx"])
def test_compiled_backends_are_no_providers_of_onnx_runtime(name: str, doubling: Path) -> None:
    """Its own TensorRT provider is built against another TensorRT than the package installs."""
    with pytest.raises(EngineError, match=f"no provider '{name}'"):
        OnnxEngine(doubling, provider=name)


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


def test_a_network_is_loaded_by_its_recipe(tmp_path: Path) -> None:
    engine = load_model_engine(planted.model("inswapper_128"), planted.swapper(tmp_path / "inswapper_128.onnx"))
    assert {role: spec.shape for role, spec in engine.inputs.items()} == {
        "target": (1, 3, 128, 128),
        "source": (1, 512),
    }
    target = np.full((1, 3, 128, 128), 0.5, np.float32)
    source = np.zeros((1, 512), np.float32)
    source[0, 1] = 1
    image = engine.run({"target": target, "source": source})["image"]
    np.testing.assert_array_equal(image[0, :, 64, 64], np.array([0.5, 0.7, 0.5], np.float32))


def test_sizes_left_free_are_fixed_before_loading(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["in"], ["out"])]
    ports = ([planted.value("in", ["n", 3, "h", "w"])], [planted.value("out", ["n", 3, "h", "w"])])
    path = planted.save(tmp_path / "gfpgan.onnx", nodes, *ports, {})
    engine = load_model_engine(planted.model("gfpgan_1.4"), path)
    assert engine.inputs["picture"].shape == engine.outputs["image"].shape == (1, 3, 512, 512)


def test_a_batch_equals_single_runs(tmp_path: Path) -> None:
    path = planted.swapper(tmp_path / "inswapper_128.onnx", gain=0.6)
    model = planted.model("inswapper_128")
    one, four = load_model_engine(model, path), load_model_engine(model, path, batch=4)
    assert four.inputs["target"].shape == four.outputs["image"].shape == (4, 3, 128, 128)
    targets = np.random.default_rng(0).random((4, 3, 128, 128), dtype=np.float32)
    source = np.full((1, 512), 512**-0.5, np.float32)
    together = four.run({"target": targets, "source": source})["image"]
    for row in range(4):
        single = one.run({"target": targets[row : row + 1], "source": source})["image"]
        np.testing.assert_array_equal(together[row], single[0])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_network_that_mixes_rows_takes_one_at_a_time(axis: int, tmp_path: Path) -> None:
    """A file made for one picture can add up a batch, or fail on it; it is used for one then."""
    small = np.ones((512, 1), np.float32)
    nodes = [helper.make_node("MatMul", ["source", "small"], ["shift"])]
    if axis == 0:
        nodes += [helper.make_node("ReduceMean", ["target"], ["mean"], axes=[0], keepdims=1)]
        nodes += [helper.make_node("Add", ["target", "mean"], ["both"])]
    else:
        nodes += [helper.make_node("Reshape", ["target", "one"], ["both"])]
    nodes += [helper.make_node("Add", ["both", "shift"], ["output"])]
    ports = ([planted.value("target", [1, 3, 128, 128]), planted.value("source", [1, 512])],)
    weights = {"small": small, "one": np.array([1, 3, 128, 128]), "buff2fs": planted.EMAP}
    path = planted.save(tmp_path / "i.onnx", nodes, *ports, [planted.value("output", [1, 3, 128, 128])], weights)
    engine = load_model_engine(planted.model("inswapper_128"), path, batch=4)
    assert engine.inputs["target"].shape == (1, 3, 128, 128)


def broken(folder: Path, kind: str) -> Path:
    path = folder / "inswapper_128.onnx"
    match kind:
        case "no emap":
            return planted.swapper(path, emap=None)
        case "wrong size":
            return planted.swapper(path, side=256)
        case "wrong source":
            return planted.swapper(path, source=128)
        case "not a number":
            return planted.swapper(path, gain=float("nan"))
        case "cut short":
            content = planted.swapper(path).read_bytes()
            path.write_bytes(content[: len(content) // 2])
        case "a picture":
            path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no emap", "lacks the 512x512 matrix"),
        ("wrong size", "does not fit its recipe"),
        ("wrong source", "does not fit its recipe"),
        ("not a number", "not finite"),
        ("cut short", "cut short"),
        ("a picture", "not an ONNX file"),
    ],
)
def test_what_is_wrong_with_a_network_is_told_when_it_is_loaded(kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        load_model_engine(planted.model("inswapper_128"), broken(tmp_path, kind))


def test_a_swapper_that_swaps_nothing_is_refused(tmp_path: Path) -> None:
    path = planted.swapper(tmp_path / "i.onnx", weight=0.0)
    with pytest.raises(ModelError, match="gives back as image the face"):
        load_model_engine(planted.model("inswapper_128"), path)


def test_what_the_cpu_cannot_load_is_the_fault_of_the_file(tmp_path: Path) -> None:
    """A graphics card may come back; this will not."""
    nodes = [helper.make_node("MatMul", ["source", "target"], ["output"])]
    inputs = [planted.value("target", [1, 3, 128, 128]), planted.value("source", [1, 512])]
    outputs = [planted.value("output", [1, 3, 128, 128])]
    path = planted.save(tmp_path / "i.onnx", nodes, inputs, outputs, {"buff2fs": planted.EMAP})
    with pytest.raises(ModelError, match=r"cannot be loaded on cpu.*models verify inswapper_128"):
        load_model_engine(planted.model("inswapper_128"), path)


def crossed(folder: Path, target: list[int | str], source: list[int | str]) -> Path:
    """A swapper whose inputs are called by each other's names."""
    nodes = [helper.make_node("Relu", ["source"], ["output"])]
    inputs = [planted.value("source", target), planted.value("target", source)]
    weights = {"buff2fs": planted.EMAP}
    return planted.save(folder / "i.onnx", nodes, inputs, [planted.value("output", [1, 3, 128, 128])], weights)


def test_inputs_that_were_swapped_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not fit its recipe"):
        load_model_engine(planted.model("inswapper_128"), crossed(tmp_path, [1, 3, 128, 128], [1, 512]))


def test_a_network_that_does_not_run_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    """Shapes that only the run finds out to be wrong."""
    nodes = [helper.make_node("Reshape", ["in", "shape"], ["bent"]), helper.make_node("Add", ["in", "bent"], ["out"])]
    nodes[:0] = [helper.make_node("Cast", ["wrong"], ["shape"], to=TensorProto.INT64)]
    nodes[:0] = [helper.make_node("Ceil", ["numbers"], ["wrong"])]
    ports = ([planted.value("in", [1, 3, 512, 512])], [planted.value("out", ["a", "b", "c", "d"])])
    nodes[:0] = [helper.make_node("ReduceMean", ["in"], ["mean"], axes=[0, 1, 2, 3], keepdims=0)]
    nodes[1:1] = [helper.make_node("Mul", ["mean", "sizes"], ["numbers"])]
    weights = {"sizes": np.array([1, 2, 3, 4], np.float32)}
    path = planted.save(tmp_path / "gfpgan.onnx", nodes, *ports, weights)
    with pytest.raises(ModelError, match="does not run"):
        load_model_engine(planted.model("gfpgan_1.4"), path)


def test_bound_outputs_are_the_same_memory_and_the_same_numbers(doubling: Path) -> None:
    session = onnxruntime.InferenceSession(str(doubling), providers=["CPUExecutionProvider"])
    binding = Binding(session, {"y": TensorSpec((2, 3), "float32")})
    feed = np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2]
    first = binding.run({"x": feed})["y"]
    np.testing.assert_array_equal(first, 2 * feed)
    second = binding.run({"x": feed + 1})["y"]
    assert second is first
    np.testing.assert_array_equal(second, 2 * feed + 2)


def test_a_bound_input_is_not_remembered(doubling: Path) -> None:
    """It was an address: by the next run its memory may be somebody else's."""
    session = onnxruntime.InferenceSession(str(doubling), providers=["CPUExecutionProvider"])
    binding = Binding(session, {"y": TensorSpec((1, 3), "float32")})
    binding.run({"x": np.ones((1, 3), np.float32)})
    with pytest.raises(Exception, match="x"):
        binding.run({})


def test_providers_other_than_the_cpu_are_bound_where_shapes_are_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played by the CPU, which answers to another name."""
    monkeypatch.setitem(PROVIDERS, "cuda", "CPUExecutionProvider")
    fixed = OnnxEngine(planted.enhancer(tmp_path / "fixed.onnx"), "cuda")
    feed = np.random.default_rng(0).random((1, 3, 512, 512), dtype=np.float32)
    first = fixed.run({"input": feed})["output"]
    assert fixed.run({"input": feed})["output"] is first
    np.testing.assert_array_equal(first, feed)
    with pytest.raises(EngineError, match="failed on cuda"):
        fixed.run({"input": feed[:, :, :256]})
    free = OnnxEngine(save(tmp_path, [helper.make_node("Add", ["x", "x"], ["y"])]), "cuda")
    np.testing.assert_array_equal(free.run({"x": np.ones((4, 3), np.float32)})["y"], np.full((4, 3), 2))
    fixed.close()
    with pytest.raises(EngineError, match="is closed"):
        fixed.run({"input": feed})


@pytest.mark.parametrize(
    ("gflop", "physical", "allowed", "threads"),
    [(0, 8, 16, 1), (1.5, 8, 16, 1), (6.9, 8, 16, 7), (350, 8, 4, 3), (350, 2, 2, 1), (350, 1, 1, 1)],
)
def test_threads_fit_the_network_and_the_machine(
    gflop: float, physical: int, allowed: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: physical)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    assert threads_for(gflop) == threads


def test_random_operators_are_refused_in_published_networks_too(tmp_path: Path) -> None:
    nodes = [helper.make_node("RandomNormalLike", ["in"], ["noise"]), helper.make_node("Add", ["in", "noise"], ["out"])]
    ports = ([planted.value("in", [1, 3, 512, 512])], [planted.value("out", [1, 3, 512, 512])])
    path = planted.save(tmp_path / "gfpgan.onnx", nodes, *ports, {})
    with pytest.raises(ModelError, match="RandomNormalLike"):
        load_model_engine(planted.model("gfpgan_1.4"), path)


def test_a_network_that_gives_another_shape_than_it_states_is_refused(tmp_path: Path) -> None:
    """ONNX Runtime cannot know better where a shape is computed, and only warns when it runs."""
    nodes = [
        helper.make_node("ReduceMean", ["in"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "sizes"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["shape"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["in", "shape"], ["out"]),
    ]
    weights = {"zero": np.array(0, np.float32), "sizes": np.array([1, 3, 256, 1024], np.float32)}
    ports = ([planted.value("in", [1, 3, 512, 512])], [planted.value("out", [1, 3, 512, 512])])
    path = planted.save(tmp_path / "gfpgan.onnx", nodes, *ports, weights)
    with pytest.raises(ModelError, match=r"gives as image a shape of \(1, 3, 256, 1024\)"):
        load_model_engine(planted.model("gfpgan_1.4"), path)
