"""The neural swap on a graphics card, with compiled networks: what there is to compile, and who then serves."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from livecam.app.card_parts import CardParts
from livecam.app.compiled import Wanted, Workshop
from livecam.app.exchange import Served
from livecam.app.neural import NeuralNetworks
from livecam.app.wearers import MOST_FACES, likeness_of
from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.detect import DeviceDetector
from livecam.canvas.kernels.library import KernelLibrary
from livecam.canvas.marking import CardMark
from livecam.core.device import Device, DeviceEngine
from livecam.core.seams import Engine, Follower, Processor, Watch
from livecam.errors import ContractError, DeviceError, EngineError, ExtraMissing, LivecamError
from livecam.inference.backends import Backend
from livecam.inference.bind import bind, roles
from livecam.inference.code_shelf import CodeShelf
from livecam.inference.cuda_device import CudaDevice
from livecam.inference.model import Model
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import PlanCache
from livecam.inference.tensorrt import TensorRtEngine, load_tried
from livecam.inference.tensorrt_device import TensorRtDeviceEngine
from livecam.inference.toolkits import Toolkit, toolkit
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.follow import DetectionFollower, FollowRules
from livecam.vision.sighted import DetectionWatch

log = logging.getLogger(__name__)

MakeMark = Callable[[], CardMark | None]

Make = Callable[[PersonaSource, Device, ExitStack], Processor]
"""Makes a processor on a card, and tells the stack how to free what it is made of."""


def no_mark() -> None:
    """Nothing for the card to lay."""


class PlanLoader(Protocol):
    """Loads compiled networks on a card, each held against what it gives in 32 bit."""

    def engine(self, model: Model, batch: int, device: Device) -> Engine:
        """Whose inputs and outputs go through the computer's memory.

        Raises:
            EngineError: It is not compiled, does not run on the card, or gives what it should not.
        """
        ...

    def device_engine(self, model: Model, batch: int, device: Device) -> DeviceEngine:
        """Whose inputs and outputs stay on the card.

        Raises:
            EngineError: Likewise, or they cannot stay there.
        """
        ...


@dataclass(frozen=True, slots=True)
class TensorRtLoader:
    """The `PlanLoader` of TensorRT.

    Attributes:
        kit: Which TensorRT.
        workshop: Where the plans are.
    """

    kit: Toolkit
    workshop: Workshop

    def engine(self, model: Model, batch: int, device: Device) -> Engine:
        """See `PlanLoader`."""
        return bind(model, self._checked(model, batch, device))

    def device_engine(self, model: Model, batch: int, device: Device) -> DeviceEngine:
        """See `PlanLoader`."""
        engine = self._checked(model, batch, device)
        try:
            return TensorRtDeviceEngine(engine, roles(model, engine))
        except EngineError:
            engine.close()
            raise

    def _checked(self, model: Model, batch: int, device: Device) -> TensorRtEngine:
        wanted = Wanted(model, batch)
        engine = load_tried(model, self.workshop.plan(wanted), self.kit, device, self.workshop.plans)
        try:
            self.workshop.check(wanted, bind(model, engine))
        except LivecamError:
            engine.close()
            raise
        return engine


class CardBackend:
    """The compiled networks of a run on this computer's card.

    Args:
        backend: A compiled one.
        neural: The networks.
        workshop: Where they are compiled.
        load: Loads them.
        make_device: Makes the card, in the thread that calls; each is closed by whoever serves with it.
        make_library: Loads the kernels on it.
        mark: Gives the invisible mark of the run, for the card to lay; None where that is done elsewhere.

    Attributes:
        workshop: Where they are compiled.
    """

    def __init__(
        self,
        backend: Backend,
        neural: NeuralNetworks,
        workshop: Workshop,
        load: PlanLoader,
        make_device: Callable[[], Device],
        make_library: Callable[[Device], KernelLibrary],
        mark: MakeMark = no_mark,
    ) -> None:
        self._mark = mark
        self.workshop = workshop
        self._backend, self._neural, self._load = backend, neural, load
        self._make_device, self._make_library = make_device, make_library

    def missing(self) -> list[Wanted]:
        """What is not compiled yet of the networks that frames go through."""
        wanted = [Wanted(model, batch) for model, batch in self._neural.chain.live]
        return [each for each in wanted if not self.workshop.is_ready(each)]

    def serve(self, personas: PersonaSource) -> Served:
        """A processor over the compiled networks.

        The frame stays on the card; where a network or a missing package does not allow that, it goes through the
        computer's memory, which the log tells.

        Raises:
            EngineError: A network is not compiled, does not run on the card, or gives what it should not.
            ModelError: A network's file is missing or damaged.
        """
        try:
            return self._served(personas, self._on_card)
        except DeviceError:
            raise
        except (EngineError, ContractError, ExtraMissing) as error:
            log.warning("Frames do not stay on the graphics card, but go through the computer's memory: %s", error)
            return self._served(personas, self._through_memory)

    def _served(self, personas: PersonaSource, make: Make) -> Served:
        with ExitStack() as undo:
            device = self._make_device()
            undo.callback(device.close)
            processor = make(personas, device, undo)
            held = undo.pop_all()

        def close() -> None:
            device.enter()
            held.close()

        return Served(processor, str(self._backend), self._neural.told(str(self._backend)), device.enter, close)

    def _on_card(self, personas: PersonaSource, device: Device, held: ExitStack) -> Processor:
        """The pipeline whose frames stay on the card."""
        neural = self._neural
        canvas = CudaCanvas(device, self._make_library(device), mark=self._mark())
        held.callback(canvas.close)

        def load(model: Model, batch: int) -> DeviceEngine:
            return self._load.device_engine(model, batch, device)

        keeper = neural.keeper()
        if keeper is not None:
            held.callback(keeper.close)
        parts = CardParts(neural.chain, neural.config.neural, load, canvas, held, neural.now_ns, keeper)
        swapper, detector = parts.swapper(), parts.detector()
        follower, watch = self._followers(detector)
        held.callback(watch.close)
        who = neural.embedded.wearers
        return Pipeline(canvas, follower, watch, swapper, personas, [swapper], identifier=who.make(), people=who.people)

    def _followers(self, detector: DeviceDetector | None) -> tuple[Follower, Watch]:
        """Who follows the wearer, and who watches for everybody else: over one look of the card where that is enough.

        It looks at every frame for the watch, so that the follower has nothing to carry. The mouth is kept by
        landmarks that only the mesh has, on the processor.
        """
        embedded = self._neural.embedded
        who = embedded.wearers
        if detector is None:
            return embedded.follower(), embedded.watch()
        watch = DetectionWatch(detector)
        if self._neural.config.neural.keep_mouth:
            return embedded.follower(detector), watch
        apart = who.apart()
        return DetectionFollower(detector, MOST_FACES, FollowRules(detect_every=1), apart, likeness_of(apart)), watch

    def _through_memory(self, personas: PersonaSource, device: Device, held: ExitStack) -> Processor:
        """The pipeline on the processor, whose networks alone run on the card."""
        return self._neural.pipeline(personas, lambda model, batch: self._load.engine(model, batch, device), held)


def card_backend(backend: Backend, neural: NeuralNetworks, plans: PlanCache, mark: MakeMark = no_mark) -> CardBackend:
    """The compiled networks of a run on this computer's card.

    Args:
        backend: A compiled one.
        neural: The networks.
        plans: What was compiled.
        mark: Gives the invisible mark of the run, for the card to lay.

    Raises:
        ExtraMissing: Its packages are not installed.
        DeviceError: There is no card.
    """
    assert backend.flavour is not None, "only a kind of TensorRT compiles"
    kit = toolkit(backend.flavour)
    # Plans of full TensorRT are for one card and driver.
    card = _card_of(CudaDevice()) if backend.flavour is Flavour.TENSORRT else ""
    workshop = Workshop(plans, neural.folder, neural.recipes, backend.flavour, kit.version, card)
    shelf = CodeShelf(plans)
    load = TensorRtLoader(kit, workshop)
    return CardBackend(backend, neural, workshop, load, CudaDevice, lambda device: KernelLibrary(device, shelf), mark)


def _card_of(device: Device) -> str:
    try:
        return device.card()
    finally:
        device.close()
