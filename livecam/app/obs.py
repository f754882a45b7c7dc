"""OBS as a part of a run: its scenes choose the persona."""

import logging
import threading

from livecam.config import ObsConfig
from livecam.control.desk import Desk
from livecam.errors import ExtraMissing, LivecamError

log = logging.getLogger(__name__)

_STOP_S = 2.0


class ObsScenes:
    """Follows OBS in a thread of its own. What cannot be had is told in the log; the run goes on.

    Args:
        config: Where OBS listens, and the personas by scene.
        desk: Follows the orders.
    """

    def __init__(self, config: ObsConfig, desk: Desk) -> None:
        self._config = config
        self._desk = desk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="obs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            demand_client()
            # They need the package that was just asked for.
            from livecam.control.obs.client import configured
            from livecam.control.obs.follow import SceneFollower

            place = configured(self._config)
        except LivecamError as error:
            log.warning("The scenes of OBS are not followed. %s", error)
            return
        SceneFollower(place, dict(self._config.scenes), self._wear).follow(self._stop)

    def _wear(self, persona: str) -> None:
        if self._stop.is_set():
            return
        answer = self._desk.follow(f"persona {persona}")
        log.log(logging.INFO if answer.ok else logging.WARNING, "By OBS's scene: %s", answer.said)


def demand_client() -> None:
    """Nothing can be said to OBS without the package `websockets`.

    Raises:
        ExtraMissing: It is not installed.
    """
    try:
        import websockets  # noqa: F401 - looked for
    except ModuleNotFoundError:
        raise ExtraMissing(
            "The connection to OBS needs the package websockets.", "Install it with: pip install 'livecam[obs]'"
        ) from None
