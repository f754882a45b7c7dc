from collections.abc import Callable

import pytest

from livecam.canvas.kernels import digest, source
from livecam.canvas.kernels.arguments import KERNELS
from livecam.canvas.kernels.library import THREADS, CodeKey, KernelLibrary, blocks_for
from livecam.errors import DeviceError, EngineError
from tests.canvas.host_device import CODE, HostCompiler, HostDevice


class KeptCode:
    """A shelf in memory."""

    def __init__(self) -> None:
        self.codes: dict[CodeKey, bytes] = {}

    def find(self, key: CodeKey) -> bytes | None:
        return self.codes.get(key)

    def keep(self, key: CodeKey, code: bytes) -> None:
        self.codes[key] = code


class Refusing(HostCompiler):
    def compile(self, text: str, architecture: str) -> bytes:
        raise EngineError(f"{len(text)} letters do not compile for {architecture}.")


def test_every_kernel_is_loaded_and_launched_by_name(device: HostDevice) -> None:
    library, stream = KernelLibrary(device, None, HostCompiler), device.stream()
    block = device.allocate(1 << 12)
    for name in KERNELS:
        library.launch(name, block, 3, stream)
    assert device.calls["launch"] == len(KERNELS)
    with pytest.raises(KeyError):
        library.launch("wonder", block, 1, stream)


def test_what_was_compiled_is_found_again(device: HostDevice) -> None:
    shelf = KeptCode()
    KernelLibrary(device, shelf, HostCompiler)
    assert shelf.codes == {CodeKey(digest(source()), "nvrtc-0.0", "sm_00"): CODE}
    KernelLibrary(device, shelf, Refusing)


@pytest.mark.parametrize("key", [lambda key: CodeKey(key.source, "nvrtc-0.1", "sm_00"), lambda _: None])
def test_what_is_for_another_compiler_is_not(device: HostDevice, key: Callable[[CodeKey], CodeKey | None]) -> None:
    shelf = KeptCode()
    KernelLibrary(device, shelf, HostCompiler)
    shelf.codes = {other: CODE for known in shelf.codes if (other := key(known)) is not None}
    with pytest.raises(EngineError, match="do not compile for sm_00"):
        KernelLibrary(device, shelf, Refusing)


def test_code_that_the_card_refuses_is_an_error(device: HostDevice) -> None:
    shelf = KeptCode()
    shelf.codes = {CodeKey(digest(source()), "nvrtc-0.0", "sm_00"): b"rubbish"}
    with pytest.raises(DeviceError):
        KernelLibrary(device, shelf, HostCompiler)


@pytest.mark.parametrize(("items", "blocks"), [(0, 1), (1, 1), (256, 1), (257, 2), (1 << 30, 2048)])
def test_blocks_cover_the_work(items: int, blocks: int) -> None:
    assert blocks_for(items) == blocks
    assert THREADS == 256
