"""Who serves the neural swap: compiled networks where they can be had, and somebody else until then, or after them."""

import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

from livecam.app.compiled import BackgroundBuild, Wanted, Workshop
from livecam.app.exchange import ExchangingProcessor, Served
from livecam.app.loading import COMPILED
from livecam.app.neural import NeuralNetworks
from livecam.app.recovery import RecoveringProcessor
from livecam.core.seams import Processor
from livecam.errors import EngineError, LivecamError
from livecam.inference.backends import Backend, choose
from livecam.pipeline import PersonaSource

log = logging.getLogger(__name__)


class Compiled(Protocol):
    """The compiled networks of a run: `livecam.app.card.CardBackend`."""

    @property
    def workshop(self) -> Workshop:
        """Where they are compiled."""
        ...

    def missing(self) -> list[Wanted]:
        """What is not compiled yet."""
        ...

    def serve(self, personas: PersonaSource) -> Served:
        """A processor over them, tried.

        Raises:
            LivecamError: They cannot serve.
        """
        ...


class NeuralServing:
    """Has the neural swap served by the best backend there is, at every moment of a run.

    Where its networks are not compiled yet, the best other backend serves meanwhile, and what was compiled takes over
    between two frames. What is refused, and what fails, is told in the log and on the status line.

    Args:
        neural: The networks.
        personas: Prepared personas by name.
        compiled: Gives the compiled networks for a kind of TensorRT.
        compiles: Whether what is not compiled yet is compiled meanwhile; else the best other backend serves.
    """

    def __init__(
        self,
        neural: NeuralNetworks,
        personas: PersonaSource,
        compiled: Callable[[Backend], Compiled],
        *,
        compiles: bool = True,
    ) -> None:
        self._neural = neural
        self._personas = personas
        self._compiled = compiled
        self._compiles = compiles
        self._lost: frozenset[Backend] = frozenset()
        self._exchange = ExchangingProcessor()
        self._recovering = RecoveringProcessor(self._exchange, self.choose, self.make)
        self._build: BackgroundBuild | None = None

    @property
    def told(self) -> str:
        """What runs the networks now, for the status line. Any thread."""
        serving = self._exchange.serving or self._exchange.offered
        return serving.told if serving is not None else ""

    @property
    def note(self) -> str:
        """What is being recovered from or compiled, for the status line. Any thread."""
        return self._recovering.note or (self._build.note if self._build is not None else "")

    @property
    def plain(self) -> bool:
        """Whether what was prepared can be tried in any thread: what is compiled belongs to one, and was tried."""
        offered = self._exchange.offered
        return offered is None or Backend(offered.backend) not in COMPILED

    def start(self) -> Processor:
        """The processor; compiles in the background what is missing. To be called in the thread that uses it.

        Raises:
            ConfigError: The backend that was named cannot be had, or none can.
            EngineError: The one that was named does not work.
            ModelError: A network's file is missing or damaged.
        """
        return self._served(settles=True)

    def prepare(self) -> Processor:
        """The same, in any thread; `settle` is then to be called in the thread that uses it, before the first frame.

        Raises:
            ConfigError, EngineError, ModelError: As `start`.
        """
        return self._served(settles=False)

    def settle(self) -> None:
        """Let what was prepared serve. The thread that uses it.

        Raises:
            EngineError: It cannot.
        """
        self._exchange.settle()

    def _served(self, *, settles: bool) -> Processor:
        lost: set[str] = set()
        while True:
            backend = self.choose(lost)
            try:
                self._exchange.offer(self._first(Backend(backend)))
                if settles:
                    self._exchange.settle()
            except EngineError as error:
                lost.add(backend)
                if self.choose(lost) in lost:
                    raise
                log.warning("%s cannot serve, the next backend is tried: %s", backend, error)
            else:
                return self._recovering

    def stop(self) -> None:
        """Compile and recover no more."""
        self._recovering.stop()
        if self._build is not None and not self._build.stop():
            log.warning("The thread that compiles networks did not end.")

    def close(self) -> None:
        """Free what serves; it is used no more. After `stop`."""
        self._exchange.close()

    def choose(self, lost: Collection[str]) -> str:
        """The backend to be made when those of `lost` have failed; one that was named stays named.

        Raises:
            ConfigError: It cannot be had, or none can.
        """
        self._lost = frozenset(map(Backend, lost))
        return str(choose(self._neural.loader.asked, self._neural.facts, None, self._lost))

    def make(self, backend: str) -> Served:
        """A processor on `backend`, tried.

        Raises:
            LivecamError: It does not work.
        """
        if Backend(backend) in COMPILED:
            return self._compiled(Backend(backend)).serve(self._personas)
        return self._uncompiled(Backend(backend))

    def _first(self, backend: Backend) -> Served:
        """Who serves at first: where something is not compiled yet, the best other backend, while that is done."""
        if backend not in COMPILED:
            return self._uncompiled(backend)
        compiled = self._compiled(backend)
        missing = compiled.missing()
        if not missing:
            return compiled.serve(self._personas)
        first = self._uncompiled(self._neural.loader.backend())
        if not self._compiles:
            log.warning("%d networks are not compiled for %s; %s serves.", len(missing), backend, first.told)
            return first
        log.info("%d networks are compiled for %s while %s serves.", len(missing), backend, first.told)
        self._build = BackgroundBuild(
            missing, compiled.workshop, lambda: compiled.serve(self._personas), self._exchange.offer
        )
        self._build.start()
        return first

    def _uncompiled(self, backend: Backend) -> Served:
        """Who serves on ONNX Runtime, or on a server, as they are."""
        neural, held = self._neural, ExitStack()
        load = neural.loads(replace(neural.loader, lost=self._lost))
        try:
            pipeline = neural.pipeline(self._personas, load, held)
        except LivecamError:
            held.close()
            raise
        heals = backend is Backend.REMOTE
        return Served(pipeline, str(backend), neural.told(str(backend)), close=held.close, heals=heals)
