"""What a conversion was asked for, and what came of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Final

from livecam.errors import LivecamError

SWAPPED: Final = "swapped"
"""A frame's fate: its own picture was cleared."""
HELD: Final = "held"
"""It was not; the last cleared picture stands in."""
SLATED: Final = "slated"
"""It was not, and there was no fresh enough picture: the slate."""


class NothingCleared(LivecamError):
    """Not one picture was cleared, so there is nothing to write."""


class ConversionStopped(LivecamError):
    """The user stopped the conversion; it can go on."""

    exit_code: ClassVar[int] = 130
    """128 + SIGINT, as shells report it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to convert.

    Attributes:
        crf: Quality of the H.264 video, 1 (best, largest) to 51; 18 can hardly be told from the original.
        replace: Replace OUT when it exists.
        start_over: Do not go on with an interrupted conversion.
        segment_s: Media time of one finished piece, s; so much is lost at most when the conversion is killed.
    """

    crf: int = 18
    replace: bool = False
    start_over: bool = False
    segment_s: float = 4.0


Tally = Counter[str]
"""How many frames met each fate: ``swapped``, ``held REASON`` or ``slated REASON``."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of a conversion.

    Attributes:
        source: IN.
        target: OUT, which is there now.
        kind: ``image`` or ``video``.
        size: Of the pictures in OUT.
        persona: Worn.
        frames: Pictures in OUT.
        swapped: Of these, cleared themselves.
        held: Where the last cleared picture stands in, by the reason why the frame's own was withheld.
        slated: Where the slate stands in, by reason.
        resumed: How many frames an earlier, interrupted run had done.
        seconds: Time of this run.
        fps: Frames of this run a second.
        media_s: Length of the video.
        audio: What became of the sound; empty when there is none.
        notes: What else a user should know, in sentences.
        provenance: ``signed``, or ``not signed: `` and why.
    """

    source: str
    target: str
    kind: str
    size: str
    persona: str
    frames: int
    swapped: int
    held: Mapping[str, int] = field(default_factory=dict)
    slated: Mapping[str, int] = field(default_factory=dict)
    resumed: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    media_s: float = 0.0
    audio: str = ""
    notes: tuple[str, ...] = ()
    provenance: str = ""

    def to_json(self) -> str:
        """Indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def by_reason(tally: Tally, fate: str) -> dict[str, int]:
    """How many frames met `fate` for each reason."""
    return {
        name.removeprefix(f"{fate} "): count for name, count in sorted(tally.items()) if name.startswith(f"{fate} ")
    }


def plural(count: int, word: str) -> str:
    """Such as ``1 frame`` and ``2 frames``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
