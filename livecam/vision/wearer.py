"""Who is swapped, told by who they are: every followed face is compared with the people who enrolled.

A face is looked at when it begins to be followed, and again on a schedule, since a track can slip from one person to
another when they cross. Whoever is not surely enrolled is not swapped; whoever may be is not shown either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from livecam.core.face import Face
from livecam.core.frame import NS_PER_S, Image
from livecam.core.people import Knowing, Known, Standing
from livecam.vision.recognise import Embedding

Views = npt.NDArray[np.float32]
"""(K, L) f32, rows of length 1: one person seen from several sides."""


class Look(Protocol):
    """Tells faces apart. Used by one thread."""

    @property
    def told(self) -> str:
        """What it goes by, in a few words for the status line."""
        ...

    @property
    def same(self) -> float:
        """From this cosine on two looks are one person's."""
        ...

    @property
    def other(self) -> float:
        """Up to this cosine they are two people's; between the two it cannot be told."""
        ...

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        """The look of `face` in `image`, (H, W, 3) u8 BGR: (L,) f32 of length 1; None where it cannot be told so.

        Raises:
            EngineError, ContractError: A network failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class LockRules:
    """When a face is looked at, and what is believed.

    Attributes:
        every_s: A face whose standing is settled is looked at again after this time.
        unsure_s: One that is not, after this.
        proofs: So many looks in a row say that a face is somebody else's before it counts as that.
        doubts: So many looks in a row that say "somebody else" end a wearer's standing.
        vague: So many looks in a row that say neither do it too.
        blind_s: A wearer who could not be told for so long (turned away) is a wearer no longer.
    """

    every_s: float = 0.5
    unsure_s: float = 0.06
    proofs: int = 3
    doubts: int = 2
    vague: int = 8
    blind_s: float = 5.0


_UNSURE: Final = Known(Standing.UNSURE)


@dataclass(slots=True)
class _Track:
    """What is known of one followed face."""

    known: Known = _UNSURE
    score: float = -1.0
    looked_ns: int | None = None
    told_ns: int = 0
    against: int = 0
    vague: int = 0

    @property
    def settled(self) -> bool:
        """Whether there is no hurry to look again."""
        return self.known is not _UNSURE and not self.against and not self.vague


class WearerLock:
    """An `Identifier` of enrolled people. One thread.

    In one frame each person is one face at most: of two that look like the same person, the likelier one is.
    At most one face is looked at in a frame, besides those that nobody has looked at yet.

    Args:
        look: Tells faces apart.
        people: The views of everybody enrolled, by name; not empty.
        rules: When to look, and what to believe.

    Raises:
        ValueError: Nobody is enrolled.
    """

    def __init__(self, look: Look, people: Mapping[str, Views], rules: LockRules | None = None) -> None:
        if not people:
            raise ValueError("A lock needs somebody who is enrolled.")
        self._look = look
        self._people = dict(people)
        self._rules = rules or LockRules()
        self._tracks: dict[int, _Track] = {}

    @property
    def told(self) -> str:
        """How the wearer is told from others."""
        return self._look.told

    def reset(self) -> None:
        """Forget who was where."""
        self._tracks.clear()

    def __call__(self, image: Image, faces: Sequence[Face], captured_ns: int) -> Knowing:
        """What is known of each of `faces` in `image`; see `Identifier`.

        Raises:
            EngineError, ContractError: A network failed.
        """
        self._tracks = {face.track_id: self._tracks.get(face.track_id, _Track()) for face in faces}
        new = [face for face in faces if self._tracks[face.track_id].looked_ns is None]
        due = sorted(
            (face for face in faces if self._due(self._tracks[face.track_id], captured_ns)),
            key=lambda face: self._tracks[face.track_id].looked_ns or 0,
        )
        for face in [*new, *due[:1]]:
            self._judge(self._tracks[face.track_id], self._look(image, face), captured_ns)
        self._one_face_each()
        for track in self._tracks.values():
            self._forget_blind(track, captured_ns)
        return {number: track.known for number, track in self._tracks.items()}

    def _due(self, track: _Track, captured_ns: int) -> bool:
        if track.looked_ns is None:
            return False
        wait_s = self._rules.every_s if track.settled else self._rules.unsure_s
        return not 0 <= captured_ns - track.looked_ns < wait_s * NS_PER_S

    def _judge(self, track: _Track, seen: Embedding | None, captured_ns: int) -> None:
        """Take note of one look at a face."""
        track.looked_ns = captured_ns
        if seen is None:
            return
        person, score = self._likest(seen)
        track.told_ns, track.score = captured_ns, score
        if score >= self._look.same:
            slipped = track.known.standing is Standing.WEARER and track.known.person != person
            # Somebody else enrolled, all at once: the next look has to say so too.
            track.known = _UNSURE if slipped else Known(Standing.WEARER, person)
            track.against = track.vague = 0
        elif score <= self._look.other:
            track.against, track.vague = track.against + 1, 0
            self._believe(track)
        else:
            track.against, track.vague = 0, track.vague + 1
            self._doubt(track)

    def _believe(self, track: _Track) -> None:
        """A look says that it is somebody else."""
        if track.known.standing is Standing.WEARER and track.against >= self._rules.doubts:
            track.known = _UNSURE
        settled = track.known.standing is Standing.OTHER
        if settled or (track.known is _UNSURE and track.against >= self._rules.proofs):
            track.known, track.against = Known(Standing.OTHER), 0

    def _doubt(self, track: _Track) -> None:
        """A look says neither: somebody else may be the wearer after all; a wearer stays one for a while."""
        if track.known.standing is Standing.OTHER or track.vague >= self._rules.vague:
            track.known = _UNSURE

    def _likest(self, seen: Embedding) -> tuple[str, float]:
        scores = {person: float((views @ seen).max()) for person, views in self._people.items()}
        best = max(scores, key=lambda person: scores[person])
        return best, scores[best]

    def _one_face_each(self) -> None:
        """Of two faces with one name the likelier keeps it; the other one is looked at again."""
        keepers: dict[str, _Track] = {}
        for track in sorted(self._tracks.values(), key=lambda track: track.score, reverse=True):
            if track.known.standing is not Standing.WEARER:
                continue
            if keepers.setdefault(track.known.person, track) is not track:
                track.known = _UNSURE

    def _forget_blind(self, track: _Track, captured_ns: int) -> None:
        """Nobody is a wearer on the word of a look that is too long ago."""
        if captured_ns - track.told_ns > self._rules.blind_s * NS_PER_S and track.known.standing is Standing.WEARER:
            track.known = _UNSURE
