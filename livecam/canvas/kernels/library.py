"""The kernels, compiled for the card at hand and loaded on it. What was compiled before is kept and found again."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from livecam.canvas.kernels import digest, source
from livecam.canvas.kernels.arguments import KERNELS
from livecam.canvas.kernels.nvrtc import Nvrtc
from livecam.core.device import Device

log = logging.getLogger(__name__)

THREADS: Final = 256
"""In a block; MOST_THREADS of the source."""

_MOST_BLOCKS: Final = 2048


@dataclass(frozen=True, slots=True)
class CodeKey:
    """What machine code depends on.

    Attributes:
        source: SHA-256 of the text.
        compiler: Its name and version.
        architecture: Such as ``sm_89``.
    """

    source: str
    compiler: str
    architecture: str


class Shelf(Protocol):
    """Where machine code is kept. It runs as it is: what cannot be trusted must not be found."""

    def find(self, key: CodeKey) -> bytes | None:
        """What was kept under exactly this key, verified; None where there is none."""
        ...

    def keep(self, key: CodeKey, code: bytes) -> None:
        """For the next start; that it cannot be kept is no error."""
        ...


class Compiler(Protocol):
    """As `Nvrtc`."""

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor."""
        ...

    def compile(self, text: str, architecture: str) -> bytes:
        """Machine code.

        Raises:
            EngineError: The compiler refuses.
        """
        ...


class KernelLibrary:
    """The kernels on a card. Used by the card's thread; `device` owns what is loaded.

    Args:
        device: The card.
        shelf: Where machine code is kept; None to compile at each start, which takes half a second.
        compiler: Makes the compiler; called once.

    Raises:
        ExtraMissing: There is no compiler.
        EngineError: It refuses.
        DeviceError: The card refuses what it made.
    """

    def __init__(self, device: Device, shelf: Shelf | None = None, compiler: Callable[[], Compiler] = Nvrtc) -> None:
        self._device = device
        self._kernels: Mapping[str, int] = device.load_kernels(_code(device, shelf, compiler()), tuple(KERNELS))

    def launch(self, name: str, arguments: int, blocks: int, stream: int) -> None:
        """Begin to run the kernel `name` on `blocks` blocks, with its arguments at an address of the card.

        Raises:
            DeviceError: The card refused.
        """
        self._device.launch(self._kernels[name], blocks, THREADS, arguments, stream)


def blocks_for(items: int) -> int:
    """As many blocks as cover so many px or rows well; any number gives the same result."""
    return max(1, min(-(-items // THREADS), _MOST_BLOCKS))


def _code(device: Device, shelf: Shelf | None, compiler: Compiler) -> bytes:
    text, architecture = source(), device.architecture()
    key = CodeKey(digest(text), "nvrtc-{}.{}".format(*compiler.version), architecture)
    found = shelf.find(key) if shelf is not None else None
    if found is not None:
        return found
    log.info("Compiling the kernels for %s.", architecture)
    code = compiler.compile(text, architecture)
    if shelf is not None:
        shelf.keep(key, code)
    return code
