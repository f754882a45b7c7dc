"""NVRTC, NVIDIA's run-time compiler: kernels become machine code for one GPU. It needs no GPU to be there.

Loaded through ctypes from the package nvidia-cuda-nvrtc or from an installed CUDA toolkit, so that compiling needs no
binding. Machine code for exactly one architecture, not PTX, is asked for: a driver of the same CUDA major loads it even
where it is older than the compiler.
"""

import ctypes
import sys
from collections.abc import Iterator
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from livecam.errors import EngineError, ExtraMissing

_PATTERNS: Final = (
    ("cu*/bin/**/nvrtc64_*.dll", "cuda_nvrtc/bin/nvrtc64_*.dll")
    if sys.platform == "win32"
    else ("cu*/lib/libnvrtc.so.*", "cuda_nvrtc/lib/libnvrtc.so.*")
)
_NOT_THE_COMPILER: Final = ("builtins", ".alt")


class Nvrtc:
    """The compiler. Any thread.

    Attributes:
        version: Major and minor.

    Raises:
        ExtraMissing: It is not installed, or cannot be loaded.
    """

    def __init__(self) -> None:
        self._library = _load()
        major, minor = c_int(), c_int()
        self._check(self._library.nvrtcVersion(byref(major), byref(minor)))
        self.version = (major.value, minor.value)

    def compile(self, text: str, architecture: str) -> bytes:
        """Machine code (a cubin) of `text` for `architecture`, such as ``sm_89``.

        Raises:
            EngineError: The compiler refuses; its own words are in the message.
        """
        library, program = self._library, c_void_p()
        self._check(library.nvrtcCreateProgram(byref(program), text.encode(), b"kernels.cu", 0, None, None))
        try:
            options = (c_char_p * 2)(f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
            code = library.nvrtcCompileProgram(program, len(options), options)
            if code:
                log = self._get(program, "ProgramLog").rstrip(b"\0\n").decode(errors="replace")
                raise EngineError(f"The kernels do not compile for {architecture}: {log or self._words(code)}")
            return self._get(program, "CUBIN")
        finally:
            library.nvrtcDestroyProgram(byref(program))

    def _get(self, program: c_void_p, what: str) -> bytes:
        """What NVRTC has under nvrtcGet<what>."""
        size = c_size_t()
        self._check(self._library[f"nvrtcGet{what}Size"](program, byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(self._library[f"nvrtcGet{what}"](program, buffer))
        return buffer.raw

    def _check(self, code: int) -> None:
        if code:
            raise EngineError(f"NVIDIA's run-time compiler failed: {self._words(code)}.")

    def _words(self, code: int) -> str:
        text: bytes = self._library.nvrtcGetErrorString(code)
        return text.decode()


def _load() -> ctypes.CDLL:
    """The library, the first that loads."""
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.nvrtcGetErrorString.restype = c_char_p
        return library
    raise ExtraMissing(
        "NVIDIA's run-time compiler (NVRTC) is not installed, so that the CUDA kernels cannot be compiled.",
        "Install the package nvidia-cuda-nvrtc, or a CUDA toolkit.",
    )


def _candidates() -> Iterator[str]:
    """Where it may be: in Python packages, newest first, then where the system looks."""
    spec = find_spec("nvidia")
    for root in (spec.submodule_search_locations or []) if spec else []:
        for pattern in _PATTERNS:
            found = sorted(Path(root).glob(pattern), reverse=True)
            yield from (str(path) for path in found if not any(word in path.name for word in _NOT_THE_COMPILER))
    installed = find_library("nvrtc")
    if installed:
        yield installed
