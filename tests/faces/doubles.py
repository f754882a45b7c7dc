"""A preparer without networks, and photos in every state."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.errors import PhotoRefused
from tests.vision.mesh.drawn import SKIN, neutral, picture_of, points_of


@dataclass(frozen=True)
class FakeIdentity:
    """Remembers the shapes of the photos it was made from."""

    shapes: tuple[tuple[int, ...], ...]

    def save(self, file: IO[bytes]) -> None:
        file.write(json.dumps(self.shapes).encode())


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

    def load(self, file: IO[bytes]) -> FakeIdentity:
        self.loaded += 1
        shapes = json.loads(file.read())
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


@dataclass
class Finder:
    """Finds the face in pictures that `drawn` made; others have none."""

    known: dict[bytes, tuple[Points | None, int]] = field(default_factory=dict)
    looks: int = 0

    def __call__(self, image: Image) -> tuple[Points | None, int]:
        self.looks += 1
        return self.known.get(hashlib.sha256(image.tobytes()).digest(), (None, 0))

    def drawn(
        self,
        height: float = 220.0,
        yaw: float = 0.0,
        blur: float = 0.0,
        faces: int = 1,
        skin: tuple[int, int, int] = SKIN,
    ) -> bytes:
        """A PNG with a drawn face, so many px tall, which is found again."""
        points = points_of(neutral(), yaw=yaw, height=height)
        image = picture_of(points, skin)
        image += np.random.default_rng(1).integers(0, 40, image.shape, np.uint8)
        if blur:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
        self.known[hashlib.sha256(image.tobytes()).digest()] = (points, faces)
        return cv2.imencode(".png", image)[1].tobytes()
