"""What stands behind a run: the networks and the personas, put together when they are first needed.

The mesh engine and ONNX Runtime take a moment to import. That happens in the inference thread, so that the slate is out
before it.
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from livecam.app.wardrobe import Wardrobe
from livecam.config import Config, Paths, Provider
from livecam.core.ladder import Ladder, ladder_for
from livecam.core.persona import Persona
from livecam.core.seams import Processor
from livecam.errors import ConfigError
from livecam.inference.backends import Backend, embedded_backend
from livecam.inference.progress import Progress

if TYPE_CHECKING:
    from livecam.app.mesh import Networks
    from livecam.app.neural import NeuralNetworks
    from livecam.app.serving import Compiled, NeuralServing
    from livecam.faces.library import PersonaLibrary
    from livecam.faces.prepared import Preparer


def provider_name(provider: Provider) -> str:
    """What runs the embedded networks: these are so small that ``auto`` means the processor, everywhere."""
    return str(embedded_backend(provider))


def networks_of(config: Config, paths: Paths, progress: Progress | None = None) -> "Networks":
    """The embedded networks as `config` places and runs them."""
    from livecam.app.mesh import Networks
    from livecam.app.wearers import wearers_of

    cache, provider = config.models.cache or paths.models, provider_name(config.models.provider)
    return Networks(cache, provider, progress, lambda: wearers_of(config, paths), config.face.hands)


def neural_of(
    config: Config, paths: Paths, networks: "Networks", now_ns: Callable[[], int] = time.monotonic_ns
) -> "NeuralNetworks | None":
    """The networks of the configured preset; None for the mesh swap, which has none but `networks`.

    Raises:
        ConfigError: A network was named for what it does not do.
        ModelError: There is no such recipe, or it cannot be used.
    """
    if not config.neural.chain.swapper:
        return None
    from livecam.app.neural import NeuralNetworks

    return NeuralNetworks(config, paths, networks, now_ns)


def persona_library(config: Config, paths: Paths, networks: "Networks | None" = None) -> "PersonaLibrary":
    """The user's personas and the built-in one, prepared for the configured preset.

    Raises:
        ConfigError, ModelError: As `neural_of`.
    """
    networks = networks or networks_of(config, paths)
    return _library(config, paths, networks, neural_of(config, paths, networks))


def _library(config: Config, paths: Paths, networks: "Networks", neural: "NeuralNetworks | None") -> "PersonaLibrary":
    from livecam.faces.library import PersonaLibrary

    preparers: dict[str, Preparer] = {"mesh": networks.preparer()}
    if neural is not None:
        preparers = {config.neural.chain.swapper: neural.preparer()}
    return PersonaLibrary(paths.personas, preparers, paths.prepared)


class Assembly:
    """Builds the processor of a run and holds what outlives it.

    Args:
        config: Checked configuration.
        paths: Where files are kept.
        now_ns: The time of the frame at hand, for what is smoothed over time; the clock of live frames unless given.
        live_face: Whether the source may show the user; stand-ins, which swap nothing, are then refused.
        compiles: Whether networks that are not compiled yet are compiled meanwhile, and then take over.

    Attributes:
        wardrobe: Personas made ready.
        note: What is going on, while starting; for the status line.
        wearer: How the wearer is told from others; "" until that is known.
        enrolment: Digest of who is enrolled; "" for nobody, and until that is known.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths,
        now_ns: Callable[[], int] = time.monotonic_ns,
        live_face: bool = False,
        compiles: bool = False,
    ) -> None:
        self._compiles = compiles
        self._live_face = live_face
        self._now_ns = now_ns
        self._config = config
        self._paths = paths
        self._serving: NeuralServing | None = None
        self.note = self.wearer = self.enrolment = ""
        self.wardrobe = Wardrobe(self._load)

    @cached_property
    def _networks(self) -> "Networks":
        return networks_of(self._config, self._paths, self)

    @cached_property
    def _neural(self) -> "NeuralNetworks | None":
        return neural_of(self._config, self._paths, self._networks, self._now_ns)

    @cached_property
    def _library(self) -> "PersonaLibrary":
        return _library(self._config, self._paths, self._networks, self._neural)

    def _load(self, name: str) -> Persona:
        return self._library.load(name)

    @property
    def provider(self) -> str:
        """What runs the networks now. Any thread."""
        return self._serving.told if self._serving is not None else provider_name(self._config.models.provider)

    @property
    def remark(self) -> str:
        """What is being compiled or recovered from, beside what is shown; for the status line. Any thread."""
        return self._serving.note if self._serving is not None else ""

    @property
    def ladder(self) -> Ladder | None:
        """What can be given up under load; None for nothing.

        The embedded mesh follows the face, so that no detector runs on every frame, and there is none to slow down.
        """
        chain = self._config.neural.chain
        if not self._config.governor.enabled:
            return None
        ladder = ladder_for(
            enhancer=bool(chain.enhancer),
            small_enhancer=bool(chain.small_enhancer),
            mask=bool(chain.occlusion or chain.regions or self._config.face.hands),
        )
        return ladder if ladder.bottom else None

    def stop(self) -> None:
        """Compile nothing more. Idempotent."""
        if self._serving is not None:
            self._serving.stop()

    def update(self, stage: str, done: int, total: int) -> None:
        """Progress of fetching and converting."""
        share = f" {100 * done // total} %" if total else ""
        self.note = f"First start: {stage} the embedded networks{share}"

    def make_processor(self) -> Processor:
        """The pipeline of the configured preset; takes a second the first time. To be called in the inference thread.

        Raises:
            ConfigError: Stand-ins were to be put on a live face.
            ModelError: A network is missing and cannot be fetched.
            PersonaError: The persona does not exist.
        """
        networks = self._neural or self._networks
        if self._live_face and self._neural is not None and self._neural.swaps_nothing:
            raise ConfigError(
                "Stand-ins swap nothing: your own face would be sent.", "Try them with --source synthetic or file:PATH."
            )
        networks.ensure()
        who = self._networks.wearers
        self.note = "Getting the persona ready"
        for name in (self._config.settings.persona, *filter(None, who.people.values())):
            self.wardrobe.prepare(name)
        self.wearer, self.enrolment = who.told, who.digest
        self.note = "Loading the networks"
        processor = self._start(self._neural) if self._neural is not None else networks.pipeline(self.wardrobe.get)
        self.note = ""
        return processor

    def _start(self, neural: "NeuralNetworks") -> Processor:
        from livecam.app.serving import NeuralServing

        self._serving = serving = NeuralServing(neural, self.wardrobe.get, self._compiled, compiles=self._compiles)
        return serving.start()

    def _compiled(self, backend: Backend) -> "Compiled":
        from livecam.app.card import card_backend
        from livecam.inference.plans import PlanCache

        assert self._neural is not None, "the mesh swap has nothing to compile"
        return card_backend(backend, self._neural, PlanCache(self._paths.cache / "plans"))
