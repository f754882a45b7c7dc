"""The watch: looks over every frame for anything face-like, beside the swap, so that no second face slips through."""

import atexit
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livecam.core.cpus import Aside
from livecam.core.face import Box, Detection
from livecam.core.frame import Image
from livecam.errors import EngineError, LivecamError, StopFailed
from livecam.vision.mesh.detect import Fit
from livecam.vision.sightings import Confirmed, Memory, WatchRules

_IDLE_WAIT_S = 1.0


class ShrinkingDetector(Protocol):
    """A detector in two halves: a cheap one that copies the image away, and the network."""

    @property
    def side(self) -> int:
        """Side of the shrunk image, px."""
        ...

    def shrink(self, image: Image, out: Image) -> Fit:
        """Fit `image`, (H, W, 3) u8 BGR, into `out`, (side, side, 3) u8."""
        ...

    def detect_shrunk(self, shrunk: Image, fit: Fit, threshold: float) -> list[Detection]:
        """Faces in what `shrink` made, px of the frame, best first."""
        ...


class FaceWatch:
    """A `Watch` with a thread of its own: the network runs on another core while the frame is being swapped.

    Its detectors must be its own, since they run beside those of the follower.

    Args:
        near: The short-range detector.
        far: The full-range detector.
        rules: How closely to watch.
        patience_s: How long `finish` waits for the look to end.
    """

    def __init__(
        self,
        near: ShrinkingDetector,
        far: ShrinkingDetector,
        rules: WatchRules | None = None,
        patience_s: float = 0.5,
    ) -> None:
        self._rules = rules or WatchRules()
        self._memory = Memory(self._rules)
        self._confirmed = Confirmed(self._rules)
        self._eyes = (
            _Eye(far, self._rules.far_score, self._rules.far_score, self._rules.far_every),
            _Eye(near, self._rules.near_score, self._rules.near_firm, self._rules.near_every),
        )
        self._patience_s = patience_s
        self._aside = Aside()
        self._frame = 0
        self._answer: _Answer | LivecamError | None = None
        self._image: Image | None = None
        self._asked = threading.Event()
        self._taken = threading.Event()
        self._done = threading.Event()
        self._stopping = threading.Event()
        self._begun = self._stuck = False
        self._strangers = True
        self._thread: threading.Thread | None = None
        self._thread_id = 0

    def begin(self, image: Image) -> None:
        """Start looking at `image`, (H, W, 3) u8 BGR, which must not be painted on before `copied` has returned.

        Raises:
            EngineError: The watch has been closed.
        """
        if self._stopping.is_set():
            raise EngineError("The watch for other faces is closed.", "Start livecam again.")
        if not self._is_free():
            return
        self._image = image
        self._answer = None
        self._taken.clear()
        self._done.clear()
        self._begun = True
        self._ensure_thread()
        if self._thread_id:
            self._aside(self._thread_id)
        self._asked.set()

    def copied(self) -> None:
        """Wait until the image given to `begin` may be painted on.

        Raises:
            EngineError: The copy was not taken in time; the frame must be withheld.
        """
        if self._stuck or not self._taken.wait(self._patience_s):
            self._stuck = True
            raise self._unanswered()

    def finish(self, known: Sequence[Box]) -> tuple[Box, ...]:
        """Boxes, px, of everything face-like in the image given to `begin` that is none of the faces in `known`.

        What was seen a moment ago and is not seen now still counts, so that one missed detection uncovers nobody.

        Raises:
            EngineError: The look failed, did not end in time, or was never begun; the frame must be withheld.
        """
        self._strangers = True
        if not self._begun:
            raise EngineError("The watch for other faces was not asked to look at this frame.", "Report this.")
        if self._stuck or not self._done.wait(self._patience_s):
            self._stuck = True
            raise self._unanswered()
        self._begun = False
        if isinstance(self._answer, LivecamError):
            raise EngineError(f"The watch for other faces failed: {self._answer.what}", self._answer.next_step)
        if self._answer is None:
            raise EngineError("The thread of the watch for other faces has died.", "See the log for the cause.")
        self._confirmed.take(self._answer.firm)
        unseen = self._memory(self._answer.found, known)
        self._strangers = bool(unseen)
        return unseen

    def strangers(self) -> bool:
        """Whether the last look saw a face besides the known ones, or may have: it failed, or there was none yet.

        It sees whatever a search with the same networks finds: it asks for less, in more frames, and remembers.
        """
        return self._strangers

    def confirms(self, face: Box) -> bool:
        """Whether the whole-frame search found the face in `face`, px, in the last frames."""
        return self._confirmed(face)

    def reset(self) -> None:
        """Forget what was seen: the source was opened again."""
        self._memory.clear()
        self._confirmed.clear()
        self._strangers = True

    def close(self) -> None:
        """End its thread. Idempotent.

        Raises:
            StopFailed: A network hangs, and with it the thread.
        """
        atexit.unregister(self._leave)
        if not self._leave():
            raise StopFailed("The thread of the watch for other faces did not end.", "End the process.")

    def _leave(self) -> bool:
        """Let the thread end; whether it has."""
        thread = self._thread
        self._stopping.set()
        self._asked.set()
        if thread is not None:
            thread.join(self._patience_s)
        return thread is None or not thread.is_alive()

    def _unanswered(self) -> EngineError:
        return EngineError(
            f"The watch for other faces has not answered for {self._patience_s:g} s.", "Start livecam again."
        )

    def _is_free(self) -> bool:
        """Whether the buffers may be written: the look before, if one was left unfinished, has ended."""
        patience_s = 0 if self._stuck else self._patience_s
        self._stuck = self._begun and not self._done.wait(patience_s)
        return not self._stuck

    def _ensure_thread(self) -> None:
        """Start the thread, or start it again after a fault of ours ended it."""
        if self._thread is None:
            thread = self._thread = threading.Thread(target=self._work, name="livecam-watch", daemon=True)
            thread.start()
            # In a network at the interpreter's end, it would end the whole process by a signal instead of its code.
            atexit.register(self._leave)
            self._thread_id = thread.native_id or 0

    def _work(self) -> None:
        """The thread: one look each time it is asked to, until it is stopped.

        A fault of ours ends it, with the look unanswered; the thread is off the books before anybody learns of it.
        """
        try:
            while not self._stopping.is_set():
                if self._asked.wait(_IDLE_WAIT_S) and not self._stopping.is_set():
                    self._asked.clear()
                    self._answer = self._look()
                    self._done.set()
        finally:
            self._thread = None
            self._taken.set()
            self._done.set()

    def _look(self) -> "_Answer | LivecamError":
        """Take copies of the image, then run the networks whose turn it is."""
        image, self._image = self._image, None
        if image is not None:
            for eye in self._eyes:
                eye.take(image, self._frame)
            self._frame += 1
        self._taken.set()
        try:
            seen = [(eye, detection) for eye in self._eyes for detection in eye.look()]
        except LivecamError as error:
            # Its traceback would hold on to this watch, and the watch to it.
            return error.with_traceback(None)
        firm = [detection.box for eye, detection in seen if detection.score >= eye.firm]
        return _Answer([detection for _, detection in seen], firm)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one look found, and where it is sure."""

    found: list[Detection]
    firm: list[Box]


class _Eye:
    """A detector, its threshold, from where it is sure, its turn, and the small copy of the frame that it works on."""

    def __init__(self, detector: ShrinkingDetector, threshold: float, firm: float, every: int) -> None:
        self._detector = detector
        self._threshold = threshold
        self.firm = firm
        self._every = every
        self._shrunk = np.zeros((detector.side, detector.side, 3), dtype=np.uint8)
        self._fit: Fit | None = None

    def take(self, image: Image, frame: int) -> None:
        """Copy the image away if it is this detector's turn."""
        self._fit = None if frame % self._every else self._detector.shrink(image, self._shrunk)

    def look(self) -> list[Detection]:
        """What the detector finds in the copy; nothing when it was not its turn."""
        return [] if self._fit is None else self._detector.detect_shrunk(self._shrunk, self._fit, self._threshold)
