"""Which of a picture's faces is meant, and what the user wants of the studio."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.terms import Caps, Faces, Sampling, Slot

LARGEST: Final = 0
"""As `Options.face`: the largest of several."""

LARGEST_SIDE: Final = 2048
"""Of the square, px: no base was made for more, and memory grows with its square or faster."""

_SMALLEST_SIDE, _MULTIPLE = 64, 16


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants; what is None is as the backend has it.

    Attributes:
        face: Which, counted from the left from 1 on; `LARGEST`; None where there is to be one only.
        steps: Of the sampler.
        strength: 0..1, how much is made anew.
        scales: Of slots whose scale is to be another than the backend's.
        seed: Of the first attempt; the next take the numbers that follow.
        attempts: The most pictures that are made until one passes.
        side: Of the square that the backend works on, px, a multiple of 16.
        unjudged: Go on without a recogniser.

    Raises:
        StudioError: A number is out of range.
    """

    face: int | None = None
    steps: int | None = None
    strength: float | None = None
    scales: Mapping[Slot, float] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0
    attempts: int = 3
    side: int | None = None
    unjudged: bool = False

    def __post_init__(self) -> None:
        if self.face is not None and self.face < 0:
            raise StudioError(f"There is no face {self.face}.", "They are counted from 1, from the left.")
        if self.attempts < 1 or (self.steps is not None and self.steps < 1):
            raise StudioError("There must be one step and one attempt at least.")
        if self.strength is not None and not 0 < self.strength <= 1:
            raise StudioError(f"A strength lies above 0 and up to 1, not at {self.strength:g}.")
        if self.side is not None and (not _SMALLEST_SIDE <= self.side <= LARGEST_SIDE or self.side % _MULTIPLE):
            raise StudioError(
                f"A side of {self.side} px cannot be used.",
                f"It must be a multiple of {_MULTIPLE}, from {_SMALLEST_SIDE} to {LARGEST_SIDE}.",
            )
        # Written so that what is no number does not pass either: it would be taken for 0 later on.
        if not all(0 <= scale < math.inf for scale in self.scales.values()):
            raise StudioError("A scale is 0 or more.")

    def side_for(self, caps: Caps) -> int:
        """Of the square, px."""
        return self.side or caps.side

    def sampling(self, caps: Caps, attempt: int = 0, strength: float | None = None) -> Sampling:
        """How the picture of `attempt`, 0.., is drawn; by `strength` unless the user wants another."""
        usual = caps.strength if strength is None else strength
        return Sampling(self.steps or caps.steps, self.strength or usual, self.seed + attempt)

    def scales_for(self, caps: Caps) -> Mapping[Slot, float]:
        """Of each slot that is on.

        Raises:
            StudioError: The backend has no such slot.
        """
        missing = [slot for slot, scale in self.scales.items() if scale > 0 and slot not in caps.slots]
        if missing:
            there = ", ".join(sorted(caps.slots)) or "none: it looks at reference pictures instead"
            raise StudioError(
                f"{caps.name} has no adapter for {', '.join(missing)}: nobody has published one for {caps.base}.",
                f"Its slots: {there}.",
            )
        scales = {**caps.scales, **self.scales}
        return {slot: scale for slot, scale in scales.items() if slot in caps.slots and scale > 0}


def face_in(image: Image, faces: Faces, face: int | None) -> Face:
    """The face of `image`, (H, W, 3) u8 BGR, that `Options.face` means.

    Raises:
        StudioError: There is none, or several and none was chosen.
    """
    found = faces.find(image)
    if not found:
        raise StudioError("No face was found in the picture.", "Use one that shows it larger, or less turned away.")
    if face == LARGEST or (face is None and len(found) == 1):
        return found[0]
    if face is None:
        raise StudioError(
            f"There are {len(found)} faces in the picture.",
            f"Say which: --face 1 to {len(found)}, counted from the left, or --face {LARGEST} for the largest.",
        )
    if face > len(found):
        raise StudioError(f"There is no face {face} in the picture; there are {len(found)}, counted from the left.")
    return sorted(found, key=lambda each: each.box.centre[0])[face - 1]
