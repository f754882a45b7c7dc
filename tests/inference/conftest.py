"""The embedded networks, from the user's cache; fetched once where they are not there yet."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from livecam.errors import LivecamError
from livecam.inference import origins, weights
from livecam.inference.progress import Silent
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import load_recipe, recipe_names


@pytest.fixture(scope="session")
def recipes() -> Mapping[str, Recipe]:
    return {name: load_recipe(name) for name in recipe_names()}


@pytest.fixture(scope="session")
def mesh_wheel(recipes: Mapping[str, Recipe]) -> Path:
    """The pinned wheel, kept beside the cache of networks so that a second run needs no network."""
    origin = recipes["face_landmark"].origins[0]
    folder = weights.cache_folder().parent / "downloads"
    path = folder / origin.file
    try:
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != origin.sha256:
            folder.mkdir(parents=True, exist_ok=True)
            origins.fetch(origin, folder, Silent())
    except LivecamError as error:
        pytest.fail(f"The tests need the embedded networks once: {error}", pytrace=False)
    return path


@pytest.fixture(scope="session")
def mesh_models(recipes: Mapping[str, Recipe], request: pytest.FixtureRequest) -> Mapping[str, Path]:
    """The ONNX file of every embedded network, by the name of its recipe."""
    cache = weights.cache_folder()
    absent = any(weights.status(recipe, cache) is not weights.Presence.PRESENT for recipe in recipes.values())
    wheel = request.getfixturevalue("mesh_wheel") if absent else None
    return weights.ensure_all(recipes.values(), cache, from_file=wheel)


@pytest.fixture(scope="session")
def geometry() -> Mapping[str, npt.NDArray[np.int32]]:
    """The committed description of the mesh."""
    path = Path(str(files("livecam"))) / "vision" / "mesh" / "face_geometry.npz"
    with np.load(path) as archive:
        return dict(archive)
