"""The card that is not there: it must find what a real one would not forgive."""

import threading
from collections.abc import Callable, Mapping
from ctypes import sizeof

import numpy as np
import pytest

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.arguments import PictureArguments
from livecam.core.device import Device, DeviceEngine
from livecam.core.frame import Size
from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import DeviceError
from tests.canvas.host_device import CODE, HostDevice, HostEngine
from tests.canvas.scenes import noise

SIZE = Size(48, 32)


def test_a_kernel_runs_at_wait_and_a_graph_again_with_the_same_addresses(device: HostDevice) -> None:
    card: Device = device
    stream, kernel = card.stream(), card.load_kernels(CODE, ("picture",))["picture"]
    frame, out = card.allocate(SIZE.width * SIZE.height * 3), card.allocate(SIZE.width * SIZE.height * 3 // 2)
    block = card.allocate(256)
    staged, given = card.pinned(SIZE.width * SIZE.height * 3), card.pinned(256)
    result = card.pinned(SIZE.width * SIZE.height * 3 // 2)
    given[: sizeof(PictureArguments)] = np.frombuffer(
        bytes(fill.picture_arguments(fill.image(frame, SIZE), out)), np.uint8
    )
    card.upload(block, given, stream)
    card.wait(stream)
    card.begin_capture(stream)
    card.upload(frame, staged, stream)
    card.launch(kernel, 9, 128, block, stream)
    card.download(result, out, stream)
    graph = card.end_capture(stream)
    card.wait(stream)
    assert (result == result[0]).all(), "what is noted is not done"
    for seed in range(2):
        staged[:] = noise((SIZE.width * SIZE.height * 3,), seed)
        card.replay(graph, stream)
        before = result.copy()
        assert (result == before).all(), "nothing is done before it is waited for"
        card.wait(stream)
        assert not np.array_equal(result, before)
    card.end_graph(graph)
    for address in (frame, out, block):
        card.free(address)
    for memory in (staged, given, result):
        card.free_pinned(memory)
    card.end_stream(stream)
    assert device.held() == {}


def twice_freed(device: HostDevice) -> None:
    address = device.allocate(4)
    device.free(address)
    device.free(address)


def pageable(device: HostDevice) -> None:
    device.upload(device.allocate(8), np.zeros(8, np.uint8), device.stream())


def beyond(device: HostDevice) -> None:
    device.zero(device.allocate(8), 9, device.stream())


def strange_stream(device: HostDevice) -> None:
    device.zero(device.allocate(8), 8, 1234)


def allocation_in_capture(device: HostDevice) -> None:
    device.begin_capture(device.stream())
    device.allocate(8)


def wait_in_capture(device: HostDevice) -> None:
    stream = device.stream()
    device.begin_capture(stream)
    device.wait(stream)


def freed_below_a_graph(device: HostDevice) -> None:
    stream, address = device.stream(), device.allocate(8)
    device.begin_capture(stream)
    device.zero(address, 8, stream)
    graph = device.end_capture(stream)
    device.free(address)
    device.replay(graph, stream)
    device.wait(stream)


def too_much(device: HostDevice) -> None:
    device.allocate(1 << 40)


def strange_code(device: HostDevice) -> None:
    device.load_kernels(b"\x7fELF", ("warp",))


def odd_threads(device: HostDevice) -> None:
    device.launch(device.load_kernels(CODE, ("warp",))["warp"], 1, 96, device.allocate(256), device.stream())


def host_memory_in_a_kernel(device: HostDevice) -> None:
    stream, image, out = device.stream(), noise((8, 8, 3)), np.zeros((12, 8), np.uint8)
    arguments = fill.picture_arguments(fill.image(image.ctypes.data, Size(8, 8)), out.ctypes.data)
    given, block = device.pinned(sizeof(arguments)), device.allocate(sizeof(arguments))
    given[:] = np.frombuffer(bytes(arguments), np.uint8)
    device.upload(block, given, stream)
    device.launch(device.load_kernels(CODE, ("picture",))["picture"], 1, 32, block, stream)
    device.wait(stream)


@pytest.mark.parametrize(
    "wrong",
    [
        *(twice_freed, pageable, beyond, strange_stream, allocation_in_capture),
        *(wait_in_capture, freed_below_a_graph, too_much, strange_code, odd_threads, host_memory_in_a_kernel),
    ],
)
def test_wrong_use_is_found(device: HostDevice, wrong: Callable[[HostDevice], None]) -> None:
    with pytest.raises(DeviceError):
        wrong(device)


def test_writing_beside_memory_is_found(device: HostDevice) -> None:
    address, stream = device.allocate(8), device.stream()
    beside = device.bytes_at(address, 8)
    device.call(stream, lambda: np.lib.stride_tricks.as_strided(beside, (9,)).fill(1))
    with pytest.raises(AssertionError, match="beside 8 bytes"):
        device.wait(stream)


def test_a_thread_enters_first(device: HostDevice) -> None:
    errors: list[DeviceError] = []

    def work() -> None:
        try:
            device.allocate(8)
        except DeviceError as error:
            errors.append(error)
        device.enter()
        device.allocate(8)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert device.calls["allocate"] == 2


@pytest.mark.parametrize("forever", [True, False])
def test_a_call_fails_when_it_is_told_to(device: HostDevice, *, forever: bool) -> None:
    device.fail(after=1, forever=forever)
    device.allocate(8)
    with pytest.raises(DeviceError, match="wants it"):
        device.stream()
    if forever:
        with pytest.raises(DeviceError):
            device.stream()
        device.mend()
    device.stream()


class Doubling:
    """An engine on the host."""

    inputs: Mapping[str, TensorSpec] = {"face": TensorSpec((-1, 2, 3), "float32")}
    outputs: Mapping[str, TensorSpec] = {"result": TensorSpec((1, 2, 3), "float32")}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert feeds["face"].dtype == np.float32
        return {"result": np.multiply(feeds["face"], 2, dtype=np.float32)}

    def close(self) -> None:
        pass


@pytest.mark.parametrize("half", [False, True])
def test_a_network_runs_when_its_stream_does(device: HostDevice, *, half: bool) -> None:
    host = HostEngine(device, Doubling(), half=half)
    engine: DeviceEngine = host
    stream = device.stream()
    device.begin_capture(stream)
    engine.enqueue(stream)
    graph = device.end_capture(stream)
    for value in (1.5, 2.5):
        host.view(engine.inputs["face"])[...] = value
        device.replay(graph, stream)
        runs = host.runs
        device.wait(stream)
        assert host.runs == runs + 1
        assert (host.view(engine.outputs["result"]) == 2 * value).all()
    assert engine.inputs["face"].dtype == ("float16" if half else "float32")
    device.end_graph(graph)
    device.end_stream(stream)
    engine.close()
    assert device.held() == {}
