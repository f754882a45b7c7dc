"""Whether a persona's photos show the enrolled wearer, as far as the recogniser here can tell."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.app.assemble import networks_of, persona_library
from livecam.app.wearers import anybody_enrolled, enrolled_in, look_of
from livecam.config import Config, Paths
from livecam.errors import ConsentRefused, PersonaError
from livecam.vision.look import EdgeLook
from livecam.vision.wearer import Views

_WEAK: Final = (
    "That proves nothing: without a recogniser strangers who look alike pass. Fetch one, then enrol again: "
    "livecam models pull sface"
)
_WORTH: Final = (
    "It says that the photos look like whoever enrolled here, not who that is: a look-alike passes, and so does a "
    "photo that was held before the camera when enrolling."
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a comparison gave.

    Attributes:
        person: The enrolled person whom the photos resemble most.
        told: What faces are told by here.
        scores: Cosine of each photo with the nearest view of that person; NaN for a photo that cannot be told by.
        same: From this cosine on two looks count as one person's.
        other: Up to this one, as two people's.
        weak: Whether there is no recogniser here, so that it says little.
    """

    person: str
    told: str
    scores: tuple[float, ...]
    same: float
    other: float
    weak: bool

    @property
    def holds(self) -> bool:
        """Whether every photo that can be told by shows that person, and one can. What is weak proves nothing."""
        scores = [score for score in self.scores if not np.isnan(score)]
        return not self.weak and bool(scores) and min(scores) >= self.same

    @property
    def sentence(self) -> str:
        """What came of it, and how much that is worth."""
        told = [score for score in self.scores if not np.isnan(score)]
        what = f"{len(told)} of {len(self.scores)} photos could be compared with {self.person!r}, {self.told}"
        if not told:
            return f"{what}: the others are turned too far, or too small."
        worth = _WEAK if self.weak else _WORTH
        return f"{what}: {min(told):.2f} at least, where {self.same:.2f} counts as the same person. {worth}"


def prove(config: Config, paths: Paths, name: str) -> Proof:
    """Compare the photos of the persona `name` with everybody who is enrolled.

    Raises:
        ConsentRefused: Nobody is enrolled.
        PersonaError: The persona or an enrolment cannot be used, or was made with another recogniser.
        EngineError, ModelError: A network cannot be had, or failed.
    """
    if not anybody_enrolled(paths):
        raise ConsentRefused("Nobody is enrolled, so there is nobody to compare with.", "Enrol first: livecam enroll")
    networks = networks_of(config, paths)
    photos = persona_library(config, paths, networks).photos(name)
    networks.ensure()
    look, follower = look_of(config, paths), networks.follower(faces=1)
    views: list[Views | None] = []
    for photo in photos:
        follower.reset()
        faces = follower(photo.image, 0, 0.0)
        views.append(look(photo.image, faces[0]) if faces else None)
    people = {each.name: each.views for each in enrolled_in(paths).load_all().values() if each.look == look.told}
    if not people:
        raise PersonaError(f"Nobody was enrolled while faces were {look.told}.", "Enrol again: livecam enroll")
    scored = {person: tuple(_score(known, view) for view in views) for person, known in people.items()}
    person = max(scored, key=lambda each: float(np.nan_to_num(scored[each], nan=-1.0).mean()))
    return Proof(person, look.told, scored[person], look.same, look.other, isinstance(look, EdgeLook))


def _score(known: Views, view: Views | None) -> float:
    return float("nan") if view is None else float((known @ view).max())
