"""OBS as a part of a run: its scenes choose the persona."""

import logging
import threading

from livecam.config import ObsConfig
from livecam.control.desk import Desk
from livecam.errors import ExtraMissing, LivecamError

log = logging.getLogger(__name__)


def follow_scenes(config: ObsConfig, desk: Desk, stop: threading.Event) -> None:
    """Have OBS's scenes choose the persona until `stop`. What cannot be had is told in the log; the run goes on.

    Args:
        config: Where OBS listens, and the personas by scene.
        desk: Follows the orders.
        stop: Ends it.
    """

    def wear(persona: str) -> None:
        if stop.is_set():
            return
        answer = desk.follow(f"persona {persona}")
        log.log(logging.INFO if answer.ok else logging.WARNING, "By OBS's scene: %s", answer.said)

    try:
        demand_client()
        # They need the package that was just asked for.
        from livecam.control.obs.client import configured
        from livecam.control.obs.follow import SceneFollower

        place = configured(config)
    except LivecamError as error:
        log.warning("The scenes of OBS are not followed. %s", error)
        return
    SceneFollower(place, dict(config.scenes), wear).follow(stop)


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
