"""The networks of the content gate, loaded.

They run on the processor, with one thread each, whatever runs the swap: they share nothing with it that may fail.
"""

from dataclasses import dataclass
from pathlib import Path

from livecam.config import Config, Paths, SafetyConfig
from livecam.core.seams import Engine
from livecam.inference import onnx
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.model import Model
from livecam.inference.safety import SafetyModels, require_safety
from livecam.inference.store import installed
from livecam.vision.contract import AgeContract, NudityContract
from livecam.vision.safety import AgeJudge, NudityJudge, NudityJury


@dataclass(frozen=True, slots=True)
class SafetyNetworks:
    """Loads what section ``safety`` names.

    Attributes:
        config: That section.
        folders: Of recipes.
        cache: Where networks are kept.
    """

    config: SafetyConfig
    folders: tuple[Path, ...]
    cache: Path

    def models(self) -> SafetyModels:
        """What is named, which is here.

        Raises:
            ConfigError, ModelError: As `require_safety`.
        """
        return require_safety(self.config, self.folders, self.cache)

    def jury(self) -> NudityJury:
        """What looks for nudity, with networks of its own.

        Raises:
            ConfigError, ModelError: As `require_safety`; or one is not what its recipe says.
        """
        return NudityJury([self._judge(model) for model in self.models().nudity])

    def age(self) -> AgeJudge | None:
        """What estimates ages, with a network of its own; None where none is named.

        Raises:
            ConfigError, ModelError: As `jury`.
        """
        model = self.models().age
        if model is None:
            return None
        assert isinstance(model.contract, AgeContract), "the task says so"
        return AgeJudge(self._engine(model), model.contract)

    def _judge(self, model: Model) -> NudityJudge:
        assert isinstance(model.contract, NudityContract), "the task says so"
        return NudityJudge(model.name, self._engine(model), model.contract, self.config.nudity_limit)

    def _engine(self, model: Model) -> Engine:
        return onnx.load_model_engine(model, installed(model, self.cache), "cpu", threads=1)


def safety_networks(config: Config, paths: Paths) -> SafetyNetworks:
    """Of a configuration."""
    folders = catalogue_folders(paths.recipes, config.models.recipes)
    return SafetyNetworks(config.safety, folders, config.models.cache or paths.models)


def jury_of(config: Config, paths: Paths) -> NudityJury:
    """What looks for nudity, with networks of its own.

    Raises:
        ConfigError, ModelError: As `SafetyNetworks.jury`.
    """
    return safety_networks(config, paths).jury()
