"""Doubles that behave, and doubles that misbehave, for the loops' tests."""

from collections.abc import Callable, Mapping

import numpy as np

from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.seams import SourceInfo
from livecam.core.settings import Mode, Settings

SIZE = Size(64, 64)


class FakeClock:
    """A clock that moves only when slept on or pushed."""

    def __init__(self, now_ns: int = 1_000_000_000) -> None:
        self.time_ns = now_ns
        self.slept: list[int] = []

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until(self, deadline_ns: int) -> None:
        self.slept.append(deadline_ns)
        self.time_ns = max(self.time_ns, deadline_ns)


class ScriptedSource:
    """Runs a script: each entry is called with the image and returns the stamp, or raises."""

    def __init__(self, script: Callable[[Image], int], size: Size = SIZE) -> None:
        self.script = script
        self.size = size
        self.opened = 0
        self.closed = 0

    def open(self) -> SourceInfo:
        self.opened += 1
        return SourceInfo("scripted", self.size, 30.0, True)

    def read_into(self, image: Image) -> int:
        return self.script(image)

    def close(self) -> None:
        self.closed += 1


class ScriptedProcessor:
    """Calls `script(frame)`; writes the frame's first byte over the whole picture when it answers with a `How`."""

    def __init__(self, script: Callable[[Frame], How | Withheld] = lambda _: How.SWAPPED) -> None:
        self.script = script
        self.resets = 0
        self.seen: list[int] = []
        self.tiers: list[Tier] = []

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        self.seen.append(frame.seq)
        outcome = self.script(frame)
        if settings.mode is Mode.PASSTHROUGH and isinstance(outcome, How):
            outcome = How.PASSED
        if isinstance(outcome, How):
            out.fill(frame.image.flat[0])
        return outcome

    def reset(self) -> None:
        self.resets += 1

    def adapt(self, tier: Tier) -> None:
        self.tiers.append(tier)

    def stages(self) -> Mapping[str, int]:
        return {"swap": 1_000_000}


class ListSink:
    """Keeps what it was sent; `fail` may raise instead."""

    name = "list"

    def __init__(self, fail: Callable[[], None] = lambda: None) -> None:
        self.fail = fail
        self.sent: list[tuple[How, int, int]] = []
        self.opened = 0
        self.closed = 0

    def open(self, size: Size, fps: float) -> None:
        self.opened += 1

    def send(self, cleared: Cleared) -> None:
        self.fail()
        assert cleared.picture.dtype == np.uint8
        self.sent.append((cleared.how, cleared.seq, int(cleared.picture.flat[0])))

    def close(self) -> None:
        self.closed += 1
