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

_STOP_S = 8.0


class AudioDelay:
    """Keeps the microphone in a thread of its own. What cannot be had is told in the log, and tried again.

    Args:
        config: Which microphone, and how much more.
        status: How the run goes, for the socket.
    """

    def __init__(self, config: AudioConfig, status: Callable[[], Mapping[str, Json]]) -> None:
        self._config = config
        self._status = status
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the microphone. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            self._keep()
        except LivecamError as error:
            log.warning("There is no delayed microphone. %s", error)

    def _keep(self) -> None:
        demand_linux()
        from livecam.control.audio.keeper import Keeper, alone  # needs what Windows lacks
        from livecam.control.audio.microphone import DelayedMicrophone

        microphone = DelayedMicrophone(self._config.microphone, self._stop)
        with alone():
            Keeper(microphone, lambda: video_delay_ms(self._status()), self._config.extra_ms, log.info).keep(self._stop)
