"""A persona's face in a picture, in place of the face that is there; as good as a diffusion model can, not live."""

import time
from dataclasses import dataclass

from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.chosen import LARGEST, Options, face_in
from livecam.studio.framing import Framing, framing_of
from livecam.studio.judging import Verdict, judge_of, refuse_unjudged
from livecam.studio.paste import paste, stamped
from livecam.studio.region import region_of
from livecam.studio.terms import Backend, Conditions, Faces, Likeness, Step

__all__ = ["LARGEST", "Options", "SwapReport", "Swapped", "swap"]


@dataclass(frozen=True, slots=True)
class SwapReport:
    """What came of a swap; `dataclasses.asdict` makes it fit for JSON.

    Attributes:
        passed: Whether all that was demanded holds.
        judged: Whether the identity was demanded, or only measured.
        told: By what faces were told apart.
        cosine: Of the new face to the persona.
        cosine_needed: The least that passes.
        landmark_error: Of the square's side.
        attempts: How many pictures were made.
        seed: Of the one that is shown.
        side: Of the square, px.
        scale: Px of the square for each px of the picture; below 1 the picture is finer than what was made.
        seconds: What it took.
    """

    passed: bool
    judged: bool
    told: str
    cosine: float
    cosine_needed: float
    landmark_error: float
    attempts: int
    seed: int
    side: int
    scale: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Swapped:
    """A picture with another face.

    Attributes:
        image: (H, W, 3) u8 BGR.
        report: What came of it.
    """

    image: Image
    report: SwapReport


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A picture that was made.

    Attributes:
        made: (S, S, 3) u8 BGR: the square.
        image: (H, W, 3) u8 BGR: it in the picture.
        verdict: Of it.
        seed: Of it.
    """

    made: Image
    image: Image
    verdict: Verdict
    seed: int


def swap(image: Image, backend: Backend, likeness: Likeness, faces: Faces, options: Options, step: Step) -> Swapped:
    """`likeness` in place of a face of `image`.

    What the square shows outside the face, and whatever is before it (glasses, hair, hands), stays as it is to the
    bit. Of a test backend the word TEST is written across the face.

    Args:
        image: (H, W, 3) u8 BGR, only read.
        backend: Makes the face.
        likeness: Whose it is to be.
        faces: Sees faces.
        options: What the user wants.
        step: Told after each step of each attempt.

    Raises:
        StudioError: There is no face to swap, or which one was not said; a slot is missing; or no attempt passed.
        FaceUncovered: Hands cover too much of the face.
        StudioCancelled: From `step`.
    """
    started = time.monotonic()
    refuse_unjudged(faces, backend, unjudged=options.unjudged)
    scales = options.scales_for(backend.caps)
    face = face_in(image, faces, options.face)
    framing = framing_of(face, options.side_for(backend.caps))
    crop, moved = framing.crop(image), framing.moved(face)
    region = region_of(crop, moved, faces)
    conditions = Conditions(likeness, moved.landmarks.five, scales)
    judge = judge_of(faces, backend.caps, likeness.vectors, moved.landmarks.five)
    tried: list[_Attempt] = []
    while len(tried) < options.attempts and not (tried and tried[-1].verdict.passed):
        sampling = options.sampling(backend.caps, len(tried))
        made = backend.inpaint(crop, region.anew, conditions, sampling, step)
        pasted = paste(image, made, framing, region)
        tried.append(_Attempt(made, pasted, judge(framing.crop(pasted)), sampling.seed))
    best = max(tried, key=lambda each: each.verdict.worth)
    _refuse_failed(best.verdict, len(tried))
    five = moved.landmarks.five
    shown = paste(image, stamped(best.made, five), framing, region) if backend.caps.test else best.image
    return Swapped(shown, _report(best, len(tried), faces.told, framing, time.monotonic() - started))


def _refuse_failed(verdict: Verdict, attempts: int) -> None:
    """Raise StudioError unless the best of so many attempts passed."""
    if verdict.passed:
        return
    made = "The picture that was made" if attempts == 1 else f"The best of {attempts} pictures"
    raise StudioError(
        f"{made} did not pass, and nothing is kept: it shows {verdict.told()}.",
        "Try other seeds (--seed), more of them (--attempts), more or sharper photos of the persona, "
        "or a picture that shows the face larger and more from the front.",
    )


def _report(best: _Attempt, attempts: int, told: str, framing: Framing, seconds: float) -> SwapReport:
    verdict = best.verdict
    return SwapReport(
        passed=verdict.passed,
        judged=verdict.identity,
        told=told,
        cosine=round(verdict.cosine, 4),
        cosine_needed=verdict.cosine_needed,
        landmark_error=round(verdict.landmark_error, 5),
        attempts=attempts,
        seed=best.seed,
        side=framing.side,
        scale=round(framing.scale, 4),
        seconds=round(seconds, 2),
    )
