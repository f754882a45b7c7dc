"""Builds the stand-in, runs a program under it, and reads what was written to it."""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livecam.core.frame import Picture, Size

_SOURCE = Path(__file__).with_name("stand_in.c")
_HEADER = struct.Struct("=4sII4sIIQ")


def why_not() -> str:
    """Why the stand-in cannot be built here; empty when it can."""
    if sys.platform != "linux":
        return "the stand-in plays a Linux driver"
    return "" if _compiler() else "no C compiler (gcc or cc) to build the stand-in with"


def build(folder: Path) -> Path:
    """Build the stand-in into `folder`; the library's path."""
    library = folder / "stand_in.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([_compiler(), *flags, "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    return library


def start(library: Path, device: Path, arguments: Sequence[str], out: Path | None = None) -> "subprocess.Popen[str]":
    """Start a Python program that finds the stand-in at `device`; with `out`, every write is kept there."""
    device.touch()
    environ = {**os.environ, "LD_PRELOAD": str(library), "LIVECAM_SHIM_DEVICE": str(device)}
    environ |= {"LIVECAM_SHIM_OUT": str(out)} if out else {}
    return subprocess.Popen([sys.executable, *arguments], env=environ, stdout=subprocess.PIPE, text=True)


@dataclass(frozen=True, slots=True)
class Written:
    """One picture as it arrived.

    Attributes:
        picture: (H * 3 / 2, W) u8.
        fourcc: Pixel format the node was set to.
        written_ns: Monotonic time.
    """

    picture: Picture
    fourcc: str
    written_ns: int

    @property
    def size(self) -> Size:
        """In px."""
        height, width = self.picture.shape
        return Size(width, height * 2 // 3)


def read(out: Path) -> list[Written]:
    """All that was written, in order.

    Raises:
        ValueError: What was written is no sequence of whole pictures.
    """
    data, at = out.read_bytes(), 0
    written: list[Written] = []
    while at < len(data):
        magic, width, height, fourcc, length, sequence, now_ns = _HEADER.unpack_from(data, at)
        if (magic, length, sequence) != (b"SHIM", width * height * 3 // 2, len(written)):
            raise ValueError(f"Write {len(written)} is of {length} bytes, for {width}x{height}.")
        at += _HEADER.size
        picture = np.frombuffer(data, np.uint8, length, at).reshape(height * 3 // 2, width)
        written.append(Written(picture, fourcc.decode(), now_ns))
        at += length
    return written


def _compiler() -> str:
    return shutil.which("gcc") or shutil.which("cc") or ""
