"""pycuda's objects by their handles; on a driver that is not there, and with pycuda itself where it is."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from livecam.core.device import DeviceImage, DeviceTensor
from livecam.core.frame import Size
from livecam.errors import DeviceError, EngineError, ExtraMissing
from livecam.inference import interop
from livecam.inference.cuda_device import CudaDevice
from livecam.inference.interop import device_of, image_of, stream_of, tensor_of

PRIMARY, BASE, ROOM = 0xC0DE, 0x7000, 600


@dataclass(frozen=True)
class Handle:
    handle: int


class Allocation:
    def __init__(self, address: int) -> None:
        self._address = address

    def __int__(self) -> int:
        return self._address


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was called of a driver with one card and one piece of memory."""
    called: list[str] = []

    def function(name: str, *values: object) -> Callable[..., tuple[object, ...]]:
        def work(*_arguments: object) -> tuple[object, ...]:
            called.append(name)
            return (0, *values)

        work.__name__ = name
        return work

    driver = SimpleNamespace(
        cuInit=function("cuInit"),
        cuDeviceGet=function("cuDeviceGet", 0),
        cuDevicePrimaryCtxRetain=function("retain", PRIMARY),
        cuDevicePrimaryCtxRelease=function("release"),
        cuMemGetAddressRange=function("range", BASE, ROOM),
    )
    monkeypatch.setattr(interop, "bindings", lambda _part: driver)
    monkeypatch.setattr(interop, "CudaDevice", function("enter", "card"))
    return called


def test_the_primary_context_is_taken_and_given_back(calls: list[str]) -> None:
    found: object = device_of(Handle(PRIMARY))
    assert found == (0, "card")
    assert calls == ["cuInit", "cuDeviceGet", "retain", "enter", "release"]


def test_a_context_of_pycudas_own_is_refused(calls: list[str]) -> None:
    with pytest.raises(DeviceError, match=r"not the primary one.*pycuda\.autoprimaryctx"):
        device_of(Handle(PRIMARY + 1))
    assert calls[-1] == "release"


def test_a_stream_is_its_handle() -> None:
    assert stream_of(Handle(77)) == 77
    with pytest.raises(DeviceError, match="default stream"):
        stream_of(Handle(0))


@pytest.mark.usefixtures("calls")
def test_memory_is_its_address_where_it_is_large_enough() -> None:
    assert image_of(Allocation(BASE), Size(20, 10)) == DeviceImage(BASE, Size(20, 10))
    assert image_of(Allocation(BASE + 400), Size(20, 10), 1) == DeviceImage(BASE + 400, Size(20, 10), 1)
    assert tensor_of(Allocation(BASE), (1, 3, 10, 10), "float16") == DeviceTensor(BASE, (1, 3, 10, 10), "float16")
    for small in (
        lambda: image_of(Allocation(BASE + 1), Size(20, 10)),
        lambda: tensor_of(Allocation(BASE), (1, 3, 10, 10), "float32"),
    ):
        with pytest.raises(DeviceError, match=r"599 bytes, not the 600|600 bytes, not the 1200"):
            small()


@pytest.mark.gpu
def test_what_pycuda_makes_is_taken() -> None:
    cuda: Any = _pycuda()
    context = cuda.Device(0).retain_primary_context()
    context.push()
    try:
        device, stream, allocation = device_of(context), cuda.Stream(), cuda.mem_alloc(600)
        image, memory = image_of(allocation, Size(20, 10)), device.pinned(600)
        memory[:] = 9
        device.upload(image.address, memory, stream_of(stream))
        device.zero(image.address, 300, stream_of(stream))
        device.download(memory, image.address, stream_of(stream))
        device.wait(stream_of(stream))
        assert memory.tolist() == [0] * 300 + [9] * 300
        device.free_pinned(memory)
        device.close()
        allocation.free()
    finally:
        context.pop()


def _pycuda() -> object:
    try:
        cuda = import_module("pycuda.driver")
        cuda.init()
        CudaDevice()
    except ImportError as error:
        pytest.skip(f"no pycuda here: {error}")
    except (ExtraMissing, EngineError) as error:
        pytest.skip(f"no GPU: {error.what}")
    except RuntimeError as error:
        pytest.skip(f"no GPU: {error}")
    return cuda
