"""Views of people who are nobody, for the tests of identity packs."""

import numpy as np

from livecam.faces.pack import LENGTH, MOST_WEIGHT, IdentityPack, KnownBy, Origin, View
from livecam.vision.angles import HeadAngles
from livecam.vision.recognise import Embedding

KNOWN_BY = KnownBy("arcface_w600k_r50", "a" * 64)


def vector(seed: int, spread: float = 0.5) -> Embedding:
    """(512,) f32 of length 1: one person's, seen a little differently with each `seed`."""
    person = np.random.default_rng(1).normal(size=LENGTH)
    found = person / np.linalg.norm(person) + spread * _direction(seed)
    return (found / np.linalg.norm(found)).astype(np.float32)


def _direction(seed: int) -> np.ndarray:
    found = np.random.default_rng(seed + 100).normal(size=LENGTH)
    return np.asarray(found / np.linalg.norm(found))


def view(
    seed: int = 0,
    yaw: float = 0.0,
    pitch: float = 0.0,
    origin: Origin = Origin.PHOTO,
    weight: float | None = None,
    picture: bytes = b"",
) -> View:
    """A view, of the most weight unless given."""
    made = "tiny" if origin is Origin.GENERATED else ""
    counts = MOST_WEIGHT[origin] if weight is None else weight
    return View(vector(seed), HeadAngles(yaw, pitch), origin, counts, made, picture)


def pack_of(*views: View) -> IdentityPack:
    """A pack of `views`; of one photo from the front where there are none."""
    return IdentityPack(KNOWN_BY, views or (view(),), "c" * 64, "2026-01-02T00:00:00+00:00")
