"""From a command to the slate: at most one tick and the one frame that is past the gate. With real threads."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from livecam.control.client import order
from livecam.control.desk import Desk
from livecam.control.server import ControlServer
from livecam.core.backoff import DEVICE_BANDS, INFERENCE_BANDS
from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Frame, Image
from livecam.core.ring import LatestRing
from livecam.core.settings import Mode, SetMode, Settings, SettingsCell
from livecam.output.memory import MemorySink
from livecam.privacy.gate import Gate
from livecam.runtime.loops import CaptureLoop, FrameSlot, InferenceLoop, OutputLoop, PictureSlot
from livecam.runtime.supervisor import Supervisor
from livecam.runtime.telemetry import Telemetry
from livecam.runtime.worker import Policy, Worker
from tests.control.pretend import PretendPort
from tests.fakes import SIZE, ScriptedProcessor, ScriptedSource

INTERVAL_NS = 20 * NS_PER_MS


@dataclass(frozen=True)
class Sent:
    at_ns: int
    how: How
    revision: int


class TimedSink(MemorySink):
    """Remembers when each picture was sent."""

    __slots__ = ("times",)

    def __init__(self) -> None:
        super().__init__()
        self.times: list[Sent] = []

    def send(self, cleared: Cleared) -> None:
        super().send(cleared)
        self.times.append(Sent(time.monotonic_ns(), cleared.how, cleared.revision))


class Live:
    """The three threads of a daemon, a socket, and a processor that can be hung."""

    def __init__(self, path: Path) -> None:
        clock, telemetry, ready = MonotonicClock(), Telemetry(), threading.Event()
        self.port = PretendPort()
        self.cell = self.port.cell = SettingsCell(Settings(persona="nobody"))
        self.sink = TimedSink()
        self.going = threading.Event()
        self.going.set()
        self.hung = threading.Event()
        frames, pictures = LatestRing(lambda: FrameSlot(SIZE)), LatestRing(lambda: PictureSlot(SIZE))
        gate = Gate(np.zeros(SIZE.picture_shape, dtype=np.uint8), 10 * NS_PER_S)
        inference = InferenceLoop(
            lambda: ScriptedProcessor(self.swap), frames, pictures, ready, self.cell, clock, telemetry.inference
        )
        capture = CaptureLoop(ScriptedSource(self.shoot), frames, ready, clock, telemetry.capture)
        output = OutputLoop(self.sink, pictures, gate, self.cell, clock, INTERVAL_NS, telemetry.output, SIZE)
        self.supervisor = Supervisor(
            Worker("capture", capture, Policy(DEVICE_BANDS, ())),
            Worker("inference", inference, Policy(INFERENCE_BANDS, ())),
            Worker("output", output, Policy(DEVICE_BANDS, ())),
            telemetry,
            self.cell,
            clock,
        )
        self.server = ControlServer(Desk(self.port), path)

    def shoot(self, image: Image) -> int:
        time.sleep(INTERVAL_NS / 1e9)
        return time.monotonic_ns()

    def swap(self, frame: Frame) -> How | Withheld:
        if not self.going.is_set():
            self.hung.set()
            assert self.going.wait(60)
        return How.SWAPPED

    def wait_for(self, how: How) -> None:
        end = time.monotonic() + 60
        while not (self.sink.times and self.sink.times[-1].how is how):
            assert time.monotonic() < end, f"{how} never came"
            time.sleep(0.001)

    def after(self, before_ns: int) -> list[Sent]:
        """What was sent since, when three more ticks have passed and were sent at."""
        time.sleep(3.5 * INTERVAL_NS / 1e9)
        end = time.monotonic() + 60
        while len(since := [sent for sent in self.sink.times if sent.at_ns >= before_ns]) < 3:
            assert time.monotonic() < end, "nothing is sent"
            time.sleep(0.001)
        return since


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    rig = Live(tmp_path / "c.sock")
    rig.supervisor.start()
    rig.server.start()
    rig.wait_for(How.SWAPPED)
    yield rig
    rig.going.set()
    rig.server.stop()
    rig.supervisor.stop()


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("through_the_socket", [False, True])
@pytest.mark.parametrize(("word", "back"), [("panic", "resume"), ("hold", "release")])
def test_the_slate_is_out_with_the_next_tick(
    live: Live, word: str, back: str, through_the_socket: bool, hangs: bool
) -> None:
    late_ns: list[int] = []
    # The machine may be busy: two ticks and a half are still far from three frames, and the best of some tries counts.
    while len(late_ns) < 2 or (min(late_ns) > 2.5 * INTERVAL_NS and len(late_ns) < 6):
        if hangs:
            live.going.clear()
            assert live.hung.wait(60)
            # The held picture is still being sent, so that there is something to cover.
            assert live.sink.times[-1].how is How.SWAPPED
        assert order(live.server.path, word).ok if through_the_socket else live.server.crowd.desk.follow(word).ok
        done_ns = time.monotonic_ns()
        sent = live.after(done_ns)
        # One frame may have been past the gate when the command was answered; then there is nothing but the slate.
        assert sum(one.how is not How.SLATE for one in sent) <= 1
        assert {one.how for one in sent[1:]} == {How.SLATE}
        first = next(one for one in sent if one.how is How.SLATE)
        late_ns.append(first.at_ns - done_ns)
        live.going.set()
        live.hung.clear()
        assert live.server.crowd.desk.follow(back).ok
        live.wait_for(How.SWAPPED)
    assert min(late_ns) <= 2.5 * INTERVAL_NS


def test_what_was_made_during_a_panic_never_leaves(live: Live) -> None:
    live.going.clear()
    assert live.hung.wait(60)
    assert order(live.server.path, "panic").ok
    assert order(live.server.path, "resume").ok
    resumed_ns = time.monotonic_ns()
    # What hangs was begun before the panic: letting it go now must not show it.
    revision = live.cell.current.privacy_floor
    live.going.set()
    # One older frame may have been past the gate.
    sent = live.after(resumed_ns)[1:]
    live.wait_for(How.SWAPPED)
    assert sent
    assert all(one.revision >= revision for one in sent + live.after(time.monotonic_ns()))


def test_two_hundred_orders_a_second_do_not_delay_a_panic(live: Live) -> None:
    live.cell.submit(SetMode(Mode.SWAP))
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.005):
            live.server.crowd.desk.follow("shape 0.5")

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        time.sleep(0.3)
        assert order(live.server.path, "panic").ok
        done_ns = time.monotonic_ns()
        assert {one.how for one in live.after(done_ns)[1:]} == {How.SLATE}
    finally:
        stop.set()
        thread.join(60)
