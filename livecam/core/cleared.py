"""Finished and cleared pictures. There is no "blocked" value: what must not leave is not published."""

from dataclasses import dataclass
from enum import StrEnum

from livecam.core.frame import Picture
from livecam.core.mint import MINT, Mint


class How(StrEnum):
    """How a picture came to be harmless."""

    SWAPPED = "swapped"
    PASSED = "passed"
    SLATE = "slate"


class Withheld(StrEnum):
    """Why a frame was not published."""

    NO_FACE = "no-face"
    WEAK_FACE = "weak-face"
    OTHER_PERSON = "other-person"
    NO_WEARER = "no-wearer"
    UNCOVERED = "uncovered"
    NO_PERSONA = "no-persona"
    CONTENT = "content"
    """The content check saw what may not leave, or has not been clean for long enough since."""
    UNCHECKED = "unchecked"
    """The content check that is configured has no fresh answer: it has only begun, failed, or hangs."""
    PANIC = "panic"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finished:
    """A picture that inference wrote, not yet judged.

    Attributes:
        picture: (H * 3 / 2, W) u8 I420, in a ring slot that the reader holds until it takes the next one.
        seq: Of the frame it was made from.
        captured_ns: Monotonic capture time of that frame.
        published_ns: Monotonic time at which inference published it.
        revision: Of the settings it was made under.
        how: `SWAPPED` or `PASSED`.
    """

    picture: Picture
    seq: int
    captured_ns: int
    published_ns: int
    revision: int
    how: How


class Cleared:
    """A picture that may leave. Only the gate can build one.

    Attributes:
        picture: (H * 3 / 2, W) u8 I420. Borrowed: a sink that needs it after `send` returns must copy it.
        seq: Of the frame it shows; -1 for the slate.
        captured_ns: Monotonic capture time of that frame; for the slate, the moment of the decision.
        revision: Of the settings it was made under.
        how: What it shows.

    Raises:
        TypeError: The caller does not hold the mint.
    """

    __slots__ = ("captured_ns", "how", "picture", "revision", "seq")

    def __init__(self, mint: Mint, picture: Picture, seq: int, captured_ns: int, revision: int, how: How) -> None:
        if mint is not MINT:
            raise TypeError("Only the gate clears pictures.")
        self.picture = picture
        self.seq = seq
        self.captured_ns = captured_ns
        self.revision = revision
        self.how = how
