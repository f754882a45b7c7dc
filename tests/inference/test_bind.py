"""Binding by role: what is found in a file, and what is said about a file that does not fit."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import EngineError, ModelError
from livecam.inference.bind import bind
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model, Port
from livecam.inference.onnx import OnnxEngine
from livecam.inference.recipes import recipes_folder

FOLDERS = (recipes_folder(),)
N = 4
Shapes = Mapping[str, tuple[int, ...]]


def model(name: str) -> Model:
    return load_model(name, FOLDERS)


class FakeEngine:
    """An engine that says what it is told to, and gives the number of each output's place."""

    def __init__(self, inputs: Shapes, outputs: Shapes, dtypes: Mapping[str, str] | None = None) -> None:
        kinds = dtypes or {}
        self.inputs = {name: TensorSpec(shape, kinds.get(name, "float32")) for name, shape in inputs.items()}
        self.outputs = {name: TensorSpec(shape, kinds.get(name, "float32")) for name, shape in outputs.items()}
        self.fed: Mapping[str, Tensor] = {}
        self.closed = False
        self.gives: dict[str, Tensor] = {name: np.full(1, row, np.float32) for row, name in enumerate(outputs)}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed = feeds
        return self.gives

    def close(self) -> None:
        self.closed = True


def found(name: str, engine: FakeEngine) -> dict[str, str]:
    """The engine's own name for each role."""
    bound = bind(model(name), engine)
    inputs = {role: np.full(1, row, np.float32) for row, role in enumerate(bound.inputs)}
    outputs = bound.run(inputs)
    back = {float(value[0]): name for name, value in engine.fed.items()}
    given = {float(value[0]): name for name, value in engine.gives.items()}
    return {role: back[float(value[0])] for role, value in inputs.items()} | {
        role: given[float(value[0])] for role, value in outputs.items()
    }


SWAP = {"target": (1, 3, 128, 128), "source": (1, 512)}
IMAGE = {"output": (1, 3, 128, 128)}


def scrfd(leading: tuple[int, ...], count: int = -1) -> dict[str, tuple[int, ...]]:
    names = iter(("448", "471", "494", "451", "474", "497", "454", "477", "500"))
    return {next(names): (*leading, count, size) for size in (1, 4, 10) for _ in range(3)}


@pytest.mark.parametrize(
    "inputs",
    [SWAP, {"source": (1, 512), "target": (1, 3, 128, 128)}, {"target": (-1, 3, -1, -1), "source": (-1, -1)}],
)
def test_ports_are_found_by_name_in_any_order(inputs: Shapes) -> None:
    assert found("inswapper_128", FakeEngine(inputs, IMAGE)) == {
        "target": "target",
        "source": "source",
        "image": "output",
    }


def test_ports_of_unknown_names_are_told_apart_by_rank() -> None:
    engine = FakeEngine({"latent": (1, 512), "img": (1, 3, 128, 128)}, {"y": (1, 3, 128, 128)})
    assert found("inswapper_128", engine) == {"target": "img", "source": "latent", "image": "y"}


def test_ports_without_names_are_found_by_position() -> None:
    names = ("score", "box", "kps")
    expected = {f"{name}_{stride}": own for (name, stride), own in zip(
        [(name, stride) for name in names for stride in (8, 16, 32)], scrfd(()), strict=True
    )}  # fmt: skip
    for leading in ((), (1,)):
        assert found("scrfd_10g", FakeEngine({"input.1": (1, 3, -1, -1)}, scrfd(leading))) == {
            "picture": "input.1",
            **expected,
        }


@pytest.mark.parametrize("names", [("input", "weight"), ("x", "w"), ("a", "b")])
def test_codeformers_inputs_are_found_by_either_name_or_by_dtype(names: tuple[str, str]) -> None:
    picture, weight = names
    engine = FakeEngine(
        {weight: (1,), picture: (1, 3, 512, 512)}, {"y": (1, 3, 512, 512)}, {weight: "float64"}
    )  # fmt: skip
    assert found("codeformer", engine) == {"picture": picture, "weight": weight, "image": "y"}


def test_further_outputs_are_not_passed_on() -> None:
    outputs = {str(2344 + row): (1, 3, 512, 512) for row in range(16)}
    engine = FakeEngine({"input": (1, 3, 512, 512)}, outputs)
    assert found("restoreformer_plus_plus", engine) == {"picture": "input", "image": "2359"}
    engine = FakeEngine({"input": (1, 3, 512, 512)}, dict.fromkeys(("output", "4444", "5555"), (1, 19, 512, 512)))
    assert found("bisenet_resnet_34", engine) == {"picture": "input", "logits": "output"}


def test_a_mask_is_told_from_the_picture_by_its_planes() -> None:
    inputs = {"target": (1, 3, 256, 256), "source": (1, 512)}
    engine = FakeEngine(inputs, {"m": (1, 1, 256, 256), "y": (1, 3, 256, 256)})
    assert found("hyperswap_1a_256", engine) == {"target": "target", "source": "source", "image": "y", "mask": "m"}


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "expected"),
    [
        ("inswapper_128", {"target": (1, 512), "source": (1, 3, 128, 128)}, IMAGE, "the target, 'target', is float32 "),
        ("inswapper_128", {"target": (1, 3, 256, 256), "source": (1, 512)}, IMAGE, r"'target', is float32 \[1, 3, 256"),
        ("inswapper_128", {"target": (1, 3, 128, 128)}, IMAGE, "none can be told to be the source"),
        ("inswapper_128", SWAP | {"mask": (1, 1, 128, 128)}, IMAGE, "of its inputs 'mask' has no role"),
        ("inswapper_128", {"a": (-1, -1), "b": (-1, 512)}, IMAGE, "none can be told to be the target"),
        ("inswapper_128", {"a": (1, 512), "b": (1, 512)}, IMAGE, "none can be told to be the target"),
        ("inswapper_128", SWAP, {"output": (1, 512)}, r"the image, 'output', is float32 \[1, 512\]"),
        ("inswapper_128", SWAP, {"y": (1, 3, 128, 128), "z": (1, 3, 128, 128)}, "none can be told to be the image"),
        ("inswapper_128", SWAP, {"output": (3, 128, 128)}, r"the image, 'output', is float32 \[3, 128, 128\]"),
        ("inswapper_128", SWAP, {}, "of its outputs none can be told to be the image. It has none; expected: image"),
        ("scrfd_10g", {"x": (1, 3, -1, -1)}, dict(list(scrfd((1,)).items())[:6]), "none can be told to be the kps_8"),
        ("scrfd_10g", {"x": (1, 3, -1, -1)}, scrfd((1, 1)), r"the score_8, '448', is float32 \[1, 1, any, 1\]"),
        ("scrfd_10g", {"x": (-1, -1, -1, 3)}, dict(reversed(scrfd((1,)).items())), "the score_8, '500', is"),
        ("scrfd_10g", {"x": (1, 640, 640, 3)}, scrfd((1,)), "the picture, 'x', is"),
        ("arcface_w600k_r50", {"x": (1, 3, 112, 112)}, {"y": (512,)}, "the embedding, 'y', is"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_closed(
    name: str, inputs: Shapes, outputs: Shapes, expected: str
) -> None:
    engine = FakeEngine(inputs, outputs)
    with pytest.raises(ModelError, match=expected) as raised:
        bind(model(name), engine)
    assert str(raised.value).startswith(f"{name}.onnx does not fit its recipe")
    assert str(raised.value).endswith(f"livecam models verify {name}")
    assert engine.closed


def test_the_sentence_names_what_there_is_and_what_is_wanted() -> None:
    with pytest.raises(ModelError) as raised:
        bind(model("inswapper_128"), FakeEngine({"a": (1, 512)}, IMAGE))
    assert raised.value.what == (
        "inswapper_128.onnx does not fit its recipe: of its inputs none can be told to be the target. "
        "It has 'a' float32 [1, 512]; expected: target float32 [any, 3, 128, 128] (called target), "
        "source float32 [any, 512] (called source)."
    )


def test_one_port_cannot_have_two_roles() -> None:
    recipe = model("inswapper_128")
    twice = replace(recipe, inputs=dict.fromkeys(recipe.inputs, Port(("target",), recipe.inputs["target"].spec)))
    with pytest.raises(ModelError, match="of its inputs one of them would have two roles"):
        bind(twice, FakeEngine(SWAP, IMAGE))


def test_another_dtype_is_refused() -> None:
    engine = FakeEngine(SWAP, IMAGE, {"target": "float16"})
    with pytest.raises(ModelError, match="the target, 'target', is float16"):
        bind(model("inswapper_128"), engine)


def test_outputs_without_a_shape_are_tried_once() -> None:
    engine = FakeEngine({"target": (-1, 3, 128, 128), "source": (1, 512)}, {"output": ()})
    engine.gives = {"output": np.zeros((1, 3, 128, 128), np.float32)}
    bound = bind(model("inswapper_128"), engine)
    assert {name: feed.shape for name, feed in engine.fed.items()} == {
        "target": (1, 3, 128, 128),
        "source": (1, 512),
    }
    assert bound.outputs == {"image": TensorSpec((1, 3, 128, 128), "float32")}
    engine.gives = {"output": np.zeros((1, 512), np.float32)}
    with pytest.raises(ModelError, match=r"the image, 'output', is float32 \[1, 512\]"):
        bind(model("inswapper_128"), engine)


def test_a_file_that_cannot_be_tried_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(SWAP, {"output": ()})

    def fail(feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        raise EngineError("The network failed.")

    monkeypatch.setattr(engine, "run", fail)
    with pytest.raises(ModelError, match="does not say what it gives, and cannot be tried: The network failed"):
        bind(model("inswapper_128"), engine)


def save(path: Path, nodes: list[NodeProto], inputs: Shapes, outputs: Shapes) -> Path:
    """A network of floats."""
    sources, results = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "test", sources, results)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def test_a_model_is_added_by_one_file_in_the_users_folder(tmp_path: Path) -> None:
    text = (recipes_folder() / "README.md").read_text()
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    (tmp_path / "my_swapper_128.toml").write_text(example[1])
    mine = load_model("my_swapper_128", catalogue_folders(tmp_path))
    nodes = [
        helper.make_node("ReduceMean", ["latent"], ["m"], axes=[1], keepdims=1),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("Add", ["input", "f"], ["result"]),
    ]
    inputs = {"latent": (1, 512), "input": (1, 3, 128, 128)}
    path = save(tmp_path / "my_swapper_128.onnx", nodes, inputs, {"result": (1, 3, 128, 128)})
    bound = bind(mine, OnnxEngine(path))
    target = np.full((1, 3, 128, 128), 0.25, np.float32)
    image = bound.run({"target": target, "source": np.full((1, 512), 0.5, np.float32)})["image"]
    np.testing.assert_array_equal(image, np.full_like(target, 0.75))
    bound.close()
    with pytest.raises(EngineError, match="is closed"):
        bound.run({"target": target, "source": target})


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("scrfd_500m", "scrfd_500m_kps.onnx"),
        ("scrfd_2.5g", "scrfd_2.5g_kps.onnx"),
        ("yunet", "yunet_n_640_640.onnx"),
        ("facemesh_192", "facemesh_192.onnx"),
    ],
)
def test_the_real_networks_fit_their_recipes(name: str, file: str, shared_data: Path) -> None:
    recipe = model(name)
    bound = bind(recipe, OnnxEngine(shared_data / "networks" / file))
    assert list(bound.outputs) == list(recipe.outputs)
    (shape,) = (spec.shape for spec in bound.inputs.values())
    results = bound.run({"picture": np.zeros(shape, np.float32)})
    assert {role: value.shape for role, value in results.items()} == {
        role: spec.shape for role, spec in bound.outputs.items()
    }
    wrong = model("yunet" if name != "yunet" else "scrfd_500m")
    with pytest.raises(ModelError, match="does not fit its recipe"):
        bind(wrong, OnnxEngine(shared_data / "networks" / file))


def test_a_picture_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "inswapper_128.onnx"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with pytest.raises(ModelError, match=r"inswapper_128\.onnx is not an ONNX file"):
        OnnxEngine(path)
