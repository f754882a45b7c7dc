"""What was found in a video or a picture, how sure that is, and what it does not say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from livecam.app.verify_window import Labels
from livecam.privacy.mark_look import SURE, Found, Place

LEAST_S: Final = 4.0
"""Less than one round of the mark's signs says nothing."""

LABELLED: Final = 0.1
"""In such a share of the pictures the label has to be to count as found."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        seconds: Looked at; 0 for a single picture.
        windows: Each so many seconds, one after the other, with what was found of the mark in it.
        labels: What was found of the visible label.
        still: Whether it is a single picture; then there is one window, of no length.
        problem: What could not be looked at; empty when all could.
    """

    seconds: float
    windows: tuple[Found, ...]
    labels: Labels
    still: bool = False
    problem: str = ""

    @property
    def marked(self) -> tuple[Found, ...]:
        """The windows in which the mark is."""
        return tuple(window for window in self.windows if window.sure)

    @property
    def labelled(self) -> bool:
        """Whether the label is there."""
        return self.labels.share >= LABELLED

    @property
    def sessions(self) -> tuple[int, ...]:
        """Sessions of this installation, in the order found."""
        return tuple(dict.fromkeys(window.session for window in self.windows if window.session is not None))

    @property
    def best(self) -> Found | None:
        """The window that says most."""
        return max(self.marked or self.windows, key=lambda window: window.score, default=None)

    @property
    def score(self) -> float:
        """Of the best window, standard deviations."""
        return self.best.score if self.best is not None else 0.0

    @property
    def chance(self) -> float:
        """How often a video without the mark would score as high, at most."""
        return min(1.0, self.best.chance * len(self.windows)) if self.best is not None else 1.0

    @property
    def place(self) -> Place | None:
        """Where in the picture the marked one is; None where it is the whole, or there is none."""
        return self.marked[0].place if self.marked else None

    @property
    def _kind(self) -> str:
        return "picture" if self.still else "video"

    def lines(self) -> Iterator[str]:
        """What to tell, sentence by sentence."""
        if self.problem:
            yield self.problem
        if not self.marked and self.seconds < LEAST_S and not self.still:
            yield (
                f"Only {self.seconds:.1f} s were there to look at; {LEAST_S:g} are needed to find the invisible mark. "
                "This says nothing about it."
            )
        elif self.marked:
            yield from self._marked()
        else:
            where = "the picture" if self.still else f"{self.seconds:.0f} s, in the whole picture or in a part of it"
            yield (
                f"No mark of livecam was found in {where} (score {self.score:.1f}; {SURE:g} is sure). "
                f"That does not mean that the {self._kind} is unchanged: another program may have made it, the mark "
                "may have been removed, or the picture may be turned, mirrored, distorted or a small part of a larger "
                "one."
            )
        yield self._label()

    def _marked(self) -> Iterator[str]:
        share, rarity = len(self.marked) / len(self.windows), 1 / max(self.chance, 1e-15)
        where = "it" if self.still else f"{share:.0%} of {self.seconds:.0f} s"
        yield (
            f"Modified by AI with livecam: its mark is in {where} (score {self.score:.1f}; "
            f"by chance less than once in {rarity:.0e} {self._kind}s)."
        )
        if self.place is not None:
            left, top, width, height = self.place
            yield (
                f"It is in a part of the picture: {width:.0%} of its width and {height:.0%} of its height, "
                f"{left:.0%} from the left and {top:.0%} from the top. The rest was not looked at any more."
            )
        if self.sessions:
            numbers = ", ".join(f"{session:08x}" for session in self.sessions)
            yield f"Made by this installation, session {numbers}."
        else:
            yield "Which session cannot be read: another installation made it, or too little is left of the mark."
        yield "Who made it, and whose face it shows, a mark does not say. Whoever knows how can remove or forge one."

    def _label(self) -> str:
        share, pictures = self.labels.share, self.labels.pictures
        if not pictures or not self.labels.texts:
            return "No visible label of livecam's was found; it can be switched off or covered."
        text = self.labels.texts.most_common(1)[0][0]
        what = f"A label like livecam's, {text!r}," if text else "A label like livecam's, with words unknown here,"
        where = "is in it" if self.still else f"is in {share:.0%} of {pictures} pictures looked at"
        return f"{what} {where}; anybody can draw one."
