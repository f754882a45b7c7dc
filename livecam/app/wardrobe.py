"""The personas that are ready to be worn, so that switching costs a dictionary look-up."""

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from livecam.core.persona import Persona

MOST: Final = 24
"""So many stay ready besides those that are kept; the one that was longest not worn goes for the next."""


class Wardrobe:
    """Prepared personas by name. Filling may take a second; looking never waits.

    Args:
        load: Loads and prepares a persona; raises `PersonaError`.
        most: How many stay ready besides those that are kept.
        stamp: Another one when a persona's files have changed or are gone, whoever did that.
    """

    def __init__(
        self, load: Callable[[str], Persona], most: int = MOST, stamp: Callable[[str], object] = lambda _: None
    ) -> None:
        self._load = load
        self._most = most
        self._stamp = stamp
        self._stamps: dict[str, object] = {}
        self._ready: dict[str, Persona] = {}
        self._kept: set[str] = set()
        self._stale: set[str] = set()
        self._moments = count()
        self._worn: dict[str, int] = {}
        self._loading = threading.Lock()

    def prepare(self, name: str, *, keep: bool = False) -> Persona:
        """Make `name` ready, if it is not, and return it. Any thread; one is made ready at a time.

        Args:
            name: Of the persona.
            keep: It stays ready, worn or not.

        Raises:
            PersonaError: There is no such persona, or its files cannot be used.
        """
        with self._loading:
            stamp = self._stamp(name)
            fresh = name not in self._stale and stamp == self._stamps.get(name)
            persona = (self._ready.get(name) if fresh else None) or self._load(name)
            self._stale.discard(name)
            self._stamps[name] = stamp
            self._worn[name] = next(self._moments)
            self._ready[name] = persona
            if keep:
                self._kept.add(name)
            self._clear_out()
            return persona

    def get(self, name: str) -> Persona | None:
        """The persona, or None when it was not prepared. The thread that wears it; never waits."""
        persona = self._ready.get(name)
        if persona is not None:
            self._worn[name] = next(self._moments)
        return persona

    def forget(self, name: str) -> None:
        """Load `name` anew when it is prepared next: its files have changed. What is worn stays as it is till then."""
        with self._loading:
            if name in self._ready:
                self._stale.add(name)

    def _clear_out(self) -> None:
        spare = sorted(self._ready.keys() - self._kept, key=lambda name: self._worn.get(name, 0))
        for name in spare[: max(0, len(spare) - self._most)]:
            del self._ready[name]
            self._worn.pop(name, None)
            self._stamps.pop(name, None)


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """What changes when the persona in `folder` is made anew, by this program or another; None where there is none."""
    try:
        found = (folder / "persona.json").stat()
    except (OSError, ValueError):  # a name with a NUL in it is no path
        return None
    return found.st_ino, found.st_mtime_ns
