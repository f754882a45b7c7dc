"""The kernels' own source, compiled by the host's compiler and run as plain loops."""

import ctypes
import shutil
import subprocess
import tempfile
from ctypes import Structure, byref
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livecam.canvas.kernels import digest, fill, source
from livecam.canvas.kernels.arguments import Image as Described
from livecam.core.frame import Image, Size

_LAUNCH = Path(__file__).with_name("host_launch.cpp")
# Without fused multiply-adds, so that every compiler gives the same bits.
_OPTIONS = ("-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread")


def compiler() -> str | None:
    """The host's C++ compiler; None where there is none."""
    return next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None)


def build(command: str, folder: Path, *, options: tuple[str, ...] = ()) -> Path:
    """The kernels as a library in `folder`; compiled once for each text and set of options."""
    text = f'{source()}#line 1 "{_LAUNCH.name}"\n{_LAUNCH.read_text(encoding="utf-8")}'
    name = f"livecam-kernels-{digest(' '.join((command, *_OPTIONS, *options, text)))[:16]}"
    library = folder / f"{name}.so"
    if not library.exists():
        # In a folder of its own, so that two runs at once do not meet.
        with tempfile.TemporaryDirectory(dir=folder) as work:
            written, fresh = Path(work) / "kernels.cpp", Path(work) / "kernels.so"
            written.write_text(text, encoding="utf-8")
            arguments = [command, *_OPTIONS, *options, "-o", str(fresh), str(written)]
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            fresh.replace(library)
    return library


class HostKernels:
    """Runs kernels on memory of this process."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def __call__(self, name: str, arguments: Structure, blocks: int = 1, threads: int = 1) -> None:
        """Run the kernel `name` on `blocks` blocks of `threads` threads; no px beside its images may be touched."""
        broken = self._library.launch(self._library[name], byref(arguments), blocks, threads)
        assert broken == 0, f"{name} looked {broken} times beside an image"

    def size_of(self, name: str) -> int:
        """Bytes of a structure, as the compiler sees it."""
        size: int = self._library[f"size_of_{name}"]()
        return size


def address(array: npt.NDArray[np.generic]) -> int:
    """Of the first number."""
    return array.ctypes.data


def described(array: Image) -> Described:
    """`array`, (h, w, 3) u8 whose pixels follow each other in a row, for a kernel."""
    return fill.image(address(array), Size(array.shape[1], array.shape[0]), pitch=array.strides[0])
