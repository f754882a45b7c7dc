"""The main process's side of ``--output-process``: a loop that finds or starts the output process and stays attached.

It runs in the worker named ``output``, in place of the output loop, and so is watched, retried and stopped as that is.
"""

import logging
import os
import select
import signal
import socket
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.app import output_process_start
from livecam.app.output_process_news import News, read_news
from livecam.app.output_process_start import Started, start
from livecam.app.output_process_wire import (
    ATTACH,
    END,
    LONGEST,
    RETIRE,
    Plan,
    dial,
    hear,
    key_of,
    meeting_folder,
    new_memory,
    settled,
)
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.seams import Clock
from livecam.core.shared_ring import SharedRingWriter
from livecam.core.shared_segment import SharedSegment, Terms
from livecam.core.spec import Spec
from livecam.errors import SinkGone, SinkLost
from livecam.output.tee import SinkState
from livecam.runtime.heartbeat import Heartbeat
from livecam.runtime.telemetry import OutputCounters

log = logging.getLogger(__name__)

_BEAT_S: Final = 0.02
_ANSWER_S: Final = 2.0
_END_S: Final = 0.9
_BUSY_S: Final = 1.0
_STUCK_NS: Final = 5 * NS_PER_S
_LONG_STEP_NS: Final = NS_PER_S // 10


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the output process is to send, and to where.

    Attributes:
        written: Sinks as configured; ``auto`` stays ``auto``, so that a later run finds the process again.
        chosen: Gives the sinks they stand for; called only when a new process is started.
        size: Of every picture.
        fps: Pictures a second.
        hold_ns: How old a picture may be when it leaves.
        orphan_ns: How long it goes on alone.
        slate: (H * 3 / 2, W) u8 I420.
        token: Secret of sinks that serve.
        log_level: The least that is logged.
        log_file: Where to; empty for nowhere.
    """

    written: Sequence[Spec]
    chosen: Callable[[], Sequence[Spec]]
    size: Size
    fps: float
    hold_ns: int
    orphan_ns: int
    slate: Picture
    token: str
    log_level: str
    log_file: str

    def plan(self, address: Path) -> Plan:
        """For a new output process."""
        sinks = tuple(spec.text for spec in self.chosen())
        return Plan(str(address), sinks, *self.size, self.fps, self.token, self.log_level, self.log_file)


class ProcessOutput:
    """Finds, starts, feeds and ends the output process. A `Loop` for a worker.

    Args:
        outlet: What is sent, to where.
        clock: Must be the same in all processes, which is checked.
        counters: Kept equal to those of the output process.
        command: How an output process is started, if not in the ordinary way.
        heartbeat: Told whenever the output process has sent pictures since the last look; nobody unless given.
        finished: Told of every recording that the output process ended while attached; see `SinkWish`.

    Attributes:
        segment: Shared with it, from the beginning; its settings block is to be written before the worker starts.
        ring: Inference's end of the ring.
        restarts: How often a process that had ended was started again.

    Raises:
        ConfigError: There is no private folder to meet in.
    """

    def __init__(
        self,
        outlet: Outlet,
        clock: Clock,
        counters: OutputCounters,
        command: Sequence[str] | None = None,
        heartbeat: Heartbeat | None = None,
        finished: Callable[[Path, bool], None] | None = None,
    ) -> None:
        self._heartbeat = heartbeat
        self._finished = finished
        self._outlet = outlet
        self._clock = clock
        self._counters = counters
        self._command = command or output_process_start.COMMAND
        self._folder = meeting_folder()
        key = key_of([spec.text for spec in outlet.written], outlet.size, outlet.fps)
        self._address = self._folder / f"output-{key}.sock"
        self._handle, memory = new_memory(outlet.size)
        weakref.finalize(self, os.close, self._handle)
        self.segment = SharedSegment(memory, outlet.size)
        self.segment.offer(Terms(outlet.size, outlet.hold_ns, outlet.orphan_ns), outlet.slate)
        self.ring = SharedRingWriter(self.segment.ring, self.segment.pictures, self.segment.fence)
        self._connection: socket.socket | None = None
        self._started: Started | None = None
        self._pid = 0
        self._news = News()
        self._text = ""
        self._ticks = 0
        self._silent_ns = 0
        self._stepped_ns = 0
        self.restarts = -1

    @property
    def states(self) -> tuple[SinkState, ...]:
        """How each sink is doing. Any thread."""
        return self._news.sinks

    @property
    def readers(self) -> int | None:
        """How many read its sinks; None where that cannot be told. Any thread."""
        return self._news.readers

    @property
    def problem(self) -> str:
        """What the output process is trying to repair; empty when all is well. Any thread."""
        return self._news.problem

    def open(self) -> None:
        """Attach to the output process for these sinks, starting it if there is none.

        Raises:
            SinkLost: That did not work; it may, later.
            SinkGone: Another main process is sending to these sinks.
        """
        with settled(self._folder):
            self._retire_others()
            self._connection = self._attached()
        self._silent_ns, self._stepped_ns = 0, self._clock.now_ns()

    def step(self) -> bool:
        """Give a sign of life and read how things are, about every 20 ms; always true.

        Raises:
            SinkLost: The output process has ended, or hangs.
            SinkGone: None of its sinks can ever be opened.
        """
        assert self._connection is not None, "open() comes first"
        self._beat()
        ready, _, _ = select.select([self._connection], [], [], _BEAT_S)
        if ready and not hear(self._connection):
            raise SinkLost("The output process has ended.", "It is started again.")
        self._read()
        if self._news.error:
            raise SinkGone(self._news.error)
        self._demand_progress()
        return True

    def failed(self, error: Exception) -> None:
        """Nothing to count: the worker keeps the problem."""

    def close(self) -> None:
        """Have the output process send the slate last and end; waits for that at most 0.9 s. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not _ended(connection, END, _END_S):
            log.warning("The output process %d has not ended yet and is left to end by itself.", self._pid)
        connection.close()
        self._read()
        if self._started is not None:
            self._started.reap()

    def _beat(self) -> None:
        self.segment.beat[0] = self._clock.now_ns()

    def _retire_others(self) -> None:
        """End output processes that were left alone by a run with other sinks; they may hold the same device."""
        for address in sorted(self._folder.glob("output-*.sock")):
            connection = dial(address, _ANSWER_S) if address != self._address else None
            if connection is not None:
                with connection:
                    _ended(connection, RETIRE, _ANSWER_S)

    def _attached(self) -> socket.socket:
        deadline = time.monotonic() + _BUSY_S
        while True:
            connection = dial(self._address, _ANSWER_S) or self._begun()
            verb, _, rest = self._asked(connection).partition(" ")
            if verb == "attached":
                self._pid = int(rest.partition(" ")[0])
                return connection
            connection.close()
            if verb != "busy":
                raise SinkLost(f"The output process does not answer as it should: {verb} {rest}".rstrip() + ".")
            if time.monotonic() > deadline:
                raise SinkGone(
                    f"Another livecam (process {rest}) is sending to the same sinks.", "End it, or name other sinks."
                )
            time.sleep(_BEAT_S)

    def _begun(self) -> socket.socket:
        self._started = start(self._command, self._outlet.plan(self._address), self._beat)
        self.restarts += 1
        connection = dial(self._address, _ANSWER_S)
        if connection is None:
            raise SinkLost("The output process has ended at once.", "It is started again.")
        return connection

    def _asked(self, connection: socket.socket) -> str:
        """The answer to a request to attach; empty when there is none, or its clock is not ours."""
        before_ns = self._clock.now_ns()
        self._beat()
        try:
            socket.send_fds(connection, [ATTACH], [self._handle])
        except OSError:
            return ""
        answer = hear(connection).decode(errors="replace").strip()
        words = answer.split(" ")
        if words[0] == "attached" and not (
            len(words) == 3
            and all(word.isdigit() for word in words[1:])
            and before_ns <= int(words[2]) <= self._clock.now_ns()
        ):
            return "another clock: monotonic time is not the same in all processes here"
        return answer

    def _read(self) -> None:
        numbers = self.segment.counters.read()
        if numbers is not None:
            self._counters.load(numbers)
        text = self.segment.text.read()
        if text != self._text:
            self._text = text
            before, self._news = self._news, read_news(text) or self._news
            for recording in self._news.since(before):
                if self._finished is not None:
                    self._finished(Path(recording.path), recording.swapped)

    def _demand_progress(self) -> None:
        now_ns = self._clock.now_ns()
        # A pause of the whole machine is nobody's fault: of a long step only a little counts.
        self._silent_ns += min(now_ns - self._stepped_ns, _LONG_STEP_NS)
        self._stepped_ns = now_ns
        if self._counters.ticks != self._ticks:
            self._ticks, self._silent_ns = self._counters.ticks, 0
            if self._heartbeat is not None:
                self._heartbeat.beat()
        elif self._silent_ns > _STUCK_NS:
            os.kill(self._pid, signal.SIGKILL)
            raise SinkLost(f"The output process {self._pid} has sent nothing for 5 s.", "It is started again.")


def _ended(connection: socket.socket, message: bytes, timeout_s: float) -> bool:
    """Ask the other side to end; whether it did in time."""
    deadline = time.monotonic() + timeout_s
    try:
        connection.sendall(message)
        while (left_s := deadline - time.monotonic()) > 0:
            connection.settimeout(left_s)
            answer = connection.recv(LONGEST)
            if not answer or answer.startswith(b"busy"):
                return not answer
    except ConnectionError:
        return True
    except OSError:
        return False
    return False
