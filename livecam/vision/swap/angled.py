"""Identities that are chosen by the angle of the head: what a swapper takes of each vector, made ahead."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import IO

import numpy as np

from livecam.core.frame import Image
from livecam.vision.angles import angled_sources
from livecam.vision.recognise import Embedding
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.preparer import Former, NeuralPreparer
from livecam.vision.tensor import Floats


class AngledPreparer:
    """A `NeuralPreparer` that can also prepare the vectors of a persona's identity pack. One thread.

    Args:
        inner: Prepares photos.
        recogniser: Recipe of the network whose vectors the swapper takes.
        recogniser_digest: Of that recipe.
        former: Builds what brings vectors into the swapper's form.

    Attributes:
        recogniser: See above.
        recogniser_digest: See above.
        version: Of what it prepares.
    """

    def __init__(
        self, inner: NeuralPreparer, recogniser: str, recogniser_digest: str, former: Callable[[], Former]
    ) -> None:
        self._inner = inner
        self._make_former = former
        self.recogniser = recogniser
        self.recogniser_digest = recogniser_digest
        self.version = inner.version

    @cached_property
    def _former(self) -> Former:
        return self._make_former()

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> NeuralIdentity:
        """See `NeuralPreparer`."""
        return self._inner.prepare(images, names)

    def load(self, file: IO[bytes]) -> NeuralIdentity:
        """See `NeuralPreparer`."""
        return self._inner.load(file)

    def angled(self, identity: NeuralIdentity, vectors: Floats) -> NeuralIdentity:
        """`identity` with what the network takes of `vectors`: the base's in its place, and one for each head angle.

        Args:
            identity: Of the photos.
            vectors: (1 + `livecam.vision.angles.BINS`, L) f32, rows of length 1, in the recogniser's own space.

        Raises:
            ContractError, EngineError: The converter failed.
        """
        formed: dict[bytes, Embedding] = {}
        for vector in vectors:
            key = vector.tobytes()
            if key not in formed:
                formed[key] = self._former(vector)
        sources = angled_sources(np.stack([formed[vector.tobytes()] for vector in vectors]))
        return replace(identity, source=sources.sources[0], embedding=vectors[0].copy(), angled=sources)
