"""The words of the studio: what a backend can do, what it is asked for, and the one protocol that all backends keep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.faces.likeness import Likeness, Vectors

__all__ = [
    "DEFAULT",
    "TINY",
    "Backend",
    "Caps",
    "Conditions",
    "Device",
    "Faces",
    "Likeness",
    "Make",
    "Mask",
    "Sampling",
    "Slot",
    "Step",
    "Vectors",
    "Weights",
]

Mask: TypeAlias = npt.NDArray[np.uint8]
"""(H, W) u8: 255 is made anew, 0 stays as it is."""


class Slot(StrEnum):
    """By which way an identity enters a diffusion model; each is filled by an adapter of its own."""

    TOKENS = "tokens"
    """IP-Adapter: the recogniser's vector as a few tokens beside the text."""
    ATTENTION = "attention"
    """PuLID: cross-attention to identity tokens, added between the blocks."""
    LANDMARKS = "landmarks"
    """InstantID, InfiniteYou: a control network that sees the five points and the identity."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a backend can do.

    Attributes:
        name: Such as ``klein4b``.
        base: The base model, as a user knows it.
        licence: Of the base.
        slots: Which adapters there are public weights for on this base.
        references: How many reference pictures the base itself looks at; 0 for none.
        side: Side of the square it works on best, px; a multiple of 16.
        steps: How many a picture takes unless told otherwise.
        strength: How much is made anew unless told otherwise, 0..1.
        scales: Of each slot's adapter unless told otherwise.
        test: Whether it is for tests and for seeing the flow only: random weights, whose pictures are marked TEST and
            whose identity is measured but not demanded.
        commercial: Whether the base's licence allows commercial use.
    """

    name: str
    base: str
    licence: str
    slots: frozenset[Slot]
    references: int
    side: int
    steps: int
    strength: float
    scales: Mapping[Slot, float]
    test: bool = False
    commercial: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What steers a picture.

    Attributes:
        likeness: Whom it shows.
        five: Where eyes, nose tip and mouth corners are to be, (5, 2) f32 px of the picture.
        scales: How much each slot counts, 0..; a slot that is missing or 0 is off. Must be among the backend's.
        prompt: A few words on light and framing; never asked of a user for a swap.
    """

    likeness: Likeness
    five: Points
    scales: Mapping[Slot, float]
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a picture is drawn.

    Attributes:
        steps: Of the sampler at full strength.
        strength: 0..1: how much is made anew; a picture from nothing ignores it.
        seed: The same seed gives the same picture on the same machine.
    """

    steps: int
    strength: float
    seed: int


Step: TypeAlias = Callable[[int, int], None]
"""Told after each step how many are done, and of how many. Raises `StudioCancelled` to end the work."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a backend works.

    Attributes:
        name: ``cpu``, ``cuda``, or ``mps``.
        offload: ``none``, ``model`` (one network at a time on the card) or ``sequential`` (one layer at a time).
        half: Whether it calculates in bfloat16.
    """

    name: str
    offload: str = "none"
    half: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """Files of one backend, every one of them checked against its lock. Safetensors and JSON only.

    Attributes:
        base: Folder of the base model in diffusers' layout.
        adapters: File, or folder in diffusers' layout, that fills a slot.
        extras: What an adapter needs besides, by name, such as ``eva`` (PuLID's own eyes) or ``resampler``.
    """

    base: Path
    adapters: Mapping[Slot, Path]
    extras: Mapping[str, Path]


class Backend(Protocol):
    """A diffusion model with its adapters. Used by one thread. It is loaded when it is made (see `Make`)."""

    @property
    def caps(self) -> Caps:
        """What it can do."""
        ...

    def inpaint(self, image: Image, mask: Mask, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """`image` with the masked part made anew; what lies outside may have changed a little too (the codec's loss).

        Args:
            image: (S, S, 3) u8 BGR, S a multiple of 16; only read.
            mask: (S, S) u8.
            conditions: Of the same px.
            sampling: How.
            step: Called after each step.

        Returns:
            (S, S, 3) u8 BGR, new.

        Raises:
            StudioError: A slot was asked for that this base has no adapter loaded for, or the memory did not suffice.
            StudioCancelled: From `step`.
        """
        ...

    def draw(self, side: int, conditions: Conditions, sampling: Sampling, step: Step) -> Image:
        """A new picture, (side, side, 3) u8 BGR, with the face where `conditions.five` says.

        Raises:
            StudioError, StudioCancelled: As `inpaint`.
        """
        ...

    def close(self) -> None:
        """Free the memory; the models are as they were loaded. Idempotent."""
        ...


class Make(Protocol):
    """Loads a backend: the function that `livecam.studio.backends.MAKERS` names."""

    def __call__(self, weights: Weights | None, device: Device) -> Backend:
        """The backend, loaded on `device`, in evaluation mode.

        Args:
            weights: Its files; None for a backend that needs none.
            device: Where it works.

        Raises:
            StudioError: A file does not hold what it should; the sentence names file and key.
            StudioMemory: It does not fit; the sentence names the next smaller setting.
        """
        ...


class Faces(Protocol):
    """What the studio sees faces with: the same networks as live. One thread."""

    @property
    def told(self) -> str:
        """By what faces are told apart, such as ``arcface_w600k_r50``."""
        ...

    @property
    def knows(self) -> bool:
        """Whether that is a real recogniser; where it is not, no identity can be demanded."""
        ...

    def find(self, image: Image) -> tuple[Face, ...]:
        """All faces in `image`, (H, W, 3) u8 BGR, with mesh landmarks, largest first."""
        ...

    def embed(self, image: Image, five: Points) -> npt.NDArray[np.float32]:
        """(512,) f32 of length 1: who the face at `five`, (5, 2) f32 px, is."""
        ...

    def region(self, crop: Image, face: Face) -> Mask:
        """What of `crop`, (S, S, 3) u8 BGR, is skin, brows, eyes, nose and mouth of `face`, and not covered.

        Glasses, earrings, hair, hands and whatever else is before the face are 0.
        """
        ...

    def looks(self, photo: Image, five: Points) -> Mask | None:
        """(H, W) u8: 255 where `photo`, (H, W, 3) u8 BGR, shows the face at `five`, or its hair; None if not known.

        It is what a `Likeness` says of each of its photos.
        """
        ...


DEFAULT: Final = "klein4b"
TINY: Final = "tiny"
