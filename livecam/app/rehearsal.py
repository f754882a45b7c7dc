"""The pipeline of a run over frames that somebody else reads, with its follower in somebody else's hands."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from livecam.app.assemble import networks_of, neural_of, persona_library, provider_name
from livecam.app.convert_clearing import Clearing, MediaTime
from livecam.app.mesh import LANDMARKS, Networks
from livecam.app.wearers import ANYBODY, MOST_FACES
from livecam.config import Config, Paths
from livecam.core.frame import NS_PER_MS, Image, Points, Size
from livecam.core.persona import Persona
from livecam.core.seams import Detector, Follower, Processor
from livecam.core.settings import Mode, SetMode, apply
from livecam.privacy.gate import Gate
from livecam.privacy.slate import draw_slate, to_picture
from livecam.vision.angles import AngledSources
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.watch import FaceWatch

Wrap = Callable[[Follower], Follower]
"""Puts something around a follower."""


class Rehearsed(NamedTuple):
    """One pipeline.

    Attributes:
        clearing: Judges the frames of a clip.
        processor: The pipeline in it.
        close: Ends its threads.
    """

    clearing: Clearing
    processor: Processor
    close: Callable[[], None]


class _Wrapping(Networks):
    """The embedded networks, for whoever is there; what follows is wrapped, what watches can be closed."""

    def __init__(self, folder: Path, provider: str, wrap: Wrap, hands: bool) -> None:
        super().__init__(folder, provider, find_wearers=lambda: ANYBODY, hands=hands)
        self._wrap = wrap
        self._watches: list[FaceWatch] = []

    def follower(
        self, detector: Detector | None = None, faces: int = MOST_FACES, strangers: Callable[[], bool] = lambda: True
    ) -> Follower:
        """See `Networks`."""
        return self._wrap(super().follower(detector, faces, strangers))

    def watch(self) -> FaceWatch:
        """See `Networks`."""
        self._watches.append(super().watch())
        return self._watches[-1]

    def close(self) -> None:
        """End the threads of what was made."""
        for watch in self._watches:
            watch.close()


class Rehearsal:
    """Makes pipelines of one configuration, each fresh.

    Whoever is followed longest is swapped, enrolled or not: a clip need not show the user.

    Args:
        config: Checked configuration.
        paths: Where files are kept.

    Attributes:
        persona: As it is worn.
        networks: Names of the published networks that take part.

    Raises:
        ConfigError, ModelError, PersonaError: As a run would.
    """

    def __init__(self, config: Config, paths: Paths) -> None:
        self._config = config
        self._paths = paths
        self._place = config.models.cache or paths.models, provider_name(config.models.provider)
        self._networks = networks_of(config, paths, find_wearers=lambda: ANYBODY)
        self._networks.ensure()
        neural = neural_of(config, paths, self._networks)
        self.networks: tuple[str, ...] = ()
        if neural is not None:
            neural.ensure()
            self.networks = neural.names
        self._library = persona_library(config, paths, self._networks)
        self.persona = self._library.load(config.settings.persona)

    @property
    def angled(self) -> AngledSources | None:
        """The vectors of the persona's identity pack; None where it has none, or it is not used."""
        identities = self.persona.identity.values()
        return next((one.angled for one in identities if isinstance(one, NeuralIdentity)), None)

    @cached_property
    def without_pack(self) -> Persona:
        """The persona as it is worn without its identity pack."""
        if self.angled is None:
            return self.persona
        config = replace(self._config, neural=replace(self._config.neural, angles=False))
        return persona_library(config, self._paths, self._networks).load(self.persona.name)

    def pipeline(self, size: Size, wrap: Wrap, *, pack: bool = True) -> Rehearsed:
        """A fresh pipeline.

        Args:
            size: Of the frames.
            wrap: Put around the follower.
            pack: Whether the persona's identity pack is used, where it is at all.
        """
        now = MediaTime()
        embedded = _Wrapping(*self._place, wrap, self._config.face.hands)
        networks = neural_of(self._config, self._paths, embedded, now) or embedded
        persona = self.persona if pack else self.without_pack
        processor = networks.pipeline(lambda _: persona)
        settings = apply(self._config.settings, SetMode(Mode.SWAP))
        slate = to_picture(draw_slate(size, self._config.privacy.slate_text))
        gate = Gate(slate, int(self._config.privacy.hold_ms * NS_PER_MS))
        clearing = Clearing(processor, gate, settings, size, now)
        return Rehearsed(clearing, processor, embedded.close)

    def landmarker(self) -> MeshLandmarker:
        """The embedded landmarker, with an engine of its own."""
        return MeshLandmarker(self._networks.engine(LANDMARKS))

    def points_in(self, image: Image) -> Points | None:
        """(478, 3) f32 px: landmarks of the largest face in `image`, (H, W, 3) u8 BGR; None when there is none."""
        faces = self._networks.follower()(image, 0, 0.0)
        return np.column_stack([faces[0].landmarks.points, faces[0].depth]) if faces else None

    def photos(self) -> Sequence[Image]:
        """The persona's photos, (H, W, 3) u8 BGR.

        Raises:
            PersonaError: They cannot be read.
        """
        return [photo.image for photo in self._library.photos(self.persona.name)]
