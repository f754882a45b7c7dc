"""One processor takes another's place between two frames, while the call goes on."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import LivecamError

log = logging.getLogger(__name__)


def _nothing() -> None:
    """For what needs no entering, or no closing."""


def _not() -> bool:
    """For what has seen no frames."""
    return False


@dataclass(frozen=True, slots=True)
class Served:
    """A processor that is ready to serve, and what is to be known of it.

    Attributes:
        processor: Tried; used by one thread, though another one has made it.
        backend: What runs its networks, by the name under which it can be made again.
        told: The same for the status line.
        enter: Called in the thread that will use it, before it does.
        close: Frees what it holds, in any thread, once it is used no more.
        heals: Whether networks that fail come back by themselves, as those on a server do.
        rehearsable: Whether it may be tried by the thread that has made it.
        rehearsed: Whether it has seen the last frames, of which it then forgets nothing.
    """

    processor: Processor
    backend: str
    told: str
    enter: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    heals: bool = False
    rehearsable: bool = True
    rehearsed: Callable[[], bool] = _not


class ExchangingProcessor:
    """A `Processor` that hands each frame to the one that serves now; who serves next is offered by another thread.

    A frame is worked on by one of them, from its beginning to its end. While nobody serves, frames are withheld.

    Args:
        first: Who serves at first; nobody unless given.
    """

    def __init__(self, first: Served | None = None) -> None:
        self._serving = first
        self._offered: Served | None = None
        self._lock = threading.Lock()
        self._tier: Tier | None = None

    @property
    def serving(self) -> Served | None:
        """Who serves now. Any thread."""
        return self._serving

    @property
    def offered(self) -> Served | None:
        """Who is to serve next. Any thread."""
        return self._offered

    def begin(self, first: Served) -> None:
        """Let `first` serve: nobody does. The thread of `process`."""
        self._serving = first
        if self._tier is not None:
            first.processor.adapt(self._tier)

    def offer(self, ready: Served) -> None:
        """Let `ready` serve from the next frame on, and close whom it relieves. Any thread; never waits."""
        with self._lock:
            late, self._offered = self._offered, ready
        if late is not None:
            _close_aside(late)

    def withdraw(self) -> None:
        """Let nobody serve until somebody is offered: what serves now is broken. The thread of `process`."""
        broken, self._serving = self._serving, None
        if broken is not None:
            _close_aside(broken)

    def close(self) -> None:
        """Close whoever serves, and who is offered. Nobody uses this any more."""
        with self._lock:
            ready, self._offered = self._offered, None
        before, self._serving = self._serving, None
        for served in (ready, before):
            if served is not None:
                _close(served)

    def settle(self) -> None:
        """Let the one that was offered take over now; if it cannot, whoever serves goes on. The thread of `process`.

        Raises:
            LivecamError: It cannot, and nobody else serves.
        """
        with self._lock:
            ready, self._offered = self._offered, None
        if ready is None:
            return
        before = self._serving
        try:
            ready.enter()
            if not ready.rehearsed():
                # What it has seen while it was tried is none of the call.
                ready.processor.reset()
            if self._tier is not None:
                ready.processor.adapt(self._tier)
        except LivecamError as error:
            if before is None:
                self._serving = ready
                raise
            log.warning("%s was ready but cannot take over from %s: %s", ready.told, before.told, error)
            _close_aside(ready)
            return
        self._serving = ready
        log.info("Frames are now swapped with %s.", ready.told)
        if before is not None:
            _close_aside(before)

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`."""
        if self._offered is not None:
            self.settle()
        if self._serving is None:
            return Withheld.FAILED
        return self._serving.processor.process(frame, out, settings)

    def reset(self) -> None:
        """See `Processor`."""
        if self._serving is not None:
            self._serving.processor.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`. Whoever serves later keeps to it too."""
        self._tier = tier
        if self._serving is not None:
            self._serving.processor.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._serving.processor.stages() if self._serving is not None else {}


def _close_aside(served: Served) -> None:
    """Close in a thread of its own: it frees gigabytes, and no frame may wait for that."""
    threading.Thread(target=_close, args=(served,), name="livecam-close", daemon=True).start()


def _close(served: Served) -> None:
    try:
        served.close()
    except LivecamError as error:
        log.warning("%s could not be closed in order: %s", served.told, error)
