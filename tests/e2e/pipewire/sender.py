"""The stamped card at 30 pictures/s through a tee, as the daemon's output thread does it."""

import threading
import time
from types import TracebackType

from livecam.core.clock import Metronome, MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Size
from livecam.output.pipewire import PipeWireSink
from livecam.output.tee import Tee
from tests.e2e.pipewire.readers import SIZE, card, stamped
from tests.output.pictures import cleared


class Sender(threading.Thread):
    """Sends while the `with` block runs.

    Args:
        label: The camera's.
        size: Of the pictures.

    Attributes:
        sink: Where to.
        longest_ms: The longest `send`.
        gaps: Ticks that were missed.
    """

    def __init__(self, label: str = "livecam", size: Size = SIZE) -> None:
        super().__init__(daemon=True)
        self.sink = PipeWireSink(label)
        self.tee = Tee([self.sink], MonotonicClock())
        self.longest_ms = 0.0
        self.gaps = 0
        self._size = size
        self._told = threading.Event()

    def __enter__(self) -> "Sender":
        self.tee.open(self._size, 30.0)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.set()
        self.join()
        self.tee.close()

    def run(self) -> None:
        """Send until told to stop."""
        beat = Metronome(MonotonicClock(), NS_PER_S // 30)
        image, number = card(self._size), 0
        while not self._told.is_set():
            beat.tick()
            picture = cleared(stamped(image, number))
            started_ns = time.monotonic_ns()
            self.tee.send(picture)
            self.longest_ms = max(self.longest_ms, (time.monotonic_ns() - started_ns) / NS_PER_MS)
            number += 1
        self.gaps = beat.missed

    def pid(self) -> int:
        """Of the child that runs now; waits for one."""
        for _ in range(200):
            if (pid := self.sink.pid) is not None:
                return pid
            time.sleep(0.05)
        raise TimeoutError("There is no child.")
