"""The three step functions, driven by a fake clock and no threads."""

import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.cleared import How, Withheld
from livecam.core.clock import Metronome
from livecam.core.frame import Frame, Image
from livecam.core.ring import LatestRing
from livecam.core.settings import Mode, Panic, Resume, SetMode, Settings, SettingsCell
from livecam.errors import SinkLost, SourceLost
from livecam.privacy.gate import Gate
from livecam.runtime.loops import CaptureLoop, FrameSlot, InferenceLoop, OutputLoop, PictureSlot
from livecam.runtime.phase import PhaseFollower
from livecam.runtime.sending import RESTING_NS
from livecam.runtime.telemetry import Telemetry
from tests.fakes import SIZE, FakeClock, ListSink, ScriptedProcessor, ScriptedSource

INTERVAL = 33_333_333
HOLD = 250_000_000
SLATE_BYTE = 7


class Rig:
    """A whole live path without threads: `run` is one camera interval."""

    def __init__(self, script: Callable[[Frame], How | Withheld] = lambda _: How.SWAPPED) -> None:
        self.clock = FakeClock()
        self.telemetry = Telemetry()
        self.cell = SettingsCell(Settings())
        self.processor = ScriptedProcessor(script)
        self.source = ScriptedSource(self.shoot)
        self.sink = ListSink()
        self.stamp_error_ns = 0
        frames = LatestRing(lambda: FrameSlot(SIZE))
        self.pictures = pictures = LatestRing(lambda: PictureSlot(SIZE))
        ready = threading.Event()
        gate = Gate(np.full(SIZE.picture_shape, SLATE_BYTE, dtype=np.uint8), HOLD)
        self.inference = InferenceLoop(
            lambda: self.processor, frames, pictures, ready, self.cell, self.clock, self.telemetry.inference
        )
        self.capture = CaptureLoop(
            self.source, frames, ready, self.clock, self.telemetry.capture, self.inference.forget
        )
        self.output = OutputLoop(
            self.sink, pictures, gate, self.cell, self.clock, INTERVAL, self.telemetry.output, SIZE
        )
        for loop in (self.output, self.inference, self.capture):
            loop.open()

    def shoot(self, image: Image) -> int:
        image.fill(100)
        return self.clock.now_ns() + self.stamp_error_ns

    def run(self, frames: int, work_ns: int = 10_000_000) -> None:
        for _ in range(frames):
            self.capture.step()
            self.clock.time_ns += work_ns
            self.inference.step()
            self.output.step()

    def ticks(self, count: int) -> list[tuple[How, int, int]]:
        before = len(self.sink.sent)
        for _ in range(count):
            self.output.step()
        return self.sink.sent[before:]


def test_a_swapped_frame_comes_out_once_per_tick() -> None:
    rig = Rig()
    rig.run(10)
    assert [how for how, _, _ in rig.sink.sent] == [How.SWAPPED] * 10
    assert [seq for _, seq, _ in rig.sink.sent] == list(range(1, 11))
    assert rig.telemetry.output.live == 10


def test_before_the_first_picture_there_is_the_slate() -> None:
    rig = Rig()
    assert rig.ticks(2) == [(How.SLATE, -1, SLATE_BYTE)] * 2


def test_a_withheld_frame_is_bridged_and_then_the_slate_takes_over() -> None:
    rig = Rig()
    rig.run(1)
    rig.processor.script = lambda _: Withheld.NO_FACE
    rig.run(12)
    hows = [how for how, _, _ in rig.sink.sent]
    held = hows.count(How.SWAPPED) - 1
    assert 5 <= held * INTERVAL // 33_333_333 <= 7, "250 ms of holding"
    assert hows == [How.SWAPPED] * (held + 1) + [How.SLATE] * (len(hows) - held - 1)
    assert rig.telemetry.inference.withheld[Withheld.NO_FACE] == 12
    assert rig.telemetry.output.held == held


def test_the_bare_frame_never_leaves_whatever_the_processor_answers() -> None:
    answers: list[How | Withheld] = [How.SWAPPED, Withheld.NO_FACE, Withheld.FAILED, How.PASSED]
    rig = Rig(lambda frame: answers[frame.seq % 4])
    rig.run(40)
    assert How.PASSED not in [how for how, _, _ in rig.sink.sent]


def test_panic_reaches_the_very_next_tick_and_old_pictures_stay_in() -> None:
    rig = Rig()
    rig.run(3)
    rig.cell.submit(Panic())
    assert rig.ticks(1)[0][0] is How.SLATE
    rig.cell.submit(Resume())
    assert rig.ticks(1)[0][0] is How.SLATE, "a picture from before the panic may not return"
    rig.run(1)
    assert rig.sink.sent[-1][0] is How.SWAPPED


def test_passthrough_is_shown_only_while_it_is_asked_for() -> None:
    rig = Rig()
    rig.cell.submit(SetMode(Mode.PASSTHROUGH))
    rig.run(2)
    assert rig.sink.sent[-1][0] is How.PASSED
    rig.cell.submit(SetMode(Mode.SWAP))
    assert rig.ticks(1)[0][0] is How.SLATE


def test_a_source_that_hangs_or_dies_ends_in_the_slate() -> None:
    rig = Rig()
    rig.run(2)
    assert [how for how, _, _ in rig.ticks(12)][-1] is How.SLATE


@pytest.mark.parametrize("error_ns", [10**9, -(10**15)])
def test_a_drivers_impossible_stamp_is_replaced(error_ns: int) -> None:
    rig = Rig()
    rig.stamp_error_ns = error_ns
    rig.run(1)
    assert rig.sink.sent[-1][0] is How.SWAPPED
    assert rig.telemetry.capture.bad_stamps == 1


def test_a_driver_whose_stamps_jump_back_does_not_keep_fresh_frames_from_being_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.run(2)
    rig.stamp_error_ns = -10 * HOLD
    rig.run(3)
    assert {how for how, _, _ in rig.sink.sent} == {How.SWAPPED}
    assert rig.telemetry.capture.bad_stamps == 3
    assert len(caplog.records) == 1, "said once"


def test_an_output_that_was_held_up_says_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.run(2)
    rig.clock.time_ns += 3 * INTERVAL
    rig.run(1)
    assert caplog.text == ""
    rig.clock.time_ns += 3600 * 10**9
    rig.run(1)
    assert "The output was held up for 3600" in caplog.text


def test_a_black_camera_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()

    def dark(image: Image) -> int:
        image.fill(0)
        return rig.clock.now_ns()

    rig.source.script = dark
    for _ in range(5):
        rig.run(1)
        rig.clock.time_ns += 10**9
    assert "The camera's picture is black" in caplog.text


def test_a_stale_frame_is_not_shown() -> None:
    rig = Rig()
    rig.stamp_error_ns = -HOLD
    rig.run(3)
    assert {how for how, _, _ in rig.sink.sent} == {How.SLATE}
    assert rig.telemetry.output.expired == 3


def test_opening_the_source_again_makes_the_processor_forget() -> None:
    rig = Rig()
    rig.run(1)
    resets = rig.processor.resets
    rig.capture.open()
    rig.run(1)
    assert rig.processor.resets == resets + 1
    assert rig.telemetry.capture.reopened == 1


def test_failures_are_counted_as_withheld_frames() -> None:
    def broken(_: Frame) -> How:
        raise RuntimeError("no")

    rig = Rig(broken)
    rig.capture.step()
    with pytest.raises(RuntimeError) as raised:
        rig.inference.step()
    rig.inference.failed(raised.value)
    rig.inference.failed(OSError("while idle"))
    assert rig.telemetry.inference.withheld[Withheld.FAILED] == 1
    assert rig.telemetry.inference.failures_in_row == 2
    assert rig.telemetry.inference.busy_since_ns == 0


def test_only_a_picture_ends_a_row_of_failures() -> None:
    outcomes: list[How | Withheld] = [Withheld.NO_FACE, How.SWAPPED]
    rig = Rig(lambda _: outcomes.pop(0))
    rig.inference.failed(OSError("away"))
    rig.run(1)
    assert rig.telemetry.inference.failures_in_row == 1
    rig.run(1)
    assert rig.telemetry.inference.failures_in_row == 0


def test_networks_are_freed_for_a_rest_only_and_built_anew_after_it() -> None:
    made: list[ScriptedProcessor] = []
    freed: list[int] = []
    dear = True
    rig = Rig()

    def make() -> ScriptedProcessor:
        made.append(ScriptedProcessor())
        return made[-1]

    def free() -> bool:
        freed.append(len(made))
        return dear

    ready, frames = threading.Event(), LatestRing(lambda: FrameSlot(SIZE))
    loop = InferenceLoop(
        make,
        frames,
        rig.pictures,
        ready,
        rig.cell,
        rig.clock,
        rig.telemetry.inference,
        free=free,
    )
    loop.open()
    loop.close()
    loop.open()
    assert (len(made), freed, made[0].resets) == (1, [], 1)
    loop.rest(True)
    loop.close()
    loop.close()
    assert freed == [1]
    loop.rest(False)
    loop.open()
    loop.close()
    assert (len(made), freed) == (2, [1])
    dear = False
    loop.rest(True)
    loop.close()
    loop.open()
    assert (len(made), freed) == (2, [1, 2]), "it was asked, and kept what is cheap"


def test_what_cannot_be_freed_is_kept_over_a_rest() -> None:
    rig = Rig()
    rig.inference.rest(True)
    rig.inference.close()
    rig.inference.open()
    assert rig.processor.resets == 1


def test_while_nobody_looks_the_slate_goes_out_seldom_and_at_full_rate_at_once_afterwards() -> None:
    rig = Rig()
    rig.ticks(3)
    rig.output.rest(True)
    rig.ticks(1)
    begun = rig.clock.time_ns
    assert {how for how, _, _ in rig.ticks(10)} == {How.SLATE}
    assert rig.clock.time_ns - begun == 10 * RESTING_NS
    rig.output.rest(False)
    rig.ticks(1)
    begun = rig.clock.time_ns
    rig.ticks(9)
    assert rig.clock.time_ns - begun == 9 * INTERVAL
    assert rig.telemetry.output.missed == 0


def test_every_picture_that_was_sent_is_a_beat_of_the_heart_and_a_failure_is_none() -> None:
    beats: list[int] = []

    class Heart:
        def beat(self) -> None:
            beats.append(rig.clock.now_ns())

    rig = Rig()
    output = OutputLoop(
        rig.sink,
        rig.pictures,
        Gate(np.full(SIZE.picture_shape, SLATE_BYTE, dtype=np.uint8), HOLD),
        rig.cell,
        rig.clock,
        INTERVAL,
        rig.telemetry.output,
        SIZE,
        Heart(),
    )
    output.open()
    assert not beats, "nothing has been sent yet"
    for _ in range(3):
        output.step()
    assert [after - before for before, after in pairwise(beats)] == [INTERVAL, INTERVAL]

    def fail() -> None:
        raise SinkLost("away")

    rig.sink.fail = fail
    with pytest.raises(SinkLost):
        output.step()
    assert len(beats) == 3


def test_a_lost_source_is_counted() -> None:
    rig = Rig()
    rig.capture.failed(SourceLost("gone"))
    rig.capture.close()
    rig.inference.close()
    rig.output.failed(OSError())
    assert rig.telemetry.capture.lost == 1
    assert rig.source.closed == 1


def test_closing_sends_the_slate_last() -> None:
    rig = Rig()
    rig.run(2)
    rig.output.close()
    assert rig.sink.sent[-1] == (How.SLATE, -1, SLATE_BYTE)
    assert rig.sink.closed == 1


def test_another_main_process_is_adopted_between_two_ticks_and_nothing_of_the_old_one_is_held() -> None:
    rig, heir = Rig(), Rig()
    rig.run(3)
    heir.clock.time_ns = rig.clock.time_ns
    gate = Gate(np.full(SIZE.picture_shape, SLATE_BYTE + 1, dtype=np.uint8), HOLD)
    opened = rig.sink.opened
    rig.output.adopt(heir.pictures, gate, heir.cell, heir.telemetry.output)
    assert rig.ticks(1) == [(How.SLATE, -1, SLATE_BYTE + 1)], "the new one's slate, at once"
    heir.clock.time_ns = rig.clock.time_ns
    heir.capture.step()
    heir.inference.step()
    assert [(how, seq) for how, seq, _ in rig.ticks(1)] == [(How.SWAPPED, 1)]
    assert (heir.telemetry.output.live, heir.telemetry.output.slate) == (1, 1)
    assert rig.telemetry.output.ticks == 3
    assert rig.sink.opened == opened, "the sink stays open"


def test_a_sink_that_never_opened_is_sent_nothing_when_closed() -> None:
    rig = Rig()
    rig.output.close()
    sent = len(rig.sink.sent)
    rig.output.close()
    assert len(rig.sink.sent) == sent
    assert rig.sink.closed == 2


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("cio"), st.integers(0, 40_000_000)), max_size=150))
def test_in_any_order_and_at_any_pace_the_counts_add_up(steps: list[tuple[str, int]]) -> None:
    rig = Rig(lambda frame: How.SWAPPED if frame.seq % 3 else Withheld.NO_FACE)
    rig.inference._ready.wait = lambda timeout=None: True  # type: ignore[method-assign]
    loops: dict[str, CaptureLoop | InferenceLoop | OutputLoop] = {"c": rig.capture, "i": rig.inference, "o": rig.output}
    for which, spent_ns in steps:
        loops[which].step()
        rig.clock.time_ns += spent_ns
    capture, inference, output = rig.telemetry.capture, rig.telemetry.inference, rig.telemetry.output
    frames, pictures = rig.capture._ring, rig.pictures
    assert capture.captured == frames.published
    assert inference.taken == frames.taken == inference.published + sum(inference.withheld.values())
    assert frames.published - frames.taken - frames.skipped in range(frames.published - frames.taken + 1)
    assert inference.published == pictures.published
    assert pictures.taken == output.live + output.expired
    assert output.ticks == len(rig.sink.sent)
    assert all(seq % 3 for how, seq, _ in rig.sink.sent if how is How.SWAPPED)


@pytest.mark.parametrize("start_phase_ns", range(0, INTERVAL, INTERVAL // 6))
@pytest.mark.parametrize("drift", [0.0, 0.001, -0.001], ids=["exact", "29.97 fps", "30.03 fps"])
def test_the_beat_settles_shortly_after_publication(start_phase_ns: int, drift: float) -> None:
    """Pictures appear 12 ms (+-1) after each camera frame, from any phase, by a clock that is a little off."""
    clock = FakeClock()
    rng = np.random.default_rng(1)
    metronome = Metronome(clock, INTERVAL)
    phase = PhaseFollower(metronome)
    ready = metronome.next_ns + start_phase_ns + np.arange(700) * INTERVAL * (1 + drift) + rng.normal(0, 1e6, 700)
    waits, shown = [], -1
    for _ in range(600):
        tick = metronome.tick()
        newest = int(np.searchsorted(ready, tick)) - 1
        if newest > shown:
            shown = newest
            waits.append((newest, tick - ready[newest]))
            phase.follow(int(waits[-1][1]))
    late = [wait for _, wait in waits[-300:] if wait > INTERVAL / 2]
    quick = np.median([wait for _, wait in waits[30:60]]) / 1e6
    settled = np.median([wait for _, wait in waits[-300:]]) / 1e6
    assert quick < 9, f"still searching after 30 pictures: {quick:.1f} ms"
    assert settled < 7, f"waits {settled:.1f} ms"
    assert len(late) <= 6, f"{len(late)} of 300 pictures missed their tick"


def test_one_stalled_frame_moves_the_beat_little() -> None:
    metronome = Metronome(FakeClock(), INTERVAL)
    phase = PhaseFollower(metronome)
    for _ in range(100):
        phase.follow(3_000_000)
    start = metronome.next_ns
    phase.follow(20_000_000)
    for _ in range(30):
        phase.follow(3_000_000)
    assert abs(metronome.next_ns - start) < 5_000_000
