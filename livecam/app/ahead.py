"""Makes personas ready before anybody asks for them, the likeliest first, so that a switch waits for no disk."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from livecam.app.wardrobe import MOST_BYTES, weight_of
from livecam.config import Config, Paths
from livecam.core.persona import Persona
from livecam.errors import LivecamError

log = logging.getLogger(__name__)

MOST: Final = MOST_BYTES * 3 // 4
"""So much is made ready ahead, bytes; less than a wardrobe holds, so that what is worn stays there."""

PAUSE_S: Final = 0.1
"""Between one and the next: a persona takes some milliseconds of a processor that frames need too."""

_LOOK_S: Final = 0.25
_STOP_S: Final = 5.0


class Ahead:
    """A thread that makes personas ready, each time another one is worn.

    Args:
        prepare: Makes one ready; quick where it is already. Raises `PersonaError`.
        likely: Those to be worn next, the likeliest first.
        worn: The name of the one that is worn.
        begun: Whether that one is ready; before, nothing is done.
        served: For whom they are made ready; for another one, they are anew.
        most_bytes: So much is made ready.
        pause_s: Between one and the next, and between looks at who is worn.
    """

    def __init__(
        self,
        prepare: Callable[[str], Persona],
        likely: Callable[[], Sequence[str]],
        worn: Callable[[], str],
        begun: Callable[[], bool] = lambda: True,
        served: Callable[[], object] = lambda: None,
        most_bytes: int = MOST,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._prepare = prepare
        self._likely = likely
        self._worn = worn
        self._begun = begun
        self._served = served
        self._most_bytes = most_bytes
        self._pause_s = pause_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="livecam-ahead", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make nothing more ready. Idempotent."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        done: tuple[str, object] | None = None
        while not self._ended.wait(min(_LOOK_S, self._pause_s)):
            now = self._worn(), self._served()
            if now != done and self._begun() and self._make_ready(now[0]):
                done = now

    def _make_ready(self, worn: str) -> bool:
        """Make ready what is likely after `worn`; whether that was done to the end."""
        try:
            names = list(self._likely())
        except LivecamError as error:
            log.warning("It cannot be told which personas to make ready: %s", error)
            return True
        left = self._most_bytes
        for name in names:
            if self._ended.wait(self._pause_s) or self._worn() != worn:
                return False
            left -= self._try(name)
            # What is worn is touched each time, so that it is never the one that makes room.
            self._try(worn)
            if left <= 0:
                break
        return True

    def _try(self, name: str) -> int:
        """Make `name` ready; the bytes it takes, 0 where it cannot be."""
        try:
            return weight_of(self._prepare(name))
        except LivecamError as error:
            # Whoever asks for it is told then.
            log.debug("%s could not be made ready ahead: %s", name, error)
            return 0


def ahead_of(
    config: Config,
    paths: Paths,
    prepare: Callable[[str], Persona],
    worn: Callable[[], str],
    begun: Callable[[], bool] = lambda: True,
    served: Callable[[], object] = lambda: None,
) -> Ahead:
    """What makes the neighbours of the persona that is worn, and the favourites, ready.

    Args:
        config: Section ``bank``.
        paths: Where personas are.
        prepare: Makes one ready.
        worn: The name of the one that is worn.
        begun: Whether that one is ready; before, nothing is done.
        served: For whom they are made ready; for another one, they are anew.
    """

    def likely() -> Sequence[str]:
        # Brings OpenCV, which the slate does not wait for.
        from livecam.faces.favourites import Favourites, path_of
        from livecam.faces.library import PersonaLibrary

        names = PersonaLibrary(paths.personas, {}, paths.prepared).names()
        return likely_next(names, worn(), Favourites(path_of(paths.data), config.bank.favourites).all().values())

    return Ahead(prepare, likely, worn, begun, served)


def likely_next(names: Sequence[str], worn: str, favourites: Iterable[str]) -> list[str]:
    """All of `names` but `worn`, the likeliest to be worn next first: its neighbours, favourites, then by distance."""
    if worn not in names:
        return [*names]
    here, around = names.index(worn), len(names)
    near = sorted(
        range(around), key=lambda place: (min((place - here) % around, (here - place) % around), place < here)
    )
    walked = [names[place] for place in near]
    first = [*walked[1:3], *(name for name in favourites if name in names)]
    return list(dict.fromkeys(name for name in (*first, *walked) if name != worn))
