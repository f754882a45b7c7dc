"""The identity pack of a persona: its person seen from several sides, as vectors of one recogniser.

How views count. A view of a photo or of the guided webcam counts 1, one that was generated at most 0.3, one that could
not be scored (a profile) nothing. In a bin of head angles that has a real view, generated ones count nothing; and all
generated ones together count in the base at most 0.3 of what the real ones do. So no number of generated views
outweighs a real one.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import numpy as np

from livecam.core.persona import Consent, Scope
from livecam.faces.likeness import Vectors
from livecam.vision.angles import BINS, HeadAngles, bin_of
from livecam.vision.recognise import Embedding, normalised

LENGTH: Final = 512
"""Of every vector."""

MOST_VIEWS: Final = 96

SHARE: Final = 0.35
"""How far a bin's vector lies from the base towards the mean of the bin's views."""


class Origin(StrEnum):
    """Where a view comes from."""

    PHOTO = "photo"
    WEBCAM = "webcam"
    GENERATED = "generated"


MOST_WEIGHT: Final = {Origin.PHOTO: 1.0, Origin.WEBCAM: 1.0, Origin.GENERATED: 0.3}
"""What a view counts at most, by its origin."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A person, seen once.

    Attributes:
        vector: (512,) f32 of length 1, in the recogniser's own space.
        angles: Of the head.
        origin: Where it comes from.
        weight: 0..`MOST_WEIGHT` of its origin; 0 for one that is kept for its picture alone.
        model: What generated it, such as ``klein4b``; "" for what was seen.
        picture: JPEG of a generated view; empty for what was seen: of that only numbers are kept.
    """

    vector: Embedding
    angles: HeadAngles
    origin: Origin
    weight: float
    model: str = ""
    picture: bytes = b""

    @property
    def real(self) -> bool:
        """Whether it was seen, not generated."""
        return self.origin is not Origin.GENERATED


@dataclass(frozen=True, slots=True)
class KnownBy:
    """By what people are told apart in a pack; vectors of another recogniser, or another save of it, say nothing.

    Attributes:
        name: Of the recogniser's recipe.
        digest: SHA-256 of the recipe, hex.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class IdentityPack:
    """The views of one persona.

    Attributes:
        known_by: The recogniser.
        views: At least one of them real and of some weight.
        consent: Digest of the consent record under which the last views came in; see `consent_digest`.
        made: UTC time of the last change, ISO 8601.
    """

    known_by: KnownBy
    views: tuple[View, ...]
    consent: str
    made: str

    def of(self, origin: Origin) -> tuple[View, ...]:
        """Its views of one origin."""
        return tuple(view for view in self.views if view.origin is origin)

    def with_views(
        self, origin: Origin, views: Sequence[View], consent: str, now: datetime | None = None
    ) -> "IdentityPack":
        """The pack with `views` in the place of all that it had of `origin`, under the consent of that digest."""
        kept = tuple(view for view in self.views if view.origin is not origin)
        return replace(self, views=(*kept, *views), consent=consent, made=stamp(now))

    def vectors(self) -> Vectors:
        """(1 + `BINS`, 512) f32, rows of length 1: the base, then each bin's; the base's where a bin has no view.

        A bin's is ``slerp(base, mean, SHARE)``, the mean being that of its views by their weights.

        Raises:
            ContractError: The views cancel each other, as those of one person never do.
        """
        base = _mean(self.views, weights_in(self.views))
        rows = np.tile(base, (1 + BINS, 1))
        for number in range(BINS):
            there = [view for view in self.views if bin_of(view.angles) == number]
            counted = _counted(there)
            if any(counted):
                rows[1 + number] = slerp(base, _mean(there, counted), SHARE)
        return rows


def weights_in(views: Sequence[View]) -> tuple[float, ...]:
    """What each of `views` counts in the base, by the rule at the head of this module."""
    counted = _counted(views)
    real = math.fsum(weight for weight, view in zip(counted, views, strict=True) if view.real)
    made = math.fsum(weight for weight, view in zip(counted, views, strict=True) if not view.real)
    most = MOST_WEIGHT[Origin.GENERATED] * real
    share = most / made if made > most else 1.0
    return tuple(weight if view.real else weight * share for weight, view in zip(counted, views, strict=True))


def _counted(views: Sequence[View]) -> tuple[float, ...]:
    """What each of `views` counts in its bin."""
    seen = {bin_of(view.angles) for view in views if view.real and view.weight > 0}
    return tuple(view.weight if view.real or bin_of(view.angles) not in seen else 0.0 for view in views)


def _mean(views: Sequence[View], weights: Sequence[float]) -> Embedding:
    total = np.zeros(LENGTH, np.float64)
    for view, weight in zip(views, weights, strict=True):
        total += weight * view.vector.astype(np.float64)
    return normalised(total.astype(np.float32))


def slerp(start: Embedding, end: Embedding, share: float) -> Embedding:
    """The vector that lies by `share`, 0..1, on the great circle from `start` to `end`, both (L,) f32 of length 1.

    Of opposite ones, between which there is no one way, `start`.
    """
    first, last = start.astype(np.float64), end.astype(np.float64)
    cosine = float(np.clip(first @ last, -1.0, 1.0))
    aside = last - cosine * first
    sine = float(np.linalg.norm(aside))
    if sine < _SAME:
        return start.copy()
    angle = share * math.atan2(sine, cosine)
    return normalised((math.cos(angle) * first + math.sin(angle) / sine * aside).astype(np.float32))


_SAME: Final = 1e-6


def consent_digest(consent: Consent) -> str:
    """SHA-256 of what a consent record says, hex: under which one a view came in."""
    said = {
        "basis": str(consent.basis),
        "subject": consent.subject,
        "scope": [str(one) for one in Scope if one in consent.scope],
        "recorded": consent.recorded,
        "expires": consent.expires,
        "photos": sorted(consent.photo_digests),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def stamp(now: datetime | None = None) -> str:
    """UTC time as packs say it, ISO 8601; the present one unless given."""
    return (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
