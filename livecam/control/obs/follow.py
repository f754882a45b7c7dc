"""The persona that belongs to OBS's scene, while OBS runs."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from livecam.control.obs.client import SCENE_EVENTS, ObsClient, ObsError, ObsPlace

log = logging.getLogger(__name__)

WAITS_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between two tries to reach OBS: the first, the second, and so on, and the last for ever."""

_LOOK_S: Final = 0.5


class SceneFollower:
    """Wears the persona of the scene that OBS shows. Used by one thread, which may wait for a persona to be ready.

    Args:
        place: Where OBS listens.
        personas: By the scene's name; a scene that is not named changes nothing.
        wear: Takes a persona's name, and returns once it is worn or refused.
    """

    def __init__(self, place: ObsPlace, personas: Mapping[str, str], wear: Callable[[str], None]) -> None:
        self._place = place
        self._personas = personas
        self._wear = wear
        self._scene = ""
        self._told = ""

    def follow(self, stop: threading.Event) -> None:
        """Follow until `stop`; OBS may come and go."""
        tries = 0
        while not stop.is_set():
            try:
                client = ObsClient(self._place, SCENE_EVENTS)
            except ObsError as error:
                self._tell(str(error))
                stop.wait(WAITS_S[min(tries, len(WAITS_S) - 1)])
                tries += 1
                continue
            tries = 0
            try:
                self._listen(client, stop)
            except ObsError as error:
                self._tell(str(error))
                stop.wait(WAITS_S[0])
            finally:
                client.close()

    def _listen(self, client: ObsClient, stop: threading.Event) -> None:
        self._told = ""
        log.info("Following the scenes of OBS.")
        self._shown(str(client.ask("GetCurrentProgramScene").get("currentProgramSceneName", "")))
        while not stop.is_set():
            scene = _newest_scene(client)
            if scene is not None:
                self._shown(scene)

    def _shown(self, scene: str) -> None:
        # A connection that comes back to the same scene leaves what was chosen by hand since.
        if scene == self._scene:
            return
        self._scene = scene
        persona = self._personas.get(scene)
        if persona is not None:
            self._wear(persona)

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            self._told = trouble
            log.warning("The scenes of OBS are not followed. %s", trouble)


def _newest_scene(client: ObsClient) -> str | None:
    """The scene of the last change, where several came while a persona was made ready; None when none came."""
    scene: str | None = None
    timeout_s = _LOOK_S
    while (event := client.event(timeout_s)) is not None:
        kind, data = event
        if kind == "CurrentProgramSceneChanged":
            scene = str(data.get("sceneName", ""))
        timeout_s = 0.0
    return scene
