"""One photo becomes views of a persona from the canonical head angles, each of them judged; see `docs/studio.md`.

Real frames are better: the guided webcam (`livecam faces views NAME --camera`) needs no model, and its views outweigh
these. A generated view counts 0.3 of a real one at most, in bins of angles where nothing real is.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.faces.pack import MOST_WEIGHT, Origin, View
from livecam.faces.quality import SOFT, sharpness_of
from livecam.studio.chosen import Options
from livecam.studio.judging import COSINE, COSINE_FRONT, LANDMARKS, alike
from livecam.studio.presets import LIGHTS, PRESETS, Light, Preset, prompt_of
from livecam.studio.terms import Backend, Caps, Conditions, Faces, Likeness, Step
from livecam.vision.angles import HeadAngles
from livecam.vision.heading import HeadPose
from livecam.vision.mesh.pose import face_height
from livecam.vision.recognise import Embedding

_PICTURE_SIDE: Final = 192
_QUALITIES: Final = (90, 75, 50)
_LARGEST_PICTURE: Final = 60_000
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One view that was drawn, and what is to be said of it. Figures that could not be measured are NaN.

    Attributes:
        preset: The angle that was asked for.
        light: The light.
        image: (S, S, 3) u8 BGR.
        faces: How many there are in it.
        cosine: To the likeness, -1..1.
        error: Mean distance of the five points from where they were to be, of the picture's side.
        sharpness: 0..1; see `livecam.faces.quality.Quality`.
        angles: Of the head, as found.
        vector: (512,) f32 of length 1: whom it shows; None without a face.
        reason: Why it is not accepted; "" for one that is.
    """

    preset: Preset
    light: Light
    image: Image
    faces: int
    cosine: float
    error: float
    sharpness: float
    angles: HeadAngles | None
    vector: Embedding | None
    reason: str

    @property
    def name(self) -> str:
        """Such as ``left-45-warm``."""
        return f"{self.preset.name}-{self.light.name}"

    @property
    def accepted(self) -> bool:
        """Whether it may become a view of the pack."""
        return not self.reason

    @property
    def weight(self) -> float:
        """What it would count: nothing where nobody can say who it is."""
        return 0.0 if self.preset.profile or not self.accepted else MOST_WEIGHT[Origin.GENERATED]


@dataclass(frozen=True, slots=True, eq=False)
class Expanded:
    """All views of a persona that were drawn.

    Attributes:
        drawn: In the order of the presets, each in all lights.
        model: The backend's name.
        told: By what faces were told apart.
        judged: Whether identity was demanded, or only measured.
        test: Whether random weights drew them, so that nothing of them may be kept.
    """

    drawn: tuple[Drawn, ...]
    model: str
    told: str
    judged: bool
    test: bool

    @property
    def accepted(self) -> tuple[Drawn, ...]:
        """Those that passed."""
        return tuple(one for one in self.drawn if one.accepted)

    def views(self) -> tuple[View, ...]:
        """The accepted ones as views of a pack.

        Raises:
            StudioError: Nothing may be kept of them: they are a test's, or nobody could judge them.
        """
        refuse_keeping(self.test, self.judged, self.told)
        return tuple(_view(one, self.model) for one in self.accepted)


Begin: TypeAlias = Callable[[str], AbstractContextManager[Step]]
"""Begins a view of that name; what its steps are told to."""

ViewTold: TypeAlias = Callable[[Drawn, int, int], None]
"""Told of each view, how many are done, and of how many."""


def _unheard(drawn: Drawn, done: int, total: int) -> None:
    """Where nobody listens."""


def refuse_keeping(test: bool, judged: bool, told: str) -> None:
    """Refuse to keep what must not become views of a person.

    Raises:
        StudioError: It must not.
    """
    if test:
        raise StudioError(
            "This backend has random weights: nothing that it draws becomes a view of a persona.",
            "Look at what it draws with --out FOLDER, or name another backend.",
        )
    if not judged:
        raise StudioError(
            f"Nobody can say here whom a view shows: faces are told apart by {told}. So none is kept.",
            "Get a recogniser: livecam models pull arcface_w600k_r50; or only look, with --out FOLDER.",
        )


def expand(
    likeness: Likeness,
    backend: Backend,
    faces: Faces,
    options: Options,
    begin: Begin,
    told: ViewTold = _unheard,
    presets: Sequence[Preset] = PRESETS,
) -> Expanded:
    """Draw `likeness` from all angles in all lights, and judge each view.

    All are drawn with one seed and, but for angle and light, one prompt: that keeps hair and clothes. A view that does
    not pass is not tried again, since another seed would be another picture of a person who is otherwise the same.

    Args:
        likeness: Whom they show.
        backend: Draws.
        faces: Judges.
        options: Steps, scales, seed and side are heeded.
        begin: Told the name of each view; gives what is told of the sampler's steps while that is drawn.
        told: Told of each view.
        presets: The angles.

    Raises:
        StudioError: The backend has no slot that a scale was given for, or failed.
        StudioCancelled: From `begin`, or a step.
        ContractError, EngineError: A network of `faces` failed.
    """
    caps, side = backend.caps, options.side_for(backend.caps)
    scales, sampling = options.scales_for(caps), options.sampling(caps, strength=1.0)
    examiner = _Examiner(likeness, faces, caps)
    drawn: list[Drawn] = []
    wanted = [(preset, light) for preset in presets for light in LIGHTS]
    for preset, light in wanted:
        conditions = Conditions(likeness, preset.five(side), scales, prompt_of(preset, light))
        with begin(f"{preset.name}-{light.name}") as step:
            image = backend.draw(side, conditions, sampling, step)
        drawn.append(examiner(image, preset, light))
        told(drawn[-1], len(drawn), len(wanted))
    return Expanded(tuple(drawn), caps.name, faces.told, examiner.judged, caps.test)


class _Examiner:
    """Measures views, and says which may be kept."""

    def __init__(self, likeness: Likeness, faces: Faces, caps: Caps) -> None:
        self._likeness = likeness
        self._faces = faces
        self._pose = HeadPose()
        self.judged = faces.knows and not caps.test

    def __call__(self, image: Image, preset: Preset, light: Light) -> Drawn:
        found = self._faces.find(image)
        if not found:
            return Drawn(preset, light, image, 0, _NAN, _NAN, _NAN, None, None, "no face is found in it")
        face, wanted = found[0], preset.five(len(image))
        five = face.landmarks.five
        vector = self._faces.embed(image, five)
        cosine = alike(vector, self._likeness.vectors)
        error = float(np.linalg.norm(five - wanted, axis=1).mean()) / len(image)
        sharp = _sharpness(image, face)
        angles = self._pose(face)
        reason = self._reason(preset, len(found), cosine, error, sharp)
        if not reason and angles is None:
            reason = "the angle of the head cannot be told"
        return Drawn(preset, light, image, len(found), cosine, error, sharp, angles, vector, reason)

    def _reason(self, preset: Preset, faces: int, cosine: float, error: float, sharp: float) -> str:
        """Why a view is not accepted; "" for one that is."""
        if faces != 1:
            return f"{faces} faces are found in it"
        # Written so that what is no number does not pass either.
        if not error <= LANDMARKS:
            return f"the face is {error:.1%} of the picture from where it was to be; {LANDMARKS:.0%} is allowed"
        if not sharp >= SOFT:
            return f"it is not sharp: {sharp:.2f}, and {SOFT:.2f} is needed"
        if preset.profile or not self.judged:
            return ""
        needed = COSINE_FRONT if preset.front else COSINE
        return "" if cosine >= needed else f"it does not look like the person: {cosine:.2f}, and {needed:.2f} is needed"


def _sharpness(image: Image, face: Face) -> float:
    return sharpness_of(image, face.landmarks.five, max(1.0, face_height(face.landmarks.points)))


def _view(drawn: Drawn, model: str) -> View:
    assert drawn.vector is not None, "an accepted view shows a face"
    assert drawn.angles is not None, "of which the angle is known"
    length = np.linalg.norm(drawn.vector.astype(np.float64))
    vector = (drawn.vector / length).astype(np.float32)
    return View(vector, drawn.angles, Origin.GENERATED, drawn.weight, model, _picture(drawn.image))


def _picture(image: Image) -> bytes:
    """A small JPEG of `image`; empty where none is small enough."""
    small = cv2.resize(image, (_PICTURE_SIDE, _PICTURE_SIDE), interpolation=cv2.INTER_AREA)
    for quality in _QUALITIES:
        taken, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if taken and data.size <= _LARGEST_PICTURE:
            return data.tobytes()
    return b""
