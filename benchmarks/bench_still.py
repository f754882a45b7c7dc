"""The invisible mark in single pictures: found after what happens to them, not where it is not, and what it costs."""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.common import Bar, publish
from benchmarks.footage import clip, clips_folder, drawn
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.privacy.mark_code import PUBLIC_KEY, TURNS, Code, signs
from livecam.privacy.mark_look import SURE, Found
from livecam.privacy.mark_still import StillMark, look_at_still
from livecam.privacy.watermark import Watermark

COMMAND: Final = "python -m benchmarks still"

KEY: Final = b"an installation's key"
SESSION: Final = 0x5EC0FFEE
CLIPS: Final = ("d10", "d18", "s32")
PICTURES: Final = 6
"""Of each clip, half a second apart."""

FULL: Final = Size(3840, 2160)
GRAIN: Final = 8.0
"""Of a camera in the dark, levels."""


def main(quick: bool) -> None:
    code, pictures = Code.of(KEY), list(_pictures(1 if quick else PICTURES))
    mark = StillMark(KEY, SESSION)
    marked = [(name, mark(image)) for name, image in pictures]
    live = [(name, _as_live(image)) for name, image in pictures]
    cases, details = [], []
    for kind, made in (("still", marked), ("live", live)):
        for case, change in CASES.items():
            found = [(name, look_at_still(_grey(change(image)), code)) for name, image in made]
            worst, where = min((each.score, name) for name, each in found)
            read = sum(each.session == SESSION for _, each in found)
            details.append(
                {
                    "mark": kind,
                    "case": case,
                    "worst": round(worst, 1),
                    "worst_in": where,
                    "best": round(max(each.score for _, each in found), 1),
                    "found": sum(each.sure for _, each in found),
                    "sessions_read": read,
                    "pictures": len(found),
                }
            )
            cases.append((kind, case, found))
            print(f"  {kind}, {case}: {worst:.1f} at least ({where}), {read} of {len(found)} sessions", flush=True)
    chance = [score for _, image in pictures for score in _chance(image, 4 if quick else 20)]
    bars = [
        *(Bar(f"{kind} mark, {case}: found, share", 0.95, _share(found), at_least=True) for kind, case, found in cases),
        Bar("score of the unmarked under as many keys, highest", SURE, max(chance)),
        Bar(
            "peak signal to noise, worst, dB",
            46.0,
            min(_psnr(a, b) for (_, a), (_, b) in zip(pictures, marked, strict=True)),
            True,
        ),
        Bar("cost of marking a picture of 3840x2160, one thread, ms", 300.0, _cost_ms(mark)),
        Bar("cost of looking at one, one thread, ms", 300.0, _cost_ms(lambda image: look_at_still(_grey(image), code))),
    ]
    publish("still", COMMAND, bars, {"cases": details, "unmarked_looks": len(chance)}, quick)


def _pictures(count: int) -> Iterator[tuple[str, Image]]:
    """Pictures by name: as they are, as 4K, upright, and with grain."""
    folder = clips_folder()
    for name in CLIPS if folder is not None else ("drawn",):
        frames = (
            clip(folder / f"{name}.mp4", 15 * count) if folder is not None else iter(drawn(Size(1280, 720), 15 * count))
        )
        for number, image in enumerate(islice(frames, 0, None, 15)):
            large = np.asarray(cv2.resize(image, FULL, interpolation=cv2.INTER_CUBIC), np.uint8)
            yield f"{name} {number}", image
            yield f"{name} {number} with grain", _grained(image, number)
            if number == 0:
                yield f"{name} {number} as 4K, with grain", _grained(large, number)
                yield f"{name} {number} as 4K, upright", np.ascontiguousarray(np.rot90(large))


def _grained(image: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, GRAIN, image.shape)
    grained: Image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return grained


def _as_live(image: Image) -> Image:
    """`image` as a frame of the live path, in the third second."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    picture = np.asarray(cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420), np.uint8)
    Watermark(KEY, SESSION, Size(width, height))(picture, 5 * NS_PER_S // 2)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _jpeg(image: Image, quality: int) -> Image:
    decoded = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def _half(image: Image) -> Image:
    return np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _square(image: Image) -> Image:
    """The square in the middle of a 16:9 picture; another one as it is."""
    height, width = image.shape[:2]
    left = (width - height) // 2
    return image[:, left : left + height] if abs(width / height - 16 / 9) < 0.01 else image


CASES: Final[Mapping[str, Callable[[Image], Image]]] = {
    "PNG": lambda image: image,
    "JPEG 95": lambda image: _jpeg(image, 95),
    "JPEG 75": lambda image: _jpeg(image, 75),
    "half as large, JPEG 85": lambda image: _jpeg(_half(image), 85),
    "the square in the middle of 16:9": _square,
}


def _grey(image: Image) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _chance(image: Image, keys: int) -> Iterator[float]:
    """Scores of the unmarked `image` under the public key, and under keys that nobody uses."""
    code, luma = Code.of(KEY), _grey(image)
    yield look_at_still(luma, code).score
    for number in range(keys):
        drawn = (
            signs(PUBLIC_KEY + str(number).encode(), b"presence", turn, len(code.layout.presence))
            for turn in range(TURNS)
        )
        yield look_at_still(luma, Code(code.layout, tuple(drawn), code.data)).score


def _share(found: list[tuple[str, Found]]) -> float:
    return sum(each.sure for _, each in found) / len(found)


def _psnr(plain: Image, marked: Image) -> float:
    return float(10 * np.log10(255**2 / np.mean((plain.astype(np.float32) - marked) ** 2)))


def _cost_ms(work: Callable[[Image], object]) -> float:
    """Median of seven."""
    cv2.setNumThreads(1)
    image = _grained(np.full(FULL.image_shape, 120, np.uint8), 1)
    took = []
    for _ in range(7):
        begun = time.perf_counter()
        work(image)
        took.append((time.perf_counter() - begun) * 1000)
    return float(np.median(took))
