"""Restores a face's skin and light, and not whom it shows: fine light of a diffusion model, kept on a short lead."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.errors import StudioError
from livecam.studio.chosen import Options, face_in
from livecam.studio.detail import fine_light
from livecam.studio.framing import Framing, framing_of
from livecam.studio.judging import alike, nearest, refuse_unjudged
from livecam.studio.light import Floats
from livecam.studio.paste import paste, paste_light, stamped
from livecam.studio.region import Region, region_of
from livecam.studio.terms import Backend, Conditions, Faces, Likeness, Step, Vectors
from livecam.vision.identity_gate import accepts

STRENGTH: Final = 0.3
"""How much is made anew unless told otherwise; 0.2 to 0.35 is of use."""

MOVED: Final = 0.01
"""How far the landmarks may move, on average, in distances of the eyes."""

SHARES: Final = (1.0, 0.5, 0.25, 0.125)
"""Of the fine light, most first: the first that passes is kept."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What came of a restoration; `dataclasses.asdict` makes it fit for JSON.

    Attributes:
        share: Of the fine light that is shown; 0 where the picture was left as it is.
        judged: Whether the identity was demanded, or only measured.
        told: By what faces were told apart.
        before: Cosine of the face to whom it is to show, as it was.
        after: As it is.
        moved: How far the landmarks moved, in distances of the eyes.
        seed: Of the picture that was made.
        side: Of the square, px.
        seconds: What it took.
    """

    share: float
    judged: bool
    told: str
    before: float
    after: float
    moved: float
    seed: int
    side: int
    seconds: float

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        if not self.share:
            return "The picture is left as it is: every share of what was restored changed whom it shows."
        return f"{self.share:.0%} of the fine light that was restored is kept."


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """A picture with a restored face.

    Attributes:
        image: (H, W, 3) u8 BGR.
        report: What came of it.
    """

    image: Image
    report: RestoreReport


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen of a face.

    Attributes:
        cosine: To whom it is to show; -1 where there is no face.
        moved: From where its landmarks were, in distances of the eyes; 1 where there is no face.
    """

    cosine: float
    moved: float


@dataclass(frozen=True, slots=True)
class _Scene:
    """The face that is restored.

    Attributes:
        image: The picture, (H, W, 3) u8 BGR.
        framing: The square.
        crop: (S, S, 3) u8 BGR: the square as it is.
        face: As a look at the square finds it, px of the square.
        region: What of it may change.
    """

    image: Image
    framing: Framing
    crop: Image
    face: Face
    region: Region

    @property
    def five(self) -> Points:
        """Eyes, nose tip and mouth corners, (5, 2) f32 px of the square."""
        return self.face.landmarks.five

    def likeness(self, faces: Faces) -> Likeness:
        """Whoever it shows, as a persona of this one photo would be known."""
        looks = faces.looks(self.crop, self.five)
        vectors, regions = faces.embed(self.crop, self.five)[None], () if looks is None else (looks,)
        return Likeness(vectors, (self.crop,), (self.five,), regions)

    def look(self, square: Image, faces: Faces, vectors: Vectors) -> _Look:
        """What is seen of the face in `square`, (S, S, 3) u8 BGR."""
        found = nearest(faces.find(square), self.five)
        if found is None:
            return _Look(-1.0, 1.0)
        eyes = max(float(np.linalg.norm(self.five[1] - self.five[0])), 1e-6)
        was, now = self.face.landmarks.points, found.landmarks.points
        moved = float(np.linalg.norm(now - was, axis=1).mean()) / eyes if now.shape == was.shape else 1.0
        return _Look(alike(faces.embed(square, found.landmarks.five), vectors), moved)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a restored face must keep to.

    Attributes:
        faces: Sees it.
        vectors: Whom it shows.
        before: Its cosine to them as it was.
        identity: Whether the cosine is demanded.
    """

    faces: Faces
    vectors: Vectors
    before: float
    identity: bool

    def passes(self, look: _Look) -> bool:
        """Whether a face that looks so may be shown."""
        return look.moved < MOVED and (not self.identity or accepts(self.before, look.cosine))


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What passed: the picture, the share of the fine light in it, and how the face looks."""

    image: Image
    share: float
    look: _Look


def restore(
    image: Image, backend: Backend, likeness: Likeness | None, faces: Faces, options: Options, step: Step
) -> Restored:
    """A face of `image` with the skin and the fine light of a model that was told whom it shows.

    The model makes the face anew at a low strength, and of what it made only the fine light is kept: luma between two
    Gaussians. It is laid on as much as passes: the cosine to whom the face shows must not fall by more than
    `livecam.vision.identity_gate.SLACK`, and the landmarks must not move by 1 % of the distance of the eyes. Where
    nothing passes the picture stays as it is. Of a test backend the word TEST is written across the face.

    Args:
        image: (H, W, 3) u8 BGR, only read.
        backend: Makes the face.
        likeness: Whom the face shows; None for whoever it is.
        faces: Sees faces.
        options: What the user wants; `attempts` is not used.
        step: Told after each step.

    Raises:
        StudioError: There is no face, which one was not said, a slot is missing, or it cannot be judged.
        FaceUncovered: Hands cover too much of the face.
        StudioCancelled: From `step`.
    """
    started = time.monotonic()
    refuse_unjudged(faces, backend, unjudged=options.unjudged)
    caps = backend.caps
    scales, sampling = options.scales_for(caps), options.sampling(caps, strength=STRENGTH)
    scene = _scene(image, faces, options, options.side_for(caps))
    shown = likeness or scene.likeness(faces)
    made = backend.inpaint(scene.crop, scene.region.anew, Conditions(shown, scene.five, scales), sampling, step)
    light = fine_light(made, scene.crop, scene.five)
    before = scene.look(scene.crop, faces, shown.vectors).cosine
    rule = _Rule(faces, shown.vectors, before, faces.knows and not caps.test)
    kept = _kept(scene, light, rule)
    out = kept.image
    if caps.test and kept.share:
        out = paste(out, stamped(scene.framing.crop(out), scene.five), scene.framing, scene.region)
    return Restored(out, _report(kept, rule, sampling.seed, scene.framing.side, time.monotonic() - started))


def _scene(image: Image, faces: Faces, options: Options, side: int) -> _Scene:
    """The face that `options` mean, in a square of `side` px.

    It is found once more in the square, as whatever is made of it will be.

    Raises:
        StudioError: There is none.
    """
    face = face_in(image, faces, options.face)
    framing = framing_of(face, side)
    crop, moved = framing.crop(image), framing.moved(face)
    found = nearest(faces.find(crop), moved.landmarks.five)
    if found is None:
        raise StudioError("The face is not found again once it is cut out.", "Use a picture that shows it larger.")
    return _Scene(image, framing, crop, found, region_of(crop, found, faces))


def _kept(scene: _Scene, light: Floats, rule: _Rule) -> _Kept:
    """The largest share of `light` that passes; the picture as it is where none does."""
    for share in SHARES:
        image = paste_light(scene.image, light * np.float32(share), scene.framing, scene.region)
        look = scene.look(scene.framing.crop(image), rule.faces, rule.vectors)
        if rule.passes(look):
            return _Kept(image, share, look)
    return _Kept(scene.image.copy(), 0.0, _Look(rule.before, 0.0))


def _report(kept: _Kept, rule: _Rule, seed: int, side: int, seconds: float) -> RestoreReport:
    return RestoreReport(
        share=kept.share,
        judged=rule.identity,
        told=rule.faces.told,
        before=round(rule.before, 4),
        after=round(kept.look.cosine, 4),
        moved=round(kept.look.moved, 5),
        seed=seed,
        side=side,
        seconds=round(seconds, 2),
    )
