"""What happens when a graphics card fails in the middle of a call: its side is made anew, or another backend serves."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from livecam.app.exchange import ExchangingProcessor, Served
from livecam.core.backoff import DEVICE_BANDS, Backoff, Band
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from livecam.errors import ConfigError, DeviceError, EngineError, LivecamError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecoveryRules:
    """How a failed backend is treated.

    Attributes:
        again_s: One that fails again within this time is given up for the run.
        in_a_row: So many frames in a row on which networks fail mean the same as one failure of the card; some
            backends do not tell the one from the other.
        bands: Waits before each try to make one.
    """

    again_s: float = 60.0
    in_a_row: int = 5
    bands: tuple[Band, ...] = DEVICE_BANDS


class RecoveringProcessor:
    """A `Processor` whose graphics card may fail. No frame leaves that the failed one had a hand in.

    The frame at hand is withheld by the error itself, and so is every frame until another processor is ready, which is
    made by a thread of its own: the slate is sent meanwhile.

    Args:
        serving: Who serves.
        choose: The backend to be made when those given are lost.
        make: Makes and tries a processor on a backend. Not called in the thread of `process`.
        rules: How a failed backend is treated.
        now_ns: Monotonic time.
    """

    def __init__(
        self,
        serving: ExchangingProcessor,
        choose: Callable[[Collection[str]], str],
        make: Callable[[str], Served],
        rules: RecoveryRules | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._serving = serving
        self._choose = choose
        self._make = make
        self._rules = rules or RecoveryRules()
        self._now_ns = now_ns
        self._failed_ns: dict[str, int] = {}
        self._lost: set[str] = set()
        self._in_a_row = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.note = ""
        """What is being recovered from, for the status line. Any thread."""

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`.

        Raises:
            DeviceError: The graphics card failed; recovery has begun.
            EngineError: A network failed; when that goes on, recovery begins too.
        """
        try:
            outcome = self._serving.process(frame, out, settings)
        except EngineError as error:
            self._in_a_row += 1
            if isinstance(error, DeviceError) or self._has_failed():
                self._failed(error)
            raise
        self._in_a_row = 0
        if self._serving.serving is None:
            self._ensure_thread()
        return outcome

    def reset(self) -> None:
        """See `Processor`."""
        self._serving.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._serving.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._serving.stages()

    def stop(self) -> None:
        """Make nothing more. Any thread."""
        self._stopping.set()

    def _has_failed(self) -> bool:
        """Whether so many frames in a row mean that what serves is broken."""
        serving = self._serving.serving
        return self._in_a_row >= self._rules.in_a_row and serving is not None and not serving.heals

    def _failed(self, error: EngineError) -> None:
        """Withdraw whoever serves, and have another one made."""
        self._in_a_row = 0
        broken = self._serving.serving
        if broken is None:
            return
        now_ns = self._now_ns()
        before_ns = self._failed_ns.get(broken.backend)
        self._failed_ns[broken.backend] = now_ns
        if before_ns is not None and now_ns - before_ns < self._rules.again_s * NS_PER_S:
            self._lost.add(broken.backend)
            log.warning("%s failed again and is given up for this run: %s", broken.told, error)
        else:
            log.warning("%s failed and is started again: %s", broken.told, error)
        self.note = f"{broken.told} failed; it is being started again"
        self._serving.withdraw()
        self._ensure_thread()

    def _ensure_thread(self) -> None:
        """The thread that makes the next one, if it is not at work; a fault of ours may have ended it."""
        if self._stopping.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._recover, name="livecam-recovery", daemon=True)
        self._thread.start()

    def _recover(self) -> None:
        """Try until somebody is ready; what cannot be made is lost too."""
        backoff = Backoff(self._rules.bands)
        while not self._stopping.wait(backoff.next_delay_ns() / NS_PER_S):
            try:
                backend = self._choose(frozenset(self._lost))
            except ConfigError as error:
                # None is left: those that failed may come back, and until then the slate is sent.
                log.warning("%s All backends are tried again.", error)
                self.note = error.what
                self._lost.clear()
                continue
            if self._offered(backend):
                return

    def _offered(self, backend: str) -> bool:
        try:
            ready = self._make(backend)
        except LivecamError as error:
            log.warning("%s cannot be started again: %s", backend, error)
            self.note = f"{backend} cannot be started again: {error.what}"
            self._lost.add(backend)
            return False
        self.note = ""
        self._serving.offer(ready)
        return True
