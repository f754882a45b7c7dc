"""A folder of stand-ins for the content gate: what is bright is nudity, and old."""

import os
from pathlib import Path

from livecam.bench.standins.folder import MODELS, RECIPES, write_folder
from livecam.config import Config, Paths, load
from livecam.inference.catalogue import catalogue_folders, load_model, recipe_files

NUDITY, AGE = "nudenet_320n", "genderage"


def shelf(folder: Path) -> Path:
    """`folder`, with both networks and their recipes."""
    models = [load_model(name, catalogue_folders(None)) for name in (NUDITY, AGE)]
    write_folder(folder, models, recipe_files(), 0, folder / "none")
    return folder


def configured(folder: Path, cache: Path | None = None, /, **values: str) -> Config:
    """A configuration that finds the networks in `folder`, the others in `cache`."""
    named = {name.replace("__", "."): value for name, value in values.items()}
    base = {"models.cache": str(cache or folder / MODELS), "models.recipes": str(folder / RECIPES)}
    return load(base | named, Path(os.devnull), {}).config


def places(folder: Path) -> Paths:
    """Folders of one's own."""
    return Paths(folder / "livecam.toml", folder / "data", folder / "cache")
