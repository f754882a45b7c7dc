"""The gate: the only place that turns a finished picture into a cleared one. Silence means no."""

from livecam.core.cleared import Cleared, Finished, How
from livecam.core.frame import Picture
from livecam.core.mint import MINT
from livecam.core.settings import Mode, Settings

SLATE_SEQ = -1


class Gate:
    """Decides, tick by tick, between the held picture and the slate.

    Args:
        slate: (H * 3 / 2, W) u8 I420, shown whenever nothing else may be.
        hold_ns: How old a picture may be when it leaves; bridges short detector drop-outs.
    """

    __slots__ = ("_slate", "hold_ns")

    def __init__(self, slate: Picture, hold_ns: int) -> None:
        self._slate = slate.copy()
        self._slate.setflags(write=False)
        self.hold_ns = hold_ns

    def choose(self, held: Finished | None, settings: Settings, now_ns: int) -> Cleared:
        """`held` if it may leave under `settings` at `now_ns`, else the slate. Pure."""
        if held is None or not self.allows(held, settings, now_ns):
            return Cleared(MINT, self._slate, SLATE_SEQ, now_ns, settings.revision, How.SLATE)
        return Cleared(MINT, held.picture, held.seq, held.captured_ns, held.revision, held.how)

    def allows(self, held: Finished, settings: Settings, now_ns: int) -> bool:
        """Whether `held` may leave. Every term must agree; an age below zero is as untrustworthy as one too large."""
        swapped = held.how is How.SWAPPED
        openly_passed = held.how is How.PASSED and settings.mode is Mode.PASSTHROUGH
        return (
            not settings.panic
            and held.revision >= settings.privacy_floor
            and (swapped or openly_passed)
            and 0 <= now_ns - held.captured_ns <= self.hold_ns
        )
