"""The invisible mark and the label in recordings of a whole screen, on which a call is one window among others."""

import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, cycle, islice

import av
import cv2
import numpy as np

from benchmarks.bench_mark import CLIPS, FPS, KEY, SESSION, SIZE, i420
from benchmarks.common import Bar, publish
from benchmarks.footage import clip, clips_folder, drawn, in_webcam_frame
from livecam.app.verify_window import Window
from livecam.core.frame import NS_PER_S, Image, Picture, Size
from livecam.privacy.label import WORDS, Label
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_look import LOOKS_PART, SURE_IN_PART
from livecam.privacy.watermark import Watermark

COMMAND = "python -m benchmarks screen"

SECONDS, SCREEN_FPS = 12, 15
CALL_GOOD, CALL_POOR = (Size(1280, 720), 1000), (Size(640, 360), 500)


@dataclass(frozen=True, slots=True)
class Case:
    """How a call is shown on a screen.

    Attributes:
        name: In words.
        screen: Its size.
        window: Left, top and width of the call's window, which is 16:9, px.
        call: Size and kbit/s at which the call arrives, through x264.
        square: Whether only the middle square is shown.
        beside: Left, top and width of another call, unmarked; none where None.
    """

    name: str
    screen: Size
    window: tuple[int, int, int]
    call: tuple[Size, int] = CALL_GOOD
    square: bool = False
    beside: tuple[int, int, int] | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.window[2]} px of a screen of {self.screen}"


CASES = (
    Case("a window", Size(1920, 1080), (333, 171, 1237)),
    Case("half the screen, poor call", Size(1920, 1080), (821, 260, 960), CALL_POOR),
    Case("a laptop's", Size(1280, 720), (300, 120, 800)),
    Case("the middle square", Size(1920, 1080), (520, 200, 1280), square=True),
    Case("one of two tiles", Size(1920, 1080), (1100, 500, 640), beside=(1100, 60, 640)),
    Case("a small tile, poor call", Size(1920, 1080), (1210, 700, 400), CALL_POOR),
)
RUNS = (
    *((2 - number % 2 * 2, case, True) for number, case in enumerate(CASES)),
    *((1, case, True) for case in (CASES[1], CASES[2], CASES[4])),
    *((clip_, CASES[4], False) for clip_ in range(3)),
)
"""Number of the clip, how it is shown, and whether it is marked."""

_CALL_OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline"}
_SCREEN_OPTIONS = {"preset": "veryfast", "crf": "23"}


def main(quick: bool) -> None:
    code, labels = Code.of(KEY), LabelReader([*WORDS.values()])
    names: Sequence[str] = CLIPS if clips_folder() is not None else ("drawn",)
    details: list[dict[str, object]] = []
    for number, case, is_marked in RUNS[:1] + RUNS[-1:] if quick else RUNS:
        details.append(_shown(names[number % len(names)], case, is_marked, code, labels))
        print(f"  {details[-1]}", flush=True)
    marked = [one for one in details if one["marked"]]
    plain = [one for one in details if not one["marked"]]
    bars = [
        Bar("marked calls found on a screen, %", 95.0, _percent(marked, "found"), True),
        Bar("of these, session read, %", 95.0, _percent(marked, "session_read"), True),
        Bar("score of the marked, worst, standard deviations", SURE_IN_PART, min(_scores(marked)), True),
        Bar("score of the unmarked, highest", SURE_IN_PART, max(_scores(plain))),
        Bar("false positives a search, at most", 1e-6, LOOKS_PART * math.exp(-(SURE_IN_PART**2) / 2)),
        Bar("labels read on screens, windows from 640 px, %", 95.0, _percent(_large(marked), "labelled"), True),
        Bar("a search, s of processor time, longest", 20.0, max(float(str(one["search_s"])) for one in details)),
    ]
    publish("screen", COMMAND, bars, {"cases": details, "seconds_each": SECONDS}, quick)


def _shown(name: str, case: Case, marked: bool, code: Code, labels: LabelReader) -> dict[str, object]:
    """What is found of one clip, shown as `case` says."""
    cv2.setNumThreads(1)
    window = Window(code, labels)
    coded = _screen(_call(_pictures(name, marked), case), case)
    for frame in av.open(coded, "r").decode(video=0):
        assert isinstance(frame, av.VideoFrame)
        luma = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
        window.add(luma, luma, round((frame.time or 0) * NS_PER_S))
    begun = time.process_time()
    found = window.search()
    search_s = time.process_time() - begun
    assert found is not None
    seen = window.labels(found.place if found.sure else None)
    return {
        "source": name,
        "case": str(case),
        "marked": marked,
        "kbit_s": round(8 * len(coded.getvalue()) / SECONDS / 1000),
        "found": found.sure,
        "session_read": found.session == SESSION,
        "score": round(found.score, 1),
        "place_px": [
            round(share * side)
            for share, side in zip(found.place or (0.0,) * 4, (*case.screen, *case.screen), strict=True)
        ],
        "labelled": bool(seen.share > 0.9),
        "width_px": case.window[2],
        "search_s": round(search_s, 1),
    }


def _pictures(name: str, marked: bool) -> Iterator[Picture]:
    """What livecam sends, I420: with the mark and the label, or with neither."""
    mark, label = Watermark(KEY, SESSION, SIZE), Label(SIZE, "AI MODIFIED")
    for number, image in enumerate(_frames(name, SIZE, SECONDS * FPS)):
        picture = i420(image)
        if marked:
            mark(picture, number * NS_PER_S // FPS)
            label.draw(picture)
        yield picture


def _frames(name: str, size: Size, count: int) -> Iterator[Image]:
    folder = clips_folder()
    frames = list(clip(folder / f"{name}.mp4", count)) if folder is not None else list(drawn(size, count))
    # Forth and back, so that there is no jump where it begins anew.
    endless = cycle(chain(frames, frames[-2:0:-1]))
    for image in islice(endless, count):
        yield in_webcam_frame(image, size)


def _call(pictures: Iterator[Picture], case: Case) -> Iterator[Image]:
    """The call as it arrives."""
    size, kbit_s = case.call
    images = (np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), np.uint8) for picture in pictures)
    scaled = (np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) for image in images)
    file = _coded(scaled, size, _CALL_OPTIONS, FPS, kbit_s)
    for frame in av.open(file, "r").decode(video=0):
        assert isinstance(frame, av.VideoFrame)
        yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _screen(call: Iterator[Image], case: Case) -> io.BytesIO:
    """The recording of a screen with that call on it."""
    seldom = islice(call, 0, None, FPS // SCREEN_FPS)
    return _coded(_composed(seldom, case), case.screen, _SCREEN_OPTIONS, SCREEN_FPS)


def _composed(call: Iterator[Image], case: Case) -> Iterator[Image]:
    desktop, (left, top, width) = _desktop(case.screen), case.window
    height = width * 9 // 16
    cut = (width - height) // 2 if case.square else 0
    beside = _frames("d12" if clips_folder() is not None else "drawn", SIZE, SECONDS * FPS) if case.beside else None
    for number, image in enumerate(call):
        whole = desktop.copy()
        shown = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        whole[top : top + height, left + cut : left + width - cut] = shown[:, cut : width - cut]
        if case.beside is not None and beside is not None:
            across, down, wide = case.beside
            other = cv2.resize(next(beside), (wide, wide * 9 // 16), interpolation=cv2.INTER_AREA)
            whole[down : down + wide * 9 // 16, across : across + wide] = other
        _point(whole, number)
        yield whole


def _desktop(size: Size) -> Image:
    """A soft wallpaper, a bar, and a document full of letters."""
    random = np.random.default_rng(1)
    coarse = random.integers(40, 200, (9, 16, 3)).astype(np.uint8)
    image: Image = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    width, height = size
    cv2.rectangle(image, (0, height - 48), (width, height), (40, 36, 34), cv2.FILLED)
    cv2.rectangle(image, (width // 20, height // 20), (width // 2, height * 17 // 20), (250, 250, 250), cv2.FILLED)
    for line in range(24):
        text = "".join(random.choice(list("abcdefgh ijklmno pqrstu"), 50))
        place = (width // 20 + 20, height // 20 + 60 + line * height // 32)
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, height / 1700, (30, 30, 30), 1, cv2.LINE_AA)
    return image


def _point(image: Image, number: int) -> None:
    """A pointer that wanders, and a clock that counts."""
    height, width = image.shape[:2]
    across, down = (
        round(width * (0.5 + 0.3 * math.sin(number / 40))),
        round(height * (0.5 + 0.3 * math.cos(number / 31))),
    )
    corners = np.array([[across, down], [across, down + 18], [across + 12, down + 12]], np.int32)
    cv2.fillPoly(image, [corners], (255, 255, 255))
    place = (width - 60, height - 16)
    cv2.putText(
        image, f"{number // SCREEN_FPS:02d}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA
    )


def _coded(images: Iterator[Image], size: Size, options: Mapping[str, str], fps: int, kbit_s: int = 0) -> io.BytesIO:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=fps, options=dict(options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        if kbit_s:
            stream.bit_rate = kbit_s * 1000
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(i420(image), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def _percent(cases: Sequence[Mapping[str, object]], what: str) -> float:
    return 100 * sum(bool(case[what]) for case in cases) / max(len(cases), 1)


def _scores(cases: Sequence[Mapping[str, object]]) -> list[float]:
    return [float(str(case["score"])) for case in cases]


def _large(cases: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    return [case for case in cases if int(str(case["width_px"])) >= 640 and "square" not in str(case["case"])]
