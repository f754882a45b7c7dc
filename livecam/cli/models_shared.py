"""What the commands of ``livecam models`` have in common."""

import difflib
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from livecam.config import Resolved
from livecam.config.presets import PRESETS, Preset
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.inference.model import Model

_MB: Final = 1_000_000


def cache_of(resolved: Resolved) -> Path:
    """The folder of all networks."""
    return resolved.config.models.cache or resolved.paths.models


def catalogue(resolved: Resolved) -> "Mapping[str, Model]":
    """Every published network, the user's own recipes with them.

    Raises:
        ModelError: A recipe cannot be used.
    """
    from livecam.inference.catalogue import catalogue_folders, load_all

    return load_all(catalogue_folders(resolved.paths.recipes, resolved.config.models.recipes))


def present(resolved: Resolved, models: "Iterable[Model]") -> "list[Model]":
    """Those of `models` that are here."""
    from livecam.inference.store import Presence, presence

    cache = cache_of(resolved)
    return [model for model in models if presence(model, cache) is Presence.PRESENT]


def presets() -> Mapping[str, Preset]:
    """The presets by their names; what one's swapper needs besides is in that one's recipe."""
    return {str(name): preset for name, preset in PRESETS.items()}


def embedded_names() -> tuple[str, ...]:
    """The networks of the embedded swap."""
    from livecam.inference.recipes import EMBEDDED

    return EMBEDDED


def check_known(names: Iterable[str], known: Collection[str], thing: str = "network") -> None:
    """Refuse what does not exist.

    Raises:
        ConfigError: A name is not `known`; the nearest one that is, is told.
    """
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=0.4)
            meant = f"Did you mean '{near[0]}'? " if near else ""
            raise ConfigError(f"There is no {thing} '{name}'.", f"{meant}See: livecam models list")


def told_size(size: int) -> str:
    """A size in MB, as disks and servers count them."""
    return f"{size / _MB:,.1f} MB" if size < 100 * _MB else f"{size / _MB:,.0f} MB"


def can_ask() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()
