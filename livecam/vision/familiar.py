"""Who is swapped where nobody is enrolled: the face followed longest, as long as it goes on being the same face.

A track can be taken over by whoever walks past, and ends where somebody stands before the wearer for long. So it is
noted what the wearer has looked like since the start, and after every gap in which that could have happened the face
has to look so again. If it does not for some seconds, it is somebody else who is there now, and is the new wearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.face import Face
from livecam.core.frame import NS_PER_S, Image
from livecam.core.people import Knowing, Known, Standing
from livecam.vision.recognise import Embedding
from livecam.vision.wearer import Look

_WEARER: Final = Known(Standing.WEARER)
_OTHER: Final = Known(Standing.OTHER)
_UNSURE: Final = Known(Standing.UNSURE)


@dataclass(frozen=True, slots=True)
class FamiliarRules:
    """When a face has to be looked at again.

    Attributes:
        learn_s: So often it is noted what the wearer looks like, while nobody is near.
        views: So many looks are kept at most.
        known: What is more alike than this to a kept look adds nothing.
        company_s: Somebody else in the picture may have come between for so long after.
        patience_s: Whoever does not look like the wearer for so long, while nobody does, is the wearer now.
        reach: Two faces whose boxes, each this much larger on every side, touch, are near each other.
        doubts: So many looks in a row that say "somebody else" end a wearer's standing while somebody is near.
    """

    learn_s: float = 0.5
    views: int = 12
    known: float = 0.93
    company_s: float = 10.0
    patience_s: float = 5.0
    reach: float = 0.25
    doubts: int = 3


class FamiliarFace:
    """An `Identifier` for where nobody is enrolled. One thread.

    Args:
        look: Tells faces apart; a weak one will do, since it is asked only about people who were just there.
        rules: When.
    """

    told = "the face followed longest"

    def __init__(self, look: Look, rules: FamiliarRules | None = None) -> None:
        self._look = look
        self._rules = rules or FamiliarRules()
        self._views: list[Embedding] = []
        self._wearer: int | None = None
        self._doubted = False
        self._against = 0
        self._learnt_ns = self._company_ns = self._strange_ns = -1
        self._gone = False

    def reset(self) -> None:
        """The source was opened again: who is there has to look like the wearer."""
        self._doubted = self._doubted or bool(self._views)
        self._strange_ns = -1

    def __call__(self, image: Image, faces: Sequence[Face], captured_ns: int) -> Knowing:
        """What is known of each of `faces` in `image`, longest followed first; see `Identifier`."""
        if not faces:
            self._gone = True
            return {}
        self._doubt(faces, captured_ns)
        if len(faces) > 1:
            self._company_ns = captured_ns
        if self._doubted:
            self._search(image, faces, captured_ns)
        else:
            self._follow(image, faces, captured_ns)
        self._gone = False
        rest = _UNSURE if self._doubted else _OTHER
        sure = None if self._doubted else self._wearer
        return {face.track_id: _WEARER if face.track_id == sure else rest for face in faces}

    def _doubt(self, faces: Sequence[Face], captured_ns: int) -> None:
        """Begin to doubt where the wearer may have been mixed up with somebody else since the frame before."""
        here = any(face.track_id == self._wearer for face in faces)
        company = self._company_ns >= 0 and self._within(captured_ns - self._company_ns, self._rules.company_s)
        if self._views and not self._doubted and (not here or (self._gone and company)):
            self._doubted, self._strange_ns = True, -1

    def _search(self, image: Image, faces: Sequence[Face], captured_ns: int) -> None:
        """Who of `faces` looks like the wearer; after a while, whoever was followed longest is."""
        likes = [(self._likeness(self._look(image, face)), face.track_id) for face in faces]
        best, number = max(likes)
        if self._strange_ns < 0 or captured_ns < self._strange_ns:
            self._strange_ns = captured_ns
        if best >= self._look.same:
            self._accept(number)
        elif not self._within(captured_ns - self._strange_ns, self._rules.patience_s):
            self._views.clear()
            self._accept(faces[0].track_id)

    def _accept(self, number: int) -> None:
        self._wearer, self._doubted, self._against, self._strange_ns = number, False, 0, -1

    def _follow(self, image: Image, faces: Sequence[Face], captured_ns: int) -> None:
        """Go on with the wearer: learn what they look like, or, with somebody near, make sure that it is still them."""
        if not self._views:
            self._wearer = faces[0].track_id
        wearer = next(face for face in faces if face.track_id == self._wearer)
        grown = wearer.box.grown(self._rules.reach)
        if any(face is not wearer and face.box.grown(self._rules.reach).overlap(grown) > 0 for face in faces):
            self._suspect(self._look(image, wearer))
        elif self._learnt_ns < 0 or not self._within(captured_ns - self._learnt_ns, self._rules.learn_s):
            self._learnt_ns, self._against = captured_ns, 0
            self._learn(self._look(image, wearer))

    def _suspect(self, seen: Embedding | None) -> None:
        if seen is None:
            return
        self._against = self._against + 1 if self._likeness(seen) <= self._look.other else 0
        if self._against >= self._rules.doubts:
            self._doubted, self._strange_ns = True, -1

    def _learn(self, seen: Embedding | None) -> None:
        if seen is None or self._likeness(seen) > self._rules.known:
            return
        if len(self._views) >= self._rules.views:
            del self._views[1]
        self._views.append(seen)

    def _likeness(self, seen: Embedding | None) -> float:
        """To the look of the wearer that is most like `seen`, -1..1."""
        if seen is None or not self._views:
            return -1.0
        return float((np.stack(self._views) @ seen).max())

    def _within(self, passed_ns: int, seconds: float) -> bool:
        return 0 <= passed_ns <= seconds * NS_PER_S
