"""What stands behind a run: the networks and the personas, put together when they are first needed.

The mesh engine and ONNX Runtime take a moment to import. That happens in the inference thread, so that the slate is out
before it.
"""

import logging
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from livecam.app.exchange import Served
from livecam.app.permitted import permitting
from livecam.app.renewing import RenewingProcessor
from livecam.app.wardrobe import Wardrobe, stamp_of
from livecam.config import Config, Paths, Provider
from livecam.core.persona import Persona
from livecam.core.seams import Processor
from livecam.errors import ConfigError, ConsentRefused
from livecam.inference.backends import Backend, embedded_backend
from livecam.inference.progress import Progress

if TYPE_CHECKING:
    from livecam.app.closing import ClosingNetworks
    from livecam.app.mesh import Networks
    from livecam.app.neural import NeuralNetworks
    from livecam.app.serving import Compiled, NeuralServing
    from livecam.app.wearers import Wearers
    from livecam.canvas.marking import CardMark
    from livecam.faces.library import PersonaLibrary


log = logging.getLogger(__name__)


def provider_name(provider: Provider) -> str:
    """What runs the embedded networks: these are so small that ``auto`` means the processor, everywhere."""
    return str(embedded_backend(provider))


def networks_of(
    config: Config,
    paths: Paths,
    progress: Progress | None = None,
    find_wearers: "Callable[[], Wearers] | None" = None,
) -> "ClosingNetworks":
    """The embedded networks as `config` places and runs them.

    Args:
        config: Checked configuration.
        paths: Where files are kept.
        progress: Told what is fetched and converted.
        find_wearers: Says who is swapped; read from what is enrolled unless given.
    """
    from livecam.app.closing import ClosingNetworks
    from livecam.app.wearers import wearers_of

    cache, provider = config.models.cache or paths.models, provider_name(config.models.provider)
    find = find_wearers or (lambda: wearers_of(config, paths))
    return ClosingNetworks(cache, provider, progress, find, config.face.hands, config.bank.fade_ms)


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
    from livecam.app.bank import library_of

    return library_of(config, paths, networks, neural)


class Assembly:
    """Builds the processor of a run and holds what outlives it.

    Args:
        config: Checked configuration.
        paths: Where files are kept.
        now_ns: The time of the frame at hand, for what is smoothed over time; the clock of live frames unless given.
        live_face: Whether the source may show the user; stand-ins, which swap nothing, are then refused.
        compiles: Whether networks that are not compiled yet are compiled meanwhile, and then take over.
        find_wearers: Says who is swapped; read from what is enrolled unless given.
        permit: Raises `PersonaError` where a persona may not be worn; asks the policy of this machine unless given.
        begun: Whether a run goes on. A persona without consent is left out then, and ends nothing.
        mark: Gives the invisible mark of the run, for a graphics card to lay; nothing where that is done elsewhere.

    Attributes:
        config: Checked configuration.
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
        find_wearers: "Callable[[], Wearers] | None" = None,
        permit: Callable[[Persona], None] | None = None,
        begun: bool = False,
        mark: "Callable[[], CardMark | None]" = lambda: None,
    ) -> None:
        self._begun, self._mark = begun, mark
        self._find_wearers = find_wearers
        self._permit = permit or permitting()
        self._compiles = compiles
        self._live_face = live_face
        self._now_ns = now_ns
        self.config = config
        self._paths = paths
        self._serving: NeuralServing | None = None
        self.note = self.wearer = self.enrolment = ""
        self.wardrobe = Wardrobe(self._load, stamp=lambda name: stamp_of(paths.personas / name))

    @cached_property
    def _networks(self) -> "ClosingNetworks":
        return networks_of(self.config, self._paths, self, self._find_wearers)

    @cached_property
    def _neural(self) -> "NeuralNetworks | None":
        return neural_of(self.config, self._paths, self._networks, self._now_ns)

    @cached_property
    def _library(self) -> "PersonaLibrary":
        return _library(self.config, self._paths, self._networks, self._neural)

    def _load(self, name: str) -> Persona:
        persona = self._library.load(name)
        self._permit(persona)
        return persona

    @property
    def provider(self) -> str:
        """What runs the networks now. Any thread."""
        return self._serving.told if self._serving is not None else provider_name(self.config.models.provider)

    @property
    def remark(self) -> str:
        """What is being compiled or recovered from, beside what is shown; for the status line. Any thread."""
        return self._serving.note if self._serving is not None else ""

    def stop(self) -> None:
        """Compile nothing more. Idempotent."""
        if self._serving is not None:
            self._serving.stop()

    def update(self, stage: str, done: int, total: int) -> None:
        """Progress of fetching and converting."""
        share = f" {100 * done // total} %" if total else ""
        self.note = f"First start: {stage} the embedded networks{share}"

    def make_processor(self, persona: str = "") -> Processor:
        """The pipeline of the configured preset; takes a second the first time. To be called in the inference thread.

        Args:
            persona: To be worn; the configured one unless given.

        Raises:
            ConfigError: Stand-ins were to be put on a live face.
            ModelError: A network is missing and cannot be fetched.
            PersonaError: The persona does not exist.
        """
        self._get_ready(persona or self.config.settings.persona)
        processor = self._serve_neural().start() if self._neural is not None else self._mesh()
        self.note = ""
        return processor

    def serve(self, persona: str) -> Served:
        """The same, to relieve another one while a call goes on: nothing is done in the thread that will use it.

        Args:
            persona: To be worn, made ready first.

        Raises:
            LivecamError: As `make_processor`; or no backend works.
        """
        try:
            self._get_ready(persona)
            return self._served()
        finally:
            self.note = ""

    def _served(self) -> Served:
        name = str(self.config.neural.preset)
        if self._neural is None:
            return Served(self._mesh(), name, f"{name}, {self.provider}", close=self._networks.close)
        serving = self._serve_neural()
        processor = serving.prepare()
        return Served(processor, name, f"{name}, {serving.told}", serving.settle, self.close, rehearsable=serving.plain)

    @property
    def swaps_nothing(self) -> bool:
        """Whether the networks are stand-ins. Asks nothing before the processor was asked for."""
        return "_neural" in self.__dict__ and self._neural is not None and self._neural.swaps_nothing

    @property
    def wearers(self) -> "Wearers":
        """Who is swapped, as it was when it was first asked."""
        return self._networks.wearers

    def close(self) -> None:
        """Free what was made; nothing of it is in use any more. Idempotent."""
        if self._serving is not None:
            self._serving.stop()
            self._serving.close()
        self._networks.close()

    def _get_ready(self, persona: str) -> None:
        networks = self._neural or self._networks
        if self._live_face and self.swaps_nothing:
            raise ConfigError(
                "Stand-ins swap nothing: your own face would be sent.", "Try them with --source synthetic or file:PATH."
            )
        networks.ensure()
        who = self._networks.wearers
        self.note = "Getting the persona ready"
        self._put_on(persona)
        for name in filter(None, who.people.values()):
            self._put_on(name, keep=True)
        self.wearer, self.enrolment = who.told, who.digest
        self.note = "Loading the networks"

    def _put_on(self, name: str, *, keep: bool = False) -> None:
        try:
            self.wardrobe.prepare(name, keep=keep)
        except ConsentRefused as refusal:
            if not self._begun:
                raise
            log.warning("%s is not worn: %s", name, refusal)

    def _mesh(self) -> Processor:
        def made() -> Processor:
            self._networks.close()
            return self._networks.pipeline(self.wardrobe.get)

        return RenewingProcessor(made)

    def _serve_neural(self) -> "NeuralServing":
        from livecam.app.serving import NeuralServing

        assert self._neural is not None, "only a neural preset is served"
        self._serving = NeuralServing(self._neural, self.wardrobe.get, self._compiled, compiles=self._compiles)
        return self._serving

    def _compiled(self, backend: Backend) -> "Compiled":
        from livecam.app.card import card_backend
        from livecam.inference.plans import PlanCache

        assert self._neural is not None, "the mesh swap has nothing to compile"
        return card_backend(backend, self._neural, PlanCache(self._paths.cache / "plans"), self._mark)
