"""Puts the embedded swap together: networks, follower, watch, swapper, personas."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from livecam.app.wardrobe import Wardrobe
from livecam.canvas.cpu import CpuCanvas
from livecam.config import Config, Paths, Provider
from livecam.core.seams import Engine
from livecam.faces.library import PersonaLibrary
from livecam.inference import onnx, weights
from livecam.inference.progress import Progress
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import MESH_ENGINE, load_recipe
from livecam.pipeline import Pipeline
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
        """Make sure that all are there and undamaged.

        Raises:
            ModelError: One is missing and cannot be fetched, or is not what it should be.
        """
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
            lambda: ShortRangeDetector(self.engine(SHORT_RANGE)),
            lambda: FullRangeDetector(self.engine(FULL_RANGE)),
            lambda: MeshLandmarker(self.engine(LANDMARKS)),
        )


def provider_name(provider: Provider) -> str:
    """The provider for the embedded networks: these are so small that ``auto`` means the CPU, everywhere."""
    return "cpu" if provider is Provider.AUTO else str(provider)


def networks_of(config: Config, paths: Paths, progress: Progress | None = None) -> Networks:
    """The embedded networks as `config` places and runs them."""
    return Networks(config.models.cache or paths.models, provider_name(config.models.provider), progress)


def persona_library(config: Config, paths: Paths, networks: Networks | None = None) -> PersonaLibrary:
    """The user's personas and the built-in one."""
    networks = networks or networks_of(config, paths)
    return PersonaLibrary(paths.personas, {"mesh": networks.preparer()}, paths.prepared)


class Assembly:
    """Builds the processor of a run and holds what outlives it.

    Attributes:
        wardrobe: Personas made ready.
        provider: What runs the networks.
        note: What is going on, while starting; for the status line.
    """

    def __init__(self, config: Config, paths: Paths) -> None:
        self._persona = config.settings.persona
        self.provider = provider_name(config.models.provider)
        self.note = ""
        self._networks = networks_of(config, paths, self)
        self.wardrobe = Wardrobe(persona_library(config, paths, self._networks).load)

    def update(self, stage: str, done: int, total: int) -> None:
        """Progress of fetching and converting."""
        share = f" {100 * done // total} %" if total else ""
        self.note = f"First start: {stage} the embedded networks{share}"

    def make_processor(self) -> Pipeline:
        """The mesh pipeline; takes a second the first time. To be called in the inference thread.

        Raises:
            ModelError: A network is missing and cannot be fetched.
            PersonaError: The persona does not exist.
        """
        self._networks.ensure()
        self.note = "Getting the persona ready"
        self.wardrobe.prepare(self._persona)
        engine = self._networks.engine
        follower = MeshFollower(
            ShortRangeDetector(engine(SHORT_RANGE)),
            FullRangeDetector(engine(FULL_RANGE)),
            MeshLandmarker(engine(LANDMARKS)),
        )
        watch = FaceWatch(ShortRangeDetector(engine(SHORT_RANGE)), FullRangeDetector(engine(FULL_RANGE)))
        self.note = ""
        return Pipeline(CpuCanvas(), follower, watch, MeshSwapper(), self.wardrobe.get)
