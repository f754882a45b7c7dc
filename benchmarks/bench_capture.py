"""What the JPEGs of an MJPG camera cost to decode, by every decoder at hand, into an image that is there already."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

import av
import cv2
import numpy as np

from benchmarks.common import Bar, publish
from livecam.capture.bgr import BgrWriter
from livecam.core.frame import Image, Size

COMMAND = "python -m benchmarks capture"
SIZES = (Size(640, 480), Size(1280, 720), Size(1920, 1080))
QUALITY = 88
"""Gives about 130 kB at 720p with the noise below, as webcams do."""

Decode = Callable[[bytes, Image], None]


def scene(size: Size) -> Image:
    """Soft shapes, edges and a sensor's noise: flat pictures would flatter every decoder."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (9, 16, 3), dtype=np.uint8)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    for step in range(40):
        corner = (step * 97 % size.width, step * 53 % size.height)
        cv2.putText(image, "livecam", corner, cv2.FONT_HERSHEY_SIMPLEX, 1.0, (230, 230, 230), 2)
    return np.clip(image + rng.normal(0, 2.0, size.image_shape), 0, 255).astype(np.uint8)


def jpeg(image: Image) -> bytes:
    """As a webcam makes it: 4:2:2."""
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY, *sampling))[1].tobytes()


def by_pyav() -> Decode:
    codec, writer = av.CodecContext.create("mjpeg", "r"), BgrWriter()

    def decode(data: bytes, image: Image) -> None:
        writer.write(codec.decode(av.Packet(data))[0], image)

    return decode


def by_opencv() -> Decode:
    def decode(data: bytes, image: Image) -> None:
        # Its own option to decode in place is missing from its type hints, and saves 0.2 ms of 4.
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        np.copyto(image, decoded)

    return decode


def by_simplejpeg() -> Decode:
    # No dependency of livecam: measured where it happens to be installed.
    decode_jpeg = vars(import_module("simplejpeg"))["decode_jpeg"]

    def decode(data: bytes, image: Image) -> None:
        decode_jpeg(data, "BGR", fastdct=True, fastupsample=True, buffer=image)

    return decode


def decoders() -> dict[str, Decode]:
    """All that can be measured here."""
    found = {"pyav": by_pyav(), "opencv": by_opencv()}
    return found | ({"simplejpeg": by_simplejpeg()} if find_spec("simplejpeg") is not None else {})


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def measure(decode: Decode, data: bytes, image: Image, repeats: int) -> tuple[float, float]:
    """Median wall and mean CPU time of one decoding, ms."""
    walls = []
    decode(data, image)
    before_s = time.process_time()
    for _ in range(repeats):
        started_s = time.perf_counter()
        decode(data, image)
        walls.append(time.perf_counter() - started_s)
    return float(np.median(walls)) * 1e3, (time.process_time() - before_s) / repeats * 1e3


def main(quick: bool) -> None:
    """Measure; prints a table and the bar of what livecam uses."""
    repeats = 20 if quick else 150
    table: dict[str, dict[str, object]] = {}
    with one_opencv_thread():
        for size in SIZES:
            source = scene(size)
            data = jpeg(source)
            for name, decode in decoders().items():
                image = np.empty(size.image_shape, np.uint8)
                wall_ms, cpu_ms = measure(decode, data, image, repeats)
                error = float(np.abs(image.astype(int) - source).mean())
                table[f"{name} {size}"] = {"wall_ms": wall_ms, "cpu_ms": cpu_ms, "error": error, "bytes": len(data)}
                print(f"  {name:<11}{size!s:>10}  {wall_ms:5.2f} ms wall  {cpu_ms:5.2f} ms CPU  error {error:.2f}")
    used = table[f"pyav {SIZES[1]}"]["wall_ms"]
    assert isinstance(used, float)
    publish("capture", COMMAND, [Bar("one JPEG of 1280x720 to BGR, ms", 5.0, used)], table, quick)
