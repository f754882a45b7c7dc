"""Plans whose inputs and outputs stay on the card: a card over host memory, a TensorRT that is not there."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.device import DeviceEngine, DeviceTensor
from livecam.core.seams import Engine
from livecam.errors import DeviceError, EngineError
from livecam.inference import tensorrt, tensorrt_device
from livecam.inference.bind import Roles
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model
from livecam.inference.plan_file import Sealed, sealed
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import PlanCache
from livecam.inference.tensorrt import TensorRtEngine
from livecam.inference.tensorrt_device import device_engine
from tests.canvas.host_device import HostDevice
from tests.inference.cards import Dtype, PretendNetwork, pretend_kit
from tests.inference.planning import KEY

ABOUT = {"type:target": "float32", "type:weight": "float64", "type:image": "float32"}
PLAN = Sealed(sealed(KEY, b"plan", ABOUT, 0)[0], b"plan")
MODEL = load_model("inswapper_128", catalogue_folders(None))

Floats = npt.NDArray[np.float32]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanCache:
    """The pretended network fits no recipe; what it is for is said here."""

    def found(_model: Model, engine: Engine) -> Roles:
        return Roles({"face": "target", "strength": "weight"}, {"result": "image"}, engine.outputs)

    monkeypatch.setattr(tensorrt, "bind", lambda _model, engine: engine)
    monkeypatch.setattr(tensorrt_device, "roles", found)
    return PlanCache(tmp_path / "plans")


def put(device: HostDevice, tensor: DeviceTensor, value: Floats) -> None:
    device.bytes_at(tensor.address, tensor.bytes).view(tensor.dtype)[:] = value.reshape(-1)


def got(device: HostDevice, tensor: DeviceTensor) -> npt.NDArray[np.float64]:
    return device.bytes_at(tensor.address, tensor.bytes).view(tensor.dtype).reshape(tensor.shape).astype(np.float64)


def faces(rows: int, seed: int) -> Floats:
    return np.random.default_rng(seed).random((rows, 3, 4, 4), np.float32)


@pytest.mark.parametrize("kind", [Dtype.FLOAT, Dtype.HALF])
@pytest.mark.parametrize("flavour", Flavour)
def test_a_graph_of_it_is_replayed_on_what_is_at_its_inputs(cache: PlanCache, kind: Dtype, flavour: Flavour) -> None:
    device = HostDevice()
    network = PretendNetwork(device, kind=kind)
    engine: DeviceEngine = device_engine(MODEL, PLAN, pretend_kit(network, flavour=flavour), device, cache)
    dtype = "float32" if kind is Dtype.FLOAT else "float16"
    assert {role: (tensor.shape, tensor.dtype) for role, tensor in engine.inputs.items()} == {
        "face": ((1, 3, 4, 4), dtype),
        "strength": ((1,), "float32"),
    }
    assert engine.outputs["result"].shape == (1, 3, 4, 4)
    assert engine.capturable
    stream = device.stream()
    put(device, engine.inputs["strength"], np.array([2.0], np.float32))
    device.begin_capture(stream)
    engine.enqueue(stream)
    graph = device.end_capture(stream)
    before = network.runs, device.calls["allocate"], dict(device.moved)
    for seed in range(3):
        put(device, engine.inputs["face"], faces(1, seed))
        device.replay(graph, stream)
        device.wait(stream)
        np.testing.assert_allclose(got(device, engine.outputs["result"]), 2 * faces(1, seed), atol=2e-3)
    assert before == (network.runs, device.calls["allocate"], dict(device.moved)), "nothing goes through the computer"
    device.end_graph(graph)
    device.end_stream(stream)
    engine.close()
    engine.close()
    assert device.held() == {}
    with pytest.raises(EngineError, match="closed"):
        engine.enqueue(1)


def test_it_runs_at_its_largest_whatever_it_ran_on_before() -> None:
    device = HostDevice()
    engine = TensorRtEngine(PLAN, pretend_kit(PretendNetwork(device, rows=4)), device)
    engine.run({"target": faces(1, 0), "weight": np.array([3.0])})
    tensors, stream = engine.tensors(), device.stream()
    assert tensors["target"].shape == (4, 3, 4, 4)
    put(device, tensors["target"], faces(4, 1))
    engine.enqueue(stream)
    device.wait(stream)
    np.testing.assert_allclose(got(device, tensors["image"]), 3 * faces(4, 1), rtol=1e-5)


def test_what_has_not_run_or_cannot_be_noted_is_not_captured() -> None:
    device = HostDevice()
    network = PretendNetwork(device)
    for flavour, wanted in ((Flavour.RTX, False), (Flavour.TENSORRT, True)):
        network.is_capturable = False
        engine = TensorRtEngine(PLAN, pretend_kit(network, flavour=flavour), device)
        assert not engine.capturable, "it has not run"
        engine.run({"target": faces(1, 0), "weight": np.array([1.0])})
        said = [engine.capturable]
        network.is_capturable = True
        said.append(engine.capturable)
        engine.close()
        said.append(engine.capturable)
        assert said == [wanted, True, False]


def test_numbers_that_kernels_do_not_know_are_refused(cache: PlanCache, monkeypatch: pytest.MonkeyPatch) -> None:
    device = HostDevice()
    monkeypatch.setattr(tensorrt, "try_engine", lambda *_: None)
    with pytest.raises(EngineError, match=r"face is of int64.*computer's memory"):
        device_engine(MODEL, PLAN, pretend_kit(PretendNetwork(device, kind=Dtype.INT64)), device, cache)
    assert device.held() == {}


def test_a_card_that_refuses_is_told(cache: PlanCache) -> None:
    device = HostDevice()
    network = PretendNetwork(device)
    engine = device_engine(MODEL, PLAN, pretend_kit(network), device, cache)
    network.works = False
    with pytest.raises(DeviceError, match="failed on the graphics card"):
        engine.enqueue(device.stream())
    device.fail()
    engine.close()
