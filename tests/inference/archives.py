"""Small wheels and recipes for them, made from a network that is in the cache already."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from livecam.inference.recipe import Recipe


@dataclass
class Wheel:
    """A wheel that holds the files of `recipes`, which name it as their origin."""

    path: Path
    recipes: Mapping[str, Recipe]

    @property
    def recipe(self) -> Recipe:
        return next(iter(self.recipes.values()))


def make_wheel(folder: Path, recipes: list[Recipe], networks: Mapping[str, Path]) -> Wheel:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / recipes[0].origins[0].file
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(recipes[0].licence.text, "the licence")
        for recipe in recipes:
            archive.write(networks[recipe.name].with_suffix(".tflite"), recipe.files[0].member)
    content = path.read_bytes()
    origin = replace(recipes[0].origins[0], sha256=sha256(content).hexdigest(), size=len(content))
    return Wheel(path, {recipe.name: replace(recipe, origins=(origin,)) for recipe in recipes})
