"""Copies of the frames that pass, for a processor that is being tried while another one serves."""

import threading
from collections.abc import Mapping
from dataclasses import replace

from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings


class Prompter:
    """A `Processor` in front of another; copies a frame for whoever waits for one, and costs nothing otherwise.

    Args:
        serving: Does the work.
    """

    def __init__(self, serving: Processor) -> None:
        self._serving = serving
        self._wanted = False
        self._came = threading.Event()
        self._frame: Frame | None = None

    def next_frame(self, timeout_s: float) -> Frame | None:
        """A copy of the next frame; None where none comes in time. One thread besides that of `process`."""
        self._came.clear()
        self._wanted = True
        try:
            return self._frame if self._came.wait(max(timeout_s, 0.0)) else None
        finally:
            self._wanted = False
            self._frame = None

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`."""
        if self._wanted:
            self._wanted = False
            # Before it is worked on: that happens in its own memory.
            self._frame = replace(frame, image=frame.image.copy())
            self._came.set()
        return self._serving.process(frame, out, settings)

    def reset(self) -> None:
        """See `Processor`."""
        self._serving.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._serving.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._serving.stages()
