"""vivid, the kernel's own test camera: a real capture driver at the daemon's other end."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from tests.e2e.guest.bench import START_S, VIRTUAL, VIVID, Bench
from tests.e2e.guest.ledger import JobFailed
from tests.e2e.guest.processes import daemon, wait_until_readable
from tests.e2e.guest.readers import Seen, age_after_write_ms, rate
from tests.e2e.picture import CARD_FPS, SIZE

_BARS: Final = 8
_HEIGHT: Final = 0.8
"""Where the bars are sampled: below the text that vivid writes over them."""
_PATCH: Final = 12


def check_vivid(bench: Bench, sink: str) -> None:
    """Pass vivid's colour bars through the daemon, and compare them with what the camera itself shows."""
    wanted = _bars(_picture_of_camera())
    errors: list[float] = []

    def look(image: Image, seen: Seen) -> None:
        if not seen.slate:
            errors.append(float(np.abs(_bars(image) - wanted).max()))

    flags = ("--source", f"camera:{VIVID}", "--sink", sink, "--passthrough")
    with daemon("vivid", bench.out, *flags, fps=CARD_FPS) as running:
        wait_until_readable(VIRTUAL, running, START_S)
        with bench.reader(look=look) as reader:
            reader.wait_for("vivid's picture", lambda one: not one.slate, START_S)
            seen = reader.during(3.0)
        running.end()
    bench.ledger.between("rate", rate(seen), 24, 36, "fps")
    bench.ledger.at_most("colours, worst of the bars", max(errors), 8, "levels")
    bench.ledger.at_most("age after the write, p50", age_after_write_ms(seen), 20, "ms")


def _picture_of_camera() -> Image:
    capture = cv2.VideoCapture(VIVID, cv2.CAP_V4L2)
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, SIZE.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, SIZE.height)
    try:
        got, image = capture.read()
    finally:
        capture.release()
    if not got or image.shape != SIZE.image_shape:
        raise JobFailed(f"{VIVID} gives no picture of {SIZE}")
    return np.asarray(image, np.uint8)


def _bars(image: Image) -> npt.NDArray[np.float64]:
    """(8, 3) f64 BGR of the bars' middles."""
    y = round(image.shape[0] * _HEIGHT)
    middles = [round(image.shape[1] * (i + 0.5) / _BARS) for i in range(_BARS)]
    patches = [image[y - _PATCH : y + _PATCH, x - _PATCH : x + _PATCH] for x in middles]
    return np.array([patch.reshape(-1, 3).mean(axis=0) for patch in patches], np.float64)
