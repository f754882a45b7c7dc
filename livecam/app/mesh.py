"""The embedded swap, put together: networks, follower, watch, swapper. Importing it takes a moment."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from livecam.app.drawing_threads import leave_processors
from livecam.app.wearers import ANYBODY, MOST_FACES, Wearers, likeness_of
from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face
from livecam.core.frame import NS_PER_MS, Image
from livecam.core.seams import Detector, Engine, Follower, Swapper
from livecam.inference import onnx
from livecam.inference.embedded import ensure_embedded
from livecam.inference.progress import Progress
from livecam.inference.recipes import HANDS, load_recipe
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.fade import FadingSwapper
from livecam.vision.hands.landmarks import HandLandmarker
from livecam.vision.hands.occluder import HandOccluder
from livecam.vision.hands.palm import PalmDetector
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.mesh.preparer import MeshPreparer
from livecam.vision.track import MeshFollower
from livecam.vision.watch import FaceWatch

log = logging.getLogger(__name__)

SHORT_RANGE: Final = "face_detection_short_range"
FULL_RANGE: Final = "face_detection_full_range_sparse"
LANDMARKS: Final = "face_landmark_with_attention"


class DatedFollower:
    """A `Follower` that remembers when the frame at hand was captured, for what is smoothed over that time.

    Args:
        inner: What follows.
    """

    def __init__(self, inner: Follower) -> None:
        self._inner = inner
        self._captured_ns: int | None = None

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """See `Follower`."""
        self._captured_ns = captured_ns
        return self._inner(image, captured_ns, steadiness)

    def now_ns(self) -> int | None:
        """When the last frame was captured; None before the first one."""
        return self._captured_ns

    def reset(self) -> None:
        """See `Follower`."""
        self._inner.reset()


class Networks:
    """The embedded networks: fetched if need be, then loaded once for each user, since an engine has one thread.

    Args:
        folder: Where they are kept.
        provider: What runs them.
        progress: Told what is fetched and converted.
        find_wearers: Says who is swapped, when that is first asked; whoever is followed longest unless given.
        hands: Whether hands before the face are found, so that they stay visible.
        fade_ms: How long one persona melts into the next; 0 for not at all.
    """

    def __init__(
        self,
        folder: Path,
        provider: str,
        progress: Progress | None = None,
        find_wearers: Callable[[], Wearers] = lambda: ANYBODY,
        hands: bool = True,
        fade_ms: float = 0.0,
    ) -> None:
        self._fade_ms = fade_ms
        self._find_wearers = find_wearers
        self._apart = ANYBODY.apart
        self._folder = folder
        self._provider = provider
        self._progress = progress
        self._hands = hands
        self._paths: Mapping[str, Path] = {}

    @cached_property
    def wearers(self) -> Wearers:
        """Who is swapped, as it was when it was first asked.

        Raises:
            ConfigError, PersonaError, EngineError, ModelError: It cannot be told; then nobody may be.
        """
        found = self._find_wearers()
        self._apart = found.apart
        return found

    def ensure(self) -> None:
        """Make sure that all are there and undamaged, and that what is to run them works.

        Where those for hands are missing and cannot be fetched, the others go on without them, and the log says so.

        Raises:
            ConfigError: The provider does not work here.
            ModelError: One is missing and cannot be fetched, or is not what it should be.
        """
        onnx.require(self._provider)
        found = ensure_embedded(self._folder, self._progress, self._hands)
        if found.lacks:
            log.warning("%s", found.lacks)
        self._paths = found.paths

    def has(self, names: Collection[str]) -> bool:
        """Whether the networks of those `names` are here.

        Raises:
            ConfigError, ModelError: As `ensure`.
        """
        if not self._paths:
            self.ensure()
        return set(names) <= self._paths.keys()

    def engine(self, name: str) -> Engine:
        """A new engine of one network.

        Raises:
            EngineError: The provider does not work here.
        """
        if not self._paths:
            self.ensure()
        return onnx.load(load_recipe(name), self._paths[name], self._provider)

    def preparer(self) -> MeshPreparer:
        """What makes mesh identities of photos, with engines of its own, loaded when first needed."""
        return MeshPreparer(
            self.near_detector,
            lambda: FullRangeDetector(self.engine(FULL_RANGE)),
            lambda: MeshLandmarker(self.engine(LANDMARKS)),
        )

    def near_detector(self) -> ShortRangeDetector:
        """The detector for near faces, with an engine of its own."""
        return ShortRangeDetector(self.engine(SHORT_RANGE))

    def follower(
        self, detector: Detector | None = None, faces: int = MOST_FACES, strangers: Callable[[], bool] = lambda: True
    ) -> Follower:
        """What follows the wearer, with engines of its own.

        Where it has been told who is swapped, and a recogniser is here, several people are told apart by it. Asking for
        that here would let an enrolment that cannot be read stop the next one.

        Args:
            detector: Finds faces that nobody follows yet, instead of the embedded one.
            faces: How many to follow. With one, whoever walks past the wearer can be taken for them.
            strangers: Whether there may be faces that nobody follows. To be told by a watch with the same networks
                alone: it must see whatever `detector` finds.

        Raises:
            EngineError, ModelError: A network cannot be loaded.
        """
        near, far = detector or self.near_detector(), FullRangeDetector(self.engine(FULL_RANGE))
        apart = self._apart() if faces > 1 else None
        landmarker, likeness = MeshLandmarker(self.engine(LANDMARKS)), likeness_of(apart)
        return MeshFollower(near, far, landmarker, faces, None, apart, strangers, likeness)

    def watch(self) -> FaceWatch:
        """What looks for everybody else, with engines of its own."""
        return FaceWatch(self.near_detector(), FullRangeDetector(self.engine(FULL_RANGE)))

    def occluder(self) -> HandOccluder | None:
        """What finds hands before a face, with engines of its own; None where it is off, or its networks are missing.

        Raises:
            EngineError: The provider does not work here.
        """
        if not self.has(HANDS):
            return None
        palm, hand = HANDS
        return HandOccluder(PalmDetector(self.engine(palm)), HandLandmarker(_warmed(self.engine(hand))))

    def fading(self, swapper: Swapper[Image]) -> Swapper[Image]:
        """`swapper`, in whose hands one persona melts into the next, where that is wanted."""
        if not self._fade_ms:
            return swapper
        return FadingSwapper(swapper, round(self._fade_ms * NS_PER_MS), time.monotonic_ns, time.perf_counter_ns)

    def pipeline(self, personas: PersonaSource) -> Pipeline[Image]:
        """The mesh pipeline, with engines of its own.

        Args:
            personas: Prepared personas by name.

        Raises:
            EngineError: The provider does not work here.
        """
        leave_processors()
        who, hands, watch = self.wearers, self.occluder(), self.watch()
        follower = DatedFollower(self.follower(strangers=watch.strangers))
        parts = CpuCanvas(), follower, watch, self.fading(MeshSwapper(hands, now_ns=follower.now_ns))
        cheaper = [hands] if hands is not None else []
        return Pipeline(*parts, personas, cheaper, who.make(), who.people)


def _warmed(engine: Engine) -> Engine:
    """`engine`, run on nothing: what is seldom used would else take its memory in the middle of a call.

    ONNX Runtime takes it in the first run, and in the second one again, as the first one has shown how much.
    """
    feeds = {name: np.zeros(spec.shape, spec.dtype) for name, spec in engine.inputs.items()}
    for _ in range(2):
        engine.run(feeds)
    return engine
