"""The invisible mark through real encoders: bits right, sureness, what it costs, and what chance makes of no mark."""

import io
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, cycle, islice

import av
import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.common import Bar, publish
from benchmarks.footage import clip, clips_folder, drawn, in_webcam_frame
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.privacy.label import WORDS, Label
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.mark_code import PUBLIC_KEY, TURNS, Code, bits_of, signs
from livecam.privacy.mark_look import SURE
from livecam.privacy.mark_reader import CUTS, MarkReader
from livecam.privacy.watermark import LOOKS_EVERY, Watermark

COMMAND = "python -m benchmarks mark"

SIZE, FPS, SECONDS = Size(1280, 720), 30, 4
KEY, SESSION = b"an installation's key", 0x5EC0FFEE
CLIPS = ("d10", "d18", "s32")

_WORDS, _LABELLED = "AI MODIFIED", 60


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to the marked pictures.

    Attributes:
        codec: Of PyAV.
        kbit_s: Asked of it.
        size: Sent; the picture is cut to its proportions first.
        every: Each how many-th frame is sent.
    """

    codec: str
    kbit_s: int
    size: Size = SIZE
    every: int = 1

    def __str__(self) -> str:
        return f"{self.codec} {self.kbit_s} kbit/s {self.size} at {FPS // self.every} fps"


CASES = (
    Case("libx264", 1000),
    Case("libvpx", 1000),
    Case("libx264", 500, Size(640, 360)),
    Case("libvpx", 500, Size(640, 360)),
    Case("libx264", 1000, every=2),
    Case("libx264", 1000, Size(960, 720)),
    Case("libx264", 1000, Size(720, 720)),
    Case("libx264", 500, Size(640, 360), 2),
    Case("libx264", 2000, Size(1920, 1080)),
)

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libx264": {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}


def main(quick: bool) -> None:
    code = Code.of(KEY)
    sources = _sources(FPS * SECONDS)
    details: list[dict[str, object]] = []
    chance: list[float] = []
    ratios: dict[Case, list[float]] = {case: [] for case in CASES}
    scores: list[float] = []
    noise: list[float] = []
    read: list[tuple[int, int]] = []
    falsely: list[tuple[int, int]] = []
    for name, plain in sources.items() if not quick else list(sources.items())[:1]:
        marked = _marked(plain)
        noise.append(_psnr(plain, marked))
        for case in CASES if not quick else CASES[:3]:
            reader, measured_kbit_s = _received(marked, case, code)
            found = reader.found()
            right = float(np.mean(found.bits == bits_of(SESSION)))
            ratios[case].append(right)
            scores.append(found.score)
            details.append(
                {
                    "source": name,
                    "case": str(case),
                    "kbit_s": round(measured_kbit_s),
                    "bits_right": round(right, 4),
                    "session_read": found.session == SESSION,
                    "score": round(found.score, 1),
                    "cut": found.cut,
                }
            )
            print(f"  {name} {case}: {right:.3f} of the bits, {found.score:.1f} sigma", flush=True)
        chance += _chance(plain, 4 if quick else 30)
        for case in (CASES[0], CASES[2]):
            read.append(_labelled(plain, case, Label(SIZE, _WORDS)))
            falsely.append(_labelled(plain, case, None))
    sigma = statistics.pstdev(chance)
    looks = 16 * len(CUTS)
    bars = [
        *(
            Bar(f"bits right, {case}, worst clip, %", 95.0 if case.size.width == 640 else 98.0, 100 * min(found), True)
            for case, found in ratios.items()
            if found
        ),
        Bar("score of the marked, worst, standard deviations", SURE, min(scores), True),
        Bar("score of the unmarked under as many keys, highest", SURE, max(chance)),
        Bar("false positives a video, estimated", 1e-6, looks * math.erfc(SURE / sigma / math.sqrt(2)) / 2),
        Bar("label read after x264 at call rates, worst, %", 95.0, 100 * min(seen / all_ for seen, all_ in read), True),
        Bar("label seen where there is none, pictures", 0, sum(seen for seen, _ in falsely)),
        Bar("peak signal to noise, worst clip, dB", 44.0, min(noise), True),
        Bar("cost of marking at 720p, one thread, ms", 1.5, _cost_ms(SIZE)),
        Bar("cost of marking at 1080p, one thread, ms", 3.5, _cost_ms(Size(1920, 1080))),
    ]
    unlabelled = sum(all_ for _, all_ in falsely)
    about = {
        "unlabelled_pictures": unlabelled,
        "cases": details,
        "unmarked_looks": len(chance),
        "unmarked_sigma": sigma,
        "psnr_db": noise,
    }
    publish("mark", COMMAND, bars, about, quick)


def _sources(count: int) -> Mapping[str, Sequence[Picture]]:
    """Unmarked I420 pictures by name: the clips where they are, else the drawn face."""
    folder = clips_folder()
    if folder is None:
        return {"drawn": [i420(image) for image in drawn(SIZE, count)]}
    found: dict[str, Sequence[Picture]] = {}
    for name in CLIPS:
        frames = list(clip(folder / f"{name}.mp4", count))
        # Forth and back, so that there is no jump where it begins anew.
        endless = cycle(chain(frames, frames[-2:0:-1]))
        found[name] = [i420(in_webcam_frame(image, SIZE)) for image in islice(endless, count)]
    return found


def i420(image: npt.NDArray[np.uint8]) -> Picture:
    """`image`, (H, W, 3) u8 BGR, as a picture."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)


def _marked(plain: Sequence[Picture]) -> list[Picture]:
    mark = Watermark(KEY, SESSION, SIZE)
    marked = [picture.copy() for picture in plain]
    for number, picture in enumerate(marked):
        mark(picture, number * NS_PER_S // FPS)
    return marked


def _psnr(plain: Sequence[Picture], marked: Sequence[Picture]) -> float:
    """Of the luma, dB."""
    rows = SIZE.height
    errors = [
        np.mean((one[:rows].astype(np.float32) - other[:rows]) ** 2) for one, other in zip(plain, marked, strict=True)
    ]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def _received(pictures: Sequence[Picture], case: Case, code: Code) -> tuple[MarkReader, float]:
    """What a reader at the other end has seen, and the rate that was used, kbit/s."""
    file = _coded(pictures, case)
    reader = MarkReader(code)
    for decoded in av.open(file, "r").decode(video=0):
        assert isinstance(decoded, av.VideoFrame)
        assert decoded.time is not None
        reader.add(np.asarray(decoded.to_ndarray(format="gray"), np.uint8), round(decoded.time * NS_PER_S))
    return reader, 8 * len(file.getvalue()) / (len(pictures) / FPS) / 1000


def _labelled(plain: Sequence[Picture], case: Case, label: Label | None) -> tuple[int, int]:
    """In how many of how many pictures at the other end a label is read, of those that carry it, or of none."""
    pictures = [picture.copy() for picture in plain[:_LABELLED]]
    for picture in pictures:
        if label is not None:
            label.draw(picture)
    reader, seen = LabelReader([*WORDS.values()]), []
    for number, decoded in enumerate(av.open(_coded(pictures, case), "r").decode(video=0)):
        assert isinstance(decoded, av.VideoFrame)
        if number % 6 == 0:
            seen.append(reader(np.asarray(decoded.to_ndarray(format="gray"), np.uint8)))
    right = [one is not None and (label is None or one.text == _WORDS) for one in seen]
    return sum(right), len(right)


def _coded(pictures: Sequence[Picture], case: Case) -> io.BytesIO:
    file = io.BytesIO()
    container = av.open(file, "w", format="matroska")
    stream = container.add_stream(case.codec, rate=FPS // case.every, options=dict(_OPTIONS[case.codec]))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = case.size.width, case.size.height, "yuv420p"
    stream.bit_rate = case.kbit_s * 1000
    for number in range(0, len(pictures), case.every):
        frame = av.VideoFrame.from_ndarray(_sent(pictures[number], case.size), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    file.seek(0)
    return file


def _sent(picture: Picture, size: Size) -> Picture:
    """`picture`, cut to the proportions of `size` in its middle, and scaled to it."""
    image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420))
    height, width = image.shape[:2]
    kept = round(height * size.width / size.height)
    left = (width - kept) // 2
    scaled = cv2.resize(image[:, left : left + kept], size, interpolation=cv2.INTER_AREA)
    return i420(np.asarray(scaled, np.uint8))


def _chance(plain: Sequence[Picture], keys: int) -> Iterator[float]:
    """Scores of unmarked pictures under keys that nobody uses."""
    honest = Code.of(KEY)
    for number in range(keys):
        presence = tuple(
            signs(PUBLIC_KEY + b"/other " + str(number).encode(), b"presence", turn, len(honest.presence[turn]))
            for turn in range(TURNS)
        )
        reader = MarkReader(Code(honest.layout, presence, honest.data))
        for place, picture in enumerate(plain[::2]):
            reader.add(picture[: SIZE.height], 2 * place * NS_PER_S // FPS)
        yield from reader.scores()


def _cost_ms(size: Size) -> float:
    """Median of one picture's marking."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    mark = Watermark(KEY, SESSION, size)
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (size.height * 3 // 2, size.width)).astype(np.uint8), (0, 0), 5
    )
    times = []
    for number in range(100):
        copy = np.asarray(picture, np.uint8).copy()
        begun = time.perf_counter()
        mark(copy, number * NS_PER_S // FPS)
        times.append(time.perf_counter() - begun)
    cv2.setNumThreads(threads)
    # Of several in a row, since not every one looks at the contrast.
    turns = [times[first : first + LOOKS_EVERY] for first in range(0, len(times), LOOKS_EVERY)]
    return statistics.median(statistics.fmean(turn) for turn in turns) * 1000
