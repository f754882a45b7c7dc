"""The embedded networks as a run needs them: the swap's own must be there, those for hands may be missing."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import ModelError
from livecam.inference.progress import Progress
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import EMBEDDED, HANDS, MESH_ENGINE, load_recipe
from livecam.inference.weights import Presence, ensure_all, status

PATIENCE_S: Final = 24 * 3600.0
"""After those for hands could not be fetched, no start of a run tries it again for so long."""

_TRIED: Final = ".hands-not-fetched"


@dataclass(frozen=True, slots=True)
class Embedded:
    """What there is.

    Attributes:
        paths: ONNX files by name.
        lacks: Why those for hands are not among them, in a sentence; empty when they are, or were not asked for.
    """

    paths: Mapping[str, Path]
    lacks: str = ""


def missing(cache: Path) -> set[str]:
    """Names of the embedded networks that are not in `cache`, or damaged."""
    return {recipe.name for recipe in _recipes(EMBEDDED) if status(recipe, cache) is not Presence.PRESENT}


def ensure_embedded(cache: Path, progress: Progress | None = None, hands: bool = True) -> Embedded:
    """Fetch and convert what is missing.

    Args:
        cache: Where networks are kept.
        progress: Told what is done.
        hands: Whether those for hands are wanted. Without a network they are tried once a day, not at every start.

    Raises:
        ModelError: One that the swap cannot do without is missing and cannot be fetched.
    """
    if not hands:
        return Embedded(ensure_all(_recipes(MESH_ENGINE), cache, progress))
    if _tried_lately(cache) and missing(cache) & set(HANDS):
        return _without("they could not be fetched a while ago; `livecam models fetch` tries again", cache, progress)
    try:
        return Embedded(ensure_all(_recipes(EMBEDDED), cache, progress))
    except ModelError as error:
        found = _without(str(error), cache, progress)
        with suppress(OSError):
            (cache / _TRIED).touch()
        return found


def _without(why: str, cache: Path, progress: Progress | None) -> Embedded:
    paths = ensure_all(_recipes(MESH_ENGINE), cache, progress)
    return Embedded(paths, f"Hands before the face will be painted over: {why}.".replace("..", "."))


def _tried_lately(cache: Path) -> bool:
    try:
        age_s = time.time() - (cache / _TRIED).stat().st_mtime
    except OSError:
        return False
    return 0 <= age_s < PATIENCE_S


def _recipes(names: tuple[str, ...]) -> list[Recipe]:
    return [load_recipe(name) for name in names]
