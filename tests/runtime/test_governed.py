"""The governor in the inference loop: what a tier costs comes back as load, and what is withheld stays withheld."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_MS, NS_PER_S, Frame
from livecam.core.ladder import FULL, Ladder, Tier, ladder_for
from livecam.core.ring import LatestRing
from livecam.core.settings import Mode, SetMode, Settings, SettingsCell
from livecam.privacy.gate import Gate
from livecam.runtime.governor import Governor, Rules
from livecam.runtime.loops import FrameSlot, InferenceLoop, OutputLoop, PictureSlot
from livecam.runtime.report import About, make_report
from livecam.runtime.telemetry import Telemetry
from tests.fakes import SIZE, FakeClock, ListSink, ScriptedProcessor

LADDER = ladder_for(enhancer=True, small_enhancer=True, mask=True)
INTERVAL_NS = NS_PER_S // 30
HOLD_NS = 250 * NS_PER_MS
CURVE = Path(__file__).parent / "data" / "load_ms.txt"
SAVES = dict(zip(LADDER.tiers, (1.0, 0.7, 0.5, 0.4), strict=True))

Fate = Callable[[int], How | Withheld]


class Costly(ScriptedProcessor):
    """Takes the load of the moment, less what the tier in force saves; what becomes of a frame is another matter.

    Args:
        clock: On which it takes its time.
        fate: What becomes of frame N.
    """

    def __init__(self, clock: FakeClock, fate: Fate) -> None:
        super().__init__(self._work)
        self.clock, self.fate, self.load_ms, self.tier = clock, fate, 10.0, LADDER.tiers[0]

    def _work(self, frame: Frame) -> How | Withheld:
        self.clock.time_ns += int(self.load_ms * SAVES.get(self.tier, 1.0) * NS_PER_MS)
        return self.fate(frame.seq)

    def adapt(self, tier: Tier) -> None:
        super().adapt(tier)
        self.tier = tier


class Path30:
    """Camera at 30 fps -> inference -> gate, without threads; a frame is as old as it has waited for inference."""

    def __init__(self, fate: Fate = lambda _: How.SWAPPED, ladder: Ladder | None = LADDER) -> None:
        self.clock, self.telemetry, self.cell = FakeClock(), Telemetry(), SettingsCell(Settings())
        self.processor, self.sink = Costly(self.clock, fate), ListSink()
        self.frames = LatestRing(lambda: FrameSlot(SIZE))
        pictures = LatestRing(lambda: PictureSlot(SIZE))
        governor = Governor(ladder, Rules()) if ladder is not None else None
        self.inference = InferenceLoop(
            lambda: self.processor,
            self.frames,
            pictures,
            threading.Event(),
            self.cell,
            self.clock,
            self.telemetry.inference,
            governor,
        )
        gate = Gate(np.full(SIZE.picture_shape, 7, np.uint8), HOLD_NS)
        self.output = OutputLoop(
            self.sink, pictures, gate, self.cell, self.clock, INTERVAL_NS, self.telemetry.output, SIZE
        )
        self.inference.open()
        self.output.open()
        self.shown: dict[int, How] = {}
        self._next_ns = self.clock.time_ns

    def play(self, loads_ms: "list[float]") -> None:
        for load_ms in loads_ms:
            self.processor.load_ms = load_ms
            self.clock.time_ns = max(self.clock.time_ns, self._next_ns)
            self._next_ns = self.clock.time_ns + INTERVAL_NS
            slot = self.frames.reserve()
            slot.frame = Frame(slot.image, self.frames.published + 1, self.clock.time_ns)
            self.frames.publish()
            self.inference.step()
            self.output.step()
        self.shown = {seq: how for how, seq, _ in self.sink.sent}

    @property
    def names(self) -> list[str]:
        return [tier.name for tier in self.processor.tiers]


def curve() -> list[float]:
    return [float(word) for word in CURVE.read_text(encoding="ascii").split()]


def test_the_recorded_load_is_followed_down_and_back_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """600 frames of a shared machine, whose neighbours came and went, at two thirds of what they took."""
    path = Path30()
    with caplog.at_level(logging.INFO, "livecam.runtime.governing"):
        path.play([load * 2 / 3 for load in curve()])
        deepest = path.telemetry.inference.tier
        path.play([12.0] * 30 * 60)
    steps = [record for record in caplog.records if record.name == "livecam.runtime.governing"]
    assert deepest != FULL
    assert path.telemetry.inference.tier == path.processor.tier.name == FULL
    assert path.names == [record.getMessage().split("to ")[1].split(":")[0] for record in steps]
    assert {record.levelname for record in steps} == {"WARNING", "INFO"}
    assert steps[0].getMessage().startswith(f"Quality down to {LADDER.tiers[1].name}: inference nears its budget")


def test_where_a_tier_helps_it_stays() -> None:
    path = Path30()
    path.play([70.0] * 30 * 30)
    assert path.telemetry.inference.tier == LADDER.tiers[2].name
    assert sum(path.telemetry.inference.tiers.values()) == path.telemetry.inference.published == 900
    assert path.telemetry.inference.tiers[LADDER.tiers[2].name] > 700


def test_only_swapped_frames_are_judged() -> None:
    """A search for nobody, and a picture that passes, say nothing about what a swap takes."""
    path = Path30(lambda _: Withheld.NO_FACE)
    path.play([200.0] * 200)
    path.processor.fate = lambda _: How.SWAPPED
    path.cell.submit(SetMode(Mode.PASSTHROUGH))
    path.play([200.0] * 200)
    assert path.processor.tiers == []
    assert path.telemetry.inference.tiers == {}


def fate_of(seq: int) -> How | Withheld:
    """Five kinds of frames in an order that repeats seldom."""
    return (How.SWAPPED, How.SWAPPED, Withheld.NO_FACE, Withheld.OTHER_PERSON, How.SWAPPED, Withheld.FAILED)[
        (seq * seq + seq // 7) % 6
    ]


def test_what_leaves_is_the_same_on_every_tier() -> None:
    """The same frames, calm and overloaded: not one leaves that does not leave on full quality."""
    calm, loaded = Path30(fate_of), Path30(fate_of)
    calm.play([5.0] * 900)
    loaded.play([130.0] * 900)
    assert len(set(loaded.names)) == len(LADDER.tiers) - 1
    for path in (calm, loaded):
        assert {seq for seq, how in path.shown.items() if how is How.SWAPPED} <= {
            seq for seq in range(1, 901) if fate_of(seq) is How.SWAPPED
        }
    assert calm.telemetry.inference.withheld == loaded.telemetry.inference.withheld


def test_without_a_governor_nothing_is_given_up() -> None:
    path = Path30(ladder=None)
    path.play([200.0] * 100)
    assert path.processor.tiers == []
    assert path.telemetry.inference.tier == ""
    assert path.telemetry.inference.tiers == {}


def test_another_governor_decides_from_the_next_frame_on_with_the_whole_tier() -> None:
    path = Path30()
    path.play([200.0] * 200)
    assert path.telemetry.inference.tier == LADDER.tiers[-1].name
    other = ladder_for(enhancer=False, small_enhancer=False, mask=True)
    path.inference.govern(Governor(other, Rules()))
    path.play([10.0])
    assert path.telemetry.inference.tier == path.processor.tier.name == FULL
    path.play([200.0] * 200)
    assert path.telemetry.inference.tier == path.processor.tier.name == other.tiers[-1].name
    path.inference.govern(None)
    path.play([200.0] * 100)
    assert path.processor.tier.name == FULL
    assert path.telemetry.inference.tier == ""
    path.inference.govern(Governor(LADDER, Rules()))
    path.play([200.0] * 200)
    assert path.telemetry.inference.tier == LADDER.tiers[-1].name


def test_the_report_tells_the_tiers() -> None:
    path = Path30()
    path.play([200.0] * 40)
    values: Mapping[str, object] = dict.fromkeys(About.__dataclass_fields__, "")
    report = make_report(path.telemetry, About(**values), 0, path.clock.time_ns)  # type: ignore[arg-type]
    assert report.tier == path.processor.tier.name
    assert report.tiers == path.telemetry.inference.tiers
    assert sum(report.tiers.values()) == report.published
