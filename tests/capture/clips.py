"""Clips drawn by the tests themselves: the grey level of every frame says its number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from livecam.core.frame import Image, Size

SIZE = Size(128, 96)


def level(number: int) -> int:
    """Grey level that stands for frame `number`: far enough apart to survive compression."""
    return 20 + number * 10 % 200


def number_of(image: Image, count: int) -> int:
    """The number of the frame that `image`, (H, W, 3) u8, shows, among `count` (at most 20)."""
    grey = float(image[::4, ::4].mean())
    return min(range(count), key=lambda number: abs(level(number) - grey))


def write_clip(
    path: Path,
    frames: int = 10,
    fps: int = 25,
    size: Size = SIZE,
    pts: list[int] | None = None,
    codec: str = "libx264",
    container: str | None = None,
) -> Path:
    """A clip of plain grey frames. `pts` gives their times in milliseconds in place of a constant rate."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5"}
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(frames):
            image = np.full(size.image_shape, level(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = pts[number] if pts is not None else number
            frame.time_base = Fraction(1, 1000) if pts is not None else Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def turn_clip(path: Path, quarter_turns: int) -> None:
    """Rotate an MP4 by its header alone, as telephones do: the matrix of its track says so."""
    data = bytearray(path.read_bytes())
    matrix = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[quarter_turns]
    a, b, c, d = (value * 0x10000 for value in matrix)
    at = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes of header before the matrix
    numbers = (a, b, 0, c, d, 0, 0, 0, 0x40000000)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in numbers)
    path.write_bytes(data)
