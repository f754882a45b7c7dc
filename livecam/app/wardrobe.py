"""The personas that are ready to be worn, so that switching costs a dictionary look-up."""

import threading
from collections.abc import Callable

from livecam.core.persona import Persona


class Wardrobe:
    """Prepared personas by name. Filling may take a second; looking never waits.

    Args:
        load: Loads and prepares a persona; raises `PersonaError`.
    """

    def __init__(self, load: Callable[[str], Persona]) -> None:
        self._load = load
        self._ready: dict[str, Persona] = {}
        self._loading = threading.Lock()

    def prepare(self, name: str) -> Persona:
        """Make `name` ready, if it is not, and return it. Any thread; one is made ready at a time.

        Raises:
            PersonaError: There is no such persona, or its files cannot be used.
        """
        with self._loading:
            if name not in self._ready:
                self._ready[name] = self._load(name)
            return self._ready[name]

    def get(self, name: str) -> Persona | None:
        """The persona, or None when it was not prepared. Any thread; never waits."""
        return self._ready.get(name)
