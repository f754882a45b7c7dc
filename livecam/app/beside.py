"""What goes on beside a run, each in a thread of its own: the scenes of OBS, the delayed microphone."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from livecam.config import Config
from livecam.control.desk import Desk, Json

_SCENES_STOP_S: Final = 2.0
_SOUND_STOP_S: Final = 8.0


class Part:
    """One of them.

    Args:
        name: Of its thread.
        work: Is done until the event is set; tells its troubles in the log.
        stop_s: So long its end is waited for.
    """

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop_s: float) -> None:
        self._stop_s = stop_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=work, args=(self._stop,), name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._stop_s)


def scenes_of(config: Config, desk: Desk) -> Part:
    """The scenes of OBS choose the persona."""

    def follow(stop: threading.Event) -> None:
        from livecam.app.obs import follow_scenes

        follow_scenes(config.obs, desk, stop)

    return Part("obs", follow, _SCENES_STOP_S)


def sound_of(config: Config, status: Callable[[], Mapping[str, Json]]) -> Part:
    """The microphone is as late as the picture."""

    def keep(stop: threading.Event) -> None:
        from livecam.app.audio import keep_microphone

        keep_microphone(config.audio, status, stop)

    return Part("audio", keep, _SOUND_STOP_S)


class Beside:
    """All that the configuration wants. Any thread.

    Args:
        config: Sections ``obs`` and ``audio``.
        desk: Follows orders.
        status: How the run goes, for the socket.
    """

    def __init__(self, config: Config, desk: Desk, status: Callable[[], Mapping[str, Json]]) -> None:
        self._config = config
        self._desk = desk
        self._status = status
        self._parts: dict[str, Part] = {}
        self._over = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin what is wanted."""
        self.follow_obs(self._config)
        self.follow_audio(self._config)

    def stop(self) -> None:
        """End all, for good. Idempotent."""
        with self._lock:
            self._over = True
            while self._parts:
                self._parts.popitem()[1].stop()

    def follow_obs(self, config: Config) -> str:
        """Follow the scenes as `config` says from now on; what now holds."""
        self._replace("obs", scenes_of(config, self._desk) if config.obs.connect else None)
        where = f"The scenes of OBS on {config.obs.host}"
        return f"{where} are followed." if config.obs.connect else "The scenes of OBS are not followed."

    def follow_audio(self, config: Config) -> str:
        """Delay the microphone as `config` says from now on; what now holds."""
        self._replace("audio", sound_of(config, self._status) if config.audio.delay else None)
        return "The microphone is delayed with the picture." if config.audio.delay else "No microphone is delayed."

    def _replace(self, name: str, part: Part | None) -> None:
        """End the part of that name, and begin `part` in its place."""
        with self._lock:
            before = self._parts.pop(name, None)
            if before is not None:
                before.stop()
            if part is not None and not self._over:
                self._parts[name] = part
                part.start()
