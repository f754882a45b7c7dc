"""How long each thread may be in a driver or a network before only another process can help; docs/reliability.md."""

from collections.abc import Callable
from typing import Final

from livecam.config import Config
from livecam.runtime.stuck import StuckWatch, calls, frames
from livecam.runtime.telemetry import Telemetry
from livecam.runtime.worker import Doing

OPEN_S: Final = 15.0
"""A camera or network stream is opened within this, whatever the driver."""

SEND_S: Final = 1.5
"""A picture is handed over within this, by a sink that promised not to wait."""

_READ_S: Final = 2.0
"""Beyond the configured wait for a frame, by a source that promised not to block longer."""


def stuck_watch(config: Config, telemetry: Telemetry, changing: Callable[[], bool]) -> StuckWatch:
    """Finds the threads of a run that do not come back.

    Args:
        config: Of the run.
        telemetry: Of the run: a frame may take long where all of them do.
        changing: Whether another source is just being opened in the capture thread.
    """
    read_s = config.source.timeout_s + _READ_S

    def capture(doing: Doing) -> float:
        return OPEN_S if doing is Doing.OPENING or changing() else read_s

    watched = {"capture": capture, "inference": frames(telemetry.inference)}
    if not config.output.process:
        # The output process has somebody of its own who ends it.
        watched["output"] = calls(OPEN_S, SEND_S)
    return StuckWatch(watched)
