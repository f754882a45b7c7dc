"""Several sinks as one: each is sent every picture, and none can stop the others."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from livecam.core.backoff import DEVICE_BANDS, delay_ns
from livecam.core.cleared import Cleared
from livecam.core.frame import Size
from livecam.core.readers import total
from livecam.core.seams import Clock, Sink
from livecam.errors import SinkError, SinkGone, SinkLost
from livecam.output.member import Member, Role, State
from livecam.output.readers import readers_of

_LOG = logging.getLogger("livecam.output")

_POLL_S = 0.05
_CLOSE_S = 2.0
_TURN_S = 2.0


def retry_delay_ns(tries: int) -> int:
    """The wait in ns after `tries` failed tries: that of devices."""
    return delay_ns(DEVICE_BANDS, tries)


@dataclass(frozen=True, slots=True)
class SinkState:
    """How one sink is doing.

    Attributes:
        name: As the sink gives it. A web sink's holds its secret.
        open: Whether it is sent pictures now.
        gone: Whether it will never be tried again.
        sent: How many pictures it took.
        lost: How often it went away.
        problem: Why it is not open; empty when it is.
    """

    name: str
    open: bool
    gone: bool
    sent: int
    lost: int
    problem: str


class Tee:
    """Sends each picture to all of `sinks`.

    One that fails is closed and opened again by a helper thread, with longer and longer waits, while `send` goes on
    with the others; one that is gone for good is left out. A sink belongs to the sending thread while it is open and
    to the helper while it is not; the word for that, `Member.state`, is stored last by whoever hands it over.

    A sink that hangs inside its own `send` hangs this one too: no thread can be taken back from a driver. Sinks
    therefore promise not to wait, and one that takes longer than 250 ms three times in a row counts as lost.

    Sinks may come and go while pictures are sent. One that comes is opened by whoever brings it, before the sending
    thread knows of it; one that goes is closed by whoever takes it, once the sending thread knows of it no more.

    Args:
        sinks: At least one.
        clock: Where time comes from.
        wait_ns: The wait in ns after so many failed tries.
        helper: False leaves opening again to calls of `mend`, for tests.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        clock: Clock,
        wait_ns: Callable[[int], int] = retry_delay_ns,
        helper: bool = True,
    ) -> None:
        if not sinks:
            raise ValueError("A tee needs at least one sink.")
        self._clock = clock
        self._wait_ns = wait_ns
        self._members = tuple(Member(sink, clock, wait_ns) for sink in sinks)
        self._turn = threading.Lock()
        self._size = Size(0, 0)
        self._fps = 0.0
        self._helper_wanted = helper
        self._helper: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_open = False

    @property
    def name(self) -> str:
        """The sinks' names."""
        return " + ".join(member.sink.name for member in self._members if member.role is not Role.LISTENER)

    def states(self) -> tuple[SinkState, ...]:
        """How each sink is doing, in the order given; not those that only listen. Any thread."""
        return tuple(
            SinkState(
                name=member.sink.name,
                open=member.state is State.OPEN,
                gone=member.state is State.GONE,
                sent=member.sent,
                lost=member.lost,
                problem=member.problem,
            )
            for member in self._members
            if member.role is not Role.LISTENER
        )

    def readers(self) -> int | None:
        """How many read any of them; None where that cannot be told of one. Any thread.

        One that is away is read by nobody. One that only listens counts where it knows who listens to it.
        """
        return total(_readers(member) for member in self._members if member.state is State.OPEN)

    def add(self, sink: Sink, role: Role = Role.OUTLET) -> None:
        """Send to `sink` too, from the next picture on. Any thread but the sending one, which does not wait.

        Args:
            sink: Owned from here on; opened in this thread where pictures are being sent.
            role: What it is to the run.

        Raises:
            SinkGone, SinkLost: It cannot be opened; nothing changed.
        """
        member = Member(sink, self._clock, self._wait_ns, role)
        if self._is_open:
            member.open(self._size, self._fps)
            if member.state is not State.OPEN:
                kind = SinkGone if member.state is State.GONE else SinkLost
                member.close()
                raise kind(member.problem)
        with self._taking_turns():
            if member.state is State.OPEN and not self._is_open:
                member.close()
            elif member.state is State.CLOSED and self._is_open:
                member.leave_to_helper(self._size, self._fps)
            self._members += (member,)

    def remove(self, sink: Sink) -> None:
        """Send to `sink` no more, and close it in this thread. Any thread but the sending one, which does not wait.

        Raises:
            SinkError: It is the last one, or none of these; nothing changed.
        """
        with self._taking_turns():
            found = [member for member in self._members if member.sink is sink]
            left = tuple(member for member in self._members if member.sink is not sink)
            if not found:
                raise SinkError("Nothing is sent there.")
            if found[0].role is Role.OUTLET and not any(member.role is Role.OUTLET for member in left):
                raise SinkError(f"{found[0].sink.name} is the only sink there is.", "Add another one first.")
            self._members = left
        found[0].close()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        """Within it, no picture is being sent."""
        if not self._turn.acquire(timeout=_TURN_S):
            raise SinkError("A sink hangs, so that no other can come or go.", "Stop livecam, or wait.")
        try:
            yield
        finally:
            self._turn.release()

    def open(self, size: Size, fps: float) -> None:
        """Open all sinks. Those that cannot be opened now are tried again later.

        Raises:
            SinkGone: None of them can ever be opened.
        """
        self.close()
        self._size, self._fps = size, fps
        with self._turn:
            members = self._members
        for member in members:
            member.open(size, fps)
        self._demand_one()
        with self._turn:
            for late in (member for member in self._members if member not in members):
                late.leave_to_helper(size, fps)
            self._is_open = True
            gone = [member for member in members if member not in self._members]
        for member in gone:
            member.close()
        if self._helper_wanted:
            self._stop = threading.Event()
            self._helper = threading.Thread(
                target=self._mend_until, args=(self._stop,), name="livecam-sinks", daemon=True
            )
            self._helper.start()

    def send(self, cleared: Cleared) -> None:
        """Send one picture to every sink that is open.

        Raises:
            SinkError: The tee was not opened.
            SinkGone: All of them are gone for good.
            TypeError: It is not a `Cleared`.
        """
        if not isinstance(cleared, Cleared):
            raise TypeError(f"A tee takes cleared pictures only, not {type(cleared).__name__}.")
        if not self._is_open:
            raise SinkError("The tee was sent a picture while it was closed.")
        with self._turn:
            for member in self._members:
                if member.state is State.OPEN:
                    member.send(cleared)
        self._demand_one()

    def close(self) -> None:
        """Close all sinks at the same time, and wait for that at most 2 s."""
        self._is_open = False
        self._stop.set()
        deadline = time.monotonic() + _CLOSE_S
        closers = [threading.Thread(target=member.close, name="livecam-close", daemon=True) for member in self._members]
        for thread in closers:
            thread.start()
        for thread in (*closers, *((self._helper,) if self._helper else ())):
            thread.join(max(deadline - time.monotonic(), 0.0))
            if thread.is_alive():
                _LOG.warning("A sink did not close within %.0f s and is left behind.", _CLOSE_S)
        self._helper = None

    def mend(self) -> None:
        """Close what was lost, and open again what is due. Called by the helper thread."""
        for member in self._members:
            member.mend()

    def _mend_until(self, stop: threading.Event) -> None:
        while not stop.wait(_POLL_S):
            self.mend()

    def _demand_one(self) -> None:
        needed = [member for member in self._members if member.role is Role.OUTLET]
        if all(member.state is State.GONE for member in needed):
            raise SinkGone("No sink is left: " + " ".join(member.problem for member in needed))


def _readers(member: Member) -> int | None:
    count = readers_of(member.sink)
    return 0 if count is None and member.role is Role.LISTENER else count
