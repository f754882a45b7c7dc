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
        card: As `slate`; shown for a while, in place of the swap, to who has just begun to look. None for no card.
    """

    __slots__ = ("_card", "_card_until_ns", "_slate", "hold_ns")

    def __init__(self, slate: Picture, hold_ns: int, card: Picture | None = None) -> None:
        self._slate = _kept(slate)
        self._card = _kept(card) if card is not None else None
        self._card_until_ns = 0
        self.hold_ns = hold_ns

    def introduce(self, until_ns: int) -> None:
        """Show the card until `until_ns`, where there is one. Any thread."""
        self._card_until_ns = until_ns

    def repaint(self, slate: Picture, card: Picture | None = None) -> None:
        """Show another slate, and another card or none, from the next tick on. Any thread.

        Raises:
            ValueError: One is of another size than the slate; nothing changed.
        """
        if any(picture.shape != self._slate.shape for picture in (slate, card) if picture is not None):
            raise ValueError(f"The slate is {self._slate.shape}, and stays so.")
        self._slate, self._card = _kept(slate), _kept(card) if card is not None else None

    def choose(self, held: Finished | None, settings: Settings, now_ns: int) -> Cleared:
        """`held` if it may leave under `settings` at `now_ns`, else the slate; or the card, to begin with."""
        card = self._card
        if card is not None and now_ns < self._card_until_ns and _introduces(settings):
            return Cleared(MINT, card, SLATE_SEQ, now_ns, settings.revision, How.SLATE)
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


def _introduces(settings: Settings) -> bool:
    """Whether there is a swap to tell of."""
    return settings.label and settings.mode is Mode.SWAP and not settings.panic


def _kept(picture: Picture) -> Picture:
    own = picture.copy()
    own.setflags(write=False)
    return own
