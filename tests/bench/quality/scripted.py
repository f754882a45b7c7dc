"""A clip, a pipeline and a judge that do what they are told: what the measurement needs, without a network."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from livecam.bench.quality.judge import Descriptor
from livecam.bench.quality.measure import Examiner, Footage, Moment, Taken, Tools
from livecam.bench.quality.smoothers import Mode
from livecam.bench.quality.trace import SWAPPED
from livecam.bench.quality.warp import WarpMeter
from livecam.core.frame import NS_PER_S, Image, Picture, Points, Size
from tests.bench.quality.meshes import mesh_at

SIZE = Size(160, 160)
FPS = 25.0


def grey(level: int) -> Image:
    return np.full(SIZE.image_shape, level, np.uint8)


def plays(levels: Sequence[int]) -> Footage:
    """Grey frames."""

    def play() -> Iterator[Moment]:
        for number, level in enumerate(levels):
            yield Moment(grey(level), NS_PER_S + round(number * NS_PER_S / FPS))

    return play


class ScriptedTake:
    """Swaps a frame by making it brighter.

    Args:
        brighter: By frame.
        fates: By frame; all swapped unless given.
        drawn: By frame; a face in the middle unless given.
    """

    def __init__(self, brighter: Sequence[int], fates: Sequence[str] = (), drawn: Sequence[Points] = ()) -> None:
        self._brighter = brighter
        self._fates = fates or [SWAPPED] * len(brighter)
        self._drawn = drawn or [mesh_at(80, 80, 80)] * len(brighter)
        self.closed = False

    def __call__(self, image: Image, seq: int, media_ns: int) -> Taken:
        number = seq - 1
        picture = self.plain((image + np.uint8(self._brighter[number])).astype(np.uint8))
        wearer = self._drawn[number] if self._fates[number] == SWAPPED else None
        return Taken(picture, self._fates[number], wearer, 4_000_000)

    def plain(self, image: Image) -> Picture:
        return cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)

    def close(self) -> None:
        self.closed = True


class ScriptedStudio:
    """Gives the same take for every mode."""

    def __init__(self, brighter: Sequence[int], fates: Sequence[str] = ()) -> None:
        self._given = brighter, fates
        self.takes: list[tuple[Mode, ScriptedTake]] = []

    def take(self, mode: Mode, size: Size) -> ScriptedTake:
        self.takes.append((mode, ScriptedTake(*self._given)))
        return self.takes[-1][1]


class BrightnessJudge:
    """Knows people by how bright they are."""

    name = "brightness"
    same_person = 15.0

    def __init__(self) -> None:
        self.asked = 0

    def describe(self, image: Image, mesh: Points) -> Descriptor:
        self.asked += 1
        return np.array([float(image.mean())])

    def distance(self, one: Descriptor, other: Descriptor) -> float:
        return float(abs(one - other)[0])


class CountingFinder:
    """Finds the mesh where it should be."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, image: Image, about: Points) -> Points:
        self.asked += 1
        return about


def tools(judge: BrightnessJudge | None = None, persona: float = 90.0) -> Tools:
    return Tools(CountingFinder(), WarpMeter(), judge, (np.array([persona]),) if judge else (), judge_every=2)


def examiner(judge: BrightnessJudge | None = None) -> Examiner:
    return Examiner(tools(judge))
