"""Who a followed face is: what decides whether it is swapped, and what happens to it if it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from livecam.core.face import Face
from livecam.core.frame import Image


class Standing(StrEnum):
    """What a followed face is to the swap.

    Attributes:
        WEARER: It is swapped.
        OTHER: It is somebody else; the setting for other people says what happens to it.
        UNSURE: It may be a wearer: it is not swapped, and never left as it is.
    """

    WEARER = "wearer"
    OTHER = "other"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a followed face.

    Attributes:
        standing: What it is to the swap.
        person: Who it is, as enrolled; "" where nobody is enrolled, or it is nobody enrolled.
    """

    standing: Standing
    person: str = ""


Knowing = Mapping[int, Known]
"""What is known of every followed face, by track id."""


class Identifier(Protocol):
    """Tells which of the followed faces are to be swapped: never by where they are in the frame."""

    @property
    def told(self) -> str:
        """How the wearer is told from others, in a few words for the status line."""
        ...

    def __call__(self, image: Image, faces: Sequence[Face], captured_ns: int) -> Knowing:
        """What is known of each of `faces`, longest followed first, in `image`, (H, W, 3) u8 BGR; all are in it.

        Raises:
            EngineError, ContractError: It cannot be told; the frame must be withheld.
        """
        ...

    def reset(self) -> None:
        """Forget who was where: the source was opened again."""
        ...
