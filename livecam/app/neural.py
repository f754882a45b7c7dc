"""The neural swap, put together from the catalogue: which networks, on what, in which order."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property

from livecam.app.loading import OnnxLoader, RemoteLoader
from livecam.app.mesh import Networks
from livecam.app.neural_parts import Chain, Load, Parts
from livecam.canvas.cpu import CpuCanvas
from livecam.config import Config, Paths, Provider
from livecam.core.frame import Image
from livecam.core.ladder import Adaptable
from livecam.core.seams import Detector, Engine
from livecam.errors import ConfigError
from livecam.inference.backends import Backend, Facts, choose
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.chain import networks_of
from livecam.inference.graph import emap_of
from livecam.inference.model import STAND_IN, Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.remote import Terms, require_server
from livecam.inference.store import installed, refuse_absent
from livecam.inference.this_computer import ThisComputer
from livecam.inference.tuned import place_of, read_tuned, tuned_path
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.contract import (
    ConverterContract,
    DetectorContract,
    EnhancerContract,
    IdentityKind,
    RecogniserContract,
    SwapperContract,
)
from livecam.vision.hands.masker import LookingSwapper
from livecam.vision.recognise import IdentityConverter, Recogniser
from livecam.vision.swap.angled import AngledPreparer
from livecam.vision.swap.keeper import LikenessKeeper
from livecam.vision.swap.preparer import (
    EmbeddingMaker,
    Former,
    Maker,
    NeuralPreparer,
    PictureMaker,
    preparer_version,
)

log = logging.getLogger(__name__)


class NeuralNetworks:
    """The networks of the configured chain. Each is loaded once for each user, since an engine has one thread.

    Attributes:
        config: Says which, and how they are used.
        embedded: Follow the face, and watch for others.
        now_ns: The time of the frame at hand.
        chain: Which.
        loader: Runs them on ONNX Runtime.
        facts: The computer.
        swaps_nothing: Whether they are stand-ins that swap nothing.

    Args:
        config: Says which.
        paths: Where they are kept.
        embedded: Follow the face, and watch for others.
        now_ns: The time of the frame at hand; colours are smoothed over it.
        facts: The computer; this one unless given.

    Raises:
        ConfigError: A network was named for what it does not do.
        ModelError: There is no such recipe, or it cannot be used.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths,
        embedded: Networks,
        now_ns: Callable[[], int] = time.monotonic_ns,
        facts: Facts | None = None,
    ) -> None:
        self.now_ns = now_ns
        self.config = config
        self._paths = paths
        self.embedded = embedded
        self.facts = facts or ThisComputer()
        self.folder = config.models.cache or paths.models
        self.recipes = catalogue_folders(paths.recipes, config.models.recipes)
        preset = config.neural.chain
        self.chain = Chain(preset, networks_of(preset, self.recipes))
        self._swapper = self.chain.contract(preset.swapper, SwapperContract)
        for name in (preset.enhancer, preset.small_enhancer):
            if name:
                self.chain.contract(name, EnhancerContract)
        self.swaps_nothing = any(model.summary.startswith(STAND_IN) for model in self.chain.models.values())

    @cached_property
    def loader(self) -> OnnxLoader:
        """Runs them on ONNX Runtime."""
        tuned = read_tuned(tuned_path(self._paths), place_of(self.facts))
        return OnnxLoader(self.config.models.provider, self.facts, self.folder, tuned)

    @cached_property
    def backend(self) -> Backend:
        """The backend of ONNX Runtime that is best for them, or was named.

        Asked once: a graphics card that is lost in the middle of a call may come back, one that never was will not.

        Raises:
            ConfigError: The one that was named does not work here.
        """
        return self.loader.backend()

    def loads(self, here: OnnxLoader) -> Load:
        """What loads the networks that frames go through: `here`, unless a server is to run them."""
        models = self.config.models
        if models.provider is not Provider.REMOTE:
            return here
        return RemoteLoader(here, models.remote, Terms(models.remote_deadline_ms / 1000))

    def told(self, backend: str) -> str:
        """A backend for the status line, which also says it when the networks are stand-ins that swap nothing."""
        return f"{backend}, {STAND_IN}: NOT SWAPPED" if self.swaps_nothing else backend

    def ensure(self) -> None:
        """Make sure that all are there and undamaged, and the embedded ones too. Fetches the embedded ones alone.

        Raises:
            ConfigError: The backend that was asked for does not work here, or no server is named.
            ExtraMissing, EngineError: The server cannot be asked, or does not answer.
            WeightsMissing: Some are not; the sentence names them all, and the command.
            WeightsCorrupt: One is not what it must be.
            ModelError: An embedded one is missing and cannot be fetched.
        """
        models, remote = list(self.chain.models.values()), self.config.models.provider is Provider.REMOTE
        if remote:
            self._require_server()
            models = [model for model in models if self._is_used_here(model)]
        slow = not remote and choose(self.loader.asked, self.facts) is Backend.CPU
        refuse_absent(models, self.folder)
        for model in models:
            installed(model, self.folder)
        self.embedded.ensure()
        if slow:
            log.warning("The neural swap runs on the processor, where a frame takes seconds with full-size networks.")

    def preparer(self) -> NeuralPreparer | AngledPreparer:
        """What makes the swapper's identities of photos, and of identity packs where that is wanted."""
        digests = [model.digest for model in self.chain.models.values() if self._makes_identities(model)]
        preparer = NeuralPreparer(preparer_version(digests), self._detector, self._maker)
        name = self.recogniser
        if not self.config.neural.angles or not name:
            return preparer
        return AngledPreparer(preparer, name, self.chain.models[name].digest, self._former)

    @property
    def recogniser(self) -> str:
        """The recipe of the recogniser whose vectors the swapper takes; "" where it takes none but a picture."""
        return self._swapper.identity.recogniser

    def pipeline(
        self, personas: PersonaSource, load: Load | None = None, closing: ExitStack | None = None
    ) -> Pipeline[Image]:
        """The pipeline: the embedded mesh follows, the chain swaps.

        Args:
            personas: Prepared personas by name.
            load: Loads the chain's networks; as `loads` says unless given.
            closing: Told how to free what is made here; with the process unless given.

        Raises:
            EngineError: The backend does not work here.
            ModelError: A file is not what its recipe says.
        """
        held, loads = closing or ExitStack(), load or self.loads(self.loader)

        def kept(model: Model, batch: int) -> Engine:
            engine = loads(model, batch)
            held.callback(engine.close)
            return engine

        # A network for it tells hands too, and hair and cups besides.
        hands = None if self.chain.preset.occlusion else self.embedded.occluder()
        keeper = self.keeper()
        if keeper is not None:
            held.callback(keeper.close)
        parts = Parts(self.chain, self.config.neural, kept, self.now_ns, hands, keeper)
        swapper, detector = parts.swapper(), parts.detector()
        # Asked for first: it decides by what the follower tells people apart.
        who = self.embedded.wearers
        follower = self.embedded.follower(detector or self.embedded.near_detector())
        watch = self.embedded.watch()
        held.callback(watch.close)
        if hands is None:
            fading = self.embedded.fading(swapper)
            return Pipeline(CpuCanvas(), follower, watch, fading, personas, [swapper], who.make(), who.people)
        looking = self.embedded.fading(LookingSwapper(swapper, hands))
        cheaper: list[Adaptable] = [swapper, hands]
        return Pipeline(CpuCanvas(), follower, watch, looking, personas, cheaper, who.make(), who.people)

    def keeper(self) -> LikenessKeeper | None:
        """What keeps the enhancer from changing whom the face shows, by the recogniser that identities are made with.

        None where there is no enhancer, where identities are pictures, and where a stand-in tells nobody apart. Nor for
        files, which have a time of their own: it looks when it can, and the same file is to give the same pictures.
        """
        name, live = self.recogniser, self.now_ns is time.monotonic_ns
        if not (live and self.config.neural.identity_gate and self.chain.preset.enhancer and name):
            return None
        model = self.chain.models[name]
        if model.summary.startswith(STAND_IN):
            return None
        path, backend = self.folder, self.loader.backend
        # One thread of the processor: whatever it takes, the frames have the others.
        return LikenessKeeper(
            lambda: load_model_engine(model, installed(model, path), str(backend()), threads=1),
            self.chain.contract(name, RecogniserContract),
        )

    def _makes_identities(self, model: Model) -> bool:
        """Whether `model` has a part in what an identity is."""
        return isinstance(model.contract, SwapperContract | RecogniserContract | ConverterContract | DetectorContract)

    def _require_server(self) -> None:
        """Make sure that the server is named and there.

        Raises:
            ConfigError: None is named, or its address cannot be used.
            ExtraMissing: ``tritonclient`` is not installed.
            EngineError: It does not answer.
        """
        models = self.config.models
        if not models.remote:
            raise ConfigError("The provider remote needs a server.", "Name it: --remote grpcs://HOST:PORT")
        require_server(models.remote, Terms(models.remote_deadline_ms / 1000))

    def _is_used_here(self, model: Model) -> bool:
        """Whether the file of `model` is needed on this machine though a server runs the networks."""
        if isinstance(model.contract, SwapperContract):
            return model.contract.identity.kind is IdentityKind.EMAP
        return self._makes_identities(model)

    def _engine(self, name: str) -> Engine:
        return self.loader(self.chain.models[name], 1)

    def _detector(self) -> Detector:
        """The chain's detector, or the embedded one for near faces."""
        parts = Parts(self.chain, self.config.neural, self.loader, self.now_ns)
        return parts.detector() or self.embedded.near_detector()

    def _maker(self) -> Maker:
        rule = self._swapper.identity
        if rule.kind is IdentityKind.IMAGE:
            return PictureMaker(rule)
        return EmbeddingMaker(self.make_recogniser(), self._former())

    def make_recogniser(self) -> Recogniser:
        """The recogniser whose vectors the swapper takes, with an engine of its own.

        Raises:
            EngineError, ModelError: It cannot be loaded.
        """
        name = self.recogniser
        return Recogniser(self._engine(name), self.chain.contract(name, RecogniserContract))

    def _former(self) -> Former:
        rule, chain, converter = self._swapper.identity, self.chain, None
        if rule.converter:
            contract = chain.contract(rule.converter, ConverterContract)
            converter = IdentityConverter(self._engine(rule.converter), contract)
        swapper = chain.models[chain.preset.swapper]
        emap = emap_of(installed(swapper, self.folder)) if rule.kind is IdentityKind.EMAP else None
        return Former(converter, emap)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every network it takes, by recipe."""
        return tuple(self.chain.models)
