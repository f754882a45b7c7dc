"""What following and steadying a face costs a frame beside the networks: all on one core, one part after the other.

In a run the optical flow has a thread of its own and costs the frame less; here it is in the row. As in a run, memory
is laid on large pages once a face is followed, where the system can.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Final, ParamSpec, TypeVar
from unittest.mock import patch

import cv2
import numpy as np

from benchmarks.bench_steady import CLIPS, WEBCAM
from benchmarks.common import Bar, publish
from benchmarks.footage import clip, clips_folder, drawn, in_webcam_frame
from benchmarks.rig import embedded_networks
from livecam.app.large_pages import lay
from livecam.app.mesh import FULL_RANGE, LANDMARKS, SHORT_RANGE, Networks
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.core.settings import Settings
from livecam.vision.flow import FlowCarrier
from livecam.vision.flow_search import FlowSearch
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.landmarks import Crop, MeshFit, MeshLandmarker, Roi
from livecam.vision.predict import Motion
from livecam.vision.scene import SceneCut
from livecam.vision.track import MeshFollower

COMMAND = "python -m benchmarks tracking"
BAR_MS: Final = 1.5
WARM_UP, FRAMES = 10, 240
# What is timed by itself, and what does it: the rest is association.
PARTS: Final[Mapping[str, tuple[type, str]]] = {
    "scene cut": (SceneCut, "__call__"),
    "prediction": (Motion, "learn"),
    "smoothing": (FlowCarrier, "__call__"),
    "flow": (FlowSearch, "__call__"),
}
REST, NETWORK, CROP, DECODE = "association", "network", "crop", "decode"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a frame costs on one clip.

    Attributes:
        p50_ms: Median of each part and of all together, in which the network is not.
        p95_ms: 95th percentile of the same.
        frames: Measured.
    """

    p50_ms: Mapping[str, float]
    p95_ms: Mapping[str, float]
    frames: int


class Stopwatch:
    """Sums what each part takes by itself: the time of a part that another one calls is not the other's."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._running: list[str] = []
        self._since_ns = 0

    def around(self, part: str, work: Callable[P, T]) -> Callable[P, T]:
        """`work`, timed as `part`."""

        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            self._note()
            self._running.append(part)
            try:
                return work(*args, **kwargs)
            finally:
                self._note()
                self._running.pop()

        return timed

    def go_on_as(self, part: str) -> None:
        """What is running is `part` from here on."""
        self._note()
        self._running[-1] = part

    def taken(self) -> dict[str, int]:
        """Ns of each part since this was asked last, and of all but the network."""
        taken, self._taken = dict(self._taken), Counter()
        return {**taken, "all": sum(taken.values()) - taken.get(NETWORK, 0)}

    def _note(self) -> None:
        now_ns = time.perf_counter_ns()
        if self._running:
            self._taken[self._running[-1]] += now_ns - self._since_ns
        self._since_ns = time.perf_counter_ns()


class _Clocked:
    """An engine on the stopwatch."""

    def __init__(self, inner: Engine, watch: Stopwatch) -> None:
        self._inner = inner
        self.run: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = watch.around(NETWORK, inner.run)

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """See `Engine`."""
        return self._inner.inputs

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """See `Engine`."""
        return self._inner.outputs

    def close(self) -> None:
        """See `Engine`."""
        self._inner.close()


class _Landmarker:
    """A landmarker on the stopwatch that tells nobody what it looks at, so that the flow is found when it is needed."""

    def __init__(self, engine: Engine, watch: Stopwatch) -> None:
        clocked = _Clocked(engine, watch)
        run = clocked.run

        def run_then_decode(feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            outputs = run(feeds)
            watch.go_on_as(DECODE)
            return outputs

        clocked.run = run_then_decode
        self._look = watch.around(CROP, MeshLandmarker(clocked))

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        """See `MeshLandmarker`."""
        return self._look(image, roi)


def main(quick: bool) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    networks, costs = embedded_networks(), {}
    for name, fps, frames in _footage(60 if quick else FRAMES):
        cost = costs[name] = cost_of(networks, frames, fps)
        told = ", ".join(f"{part} {value:.3f}" for part, value in cost.p50_ms.items())
        print(f"  {name}, p50 ms: {told}; p95 of all {cost.p95_ms['all']:.3f}", flush=True)
    cv2.setNumThreads(before)
    bars = [
        Bar(f"{name}: tracking and smoothing, p50 ms a frame", BAR_MS, cost.p50_ms["all"])
        for name, cost in costs.items()
    ]
    publish("tracking", COMMAND, bars, {name: asdict(cost) for name, cost in costs.items()}, quick)


def cost_of(networks: Networks, frames: Iterator[Image], fps: float) -> Cost:
    """Follow a face through `frames` and take the times of all but the first few.

    Raises:
        LookupError: There was none.
    """
    watch = Stopwatch()
    near, far = (_Clocked(networks.engine(name), watch) for name in (SHORT_RANGE, FULL_RANGE))
    landmarker = _Landmarker(networks.engine(LANDMARKS), watch)
    # Nobody else is in these clips, and in a run the watch says so.
    follower = MeshFollower(ShortRangeDetector(near), FullRangeDetector(far), landmarker, strangers=lambda: False)
    follow = watch.around(REST, follower)
    rows: list[Mapping[str, int]] = []
    with ExitStack() as patched:
        for part, (owner, method) in PARTS.items():
            patched.enter_context(patch.object(owner, method, watch.around(part, getattr(owner, method))))
        for number, image in enumerate(frames):
            faces = follow(image, round((number + 1) * NS_PER_S / fps), Settings().steadiness)
            row = watch.taken()
            if number == WARM_UP:
                lay()
            elif faces and number > WARM_UP:
                rows.append(row)
    if not rows:
        raise LookupError("No face was followed.")
    times = {
        name: [row.get(name, 0) / NS_PER_MS for row in rows] for name in ("all", CROP, DECODE, *PARTS, REST, NETWORK)
    }
    p50, p95 = ({name: float(np.percentile(values, share)) for name, values in times.items()} for share in (50, 95))
    return Cost(p50, p95, len(rows))


def _footage(count: int) -> Iterator[tuple[str, float, Iterator[Image]]]:
    """Name, rate and frames of what is looked at."""
    folder = clips_folder()
    if folder is None:
        yield "drawn", 30.0, drawn(WEBCAM, count)
        return
    for name, (fps, _) in CLIPS.items():
        yield name, fps, (in_webcam_frame(image, WEBCAM) for image in clip(folder / f"{name}.mp4", count))
