"""Reads a PipeWire camera through GStreamer's command-line tool, which hands raw frames over on a pipe."""

import fcntl
import select
import shutil
import subprocess
import tempfile
import time
from typing import IO, Final

import numpy as np

from livecam.bench.readers.address import OPEN_S, Address, Reading
from livecam.core.frame import Size
from livecam.errors import LivecamError

TOOL: Final = "gst-launch-1.0"
_PIPE_BYTES: Final = 1 << 20
_RETRY_S: Final = 0.3
_FIRST_S: Final = 4.0
"""A tool that was started before the camera appeared is not always linked to it afterwards, and would wait 30 s."""
_END_S: Final = 2.0


def read(address: Address) -> Reading:
    """Frames of the node `address.target`, as luma. The way through GStreamer and the pipe is part of their age.

    Raises:
        LivecamError: GStreamer is missing, it finds no such node, or no more frames come.
    """
    if shutil.which(TOOL) is None:
        raise LivecamError(
            f"{TOOL} is not installed, and is needed to read a PipeWire camera.",
            "Install it (Debian: gstreamer1.0-tools and gstreamer1.0-pipewire).",
        )
    deadline_s = time.monotonic() + OPEN_S
    while True:
        with tempfile.TemporaryFile() as said:
            frames = 0
            for frame in _frames(address, said):
                frames += 1
                yield frame
            # The node may not be there yet; one that gave frames and then ended is not tried again.
            if frames or time.monotonic() > deadline_s:
                said.seek(0)
                why = said.read(2000).decode(errors="replace").strip().partition("\n")[0]
                raise LivecamError(
                    f"The PipeWire camera {address.target} gives no frames. {why}", "Run livecam doctor."
                )
        time.sleep(_RETRY_S)


def command(node: str, size: Size) -> list[str]:
    """What reads `node` and writes raw I420 pictures of `size` to its standard output."""
    caps = f"video/x-raw,format=I420,width={size.width},height={size.height}"
    return [TOOL, "-q", "pipewiresrc", f"target-object={node}", "!", caps, "!", "fdsink", "fd=1", "sync=false"]


def _frames(address: Address, said: IO[bytes]) -> Reading:
    """Frames until the tool ends; none when it gets no first one in time."""
    size = address.size
    child = subprocess.Popen(
        command(address.target, size), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, bufsize=0
    )
    try:
        if child.stdout is None:
            return
        # The default of 64 KiB would take a picture in twenty pieces.
        fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        picture = np.empty(size.picture_shape, np.uint8)
        if not select.select([child.stdout], [], [], _FIRST_S)[0]:
            return
        while _filled(child.stdout, picture.data.cast("B")):
            yield time.monotonic_ns(), picture[: size.height]
    finally:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _filled(pipe: IO[bytes], buffer: memoryview) -> bool:
    """Fill `buffer` whole; False at the end."""
    while len(buffer):
        count = pipe.readinto(buffer)  # type: ignore[attr-defined]
        if not count:
            return False
        buffer = buffer[count:]
    return True
