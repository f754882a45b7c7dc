"""A thread that encodes what a sink is sent, behind a fixed number of slots: the sender never waits for it."""

import queue
import threading
from typing import Final, Protocol

import av
import numpy as np

from livecam.core.frame import Picture, Size
from livecam.errors import SinkError, SinkLost

CODING_ERRORS: Final = (OSError, av.FFmpegError, ValueError)
"""What encoders, files and sockets raise."""


class Work(Protocol):
    """What the thread does; used by it alone."""

    def add(self, picture: Picture, sent_ns: int) -> None:
        """Encode and hand on one picture, (H * 3 / 2, W) u8 I420, sent at `sent_ns`, monotonic."""
        ...

    def finish(self) -> None:
        """End in order: nothing more will come."""
        ...

    def failed(self, error: Exception) -> SinkError:
        """`error`, one of `CODING_ERRORS`, ended the work; what the sink shall raise from now on."""
        ...

    def free(self) -> SinkError | None:
        """Free what is held, after `finish` or `failed`; a late failure, if there is one."""
        ...


class CodingThread(threading.Thread):
    """Owns the work. Slots go round between `_free` and `_filled`; there are never more.

    When no slot is free, the new picture is dropped: what came before is kept without a gap.

    Args:
        name: Of the thread.
        work: Owned from here on.
        size: Of all pictures.
        slots: How many pictures may wait or be in work.

    Attributes:
        size: Of all pictures.
        problem: Why the work ended before it was told to, or None.
    """

    def __init__(self, name: str, work: Work, size: Size, slots: int) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._free: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[tuple[Picture, int] | None] = queue.SimpleQueue()
        for _ in range(slots):
            self._free.put(np.empty(size.picture_shape, dtype=np.uint8))
        self._ending = False
        self.size = size
        self.problem: SinkError | None = None

    def offer(self, picture: Picture, sent_ns: int) -> bool:
        """Take a copy of `picture`; False when one had to be dropped for want of a slot. Never waits.

        Raises:
            SinkError: Encoding has failed, or its thread has died.
        """
        if (problem := self.problem) is not None:
            # Another one of its kind: one that is kept and raised holds on to this thread, and its slots to memory.
            raise type(problem)(problem.what, problem.next_step)
        if not self.is_alive() and not self._ending:
            raise SinkLost(f"The thread {self.name} has ended.", "It is started again.")
        try:
            slot = self._free.get_nowait()
        except queue.Empty:
            return self._crowded(picture, sent_ns)
        self._fill(slot, picture, sent_ns)
        return True

    def end(self) -> None:
        """Ask for the end, once what is waiting is encoded; does not wait."""
        if not self._ending:
            self._ending = True
            self._filled.put(None)

    def finish(self, timeout_s: float) -> bool:
        """Ask for the end and wait for it; True when it came in time."""
        self.end()
        self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """Work until told to finish or until it fails."""
        try:
            while (job := self._filled.get()) is not None:
                self._work.add(*job)
                self._free.put(job[0])
            self._work.finish()
        except CODING_ERRORS as error:
            self.problem = self._work.failed(error)
        late = self._work.free()
        self.problem = self.problem or late

    def _crowded(self, picture: Picture, sent_ns: int) -> bool:
        """No slot is free."""
        return False

    def _fill(self, slot: Picture, picture: Picture, sent_ns: int) -> None:
        np.copyto(slot, picture)
        self._filled.put((slot, sent_ns))


class NewestCodingThread(CodingThread):
    """When no slot is free, the new picture takes the place of the one that waits longest: what is shown is fresh."""

    def _crowded(self, picture: Picture, sent_ns: int) -> bool:
        try:
            waiting = self._filled.get_nowait()
        except queue.Empty:
            # It was taken into work in this moment, and its slot is not back yet.
            return False
        if waiting is None:
            self._filled.put(None)
        else:
            self._fill(waiting[0], picture, sent_ns)
        return False
