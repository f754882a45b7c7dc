"""The neural swap, put together from the catalogue: which networks, on what, in which order."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

from livecam.app.mesh import Networks
from livecam.canvas.cpu import CpuCanvas
from livecam.config import Config, Paths, Preset, Provider
from livecam.core.frame import Image
from livecam.core.seams import Detector, Engine
from livecam.errors import ConfigError
from livecam.inference import onnx
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.chain import networks_of
from livecam.inference.graph import emap_of
from livecam.inference.model import STAND_IN, Model
from livecam.inference.store import installed, refuse_absent
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.contract import (
    Contract,
    ConverterContract,
    DetectorContract,
    EnhancerContract,
    IdentityKind,
    MaskerContract,
    RecogniserContract,
    SwapperContract,
)
from livecam.vision.detect.choose import make_detector
from livecam.vision.enhance import Enhancer
from livecam.vision.mask.bisenet import RegionMasker
from livecam.vision.mask.masker import Masker
from livecam.vision.mask.steady import SteadyMasker
from livecam.vision.mask.xseg import OcclusionMasker
from livecam.vision.mouth import MouthKeeper
from livecam.vision.recognise import IdentityConverter, Recogniser
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.masks import Maskers
from livecam.vision.swap.preparer import EmbeddingMaker, Maker, NeuralPreparer, PictureMaker, preparer_version
from livecam.vision.swap.stage import CropSwapper

log = logging.getLogger(__name__)

BEST_FIRST: Final = ("tensorrt", "cuda", "directml", "coreml", "openvino", "cpu")
"""The order in which ``auto`` tries providers for these networks."""

C = TypeVar("C", bound=Contract)


def neural_provider(provider: Provider) -> str:
    """The provider for these networks; ``auto`` takes the best one that really works here."""
    if provider is not Provider.AUTO:
        return str(provider)
    working = onnx.providers()
    return next(name for name in BEST_FIRST if name in working)


@dataclass(frozen=True, slots=True)
class _Chain:
    """The networks of a preset, and those its swapper needs."""

    preset: Preset
    models: Mapping[str, Model]

    def contract(self, name: str, kind: type[C]) -> C:
        """The contract of `name`, which must be of `kind`.

        Raises:
            ConfigError: It is for something else.
        """
        model = self.models[name]
        if not isinstance(model.contract, kind):
            raise ConfigError(f"{name} is a network for '{model.task}' and was named for something else.")
        return model.contract


class NeuralNetworks:
    """The networks of the configured chain. Each is loaded once for each user, since an engine has one thread.

    Attributes:
        provider: What runs them.
        told: The same for the status line, which also says it when they are stand-ins that swap nothing.
        swaps_nothing: Whether they are such stand-ins.

    Args:
        config: Says which.
        paths: Where they are kept.
        embedded: Follow the face, and watch for others.
        now_ns: The time of the frame at hand; colours are smoothed over it.

    Raises:
        ConfigError: A network was named for what it does not do.
        ModelError: There is no such recipe, or it cannot be used.
    """

    def __init__(
        self, config: Config, paths: Paths, embedded: Networks, now_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._now_ns = now_ns
        self._config = config
        self._cache = config.models.cache or paths.models
        self._embedded = embedded
        self.provider = self.told = neural_provider(config.models.provider)
        folders = catalogue_folders(paths.recipes, config.models.recipes)
        preset = config.neural.chain
        self._chain = _Chain(preset, networks_of(preset, folders))
        self._swapper = self._chain.contract(preset.swapper, SwapperContract)
        self._proven = False
        self.swaps_nothing = any(model.summary.startswith(STAND_IN) for model in self._chain.models.values())
        if self.swaps_nothing:
            self.told = f"{self.provider}, {STAND_IN}: NOT SWAPPED"

    def ensure(self) -> None:
        """Make sure that all are there and undamaged, and the embedded ones too. Fetches the embedded ones alone.

        Raises:
            ConfigError: The provider that was asked for does not work here.
            WeightsMissing: Some are not; the sentence names them all, and the command.
            WeightsCorrupt: One is not what it must be.
            ModelError: An embedded one is missing and cannot be fetched.
        """
        if not self._proven:
            # Once: a graphics card that is lost in the middle of a call may come back, one that never was will not.
            onnx.require(self.provider)
        self._proven = True
        models = self._chain.models.values()
        refuse_absent(models, self._cache)
        for model in models:
            installed(model, self._cache)
        self._embedded.ensure()
        if self.provider == "cpu":
            log.warning("The neural swap runs on the processor, where a frame takes seconds with full-size networks.")

    def preparer(self) -> NeuralPreparer:
        """What makes the swapper's identities of photos."""
        digests = [model.digest for model in self._chain.models.values() if self._makes_identities(model)]
        return NeuralPreparer(preparer_version(digests), self._detector, self._maker)

    def pipeline(self, personas: PersonaSource) -> Pipeline[Image]:
        """The pipeline: the embedded mesh follows, the chain swaps.

        Raises:
            EngineError: The provider does not work here.
            ModelError: A file is not what its recipe says.
        """
        preset, neural = self._chain.preset, self._config.neural
        # Several crops at once gain nothing on the CPU, and cost two more runs at load.
        engine = self._engine(preset.swapper, 1 if self.provider == "cpu" else preset.boost**2)
        swapper = StageSwapper(
            preset.swapper,
            CropSwapper(engine, self._swapper, preset.boost),
            self._maskers(),
            self._enhancer(),
            neural.colour,
            self._now_ns,
        )
        detector = self._detector() if preset.detector else None
        return Pipeline(CpuCanvas(), self._embedded.follower(detector), self._embedded.watch(), swapper, personas)

    def _makes_identities(self, model: Model) -> bool:
        """Whether `model` has a part in what an identity is."""
        return isinstance(model.contract, SwapperContract | RecogniserContract | ConverterContract | DetectorContract)

    def _engine(self, name: str, batch: int = 1) -> Engine:
        model = self._chain.models[name]
        return onnx.load_model_engine(model, installed(model, self._cache), self.provider, batch=batch)

    def _detector(self) -> Detector:
        """The chain's detector, or the embedded one for near faces."""
        name = self._chain.preset.detector
        if not name:
            return self._embedded.near_detector()
        return make_detector(self._engine(name), self._chain.contract(name, DetectorContract))

    def _maker(self) -> Maker:
        rule = self._swapper.identity
        if rule.kind is IdentityKind.IMAGE:
            return PictureMaker(rule)
        chain, converter = self._chain, None
        recogniser = Recogniser(self._engine(rule.recogniser), chain.contract(rule.recogniser, RecogniserContract))
        if rule.converter:
            contract = chain.contract(rule.converter, ConverterContract)
            converter = IdentityConverter(self._engine(rule.converter), contract)
        swapper = chain.models[chain.preset.swapper]
        emap = emap_of(installed(swapper, self._cache)) if rule.kind is IdentityKind.EMAP else None
        return EmbeddingMaker(recogniser, converter, emap)

    def _maskers(self) -> Maskers:
        neural, preset = self._config.neural, self._chain.preset
        return Maskers(
            before=tuple(self._masker(name, OcclusionMasker) for name in [preset.occlusion] if name),
            placed=(MouthKeeper(),) if neural.keep_mouth else (),
            after=tuple(self._masker(name, RegionMasker) for name in [preset.regions] if name),
            box_blur=neural.mask_blur,
        )

    def _masker(self, name: str, kind: type[OcclusionMasker] | type[RegionMasker]) -> Masker:
        return SteadyMasker(kind(self._engine(name), self._chain.contract(name, MaskerContract)), self._now_ns)

    def _enhancer(self) -> Enhancer | None:
        name = self._chain.preset.enhancer
        if not name:
            return None
        return Enhancer(self._engine(name), self._chain.contract(name, EnhancerContract), self._config.neural.fidelity)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every network it takes, by recipe."""
        return tuple(self._chain.models)
