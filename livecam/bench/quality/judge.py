"""What tells whom a face looks like: any recogniser that has no part in the swap."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.vision.recognise import SAME_PERSON, Recogniser, normalised

Descriptor: TypeAlias = npt.NDArray[np.float64]
"""(L,) f64: who a face is, in a judge's own terms."""


class Judge(Protocol):
    """Says how unlike two faces are."""

    @property
    def name(self) -> str:
        """For the report."""
        ...

    @property
    def same_person(self) -> float:
        """Two faces closer than this are one person."""
        ...

    def describe(self, image: Image, mesh: Points) -> Descriptor:
        """Who the face at `mesh`, (N, >=2) f32 px with N >= 468, of `image`, (H, W, 3) u8 BGR, is."""
        ...

    def distance(self, one: Descriptor, other: Descriptor) -> float:
        """How unlike two are; 0 is the same picture."""
        ...


class RecogniserJudge:
    """A recogniser of the catalogue as the judge. One thread.

    Args:
        name: Of its recipe.
        recogniser: With an engine of its own.
    """

    def __init__(self, name: str, recogniser: Recogniser) -> None:
        self.name = name
        self.same_person = 1 - SAME_PERSON
        self._recogniser = recogniser

    def describe(self, image: Image, mesh: Points) -> Descriptor:
        """See `Judge`."""
        five = Landmarks(np.ascontiguousarray(mesh[:, :2]), Topology.MESH468).five
        return normalised(self._recogniser.embed(image, five)).astype(np.float64)

    def distance(self, one: Descriptor, other: Descriptor) -> float:
        """See `Judge`: 1 less the cosine."""
        return 1 - float(one @ other)
