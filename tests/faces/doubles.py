"""A preparer without networks, and photos in every state."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.errors import PhotoRefused


@dataclass(frozen=True)
class FakeIdentity:
    """Remembers the shapes of the photos it was made from."""

    shapes: tuple[tuple[int, ...], ...]

    def save(self, folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "shapes.json").write_text(json.dumps(self.shapes))


@dataclass
class FakePreparer:
    """Refuses black photos, as a real one refuses photos without a face."""

    version: str = "1"
    prepared: list[tuple[str, ...]] = field(default_factory=list)
    loaded: int = 0

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> FakeIdentity:
        for image, name in zip(images, names, strict=True):
            if not image.any():
                raise PhotoRefused(f"{name} shows no face.", "Use a photo of one face.")
        self.prepared.append(tuple(names))
        return FakeIdentity(tuple(image.shape for image in images))

    def load(self, folder: Path) -> FakeIdentity:
        self.loaded += 1
        shapes = json.loads((folder / "deep" / "shapes.json").read_text())
        return FakeIdentity(tuple(tuple(shape) for shape in shapes))


def encoded(suffix: str = ".png", width: int = 40, height: int = 30, value: int = 128) -> bytes:
    """A photo of one colour, as a file."""
    image = np.full((height, width, 3), value, dtype=np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def photo(folder: Path, name: str = "photo.png", **look: int) -> Path:
    """A photo on disk."""
    path = folder / name
    path.write_bytes(encoded(path.suffix, **look))
    return path
