"""The parts of the neural swap on a graphics card, where a frame goes up once and a picture comes down once."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from livecam.app.neural_parts import Chain
from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.detect import DeviceDetector
from livecam.canvas.device.mask import DeviceMaskers, MaskNetwork
from livecam.canvas.device.sharpen import EnhanceNetwork
from livecam.canvas.device.stage import SwapNetwork
from livecam.canvas.device.swapper import DeviceSwapper
from livecam.config import NeuralConfig
from livecam.core.device import DeviceEngine
from livecam.inference.model import Model
from livecam.vision.contract import DetectorContract, EnhancerContract, MaskerContract, SwapperContract
from livecam.vision.mouth import MouthKeeper
from livecam.vision.swap.keeper import Keeper

LoadOnCard = Callable[[Model, int], DeviceEngine]
"""Loads a network for so many pictures at once, by role, tried; whoever calls it closes what it gets."""


@dataclass(frozen=True, slots=True)
class CardParts:
    """Builds the parts of a chain on a card; each has networks of its own.

    Attributes:
        chain: Which networks.
        neural: How they are used.
        load: Loads them.
        canvas: Where the frames are.
        held: Told how to free what is made.
        now_ns: The time of the frame at hand; colours and masks are smoothed over it.
        keeper: Keeps enhancers from changing whom the face shows; None for no limit.
    """

    chain: Chain
    neural: NeuralConfig
    load: LoadOnCard
    canvas: CudaCanvas
    held: ExitStack
    now_ns: Callable[[], int]
    keeper: Keeper | None = None

    def detector(self) -> DeviceDetector | None:
        """The chain's detector; None where the embedded one is to be used.

        Raises:
            EngineError: It cannot be loaded on the card.
            ContractError: It does not fit its contract there.
        """
        name = self.chain.preset.detector
        if not name:
            return None
        detector = DeviceDetector(self.canvas, self._engine(name), self.chain.contract(name, DetectorContract))
        self.held.callback(detector.close)
        return detector

    def swapper(self) -> DeviceSwapper:
        """The whole chain.

        Raises:
            EngineError: A network cannot be loaded on the card.
            ContractError: One does not fit its contract there.
        """
        preset = self.chain.preset
        contract = self.chain.contract(preset.swapper, SwapperContract)
        swapper = DeviceSwapper(
            self.canvas,
            preset.swapper,
            SwapNetwork(self._engine(preset.swapper, preset.boost**2), contract, preset.boost),
            self._maskers(),
            self._enhancer(preset.enhancer),
            self.neural.colour,
            self.now_ns,
            self._enhancer(preset.small_enhancer),
            self.keeper,
        )
        self.held.callback(swapper.close)
        return swapper

    def _engine(self, name: str, batch: int = 1) -> DeviceEngine:
        engine = self.load(self.chain.models[name], batch)
        self.held.callback(engine.close)
        return engine

    def _maskers(self) -> DeviceMaskers:
        neural, preset = self.neural, self.chain.preset
        return DeviceMaskers(
            before=tuple(self._masker(name) for name in [preset.occlusion] if name),
            placed=(MouthKeeper(),) if neural.keep_mouth else (),
            after=tuple(self._masker(name) for name in [preset.regions] if name),
            box_blur=neural.mask_blur,
        )

    def _masker(self, name: str) -> MaskNetwork:
        return MaskNetwork(self._engine(name), self.chain.contract(name, MaskerContract))

    def _enhancer(self, name: str) -> EnhanceNetwork | None:
        if not name:
            return None
        # A fidelity is CodeFormer's alone; the smaller enhancer need not be one.
        fidelity = self.neural.fidelity if name == self.chain.preset.enhancer else None
        return EnhanceNetwork(self._engine(name), self.chain.contract(name, EnhancerContract), fidelity)
