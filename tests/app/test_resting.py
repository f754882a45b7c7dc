"""``idle = "release"`` in a whole daemon: the camera is closed while nobody looks, and is back for who comes."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from livecam.app import Daemon, Panic
from livecam.config import load
from livecam.core.cleared import Cleared, How
from livecam.core.frame import Image, Size
from livecam.core.seams import Clock
from livecam.core.spec import SourceWish, Spec
from livecam.runtime.supervisor import RESTING, Health, State
from tests.app.keeping import KeepingSink
from tests.fakes import ScriptedProcessor, ScriptedSource

SIZE = Size(320, 240)
VALUES = {"source.size": str(SIZE), "output.sinks": "web", "idle.when": "release", "idle.after_s": "0.5"}


class Turnstile(KeepingSink):
    """A sink that is read by as many as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: int | None = 0
        self.times_s: list[float] = []

    def send(self, cleared: Cleared) -> None:
        self.times_s.append(time.monotonic())
        super().send(cleared)

    def longest_s(self) -> float:
        """Between two pictures, where others use the machine."""
        return max(after - before for before, after in itertools.pairwise(self.times_s))


class Heart:
    """Counts its beats."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


class Rig:
    """A daemon with a camera that counts how often it was opened and closed, and a sink with pretended readers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.camera = ScriptedSource(self.shoot, SIZE)
        self.sink, self.heart = Turnstile(), Heart()
        self.processors: list[ScriptedProcessor] = []
        monkeypatch.setattr("livecam.app.deeds.make_source", self.made)
        config = load({**VALUES, "idle.card_s": "1"}, Path(os.devnull), {}).config
        self.daemon = Daemon(config, make_processor=self.processor, heartbeat=self.heart)
        self.daemon.add_sink(self.sink)
        self.daemon.start()

    def made(self, spec: Spec, wish: SourceWish, clock: Clock) -> ScriptedSource:
        return self.camera

    def processor(self) -> ScriptedProcessor:
        self.processors.append(ScriptedProcessor())
        return self.processors[-1]

    def shoot(self, image: Image) -> int:
        time.sleep(0.02)
        image.fill(100)
        return time.monotonic_ns()

    def until(self, holds: Callable[[Health], bool]) -> None:
        end_s = time.monotonic() + 60
        while not holds(self.daemon.check()):
            assert time.monotonic() < end_s, self.daemon.check()
            time.sleep(0.02)

    def shows(self, how: How) -> Callable[[Health], bool]:
        return lambda _: bool(self.sink.kept) and self.sink.kept[-1][0] is how

    def rests(self) -> None:
        self.until(lambda health: health.state is State.IDLE)
        self.until(self.shows(How.SLATE))


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    rig.daemon.stop()
    assert rig.camera.opened <= rig.camera.closed, "the camera is closed in the end"
    assert rig.sink.kept[-1][0] is How.SLATE


def test_the_camera_is_closed_until_somebody_looks_who_is_shown_the_card_and_then_the_swap(rig: Rig) -> None:
    rig.rests()
    opened = rig.camera.opened
    assert rig.camera.closed >= opened
    assert rig.daemon.status(rig.daemon.check()).note == RESTING
    slate, beats, came = rig.sink.kept[-1][2], rig.heart.beats, len(rig.sink.kept)
    rig.until(lambda _: rig.heart.beats > beats + 3)
    assert rig.camera.opened == opened
    assert len(rig.processors) == 1
    rig.sink.readers = 1
    rig.until(lambda health: health.state is State.LIVE and rig.sink.kept[-1][0] is How.SWAPPED)
    assert rig.camera.opened == opened + 1
    shown = [(how, bool(np.array_equal(picture, slate))) for how, _, picture in rig.sink.kept[came:]]
    first = shown.index((How.SLATE, False))
    assert all(one == (How.SLATE, True) for one in shown[:first]), "then the slate goes out"
    after = shown.index((How.SWAPPED, False))
    card = shown[first:after].count((How.SLATE, False))
    assert shown[first:after] == [(How.SLATE, False)] * card + [(How.SLATE, True)] * (after - first - card), "the card"
    times = rig.sink.times_s[came:]
    assert times[after] - times[first] >= 0.9, "for its time"
    assert times[first + card - 1] - times[first] < 1.2 + rig.sink.longest_s(), "and no longer"
    sent = len(rig.sink.kept)
    assert rig.heart.beats >= sent - 1


def test_who_comes_in_a_panic_sees_the_slate(rig: Rig) -> None:
    rig.rests()
    slate, came = rig.sink.kept[-1][2], len(rig.sink.kept)
    rig.daemon.submit(Panic())
    rig.sink.readers = 2
    rig.until(lambda health: health.state is State.LIVE)
    rig.until(lambda _: len(rig.sink.kept) > came + 10)
    assert all(np.array_equal(picture, slate) for _, _, picture in rig.sink.kept[came:])
