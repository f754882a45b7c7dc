"""What a manifest says of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

_IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"

COMPOSITE: Final = f"{_IPTC}compositeWithTrainedAlgorithmicMedia"
"""IPTC's word for a picture of a camera in which a trained algorithm has drawn."""

DRAWN: Final = f"{_IPTC}trainedAlgorithmicMedia"
"""IPTC's word for a picture that a trained algorithm has drawn, all of it."""

LIVE_MARK: Final = "livecam-mark-1"
"""The invisible mark of pictures that follow each other, and of a still that one of them became."""

STILL_MARK: Final = "livecam-still-1"
"""The invisible mark of a still of the studio."""


class Said(NamedTuple):
    """What is said of one kind of file.

    Attributes:
        source: IPTC's digital source type.
        description: What was done, in a sentence.
        mark: Which invisible mark is in it: the soft binding's algorithm.
    """

    source: str
    description: str
    mark: str


_LIVE: Final = Said(COMPOSITE, "The face in the camera's picture was replaced.", LIVE_MARK)

STUDIO: Final[Mapping[str, Said]] = {
    "studio swap": Said(COMPOSITE, "The face in the picture was drawn anew by a diffusion model.", STILL_MARK),
    "studio restore": Said(
        COMPOSITE, "Detail of the face in the picture was drawn anew by a diffusion model.", STILL_MARK
    ),
    "studio slate": Said(DRAWN, "The picture was drawn by a diffusion model, after photos of a person.", STILL_MARK),
    "studio view": Said(DRAWN, "The picture was drawn by a diffusion model, after photos of a person.", STILL_MARK),
}
"""What the studio makes."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a manifest says.

    Attributes:
        session: Of the invisible mark, 32 bits.
        what: ``recording``, ``snapshot``, ``video`` or ``picture``; or of `STUDIO`.
    """

    session: int
    what: str

    @property
    def said(self) -> Said:
        """Of its kind."""
        return STUDIO.get(self.what, _LIVE)
