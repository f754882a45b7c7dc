"""A graphics card that fails at any call: nothing bare leaves, it is started again, and at last another serves."""

import threading
import time
from collections.abc import Callable, Collection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.app.exchange import ExchangingProcessor, Served
from livecam.app.recovery import RecoveringProcessor, RecoveryRules
from livecam.core.backoff import Band
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame
from livecam.core.ladder import Tier
from livecam.core.ring import LatestRing
from livecam.core.settings import Settings, SettingsCell
from livecam.errors import ConfigError, DeviceError, EngineError
from livecam.privacy.gate import Gate
from livecam.runtime.loops import FrameSlot, InferenceLoop, OutputLoop, PictureSlot
from livecam.runtime.telemetry import Telemetry
from tests.app.serving import BARE, Painter, frame, picture
from tests.fakes import SIZE, FakeClock, ListSink

SETTINGS = Settings()
ORDER = ("rtx", "cuda", "cpu")
QUICK = RecoveryRules(bands=(Band(0.001, 1),))
SLATE = 7
FPS = 30


def first_left(lost: Collection[str]) -> str:
    left = [backend for backend in ORDER if backend not in lost]
    if not left:
        raise ConfigError("All that worked have failed.")
    return left[0]


class Bench:
    """Backends that fail as they are told to.

    Args:
        trouble: Called with the backend and the number of its call, over all that were made of it.
        refused: Backends that cannot be made.
    """

    def __init__(self, trouble: Callable[[str, int], None], refused: Collection[str] = ()) -> None:
        self.trouble, self.refused = trouble, refused
        self.made: list[str] = []
        self.calls = dict.fromkeys(ORDER, 0)
        self.painters: list[Painter] = []
        self.now_ns = NS_PER_S
        self.main = threading.get_ident()
        self.may_make = threading.Event()
        self.may_make.set()
        self.processor = RecoveringProcessor(
            ExchangingProcessor(self.make("rtx")), first_left, self.make, QUICK, lambda: self.now_ns
        )

    def make(self, backend: str) -> Served:
        assert not self.painters or threading.get_ident() != self.main, "never in the inference thread"
        assert self.may_make.wait(60)
        self.made.append(backend)
        if backend in self.refused:
            raise EngineError(f"no {backend}")

        def once(_seq: int) -> None:
            self.calls[backend] += 1
            self.trouble(backend, self.calls[backend])

        painter = Painter(100 + ORDER.index(backend), once)
        self.painters.append(painter)
        return painter.served(backend)

    def run(self, seq: int) -> str:
        """What became of a frame: the backend that swapped it, "failed" or "withheld"."""
        out = picture()
        try:
            outcome = self.processor.process(frame(seq), out, SETTINGS)
        except EngineError:
            return "failed"
        if outcome is not How.SWAPPED:
            return "withheld"
        assert out.min() == out.max() != BARE
        return ORDER[int(out.flat[0]) - 100]

    def until(self, wanted: str, limit_s: float = 60.0) -> list[str]:
        """Frames until one was swapped by `wanted`."""
        began, fates, seq = time.monotonic(), [""], 0
        while fates[-1] != wanted:
            assert time.monotonic() - began < limit_s, f"{fates[-5:]} after {limit_s} s"
            seq += 1
            fates.append(self.run(seq))
            time.sleep(0.001)
        return fates[1:]


def lost_at(*calls: int) -> Callable[[str, int], None]:
    """The first backend's card is lost in these calls of it."""

    def trouble(backend: str, call: int) -> None:
        if backend == "rtx" and call in calls:
            raise DeviceError("The graphics card is lost.")

    return trouble


def test_after_one_failure_it_is_started_again() -> None:
    bench = Bench(lost_at(3))
    bench.may_make.clear()
    assert [bench.run(seq) for seq in (1, 2, 3)] == ["rtx", "rtx", "failed"]
    assert "rtx 100 failed; it is being started again" in bench.processor.note
    bench.may_make.set()
    fates = bench.until("rtx")
    assert set(fates[:-1]) <= {"withheld"}
    assert bench.made == ["rtx", "rtx"]
    assert bench.painters[0].closed.wait(60)
    assert bench.processor.note == ""


def test_after_two_failures_within_a_minute_the_next_backend_serves(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(lost_at(1, 2, 3))
    bench.until("cuda")
    assert bench.made == ["rtx", "rtx", "cuda"]
    assert [bench.run(seq) for seq in range(50, 60)] == ["cuda"] * 10
    assert "rtx 100 failed and is started again" in caplog.text
    assert "rtx 100 failed again and is given up for this run" in caplog.text
    assert bench.processor.stages() == {"swap": 101}


def test_after_a_minute_it_is_forgiven() -> None:
    bench = Bench(lost_at(1, 3))
    bench.until("rtx")
    bench.now_ns += 61 * NS_PER_S
    assert bench.run(50) == "failed"
    bench.until("rtx")
    assert bench.made == ["rtx"] * 3


def test_what_cannot_be_made_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(lost_at(1, 2), refused=["cuda"])
    bench.until("cpu")
    assert bench.made == ["rtx", "rtx", "cuda", "cpu"]
    assert "cuda cannot be started again: no cuda" in caplog.text


def test_when_none_is_left_all_are_tried_again() -> None:
    def trouble(backend: str, call: int) -> None:
        if call <= 2:
            raise DeviceError("lost")

    bench = Bench(trouble)
    bench.until("rtx")
    assert bench.made[:6] == ["rtx", "rtx", "cuda", "cuda", "cpu", "cpu"]


def test_networks_that_keep_failing_count_as_a_failed_card() -> None:
    """ONNX Runtime does not tell the one from the other. A frame now and then is no reason."""

    def trouble(backend: str, call: int) -> None:
        if backend == "rtx" and (call > 20 or call % 4 == 0):
            raise EngineError("CUDA failure 700")

    bench = Bench(trouble)
    assert [bench.run(seq) for seq in range(1, 21)].count("failed") == 5
    assert bench.made == ["rtx"]
    bench.until("cuda")
    assert bench.made == ["rtx", "rtx", "cuda"]


def test_what_comes_back_by_itself_is_left_to_itself() -> None:
    """A server that is started again: nothing is put together anew for it."""
    away = True

    def trouble(_seq: int) -> None:
        if away:
            raise EngineError("The server does not answer.")

    def make(_: str) -> Served:
        raise AssertionError("nothing is to be made")

    server = Served(Painter(100, trouble), "remote", "remote", heals=True)
    processor = RecoveringProcessor(ExchangingProcessor(server), first_left, make, QUICK)
    for seq in range(1, 30):
        with pytest.raises(EngineError):
            processor.process(frame(seq), picture(), SETTINGS)
    away = False
    assert processor.process(frame(30), picture(), SETTINGS) is How.SWAPPED


def test_the_tier_outlives_the_failure() -> None:
    bench = Bench(lost_at(1))
    tier = Tier("halved", sharpen_every=2)
    bench.processor.adapt(tier)
    bench.until("rtx")
    assert bench.painters[-1].tiers == [tier]
    bench.processor.reset()
    assert bench.painters[-1].told[-1] == "reset"


def test_once_stopped_nothing_more_is_made() -> None:
    bench = Bench(lost_at(1))
    bench.processor.stop()
    assert bench.run(1) == "failed"
    assert {bench.run(seq) for seq in range(2, 20)} == {"withheld"}
    assert bench.made == ["rtx"]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(ORDER), st.sets(st.integers(1, 12), max_size=4)))
def test_whatever_fails_when_what_leaves_is_swapped_or_the_slate(fails: dict[str, set[int]]) -> None:
    """Through the loops and the gate, at 30 fps: every sent picture is one of the backends' or the slate."""

    def trouble(backend: str, call: int) -> None:
        if call in fails.get(backend, ()):
            raise DeviceError("lost")

    bench, clock, sink = Bench(trouble), FakeClock(), ListSink()
    cell, telemetry = SettingsCell(SETTINGS), Telemetry()
    frames, pictures = LatestRing(lambda: FrameSlot(SIZE)), LatestRing(lambda: PictureSlot(SIZE))
    inference = InferenceLoop(
        lambda: bench.processor, frames, pictures, threading.Event(), cell, clock, telemetry.inference
    )
    gate = Gate(np.full(SIZE.picture_shape, SLATE, np.uint8), NS_PER_S // 4)
    output = OutputLoop(sink, pictures, gate, cell, clock, NS_PER_S // FPS, telemetry.output, SIZE)
    inference.open()
    output.open()
    for seq in range(1, 80):
        slot = frames.reserve()
        slot.image.fill(BARE)
        slot.frame = Frame(slot.image, seq, clock.time_ns)
        frames.publish()
        try:
            inference.step()
        except DeviceError as error:
            inference.failed(error)
        output.step()
        time.sleep(0.0005)
    assert {byte for _, _, byte in sink.sent} <= {SLATE, 100, 101, 102}
    inferred = telemetry.inference
    assert inferred.taken == inferred.published + inferred.withheld[Withheld.FAILED] == 79
