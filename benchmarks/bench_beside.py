"""Each persona on each clip, beside the best variant of the prototype that the mesh swap began with, bar by bar.

The prototype ran once on these very frames, with these judges and from the same photos: texture, shape 0.5, the
persona's eyes, One-Euro on the shape without its pose and on the pose. What it reached stands in `PROTOTYPE`, and is
the bar.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import cv2
import numpy as np

from benchmarks.bench_quality import EVERY, FRAMES, Workshop
from benchmarks.common import Bar, publish
from benchmarks.footage import clips_folder
from benchmarks.judges import SAME_PERSON
from livecam.app.mesh import LANDMARKS
from livecam.bench.quality.looks import Finder, agreement, eye_opening, mouth_opening
from livecam.bench.quality.series import correlation
from livecam.core.frame import Points
from livecam.vision.mesh.landmarks import MeshLandmarker

COMMAND = "python -m benchmarks beside"


@dataclass(frozen=True, slots=True)
class Beside:
    """What one persona comes to on one clip.

    Attributes:
        identity: Mean distance of the output to the persona's photo, by the judge.
        same: Share of outputs that are the persona by the judge's threshold, %.
        landmarks: Found afresh in input and output: mean distance, % of that of the outer corners of the eyes.
        mouth: Correlation of the mouth's opening in input and output.
        blink: The same of the eyes'.
    """

    identity: float
    same: float
    landmarks: float
    mouth: float
    blink: float


PROTOTYPE: Final[Mapping[str, Beside]] = {
    "d3>d10": Beside(0.5504, 96.66, 2.297, 0.9299, 0.8572),
    "d3>d12": Beside(0.5062, 95.65, 2.303, 0.9784, 0.8097),
    "d3>d18": Beside(0.4931, 88.88, 1.988, 0.9945, 0.7411),
    "d3>s32": Beside(0.5184, 100.0, 1.938, 0.9824, 0.9223),
    "d10>d3": Beside(0.5004, 100.0, 1.832, 0.9905, 0.9563),
    "d10>d12": Beside(0.4314, 100.0, 1.986, 0.9826, 0.8625),
    "d10>d18": Beside(0.5436, 100.0, 2.256, 0.9950, 0.8394),
    "d10>s32": Beside(0.5870, 69.56, 2.446, 0.9803, 0.9398),
    "d18>d3": Beside(0.4430, 100.0, 1.569, 0.9916, 0.9088),
    "d18>d10": Beside(0.5384, 100.0, 3.206, 0.9487, 0.8995),
    "d18>d12": Beside(0.4807, 95.65, 2.923, 0.9843, 0.8238),
    "d18>s32": Beside(0.4654, 100.0, 1.626, 0.9817, 0.9301),
}


def main(quick: bool) -> None:
    cv2.setNumThreads(1)
    folder = clips_folder()
    if folder is None:
        print("  no clips beside this checkout: nothing to measure", flush=True)
        return
    workshop = Workshop(folder)
    measured = {pair: _measured(workshop, pair, 48 if quick else FRAMES) for pair in PROTOTYPE}
    bars = [bar for pair, found in measured.items() for bar in _bars(pair, found)]
    publish("beside", COMMAND, bars, {pair: asdict(found) for pair, found in measured.items()}, quick)


def _bars(pair: str, found: Beside) -> Iterator[Bar]:
    best = PROTOTYPE[pair]
    yield Bar(f"{pair}: distance to the persona", best.identity, found.identity)
    yield Bar(f"{pair}: outputs that are the persona (< {SAME_PERSON}), %", best.same, found.same, at_least=True)
    yield Bar(f"{pair}: landmarks of output and input apart, % of eye distance", best.landmarks, found.landmarks)
    yield Bar(f"{pair}: correlation of the mouth's opening", best.mouth, found.mouth, at_least=True)
    yield Bar(f"{pair}: correlation of the eyes' opening", best.blink, found.blink, at_least=True)


def _measured(workshop: Workshop, pair: str, frames: int) -> Beside:
    """Landmarks are found again in all frames; every `EVERY`-th is judged."""
    source, target = pair.split(">")
    rig, finder = workshop.rig(source, target), Finder(MeshLandmarker(workshop.networks.engine(LANDMARKS)))
    likening = workshop.likening(source)
    apart: list[float] = []
    meshes: list[tuple[Points, Points]] = []
    for number, image in enumerate(workshop.frames(target, frames)):
        swapped = rig(image)
        if swapped is None:
            continue
        before = finder(swapped.before, swapped.raw)
        meshes.append((before, finder(swapped.after, before)))
        if number % EVERY == 0:
            apart.append(likening.judge(swapped.after, before).distance(likening.persona))
    same = 100 * float(np.mean(np.array(apart) < SAME_PERSON))
    off = float(np.mean([agreement(before, after).overall for before, after in meshes]))
    found = Beside(float(np.mean(apart)), same, off, _alike(mouth_opening, meshes), _alike(eye_opening, meshes))
    print(
        f"  {pair}: to persona {found.identity:.4f}, < 0.6 {same:.1f} %, landmarks {found.landmarks:.2f} %, "
        f"mouth {found.mouth:.4f}, blink {found.blink:.4f}",
        flush=True,
    )
    return found


def _alike(opening: Callable[[Points], float], meshes: list[tuple[Points, Points]]) -> float:
    """Correlation of an opening in input and output; NaN where it never changes."""
    before, after = (np.array([opening(pair[place]) for pair in meshes]) for place in (0, 1))
    alike = correlation(before, after, 0.0)
    return math.nan if alike is None else alike
