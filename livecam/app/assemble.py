"""What stands behind a run: the networks and the personas, put together when they are first needed.

The mesh engine and ONNX Runtime take a moment to import. That happens in the inference thread, so that the slate is out
before it.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from livecam.app.wardrobe import Wardrobe
from livecam.config import Config, Paths, Provider
from livecam.core.persona import Persona
from livecam.core.seams import Processor
from livecam.inference.progress import Progress

if TYPE_CHECKING:
    from livecam.app.mesh import Networks
    from livecam.faces.library import PersonaLibrary


def provider_name(provider: Provider) -> str:
    """The provider for the embedded networks: these are so small that ``auto`` means the CPU, everywhere."""
    return "cpu" if provider is Provider.AUTO else str(provider)


def networks_of(config: Config, paths: Paths, progress: Progress | None = None) -> "Networks":
    """The embedded networks as `config` places and runs them."""
    from livecam.app.mesh import Networks

    return Networks(config.models.cache or paths.models, provider_name(config.models.provider), progress)


def persona_library(config: Config, paths: Paths, networks: "Networks | None" = None) -> "PersonaLibrary":
    """The user's personas and the built-in one."""
    from livecam.faces.library import PersonaLibrary

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
        self._config = config
        self._paths = paths
        self.provider = provider_name(config.models.provider)
        self.note = ""
        self.wardrobe = Wardrobe(self._load)

    @cached_property
    def _networks(self) -> "Networks":
        return networks_of(self._config, self._paths, self)

    @cached_property
    def _library(self) -> "PersonaLibrary":
        return persona_library(self._config, self._paths, self._networks)

    def _load(self, name: str) -> Persona:
        return self._library.load(name)

    def update(self, stage: str, done: int, total: int) -> None:
        """Progress of fetching and converting."""
        share = f" {100 * done // total} %" if total else ""
        self.note = f"First start: {stage} the embedded networks{share}"

    def make_processor(self) -> Processor:
        """The mesh pipeline; takes a second the first time. To be called in the inference thread.

        Raises:
            ModelError: A network is missing and cannot be fetched.
            PersonaError: The persona does not exist.
        """
        self._networks.ensure()
        self.note = "Getting the persona ready"
        self.wardrobe.prepare(self._config.settings.persona)
        self.note = ""
        return self._networks.pipeline(self.wardrobe.get)
