"""The personas that are ready to be worn, so that switching costs a dictionary look-up."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from livecam.core.persona import Persona

MOST_BYTES: Final = 256 * 2**20
"""So much stays ready besides those that are kept; the one that was longest not worn goes for the next.

A mesh persona takes 2.6 MB where the face in its photo is 420 px tall or less, and four times that where it is 900 px:
a bank of 50 is ready as a whole, or half of one that was made of large photos.
"""

_LEAST_BYTES: Final = 16 * 2**10
_PACK: Final = "prepared/pack.sealed"


class Wardrobe:
    """Prepared personas by name. Filling may take a second; looking never waits.

    Args:
        load: Loads and prepares a persona; raises `PersonaError`.
        most_bytes: How much stays ready besides those that are kept; the last one that was made ready always does.
        stamp: Another one when a persona's files have changed or are gone, whoever did that.
    """

    def __init__(
        self,
        load: Callable[[str], Persona],
        most_bytes: int = MOST_BYTES,
        stamp: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._load = load
        self._most_bytes = most_bytes
        self._stamp = stamp
        self._stamps: dict[str, object] = {}
        self._weights: dict[str, int] = {}
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
            if self._ready.get(name) is not persona:
                self._ready[name], self._weights[name] = persona, weight_of(persona)
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

    def ready(self) -> Mapping[str, Persona]:
        """All that are ready, by name, as they are at this moment. Any thread."""
        return self._ready.copy()

    def withdraw(self, name: str) -> bool:
        """Let nobody wear `name` until it is prepared again; whether it was ready. Any thread; never waits."""
        return self._ready.pop(name, None) is not None

    def forget(self, name: str) -> None:
        """Load `name` anew when it is prepared next: its files have changed. What is worn stays as it is till then."""
        with self._loading:
            if name in self._ready:
                self._stale.add(name)

    def _clear_out(self) -> None:
        spare = sorted(self._ready.keys() - self._kept, key=lambda name: self._worn.get(name, 0))
        taken = sum(self._weights[name] for name in spare)
        for name in spare[:-1]:
            if taken <= self._most_bytes:
                break
            self._ready.pop(name, None)
            taken -= self._weights.pop(name)
            self._worn.pop(name, None)
            self._stamps.pop(name, None)


def weight_of(persona: Persona) -> int:
    """Bytes that it takes while it is ready, about."""
    return _LEAST_BYTES + _bytes_in(persona.identity)


def _bytes_in(value: object) -> int:
    """Bytes of the arrays in `value`, at any depth."""
    match value:
        case np.ndarray():
            return value.nbytes
        case Mapping():
            return sum(map(_bytes_in, value.values()))
        case tuple() | list():
            return sum(map(_bytes_in, value))
        case _ if is_dataclass(value):
            return sum(_bytes_in(getattr(value, field.name)) for field in fields(value))
    return 0


def stamp_of(folder: Path) -> tuple[int, ...] | None:
    """What changes when the persona in `folder` is made anew, by this program or another; None where there is none.

    It changes with the persona's identity pack too.
    """
    try:
        found = (folder / "persona.json").stat()
    except (OSError, ValueError):  # a name with a NUL in it is no path
        return None
    try:
        pack = (folder / _PACK).stat()
    except OSError:
        return found.st_ino, found.st_mtime_ns
    return found.st_ino, found.st_mtime_ns, pack.st_ino, pack.st_mtime_ns
