"""Looks now and then, beside the frames, whether the enhancer makes the face less the persona's, and limits it then."""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from livecam.core.frame import NS_PER_S, Image, Points
from livecam.core.seams import Engine
from livecam.errors import LivecamError, StopFailed
from livecam.vision.contract import RecogniserContract
from livecam.vision.identity_gate import IdentityGate, Key
from livecam.vision.recognise import Embedding, Recogniser, cosine

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
"""Between two looks, at least."""

SHARE: Final = 0.02
"""Of the time, at most, is spent on looks: where a recogniser is slow they are further apart."""

_IDLE_WAIT_S = 1.0
# A network of 170 MB takes 2 s to load, and cannot be told to stop.
_PATIENCE_S = 5.0


class Look(NamedTuple):
    """What is to be compared. Whoever gives it away does not write into it any more.

    Attributes:
        key: Whom it shows, under what.
        shown: How much of the enhancer is to be seen, 0..1.
        plain: (S, S, 3) u8 BGR: the swapped face without the enhancer.
        sharp: (S, S, 3) u8 BGR: with it.
        five: Of the face, (5, 2) f32 px of both.
        persona: (L,) f32: whom it is to show, in the recogniser's own space.
    """

    key: Key
    shown: float
    plain: Image
    sharp: Image
    five: Points
    persona: Embedding


class Keeper(Protocol):
    """Keeps the enhancer from changing whom the face shows."""

    def allowed(self, key: Key, asked: float) -> float:
        """How much of the enhancer may show, 0..`asked`; at once."""
        ...

    def due(self) -> bool:
        """Whether it is time for another look."""
        ...

    def look(self, look: Look) -> None:
        """Take `look`, and return at once."""
        ...


class LikenessKeeper:
    """A `Keeper` with a thread and a network of its own, which is loaded when it is first needed.

    No frame waits for it: it works on copies, and a look that is not done yet puts off the next. If its network fails,
    the limits stay as they are, and the log says so.

    Args:
        load: Loads the recogniser of the swapper's identities, bound by role.
        contract: Of it.
        now_ns: Monotonic time.
    """

    def __init__(
        self,
        load: Callable[[], Engine],
        contract: RecogniserContract,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._load = load
        self._contract = contract
        self._now_ns = now_ns
        self._gate = IdentityGate()
        self._next_ns = 0
        self._look: Look | None = None
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def allowed(self, key: Key, asked: float) -> float:
        """See `Keeper`."""
        return self._gate.allowed(key, asked)

    def due(self) -> bool:
        """See `Keeper`."""
        return self._look is None and self._now_ns() >= self._next_ns and not self._stopping.is_set()

    def look(self, look: Look) -> None:
        """See `Keeper`."""
        self._look = look
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="livecam-likeness", daemon=True)
            self._thread.start()
            # In a network at the interpreter's end, it would end the whole process by a signal instead of its code.
            atexit.register(self._leave)
        self._asked.set()

    def close(self) -> None:
        """End its thread, and free its network. Idempotent.

        Raises:
            StopFailed: The network hangs, and with it the thread.
        """
        atexit.unregister(self._leave)
        if not self._leave():
            raise StopFailed("The thread that compares faces did not end.", "End the process.")

    def _leave(self) -> bool:
        """Let the thread end; whether it has."""
        self._stopping.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
        return self._thread is None or not self._thread.is_alive()

    def _work(self) -> None:
        """The thread: one look each time there is one, until it is stopped or its network fails."""
        engine: Engine | None = None
        try:
            engine = self._load()
            recogniser = Recogniser(engine, self._contract)
            while not self._stopping.is_set():
                if self._asked.wait(_IDLE_WAIT_S) and not self._stopping.is_set():
                    self._asked.clear()
                    self._compare(recogniser)
        except LivecamError as error:
            self._stopping.set()
            log.warning("The enhancer is not limited any more: faces cannot be compared: %s", error)
        finally:
            if engine is not None:
                engine.close()

    def _compare(self, recogniser: Recogniser) -> None:
        """Take the look that was given.

        Raises:
            EngineError, ContractError: The network failed.
        """
        look = self._look
        if look is None:
            return
        begun_ns = self._now_ns()
        before, after = (cosine(recogniser.embed(each, look.five), look.persona) for each in (look.plain, look.sharp))
        was = self._gate.allowed(look.key, look.shown)
        self._gate.look(look.key, look.shown, before, after)
        now = self._gate.allowed(look.key, look.shown)
        if now < was:
            log.info(
                "The enhancer shows %.2f of itself, not %.2f, which took the face's cosine to the persona from %.2f "
                "to %.2f.",
                now,
                look.shown,
                before,
                after,
            )
        took_ns = self._now_ns() - begun_ns
        self._next_ns = begun_ns + max(round(EVERY_S * NS_PER_S), round(took_ns / SHARE))
        self._look = None
