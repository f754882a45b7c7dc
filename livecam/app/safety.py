"""The content gate of a run: the camera's picture is looked at beside the swap, and silence means no.

Nothing is sent before the first clean look, while a look saw what may not leave, for some time after, and whenever
there is no fresh answer: because a look failed, hangs, or the source was opened again. The networks are imported when
they are needed.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from livecam.app.safety_terms import Looks, Terms, Verdicts, looks_of, terms_of
from livecam.config import Config, Paths
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame, Image, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import LivecamError
from livecam.faces.consents import Note, unnoted

if TYPE_CHECKING:
    from livecam.vision.safety import Verdict

log = logging.getLogger(__name__)

JOIN_S: Final = 2.0

_TOLD: Final[Mapping[Withheld, str]] = {
    Withheld.CONTENT: "the content check saw nudity, or has not been clean for long enough since",
    Withheld.UNCHECKED: "the content check has no fresh answer",
}


def told(reason: Withheld) -> str:
    """Why nothing is sent, for the status line; "" where that is not for the content gate to say."""
    return _TOLD.get(reason, "")


class _Asked(NamedTuple):
    """A look that is asked for: a small copy, (H, W, 3) u8 BGR, when it was taken, and of which scene."""

    image: Image
    taken_ns: int
    scene: int


class ContentGate:
    """Looks at the newest frame now and then, in a thread of its own, and says whether pictures may leave.

    Args:
        terms: How often, and how long an answer counts.
        load: Loads the networks, once; in the thread that builds the processor.
        tighten: Keeps what was made until now from leaving; any thread.
        now_ns: Monotonic time.
        note: Writes into the audit log that a picture was withheld for what was seen, and that this is over.
    """

    def __init__(
        self,
        terms: Terms,
        load: Callable[[], Looks],
        tighten: Callable[[], None],
        now_ns: Callable[[], int] = time.monotonic_ns,
        note: Note = unnoted,
    ) -> None:
        self._note = note
        self._terms = terms
        self._load = load
        self._tighten = tighten
        self._now_ns = now_ns
        self._verdicts = Verdicts(terms)
        self._looks: Looks | None = None
        self._asked: _Asked | None = None
        self._last_ns: int | None = None
        self._busy = self._stopping = self._told_slow = False
        self._reason: Withheld | None = Withheld.UNCHECKED
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def wrap(self, make: Callable[[], Processor]) -> Processor:
        """What `make` gives, behind this gate. The networks are loaded first.

        Raises:
            ModelError: A network is not here, or is not what its recipe says; or as `make`.
            ConfigError: One was named for what it does not do.
        """
        if self._looks is None:
            self._looks = self._load()
            self._thread = threading.Thread(target=self._run, name="livecam-content", daemon=True)
            self._thread.start()
        return GatedProcessor(make(), self)

    def offer(self, image: Image) -> None:
        """Look at `image`, (H, W, 3) u8 BGR, if it is time; it is free again on return. One thread; never waits."""
        now_ns = self._now_ns()
        if self._looks is None or self._busy or not self._due(now_ns):
            return
        # Nobody looks now, so that the copy's memory is free.
        small = self._looks.copy(image)
        with self._wake:
            self._asked = _Asked(small, now_ns, self._verdicts.scene)
            self._last_ns, self._busy = now_ns, True
            self._wake.notify()

    def _due(self, now_ns: int) -> bool:
        return self._last_ns is None or now_ns - self._last_ns >= self._terms.every_ns

    def reason(self) -> Withheld | None:
        """Why nothing may leave now; None if pictures may. Any thread."""
        now_ns = self._now_ns()
        with self._wake:
            reason, before = self._verdicts.withheld(now_ns), self._reason
            self._reason = reason
        if reason is before:
            return reason
        if before is None:
            self._tighten()
        if Withheld.CONTENT in (before, reason):
            self._note("content", withheld=reason is Withheld.CONTENT)
        if reason is None:
            log.info("The content check lets the picture out.")
        else:
            log.warning("Nothing is sent: %s.", told(reason))
        return reason

    def forget(self) -> None:
        """Another scene: what was seen before says nothing good about it. Any thread."""
        with self._wake:
            self._verdicts.forget()
            self._last_ns = None
        self.reason()

    def stop(self) -> None:
        """End the thread; one that hangs in a network ends with the process. Idempotent."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        assert self._looks is not None, "the thread starts after the networks are loaded"
        judge = self._looks.judge
        while (asked := self._next()) is not None:
            self._look(judge, asked)

    def _next(self) -> _Asked | None:
        with self._wake:
            while self._asked is None and not self._stopping:
                self._wake.wait()
            asked, self._asked = self._asked, None
            return None if self._stopping else asked

    def _look(self, judge: "Callable[[Image], Verdict]", asked: _Asked) -> None:
        verdict: Verdict | None = None
        try:
            verdict = judge(asked.image)
        except (LivecamError, ValueError, RuntimeError, MemoryError) as error:
            log.warning("A look of the content check failed: %s", error)
        finally:
            # Whatever else is thrown ends the thread, and with it every chance of an answer.
            self._heed(verdict, asked)

    def _heed(self, verdict: "Verdict | None", asked: _Asked) -> None:
        with self._wake:
            if verdict is None:
                self._verdicts.failed()
            else:
                self._verdicts.seen(verdict.hit, asked.taken_ns, asked.scene)
        if verdict is not None and verdict.hit:
            log.warning("The content check saw nudity: %s.", verdict)
        self._warn_if_slow(self._now_ns() - asked.taken_ns)
        self.reason()
        self._busy = False

    def _warn_if_slow(self, took_ns: int) -> None:
        if took_ns <= self._terms.every_ns or self._told_slow:
            return
        self._told_slow = True
        log.warning(
            "A look of the content check took %.1f s; with safety.every_s = %g an answer counts for %g s. Raise it, or "
            "name a quicker network.",
            took_ns / NS_PER_S,
            self._terms.every_ns / NS_PER_S,
            self._terms.stale_ns / NS_PER_S,
        )


class GatedProcessor:
    """A `Processor` behind a content gate: while the gate says no, nothing is even made.

    Args:
        inner: Works on frames.
        gate: Sees them first.
    """

    def __init__(self, inner: Processor, gate: ContentGate) -> None:
        self._inner = inner
        self._gate = gate
        self._took_ns = 0

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`. A look that ends meanwhile still counts."""
        started_ns = time.perf_counter_ns()
        self._gate.offer(frame.image)
        reason = self._gate.reason()
        self._took_ns = time.perf_counter_ns() - started_ns
        if reason is not None:
            return reason
        outcome = self._inner.process(frame, out, settings)
        return self._gate.reason() or outcome

    def reset(self) -> None:
        """See `Processor`."""
        self._gate.forget()
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return {**self._inner.stages(), "content": self._took_ns}


class OpenGate:
    """In the place of a `ContentGate` where nothing is to be checked."""

    def wrap(self, make: Callable[[], Processor]) -> Processor:
        """What `make` gives."""
        return make()

    def stop(self) -> None:
        """See `ContentGate`."""


def content_gate(
    config: Config, paths: Paths, tighten: Callable[[], None], note: Note = unnoted
) -> ContentGate | OpenGate:
    """The gate of a run.

    Args:
        config: Section ``safety``.
        paths: Where files are kept.
        tighten: See `ContentGate`.
        note: See `ContentGate`.
    """
    if not config.safety.nudity:
        return OpenGate()
    return ContentGate(terms_of(config.safety), lambda: looks_of(config, paths), tighten, note=note)
