"""Where weights lie, and what is said when the memory does not suffice."""

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from livecam.errors import StudioError, StudioMemory  # noqa: E402
from livecam.studio.engines import placing  # noqa: E402
from livecam.studio.engines.placing import Peak, beside, deterministic, place, refusing_memory, unplace  # noqa: E402
from livecam.studio.terms import Device  # noqa: E402


class _Pipeline:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def to(self, device: str) -> None:
        self.told.append(f"to {device}")

    def enable_model_cpu_offload(self, *, device: str) -> None:
        self.told.append(f"model {device}")

    def enable_sequential_cpu_offload(self, *, device: str) -> None:
        self.told.append(f"sequential {device}")

    def remove_all_hooks(self) -> None:
        self.told.append("hooks off")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a card that has a GB free."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 2 << 30))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


@pytest.mark.parametrize(
    ("offload", "told"), [("none", "to cuda"), ("model", "model cuda"), ("sequential", "sequential cuda")]
)
@pytest.mark.usefixtures("card")
def test_each_offload_is_the_pipelines_own(offload: str, told: str) -> None:
    pipeline = _Pipeline()
    place(pipeline, Device("cuda", offload))
    assert pipeline.told == [told]


def test_the_processor_has_nothing_to_offload_from() -> None:
    pipeline = _Pipeline()
    place(pipeline, Device("cpu", "sequential"))
    unplace(pipeline)
    assert pipeline.told == ["to cpu", "hooks off", "to cpu"]


def test_a_device_or_an_offload_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(StudioError, match="no device 'npu'"):
        place(_Pipeline(), Device("npu"))
    with pytest.raises(StudioError, match="none, model, sequential"):
        place(_Pipeline(), Device("cpu", "disk"))


@pytest.mark.usefixtures("card")
def test_free_memory_is_told_where_there_is_a_device() -> None:
    assert placing.free_bytes("cuda") == 1 << 30
    assert (placing.free_bytes("cpu") or 0) > 0
    assert placing.free_bytes("npu") is None


@pytest.mark.parametrize(
    ("device", "side", "says"),
    [
        (Device("cuda"), 1024, "--offload model"),
        (Device("cuda", "model"), None, "--offload sequential"),
        (Device("mps", "sequential"), 1024, "--side 768"),
        (Device("cuda", "sequential"), 768, "--side 512"),
        (Device("cuda", "sequential"), 512, "no smaller setting"),
        (Device("cpu"), 1024, "--side 768"),
        (Device("cpu"), None, "no smaller setting"),
    ],
)
def test_out_of_memory_names_the_next_smaller_setting(device: Device, side: int | None, says: str) -> None:
    with pytest.raises(StudioMemory, match=says), refusing_memory(device, side):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)
def test_every_way_to_say_it_is_known(error: Exception) -> None:
    with pytest.raises(StudioMemory), refusing_memory(Device("cpu")):
        _raise(error)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shape"), refusing_memory(Device("cpu")):
        _raise(RuntimeError("shape mismatch"))


def test_the_real_allocator_is_understood() -> None:
    with pytest.raises(StudioMemory, match="this computer"), refusing_memory(Device("cpu"), 1024):
        torch.empty(1 << 58, dtype=torch.uint8)


def test_a_network_beside_a_pipeline_comes_back() -> None:
    network = torch.nn.Linear(2, 2)
    back = beside(network, Device("cpu", "model"))
    back()
    back()
    assert not hasattr(network, "_hf_hook")


def _settings() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark


def test_determinism_ends_where_it_began() -> None:
    before, network = _settings(), torch.nn.Dropout()
    with deterministic(network):
        assert _settings() == (True, False)
        assert not network.training
    assert _settings() == before


def test_the_same_seed_is_the_same_noise() -> None:
    draw: Callable[[int], object] = lambda seed: torch.randn(4, generator=placing.generator(seed)).tolist()  # noqa: E731
    assert draw(1) == draw(1) != draw(2)


def test_the_peak_keeps_the_most() -> None:
    peak = Peak("cpu")
    first = peak.bytes
    held = torch.ones(64 << 20, dtype=torch.uint8)
    peak.note()
    del held
    assert peak.bytes >= first + (48 << 20)
