"""The delayed microphone as a part of a run."""

import logging
import threading
from collections.abc import Callable, Mapping

from livecam.config import AudioConfig
from livecam.control.audio.delay import video_delay_ms
from livecam.control.audio.pulse import demand_linux
from livecam.control.desk import Json
from livecam.errors import LivecamError

log = logging.getLogger(__name__)


def keep_microphone(config: AudioConfig, status: Callable[[], Mapping[str, Json]], stop: threading.Event) -> None:
    """Keep the delayed microphone until `stop`. What cannot be had is told in the log; the run goes on.

    Args:
        config: Which microphone, and how much more.
        status: How the run goes, for the socket.
        stop: Removes it.
    """
    try:
        demand_linux()
        from livecam.control.audio.keeper import Keeper, alone  # needs what Windows lacks
        from livecam.control.audio.microphone import DelayedMicrophone

        microphone = DelayedMicrophone(config.microphone, stop)
        with alone():
            Keeper(microphone, lambda: video_delay_ms(status()), config.extra_ms, log.info).keep(stop)
    except LivecamError as error:
        log.warning("There is no delayed microphone. %s", error)
