"""The content gate of personas: their photos are checked before they are used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from livecam.config import Config, Paths
from livecam.core.face import Box, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.errors import PersonaError, PhotoRefused
from livecam.faces.library import built_in_photo
from livecam.faces.photo import PERSONA_PIXELS, decode_photo
from livecam.faces.quality import FaceFinder
from livecam.inference.store import digest_of
from livecam.vision.mesh.topology import LANDMARKS

if TYPE_CHECKING:
    from livecam.app.safety_networks import SafetyNetworks
    from livecam.vision.safety import AgeJudge, NudityJury

KEY: Final = "safety"
"""Under which a library keeps that photos have passed."""

_MARK: Final = b"passed\n"


@dataclass(frozen=True, slots=True)
class Passed:
    """What is kept of photos that have passed: that they have."""

    def save(self, file: IO[bytes]) -> None:
        """See `livecam.faces.prepared.Identity`."""
        file.write(_MARK)


class PhotoGuard:
    """Refuses photos of personas. To a library it is one more preparer: what it makes of them is that they passed.

    So new photos are checked when they are added, and those that were there before when the persona is loaded, once for
    each set of networks and limits. Used by one thread.

    Args:
        networks: What is checked.
        find: Finds the face whose age is judged.
    """

    def __init__(self, networks: "SafetyNetworks", find: FaceFinder) -> None:
        self._networks = networks
        self._find = find

    @property
    def version(self) -> str:
        """Changes with the networks and the limits.

        Raises:
            ConfigError, ModelError: What is configured is not here: then nothing has passed.
        """
        config, cache = self._networks.config, self._networks.cache
        files = [f"{model.name}:{digest_of(model, cache)}:{model.digest}" for model in self._networks.models().all]
        return f"safety-1 {' '.join(files)} {config.nudity_limit} {config.minors_age:g}"

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> Passed:
        """Check upright (H, W, 3) u8 BGR photos of one person.

        Raises:
            PhotoRefused: One shows nudity, or no face whose age could be judged; the sentence names it.
            PersonaError: One shows a face judged to be too young: then no other photo of it is taken either.
            ConfigError, ModelError, EngineError, ContractError: A photo cannot be checked.
        """
        for image, name in zip(images, names, strict=True):
            if not _is_built_in(image):
                self._check(image, name)
        return Passed()

    def load(self, file: IO[bytes]) -> Passed:
        """See `livecam.faces.prepared.Makes`.

        Raises:
            ValueError: It is not what `Passed` writes.
        """
        if file.read(len(_MARK) + 1) != _MARK:
            raise ValueError("It does not say that the photos have passed.")
        return Passed()

    @cached_property
    def _jury(self) -> "NudityJury":
        return self._networks.jury()

    @cached_property
    def _age(self) -> "AgeJudge | None":
        return self._networks.age()

    def _check(self, image: Image, name: str) -> None:
        verdict = self._jury(image)
        if verdict.hit:
            raise PhotoRefused(f"{name} is refused: the content check saw nudity: {verdict}.", "Use another photo.")
        if self._age is not None:
            self._check_age(self._age, image, name)

    def _check_age(self, judge: "AgeJudge", image: Image, name: str) -> None:
        points, _ = self._find(image)
        if points is None or not np.isfinite(points).all():
            raise PhotoRefused(f"{name} is refused: no face was found whose age could be judged.", "Use another photo.")
        years, least = judge(image, _box(points), _five(points)), self._networks.config.minors_age
        if years < least:
            raise PersonaError(
                f"{name} is refused: the face was judged to be {years:.0f}, and nobody under {least:g} may be worn.",
                "If the person is older, use photos on which that shows; docs/safety.md tells how this is judged.",
            )


def photo_guard(config: Config, paths: Paths, find: Callable[[], FaceFinder]) -> dict[str, PhotoGuard]:
    """What checks photos, as a preparer among a library's; empty where nothing is to be checked.

    Args:
        config: Section ``safety``.
        paths: Where files are kept.
        find: Gives what finds the face.
    """
    if not config.safety.nudity and config.safety.minors is None:
        return {}
    from livecam.app.safety_networks import safety_networks

    return {KEY: PhotoGuard(safety_networks(config, paths), find())}


def _is_built_in(image: Image) -> bool:
    """Whether it is the drawing of nobody, which needs no judge."""
    return np.array_equal(image, decode_photo(built_in_photo(), "nobody", PERSONA_PIXELS).image)


def _box(points: Points) -> Box:
    """Around the face's oval, px."""
    left, top = points[:LANDMARKS, :2].min(axis=0)
    right, bottom = points[:LANDMARKS, :2].max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def _five(points: Points) -> Points:
    return Landmarks(points[:LANDMARKS, :2], Topology.MESH468).five
