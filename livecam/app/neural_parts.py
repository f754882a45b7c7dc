"""The parts of the neural swap, built over networks that somebody loads: on ONNX Runtime, or compiled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from livecam.config import NeuralConfig, Preset
from livecam.core.seams import Detector, Engine
from livecam.errors import ConfigError
from livecam.inference.model import Model
from livecam.vision.contract import (
    Contract,
    DetectorContract,
    EnhancerContract,
    MaskerContract,
    SwapperContract,
)
from livecam.vision.detect.choose import make_detector
from livecam.vision.enhance import Enhancer
from livecam.vision.hands.masker import OccluderMasker
from livecam.vision.mask.bisenet import RegionMasker
from livecam.vision.mask.masker import Masker
from livecam.vision.mask.steady import SteadyMasker
from livecam.vision.mask.xseg import OcclusionMasker
from livecam.vision.mouth import MouthKeeper
from livecam.vision.occlude import Occluder
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.keeper import Keeper
from livecam.vision.swap.masks import Maskers
from livecam.vision.swap.stage import CropSwapper

C = TypeVar("C", bound=Contract)

Load = Callable[[Model, int], Engine]
"""Loads a network for so many pictures at once, by role, tried; whoever calls it closes what it gets."""


@dataclass(frozen=True, slots=True)
class Chain:
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

    @property
    def live(self) -> tuple[tuple[Model, int], ...]:
        """The networks that frames go through, with the most pictures at a time, in order of use."""
        swapper = self.preset.swapper
        return tuple(
            (self.models[name], self.preset.boost**2 if name == swapper else 1) for name in self.preset.networks
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """Builds the parts of a chain; each has networks of its own.

    Attributes:
        chain: Which networks.
        neural: How they are used.
        load: Loads them.
        now_ns: The time of the frame at hand; colours and masks are smoothed over it.
        occluder: Finds what stands before a face, where no network of the chain does.
        keeper: Keeps enhancers from changing whom the face shows; None for no limit.
    """

    chain: Chain
    neural: NeuralConfig
    load: Load
    now_ns: Callable[[], int]
    occluder: Occluder | None = None
    keeper: Keeper | None = None

    def detector(self) -> Detector | None:
        """The chain's detector; None where the embedded one is to be used."""
        name = self.chain.preset.detector
        if not name:
            return None
        return make_detector(self._engine(name), self.chain.contract(name, DetectorContract))

    def swapper(self) -> StageSwapper:
        """The whole chain.

        Raises:
            EngineError: A network cannot be loaded.
            ModelError: A file is not what its recipe says.
        """
        preset = self.chain.preset
        contract = self.chain.contract(preset.swapper, SwapperContract)
        return StageSwapper(
            preset.swapper,
            CropSwapper(self._engine(preset.swapper, preset.boost**2), contract, preset.boost),
            self._maskers(),
            self._enhancer(preset.enhancer),
            self.neural.colour,
            self.now_ns,
            self._enhancer(preset.small_enhancer),
            self.neural.steady_texture,
            self.keeper,
        )

    def _engine(self, name: str, batch: int = 1) -> Engine:
        return self.load(self.chain.models[name], batch)

    def _maskers(self) -> Maskers:
        neural, preset = self.neural, self.chain.preset
        mouth = (MouthKeeper(),) if neural.keep_mouth else ()
        hands = (OccluderMasker(self.occluder),) if self.occluder is not None else ()
        return Maskers(
            before=tuple(self._masker(name, OcclusionMasker) for name in [preset.occlusion] if name),
            placed=(*mouth, *hands),
            after=tuple(self._masker(name, RegionMasker) for name in [preset.regions] if name),
            box_blur=neural.mask_blur,
        )

    def _masker(self, name: str, kind: type[OcclusionMasker] | type[RegionMasker]) -> Masker:
        return SteadyMasker(kind(self._engine(name), self.chain.contract(name, MaskerContract)), self.now_ns)

    def _enhancer(self, name: str) -> Enhancer | None:
        if not name:
            return None
        contract = self.chain.contract(name, EnhancerContract)
        # A fidelity is CodeFormer's alone; the smaller enhancer need not be one.
        fidelity = self.neural.fidelity if name == self.chain.preset.enhancer else None
        return Enhancer(self._engine(name), contract, fidelity)
