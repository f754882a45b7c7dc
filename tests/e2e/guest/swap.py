"""The mesh swap in the whole daemon: the reader must get the persona, live, and never the wearer."""

import json
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import NS_PER_S, Image
from tests.e2e.clips import BOXES, FACE
from tests.e2e.guest.bench import START_S, VIRTUAL, WEBCAM, Bench
from tests.e2e.guest.processes import daemon, report, wait_until_readable, webcam
from tests.e2e.guest.readers import Seen, rate
from tests.e2e.picture import SWAP_FPS, difference

_CHANGED: Final = 2.5
"""A face that changed by so many times what the picture's way alone changes is not the wearer's."""
_UNCHANGED: Final = 4.0
_SECONDS: Final = 8.0


class Comparison:
    """Each picture of the reader beside the very frame that the webcam showed, known by its number.

    Args:
        clips: Folder of the drawn clips.

    Attributes:
        inside: Mean change in the face, of each live picture.
        way: What the conversion to the sink's format and back alone would have changed there.
        outside: The same, above the face and beside it.
        sample: The last bare frame and what became of it.
    """

    def __init__(self, clips: Path) -> None:
        self._bare = _frames(clips / FACE)
        self._boxes: list[list[int]] = json.loads((clips / BOXES).read_text(encoding="utf-8"))
        self.inside: list[float] = []
        self.way: list[float] = []
        self.outside: list[float] = []
        self.sample: tuple[Image, Image] | None = None

    def look(self, image: Image, seen: Seen) -> None:
        """Compare one picture."""
        if seen.number is None:
            return
        bare = self._bare[seen.number]
        left, top, right, bottom = self._boxes[seen.number]
        face = np.s_[top:bottom, left:right]
        self.inside.append(difference(image[face], bare[face]))
        self.way.append(difference(_converted(bare)[face], bare[face]))
        margin = max(left - (right - left) // 2, 1)
        self.outside.append(difference(image[:, :margin], bare[:, :margin]))
        self.sample = (bare, image.copy())


def check_swap(bench: Bench, sink: str) -> None:
    """Run the daemon as a user would, with no flag but where from and where to."""
    comparison = Comparison(bench.clips)
    with webcam(bench.clips / FACE, WEBCAM, bench.out) as camera:
        wait_until_readable(WEBCAM, camera, START_S)
        flags = ("--source", f"camera:{WEBCAM}", "--sink", sink)
        with daemon("swap", bench.out, *flags, fps=SWAP_FPS) as running:
            wait_until_readable(VIRTUAL, running, START_S)
            with bench.reader(look=comparison.look) as reader:
                reader.wait_for("a swapped picture", lambda one: one.live, START_S)
                seen = reader.during(_SECONDS)
                _check_pictures(bench, seen, comparison)
                bench.only_known(reader, "pictures")
            running.end()
    _note_report(bench)


def _check_pictures(bench: Bench, seen: list[Seen], comparison: Comparison) -> None:
    ledger = bench.ledger
    live = [one for one in seen if one.live]
    ledger.between("rate", rate(seen), 0.8 * SWAP_FPS, 1.2 * SWAP_FPS, "fps")
    fresh = len({one.arrived_ns for one in _first_of_each(live)}) * NS_PER_S / (_SECONDS * NS_PER_S)
    ledger.between("swapped pictures, each counted once", fresh, 4, 1.2 * SWAP_FPS, "fps")
    share = 100 * len(live) / len(seen)
    ledger.check("live, not slate", share >= 60, f"{share:.0f} % of {len(seen)}", ">= 60 %")
    least, way = min(comparison.inside), max(comparison.way)
    figure = f"{least:.1f}, median {median(comparison.inside):.1f}"
    changed = least > _CHANGED * way
    ledger.check("face: least change from the bare frame", changed, figure, f"> {_CHANGED * way:.1f}", shown=True)
    ledger.at_most("elsewhere: change from the bare frame, p50", median(comparison.outside), _UNCHANGED, "levels")
    if comparison.sample is not None:
        cv2.imwrite(str(bench.out / "swap.png"), np.hstack(comparison.sample))


def _first_of_each(seen: list[Seen]) -> list[Seen]:
    """Without those that show the frame of the one before."""
    return [
        one for before, one in zip([None, *seen], seen, strict=False) if before is None or before.number != one.number
    ]


def _note_report(bench: Bench) -> None:
    numbers = report("swap", bench.out)
    for name in ("fps", "age_ms", "sent", "withheld"):
        bench.ledger.note(f"report: {name}", str(numbers.get(name)))


def _converted(image: Image) -> Image:
    picture = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _frames(path: Path) -> list[Image]:
    capture = cv2.VideoCapture(str(path))
    frames: list[Image] = []
    while True:
        got, image = capture.read()
        if not got:
            break
        frames.append(np.asarray(image, np.uint8))
    capture.release()
    return frames
