"""For the tests of stills: places of one's own, the embedded networks of the user's cache, and personas."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from livecam.app.stills import Stills, open_stills
from livecam.config import Config, Paths, Policy, load
from livecam.core.frame import Image
from livecam.core.persona import Basis, Scope
from livecam.faces.library import PersonaLibrary, built_in_photo
from livecam.inference.weights import cache_folder

OPEN = Policy()


def places(folder: Path) -> Paths:
    return Paths(folder / "livecam.toml", folder / "data", folder / "cache")


def configured(**values: str) -> Config:
    """The defaults, with the networks of the user's cache; `values` are settings with ``__`` for the dot."""
    base = {"models.cache": str(cache_folder()), "models.provider": "cpu"}
    return load(base | {name.replace("__", "."): value for name, value in values.items()}, Path(os.devnull), {}).config


def opened(
    folder: Path, policy: Policy = OPEN, need: Scope = Scope.STILL, config: Config | None = None, **values: str
) -> Stills:
    read: Callable[[], Policy] = lambda: policy  # noqa: E731
    return open_stills(config or configured(**values), places(folder), need, read_policy=read)


def portrait() -> Image:
    """The drawing of nobody, (H, W, 3) u8 BGR."""
    drawn = cv2.imdecode(np.frombuffer(built_in_photo(), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    return np.asarray(drawn, np.uint8)


def persona(
    folder: Path, name: str, scope: frozenset[Scope] | None = None, image: Image | None = None
) -> PersonaLibrary:
    """One of nobody's drawing, mirrored, or of `image`."""
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), portrait()[:, ::-1] if image is None else image)
    library = PersonaLibrary(places(folder).personas, {}, places(folder).prepared)
    library.add(name, [path], Basis.WRITTEN, scope=scope or frozenset({Scope.LIVE, Scope.STILL}))
    return library


def still(width: int = 641, height: int = 361) -> Image:
    """(height, width, 3): soft colours and a little grain."""
    random = np.random.default_rng(4)
    coarse = random.integers(0, 256, (height // 20, width // 20, 3)).astype(np.uint8)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) // 2 + 64
    noisy: Image = np.clip(soft + random.normal(0, 3, soft.shape), 0, 255).astype(np.uint8)
    return noisy


def on_grey(*faces: tuple[int, int, int], width: int, height: int) -> Image:
    """The drawing of nobody at each (left, top, side)."""
    image = np.full((height, width, 3), 120, np.uint8)
    for left, top, side in faces:
        image[top : top + side, left : left + side] = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
    return image
