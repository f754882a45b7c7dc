"""What a real card is asked for, and in which order; on bindings that are not there."""

import contextlib
import ctypes
from collections.abc import Callable
from enum import IntEnum
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from livecam.core.device import Device
from livecam.errors import DeviceError, EngineError, ExtraMissing
from livecam.inference import cuda_calls
from livecam.inference.cuda_device import CudaDevice

MEMORY = np.arange(24, dtype=np.float32).reshape(4, 6)
PINNED = (ctypes.c_uint8 * 64)()

FUNCTIONS: dict[str, tuple[object, ...]] = {
    "cudaSetDevice": (),
    "cudaGetDeviceProperties": (SimpleNamespace(name=b"NVIDIA H200\0\0", major=9, minor=0),),
    "cudaDriverGetVersion": (13000,),
    "cudaMemGetInfo": (7 << 30, 9 << 30),
    "cudaStreamCreateWithFlags": (11,),
    "cudaStreamDestroy": (),
    "cudaEventCreateWithFlags": (22,),
    "cudaEventRecord": (),
    "cudaEventSynchronize": (),
    "cudaEventDestroy": (),
    "cudaMalloc": (4096,),
    "cudaFree": (),
    "cudaHostAlloc": (ctypes.addressof(PINNED),),
    "cudaFreeHost": (),
    "cudaHostRegister": (),
    "cudaHostUnregister": (),
    "cudaMemcpyAsync": (),
    "cudaMemsetAsync": (),
    "cudaLibraryLoadData": (33,),
    "cudaLibraryGetKernel": (44,),
    "cudaLibraryUnload": (),
    "cudaStreamBeginCapture": (),
    "cudaStreamEndCapture": (55,),
    "cudaGraphInstantiate": (66,),
    "cudaGraphDestroy": (),
    "cudaGraphUpload": (),
    "cudaGraphLaunch": (),
    "cudaGraphExecDestroy": (),
    "cuLaunchKernel": (),
}
"""What each gives beside its status."""


Status = IntEnum(
    "Status",
    {
        "cudaSuccess": 0,
        "cudaErrorMemoryAllocation": 2,
        "cudaErrorInsufficientDriver": 35,
        "cudaErrorNoDevice": 100,
    },
)


def constants(runtime: SimpleNamespace) -> None:
    runtime.cudaStreamNonBlocking, runtime.cudaHostAllocDefault, runtime.cudaHostRegisterDefault = 1, 0, 0
    runtime.cudaEventBlockingSync, runtime.cudaEventDisableTiming = 1, 2
    runtime.cudaMemcpyKind = SimpleNamespace(
        cudaMemcpyHostToDevice="up", cudaMemcpyDeviceToHost="down", cudaMemcpyDeviceToDevice="on"
    )
    runtime.cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal="thread")


class Card:
    """Both parts of the bindings. What is called is noted; what is to fail does."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails: dict[str, Status] = {}
        self.runtime, self.driver = SimpleNamespace(), SimpleNamespace()
        constants(self.runtime)
        for name, values in FUNCTIONS.items():
            part = self.runtime if name.startswith("cuda") else self.driver
            setattr(part, name, self._function(name, values))

    def _function(self, name: str, values: tuple[object, ...]) -> Callable[..., tuple[object, ...]]:
        def function(*arguments: object) -> tuple[object, ...]:
            self.calls.append((name, *arguments))
            status = self.fails.get(name, Status.cudaSuccess)
            return (status, *([None] * len(values) if status else values))

        function.__name__ = name
        return function

    def since(self, work: Callable[[], object]) -> list[tuple[Any, ...]]:
        """What `work` calls."""
        before = len(self.calls)
        work()
        return self.calls[before:]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    parts = {"cuda.bindings.runtime": card.runtime, "cuda.bindings.driver": card.driver}
    monkeypatch.setattr(cuda_calls, "import_module", parts.__getitem__)
    return card


def test_a_card_says_what_it_is(card: Card) -> None:
    device: Device = CudaDevice(3)
    assert device.card() == "sm_90 NVIDIA H200 driver 13000"
    assert device.architecture() == "sm_90"
    assert device.free_bytes() == 7 << 30
    assert card.calls[0] == ("cudaSetDevice", 3)
    assert card.since(device.enter) == [("cudaSetDevice", 3)]


def test_waiting_sleeps_on_an_event_that_is_made_once(card: Card) -> None:
    device = CudaDevice()
    stream = device.stream()
    assert card.calls[-1] == ("cudaStreamCreateWithFlags", 1)
    waits = [("cudaEventRecord", 22, 11), ("cudaEventSynchronize", 22)]
    assert card.since(lambda: device.wait(stream)) == [("cudaEventCreateWithFlags", 3), *waits]
    assert card.since(lambda: device.wait(stream)) == waits
    assert card.since(lambda: device.end_stream(stream)) == [("cudaEventDestroy", 22), ("cudaStreamDestroy", 11)]


def test_memory_is_copied_by_address(card: Card) -> None:
    device, place = CudaDevice(), MEMORY.ctypes.data
    address = device.allocate(96)
    assert card.since(lambda: device.upload(address, MEMORY, 11)) == [
        ("cudaMemcpyAsync", 4096, place, 96, "up", 11),
    ]
    assert card.since(lambda: device.download(MEMORY, address, 11)) == [
        ("cudaMemcpyAsync", place, 4096, 96, "down", 11),
    ]
    assert card.since(lambda: device.copy(1, 2, 3, 11)) == [("cudaMemcpyAsync", 1, 2, 3, "on", 11)]
    assert card.since(lambda: device.zero(1, 3, 11)) == [("cudaMemsetAsync", 1, 0, 3, 11)]
    assert card.since(lambda: device.pin(MEMORY)) == [("cudaHostRegister", place, 96, 0)]
    assert card.since(lambda: device.unpin(MEMORY)) == [("cudaHostUnregister", place)]
    assert card.since(lambda: device.free(address)) == [("cudaFree", 4096)]


def test_pinned_memory_is_the_drivers_own(card: Card) -> None:
    device = CudaDevice()
    memory = device.pinned(64)
    memory[:] = 9
    assert bytes(PINNED) == b"\x09" * 64
    assert card.since(lambda: device.free_pinned(memory)) == [("cudaFreeHost", ctypes.addressof(PINNED))]


def test_kernels_are_loaded_launched_and_let_go_of_at_the_end(card: Card) -> None:
    device = CudaDevice()
    assert device.load_kernels(b"code", ("warp", "paint")) == {"warp": 44, "paint": 44}
    assert card.calls[-3:] == [
        ("cudaLibraryLoadData", b"code", [], [], 0, [], [], 0),
        ("cudaLibraryGetKernel", 33, b"warp"),
        ("cudaLibraryGetKernel", 33, b"paint"),
    ]
    launched = card.since(lambda: device.launch(44, 7, 128, 4096, 11))
    assert launched == [("cuLaunchKernel", 44, 7, 1, 1, 128, 1, 1, 0, 11, ((4096,), (ctypes.c_void_p,)), 0)]
    device.wait(device.stream())
    card.fails = {"cudaLibraryUnload": Status.cudaErrorMemoryAllocation}
    assert card.since(device.close) == [("cudaEventDestroy", 22), ("cudaLibraryUnload", 33)]
    assert card.since(device.close) == []


def test_a_graph_is_noted_and_put_on_the_card(card: Card) -> None:
    device = CudaDevice()
    assert card.since(lambda: device.begin_capture(11)) == [("cudaStreamBeginCapture", 11, "thread")]
    assert card.since(lambda: device.end_capture(11)) == [
        ("cudaStreamEndCapture", 11),
        ("cudaGraphInstantiate", 55, 0),
        ("cudaGraphDestroy", 55),
        ("cudaGraphUpload", 66, 11),
    ]
    assert card.since(lambda: device.replay(66, 11)) == [("cudaGraphLaunch", 66, 11)]
    assert card.since(lambda: device.end_graph(66)) == [("cudaGraphExecDestroy", 66)]


def test_what_was_noted_is_freed_where_no_graph_comes_of_it(card: Card) -> None:
    device = CudaDevice()
    card.fails = {"cudaGraphInstantiate": Status.cudaErrorMemoryAllocation}
    with pytest.raises(DeviceError, match="cudaGraphInstantiate"):
        device.end_capture(11)
    assert card.calls[-1] == ("cudaGraphDestroy", 55)


def copies(device: CudaDevice) -> None:
    device.upload(8, MEMORY, 1)
    device.download(MEMORY, 8, 1)
    device.copy(1, 2, 3, 4)


def waits_anew(device: CudaDevice) -> None:
    device.close()
    device.wait(11)


METHODS: dict[str, Callable[[CudaDevice], object]] = {
    "cudaSetDevice": lambda device: device.enter(),
    "cudaDriverGetVersion": lambda device: device.card(),
    "cudaMemGetInfo": lambda device: device.free_bytes(),
    "cudaStreamCreateWithFlags": lambda device: device.stream(),
    "cudaStreamDestroy": lambda device: device.end_stream(11),
    "cudaEventCreateWithFlags": waits_anew,
    "cudaEventRecord": lambda device: device.wait(11),
    "cudaEventSynchronize": lambda device: device.wait(11),
    "cudaMalloc": lambda device: device.allocate(8),
    "cudaFree": lambda device: device.free(8),
    "cudaHostAlloc": lambda device: device.pinned(8),
    "cudaFreeHost": lambda device: device.free_pinned(np.zeros(8, np.uint8)),
    "cudaHostRegister": lambda device: device.pin(MEMORY),
    "cudaHostUnregister": lambda device: device.unpin(MEMORY),
    "cudaMemcpyAsync": copies,
    "cudaMemsetAsync": lambda device: device.zero(8, 8, 1),
    "cudaLibraryLoadData": lambda device: device.load_kernels(b"code", ()),
    "cudaLibraryGetKernel": lambda device: device.load_kernels(b"code", ("warp",)),
    "cuLaunchKernel": lambda device: device.launch(44, 1, 32, 8, 1),
    "cudaStreamBeginCapture": lambda device: device.begin_capture(1),
    "cudaStreamEndCapture": lambda device: device.end_capture(1),
    "cudaGraphUpload": lambda device: device.end_capture(1),
    "cudaGraphLaunch": lambda device: device.replay(66, 1),
    "cudaGraphExecDestroy": lambda device: device.end_graph(66),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_refusal_is_told_with_its_name(card: Card, name: str) -> None:
    device = CudaDevice()
    METHODS[name](device)
    card.fails = {name: Status.cudaErrorMemoryAllocation}
    with pytest.raises(DeviceError, match=rf"refused {name}: cudaErrorMemoryAllocation \(2\)"):
        METHODS[name](device)


@pytest.mark.parametrize("status", [Status.cudaErrorInsufficientDriver, Status.cudaErrorNoDevice])
def test_no_card_is_a_sentence(card: Card, status: Status) -> None:
    card.fails = {"cudaSetDevice": status}
    with pytest.raises(EngineError, match=rf"no NVIDIA graphics card with a driver here \({status.name}\).*doctor"):
        CudaDevice()


def test_no_driver_is_a_sentence(card: Card) -> None:
    def absent(_device: int) -> tuple[object, ...]:
        raise RuntimeError("Failed to dlopen libcuda.so.1\nmore")

    card.runtime.cudaSetDevice = absent
    with pytest.raises(DeviceError, match=r"no NVIDIA driver here \(absent: Failed to dlopen libcuda\.so\.1\)"):
        CudaDevice()


def test_no_bindings_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> object:
        raise ImportError("No module named 'cuda'")

    monkeypatch.setattr(cuda_calls, "import_module", absent)
    with pytest.raises(ExtraMissing, match=r"pip install 'livecam\[rtx\]'"):
        CudaDevice()


def test_the_real_bindings_take_what_they_are_given(card: Card) -> None:
    """Each call goes to the real bindings too, which look at the arguments before they see that there is no card."""
    try:
        real = import_module("cuda.bindings.runtime")
    except ImportError as error:
        pytest.skip(f"no cuda-bindings here: {error}")
    if int(real.cudaGetDeviceCount()[0]) == 0:
        pytest.skip("a real card is there, which must not be given addresses that are not")
    driver = import_module("cuda.bindings.driver")
    for name in FUNCTIONS:
        part, own = (real, card.runtime) if name.startswith("cuda") else (driver, card.driver)
        setattr(own, name, _both(getattr(part, name), getattr(own, name)))
    for name in vars(card.runtime).keys() - FUNCTIONS.keys():
        setattr(card.runtime, name, getattr(real, name))
    device = CudaDevice()
    for work in METHODS.values():
        work(device)
    device.close()


def _both(
    real: Callable[..., tuple[object, ...]], pretended: Callable[..., tuple[object, ...]]
) -> Callable[..., tuple[object, ...]]:
    def function(*arguments: object) -> tuple[object, ...]:
        wanted = pretended(*arguments)
        # The driver's own say in this way that there is none, after they have looked at what they were given.
        with contextlib.suppress(RuntimeError):
            assert len(real(*arguments)) == len(wanted), real.__name__
        return wanted

    return function
