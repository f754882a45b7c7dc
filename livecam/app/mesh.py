"""The embedded swap, put together: networks, follower, watch, swapper. Importing it takes a moment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Image
from livecam.core.seams import Detector, Engine
from livecam.inference import onnx, weights
from livecam.inference.progress import Progress
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import MESH_ENGINE, load_recipe
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.mesh.preparer import MeshPreparer
from livecam.vision.track import MeshFollower
from livecam.vision.watch import FaceWatch

SHORT_RANGE: Final = "face_detection_short_range"
FULL_RANGE: Final = "face_detection_full_range_sparse"
LANDMARKS: Final = "face_landmark_with_attention"


class Networks:
    """The embedded networks: fetched if need be, then loaded once for each user, since an engine has one thread.

    Args:
        folder: Where they are kept.
        provider: What runs them.
        progress: Told what is fetched and converted.
    """

    def __init__(self, folder: Path, provider: str, progress: Progress | None = None) -> None:
        self._folder = folder
        self._provider = provider
        self._progress = progress
        self._recipes: Mapping[str, Recipe] = {name: load_recipe(name) for name in MESH_ENGINE}
        self._paths: Mapping[str, Path] = {}

    def ensure(self) -> None:
        """Make sure that all are there and undamaged, and that what is to run them works.

        Raises:
            ConfigError: The provider does not work here.
            ModelError: One is missing and cannot be fetched, or is not what it should be.
        """
        onnx.require(self._provider)
        self._paths = weights.ensure_all(self._recipes.values(), self._folder, self._progress)

    def engine(self, name: str) -> Engine:
        """A new engine of one network.

        Raises:
            EngineError: The provider does not work here.
        """
        if not self._paths:
            self.ensure()
        return onnx.load(self._recipes[name], self._paths[name], self._provider)

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

    def follower(self, detector: Detector | None = None) -> MeshFollower:
        """What follows the wearer, with engines of its own.

        Args:
            detector: Finds faces that nobody follows yet, instead of the embedded one.
        """
        near = detector or self.near_detector()
        return MeshFollower(near, FullRangeDetector(self.engine(FULL_RANGE)), MeshLandmarker(self.engine(LANDMARKS)))

    def watch(self) -> FaceWatch:
        """What looks for everybody else, with engines of its own."""
        return FaceWatch(self.near_detector(), FullRangeDetector(self.engine(FULL_RANGE)))

    def pipeline(self, personas: PersonaSource) -> Pipeline[Image]:
        """The mesh pipeline, with engines of its own.

        Args:
            personas: Prepared personas by name.

        Raises:
            EngineError: The provider does not work here.
        """
        return Pipeline(CpuCanvas(), self.follower(), self.watch(), MeshSwapper(), personas)
