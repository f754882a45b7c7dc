"""Engines of TensorRT: what one does with a card, on a card that is not there; and real compiling where it can be."""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from livecam.bench import standins
from livecam.core.seams import Tensor
from livecam.errors import DeviceError, EngineError, ExtraMissing, ModelError
from livecam.inference import tensorrt, toolkits
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.cuda_device import CudaDevice
from livecam.inference.files import sha256_of
from livecam.inference.onnx import OnnxEngine
from livecam.inference.plan_build import Terms, build_in_child, obtain_plan
from livecam.inference.plan_file import Sealed, sealed
from livecam.inference.plan_key import Flavour, InputShape, Precision
from livecam.inference.plan_request import Request, request_for
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Silent
from livecam.inference.tensorrt import TensorRtEngine
from livecam.inference.tensorrt_build import Options, Phases, batch_shapes, compile_plan, free_batch, outside_types
from livecam.inference.toolkits import Toolkit, toolkit
from tests.canvas.host_device import HostDevice
from tests.inference.cards import Dtype, PretendNetwork, Valid, pretend_kit
from tests.inference.planning import KEY

ABOUT = {"type:target": "float32", "type:weight": "float64", "type:image": "float32"}


def plan(payload: bytes = b"plan") -> Sealed:
    return Sealed(sealed(KEY, payload, ABOUT, 0)[0], payload)


def picture(rows: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).random((rows, 3, 4, 4), np.float32)


def agree(found: Tensor, wanted: Tensor, rtol: float = 0.0, atol: float = 0.0) -> None:
    np.testing.assert_allclose(found.astype(np.float64), wanted.astype(np.float64), rtol=rtol, atol=atol)


def weight(value: float) -> npt.NDArray[np.float64]:
    return np.array([value])


def test_a_run_goes_there_and_back() -> None:
    device = HostDevice()
    engine = TensorRtEngine(plan(), pretend_kit(PretendNetwork(device)), device)
    assert {name: (spec.shape, spec.dtype) for name, spec in engine.inputs.items()} == {
        "target": ((1, 3, 4, 4), "float32"),
        "weight": ((1,), "float64"),
    }
    assert engine.outputs["image"].shape == (1, 3, 4, 4)
    for seed in range(3):
        shown = picture(1, seed)
        result = engine.run({"target": shown, "weight": weight(2.0)})["image"]
        agree(result, 2 * shown, rtol=1e-6)
    assert device.moved == {"up": 3 * (192 + 4), "down": 3 * 192}, "nothing more is copied"
    engine.close()
    engine.close()
    assert device.held() == {}
    with pytest.raises(EngineError, match="closed"):
        engine.run({"target": picture(1), "weight": weight(2.0)})


def test_outputs_are_views_of_memory_that_was_there_before() -> None:
    device = HostDevice()
    engine = TensorRtEngine(plan(), pretend_kit(PretendNetwork(device)), device)
    feeds: dict[str, Tensor] = {"target": picture(1), "weight": weight(1.0)}
    first = engine.run(feeds)["image"]
    assert engine.run(feeds)["image"].ctypes.data == first.ctypes.data


def test_what_is_not_in_one_piece_is_taken_too() -> None:
    device = HostDevice()
    engine = TensorRtEngine(plan(), pretend_kit(PretendNetwork(device)), device)
    turned = picture(1)[..., ::-1]
    agree(engine.run({"target": turned, "weight": weight(3.0)})["image"], 3 * turned, rtol=1e-6)


def test_a_batch_may_be_smaller_than_the_largest() -> None:
    device = HostDevice()
    engine = TensorRtEngine(plan(), pretend_kit(PretendNetwork(device, rows=4)), device)
    assert engine.inputs["target"].shape == (4, 3, 4, 4)
    for rows in (4, 1, 3, 4):
        shown = picture(rows, rows)
        result = engine.run({"target": shown, "weight": weight(2.0)})["image"]
        assert result.shape == shown.shape
        agree(result, 2 * shown, rtol=1e-6)


@pytest.mark.parametrize(
    ("shown", "strength"),
    [
        (picture(2), weight(1.0)),
        (picture(1)[..., :3], weight(1.0)),
        (picture(1)[0], weight(1.0)),
        (picture(1).astype(np.float64), weight(1.0)),
        (picture(1), weight(1.0).astype(np.float32)),
        (picture(1), np.array(1.0)),
        (picture(1)[:0], weight(1.0)),
    ],
    ids=["rows", "width", "axes", "wider type", "narrower type", "no axes", "nothing"],
)
def test_what_does_not_fit_is_refused(shown: npt.NDArray[np.float32], strength: npt.NDArray[np.float64]) -> None:
    device = HostDevice()
    network = PretendNetwork(device)
    engine = TensorRtEngine(plan(), pretend_kit(network), device)
    with pytest.raises(EngineError, match="takes"):
        engine.run({"target": shown, "weight": strength})
    with pytest.raises(EngineError, match="takes target, weight"):
        engine.run({"target": picture(1)})
    assert network.runs == 0


def test_a_card_that_fails_is_an_error() -> None:
    device = HostDevice()
    network = PretendNetwork(device)
    engine = TensorRtEngine(plan(), pretend_kit(network), device)
    network.works = False
    with pytest.raises(DeviceError, match="failed on the graphics card"):
        engine.run({"target": picture(1), "weight": weight(1.0)})


def test_a_plan_for_other_cards_is_refused_before_it_is_loaded() -> None:
    device = HostDevice()
    with pytest.raises(EngineError, match="UNSUPPORTED_CC"):
        TensorRtEngine(plan(), pretend_kit(PretendNetwork(device), Valid.INVALID), device)
    with pytest.raises(EngineError, match="cannot load the plan of swap"):
        TensorRtEngine(plan(b"other"), pretend_kit(PretendNetwork(device)), device)
    # Full TensorRT has no such question.
    TensorRtEngine(plan(), pretend_kit(PretendNetwork(device), Valid.INVALID, Flavour.TENSORRT), device).close()
    assert device.held() == {}


@pytest.mark.parametrize(("limit", "kind"), [(10, Dtype.FLOAT), (1 << 20, Dtype.BF16)], ids=["memory", "type"])
def test_a_failed_start_leaves_nothing_on_the_card(limit: int, kind: Dtype) -> None:
    device = HostDevice(memory=limit)
    with pytest.raises(EngineError):
        TensorRtEngine(plan(), pretend_kit(PretendNetwork(device, kind=kind)), device)
    assert device.held() == {}


def test_half_precision_stays_on_the_card() -> None:
    device = HostDevice()
    engine = TensorRtEngine(plan(), pretend_kit(PretendNetwork(device, kind=Dtype.HALF)), device)
    result = engine.run({"target": picture(1), "weight": weight(2.0)})["image"]
    assert result.dtype == np.float32
    agree(result, 2 * picture(1), atol=2e-3)


@pytest.mark.parametrize("held", [b"", b"kept", b"strange"])
def test_the_runtime_cache_is_used_and_given_back(held: bytes) -> None:
    device = HostDevice()
    network = PretendNetwork(device)
    engine = TensorRtEngine(plan(), pretend_kit(network), device, held)
    assert network.cache.given == held
    assert engine.runtime_cache() == b"compiled"
    full = TensorRtEngine(plan(), pretend_kit(network, flavour=Flavour.TENSORRT), device)
    assert full.runtime_cache() == b""


def test_what_was_compiled_for_the_card_is_kept_beside_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, cache = HostDevice(), PlanCache(tmp_path / "plans")
    network, model = PretendNetwork(device), load_model("inswapper_128", catalogue_folders(None))
    monkeypatch.setattr(tensorrt, "bind", lambda _model, engine: engine)
    given = []
    for _ in range(2):
        tensorrt.load_plan(model, plan(), pretend_kit(network), device, cache).close()
        given.append((network.cache.given, network.runs))
    assert given == [(b"", 1), (b"compiled", 2)], "each start tries it once, and the second finds what was compiled"
    assert [entry.path.suffix for entry in cache.entries()] == [".runtime"]
    network.works = False
    with pytest.raises(ModelError, match="The plan of inswapper_128 could be loaded but does not run"):
        tensorrt.load_plan(model, plan(), pretend_kit(network), device, PlanCache(tmp_path / "other"))
    assert device.held() == {}


def test_a_toolkit_that_is_not_there_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(toolkits, "import_module", absent)
    with pytest.raises(ExtraMissing, match=r"livecam\[rtx\].*3\.12"):
        toolkit(Flavour.RTX)
    found = toolkits.toolkits()
    assert list(found) == [Flavour.RTX, Flavour.TENSORRT]
    assert all(isinstance(reason, ExtraMissing) for reason in found.values())


def test_an_old_toolkit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        __version__ = "10.9.0"

    monkeypatch.setattr(toolkits, "import_module", lambda _: Old)
    with pytest.raises(ExtraMissing, match=r"10\.9\.0 is too old; 10\.16"):
        toolkit(Flavour.TENSORRT)


def test_phases_within_phases_make_one_bar() -> None:
    phases, told = Phases(), []
    phases.start("all", "", 2)
    phases.start("first", "all", 4)
    told += [phases.done("first", step) for step in (1, 2, 4)]
    phases.finish("first")
    told.append(phases.done("all", 1))
    phases.start("second", "all", 2)
    told.append(phases.done("second", 1))
    phases.start("second", "all", 2)  # once more from the beginning
    told.append(phases.done("unknown", 1))
    phases.finish("second")
    told.append(phases.done("all", 2))
    assert told == [0.125, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0]


def test_batches_are_freed_on_pictures_alone() -> None:
    model = standins.build("inswapper_128", 16)
    shapes = batch_shapes(model, 4)
    assert shapes == (
        InputShape("target", (1, 3, 128, 128), (4, 3, 128, 128), (4, 3, 128, 128)),
        InputShape.fixed("source", (1, 512)),
    )
    free_batch(model, shapes)
    dims = {value.name: value.type.tensor_type.shape.dim[0] for value in model.graph.input}
    assert dims["target"].dim_param == "batch"
    assert dims["source"].dim_value == 1
    assert all(shape.is_fixed for shape in batch_shapes(standins.build("inswapper_128", 16), 1))


def test_a_free_size_is_refused() -> None:
    with pytest.raises(EngineError, match="free"):
        batch_shapes(tiny("Relu", shape=(1, 3, "h", "w")), 1)


def test_the_types_seen_from_outside_are_kept() -> None:
    assert outside_types(standins.build("codeformer", 16)) == {
        "type:input": "float32",
        "type:weight": "float64",
        "type:output": "float32",
    }


def tiny(operator: str, shape: tuple[int | str, ...] = (1, 3, 8, 8), domain: str = "") -> onnx.ModelProto:
    value, result = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], "only", domain=domain)], "g", [value], [result])
    imports = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


# What follows compiles with a real TensorRT for RTX, which needs no graphics card.


@pytest.fixture(scope="module")
def rtx() -> Toolkit:
    try:
        return toolkit(Flavour.RTX)
    except ExtraMissing as error:
        pytest.skip(f"no TensorRT-RTX here: {error.what}")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


def request(name: str, folder: Path, precision: Precision, batch: int = 1, divisor: int = 16) -> Request:
    path, recipes = folder / f"{name}.{divisor}.onnx", catalogue_folders(None)
    if not path.exists():
        standins.write(name, path, divisor)
    model = load_model(name, recipes)
    return request_for(model, path, sha256_of(path), recipes, flavour=Flavour.RTX, precision=precision, batch=batch)


SMALL = (
    ("scrfd_500m", Precision.FP32, 1),
    ("inswapper_128", Precision.FP16, 4),
    ("inswapper_128_fp16", Precision.FP16, 1),
    ("bisenet_resnet_18", Precision.FP16, 1),
)

LARGE = (
    *("scrfd_10g", "2dfan4", "arcface_w600k_r50", "inswapper_128", "inswapper_128_fp16", "hyperswap_1a_256"),
    *("gpen_bfr_256", "gpen_bfr_512", "gfpgan_1.4", "codeformer", "xseg_1", "bisenet_resnet_34"),
)


@pytest.mark.tensorrt
@pytest.mark.parametrize(("name", "precision", "batch"), SMALL, ids=str)
def test_small_networks_compile(name: str, precision: Precision, batch: int, rtx: Toolkit, files: Path) -> None:
    payload, about = build_in_child(request(name, files, precision, batch))
    assert len(payload) > 100_000
    assert about["type:input.1" if name == "scrfd_500m" else "type:input" if "bise" in name else "type:target"]
    assert rtx.version


@pytest.mark.tensorrt
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*standins.names()} - {*LARGE}))
def test_every_other_network_compiles_at_a_sixteenth(name: str, rtx: Toolkit, files: Path) -> None:
    payload, _ = build_in_child(request(name, files, Precision.FP16))
    assert len(payload) > 10_000
    assert rtx.version


@pytest.mark.tensorrt
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("inswapper_128", Precision.FP32),
        *((name, Precision.FP16) for name in LARGE),
    ],
    ids=str,
)
def test_networks_of_full_size_compile(name: str, precision: Precision, rtx: Toolkit, files: Path) -> None:
    wanted = request(name, files, precision, divisor=1)
    payload, _ = build_in_child(wanted)
    assert len(payload) > Path(wanted.path).stat().st_size / 4
    Path(wanted.path).unlink()
    assert rtx.version


@pytest.mark.tensorrt
def test_what_was_built_is_not_built_again(rtx: Toolkit, files: Path, tmp_path: Path) -> None:
    cache, model = PlanCache(tmp_path / "plans"), load_model("scrfd_500m", catalogue_folders(None))
    wanted, terms = request("scrfd_500m", files, Precision.FP32), Terms(threading.Event())
    first = obtain_plan(cache, wanted, model, rtx.version, Silent(), terms)
    no_builder = Terms(threading.Event(), command=("/nowhere/at/all",))
    assert obtain_plan(cache, wanted, model, rtx.version, Silent(), no_builder).payload == first.payload


@pytest.mark.tensorrt
def test_builds_for_named_cards(rtx: Toolkit) -> None:
    network = tiny("Relu").SerializeToString()

    def step(_stage: str, _done: int, _total: int) -> bool:
        return True

    for_two = compile_plan(rtx, network, (), Options(targets=("sm_86", "sm_120")), step)
    assert len(for_two) != len(compile_plan(rtx, network, (), Options(targets=("sm_86",)), step))
    with pytest.raises(EngineError, match="cannot build for 'sm_90'; it can for sm_75"):
        compile_plan(rtx, network, (), Options(targets=("sm_90",)), step)


@pytest.mark.tensorrt
def test_an_operator_it_does_not_know_is_named(rtx: Toolkit) -> None:
    network = tiny("Wonder", domain="elsewhere").SerializeToString()
    with pytest.raises(EngineError, match=r"Wonder 'only'"):
        compile_plan(rtx, network, (), Options(), lambda *_: True)


@pytest.mark.tensorrt
def test_a_step_that_says_no_ends_the_build(rtx: Toolkit) -> None:
    steps: list[int] = []

    def step(_stage: str, done: int, _total: int) -> bool:
        steps.append(done)
        return len(steps) < 20

    network = standins.build("gpen_bfr_256", 16).SerializeToString()
    with pytest.raises(EngineError, match="cancelled"):
        compile_plan(rtx, network, (), Options(), step)
    assert steps == sorted(steps)


@pytest.mark.gpu
def test_a_real_card_agrees_with_the_processor(files: Path) -> None:
    try:
        device, kit = CudaDevice(), toolkit(Flavour.RTX)
    except (ExtraMissing, EngineError) as error:
        pytest.skip(f"no GPU: {error.what}")
    wanted = request("scrfd_500m", files, Precision.FP32)
    payload, about = build_in_child(wanted)
    processor = OnnxEngine(Path(wanted.path))
    engine = TensorRtEngine(Sealed(sealed(KEY, payload, about, 0)[0], payload), kit, device)
    noise = np.random.default_rng(0).standard_normal((1, 3, 640, 640)).astype(np.float32)
    expected = processor.run({"input.1": noise})
    results = {name: result.copy() for name, result in engine.run({"input.1": noise}).items()}
    for name, result in results.items():
        agree(result, expected[name], atol=0.01)
    # The same in a graph, from the input that is still on the card.
    assert engine.capturable
    tensors, stream = engine.tensors(), device.stream()
    device.begin_capture(stream)
    engine.enqueue(stream)
    graph = device.end_capture(stream)
    for name in results:
        device.zero(tensors[name].address, tensors[name].bytes, stream)
    device.replay(graph, stream)
    for name, result in results.items():
        memory = device.pinned(tensors[name].bytes)
        device.download(memory, tensors[name].address, stream)
        device.wait(stream)
        agree(memory.view(tensors[name].dtype).reshape(result.shape), result, atol=1e-3)
        device.free_pinned(memory)
    device.end_graph(graph)
    device.end_stream(stream)
    engine.close()
