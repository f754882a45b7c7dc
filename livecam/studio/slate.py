"""The away picture: a portrait of a persona that goes out while nothing is cleared. The daemon only reads the PNG."""

import time
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image, Points, Size
from livecam.errors import StudioError
from livecam.privacy.lettering import lettered
from livecam.studio.chosen import Options
from livecam.studio.judging import Verdict, judge_of, refuse_unjudged
from livecam.studio.light import Floats
from livecam.studio.paste import stamped
from livecam.studio.terms import Backend, Conditions, Faces, Likeness, Step
from livecam.vision.template import Template, points_of

SIZE: Final = Size(1280, 720)
"""Of an away picture unless told otherwise; the daemon fits it into its output."""

_PROMPT: Final = "portrait photo of a person looking into the camera, head and shoulders, soft light, plain background"
# Of the portrait's side: how large its face is beside one of the FFHQ template, and where its middle lies.
_FACE, _FROM, _TO = 0.62, (0.5, 0.56), (0.5, 0.46)
# The picture behind the portrait: as soft as so much of the height, and as dark.
_SOFT, _DIM = 0.05, 0.42
_COARSER = 8
# Of the portrait's side: over how much it fades into what is behind it.
_FADE = 0.12
# Of the height: the letters, where they stand, and what the picture is darkened by under them.
_LETTERS, _LINE, _SHADE = 0.05, 0.9, 0.6
_WHITE: Final = (235.0, 232.0, 230.0)


@dataclass(frozen=True, slots=True)
class AwayReport:
    """What came of an away picture; `dataclasses.asdict` makes it fit for JSON.

    Attributes:
        judged: Whether the identity was demanded, or only measured.
        told: By what faces were told apart.
        cosine: Of the portrait to the persona.
        cosine_needed: The least that passes.
        landmark_error: Of the portrait's side.
        attempts: How many portraits were drawn.
        seed: Of the one that is shown.
        seconds: What it took.
    """

    judged: bool
    told: str
    cosine: float
    cosine_needed: float
    landmark_error: float
    attempts: int
    seed: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Away:
    """An away picture.

    Attributes:
        image: (H, W, 3) u8 BGR.
        report: What came of it.
    """

    image: Image
    report: AwayReport


def draw_away(
    backend: Backend,
    likeness: Likeness,
    faces: Faces,
    size: Size,
    options: Options,
    step: Step,
    text: str = "",
) -> Away:
    """A portrait of `likeness` from the front, before its own blurred background, `size` px.

    Args:
        backend: Draws it.
        likeness: Whom it shows.
        faces: Sees faces.
        size: Of the picture.
        options: What the user wants; `face` is not used.
        step: Told after each step of each attempt.
        text: A line to be written at the bottom, in any script; "" for none.

    Raises:
        StudioError: A slot is missing, or no attempt passed.
        StudioCancelled: From `step`.
    """
    started = time.monotonic()
    refuse_unjudged(faces, backend, unjudged=options.unjudged)
    caps = backend.caps
    side = options.side_for(caps)
    five = front_five(side)
    conditions = Conditions(likeness, five, options.scales_for(caps), _PROMPT)
    judge = judge_of(faces, caps, likeness.vectors, five)
    tried: list[tuple[Image, Verdict, int]] = []
    while len(tried) < options.attempts and not (tried and tried[-1][1].passed):
        sampling = options.sampling(caps, len(tried))
        drawn = backend.draw(side, conditions, sampling, step)
        tried.append((drawn, judge(drawn), sampling.seed))
    drawn, verdict, seed = max(tried, key=lambda each: each[1].worth)
    if not verdict.passed:
        raise StudioError(
            f"The best of {len(tried)} portraits did not pass, and nothing is kept: it shows {verdict.told()}.",
            "Try other seeds (--seed), more of them (--attempts), or more photos of the persona.",
        )
    image = composed(stamped(drawn, five) if caps.test else drawn, size, text)
    report = AwayReport(
        judged=verdict.identity,
        told=faces.told,
        cosine=round(verdict.cosine, 4),
        cosine_needed=verdict.cosine_needed,
        landmark_error=round(verdict.landmark_error, 5),
        attempts=len(tried),
        seed=seed,
        seconds=round(time.monotonic() - started, 2),
    )
    return Away(image, report)


def front_five(side: int) -> Points:
    """(5, 2) f32 px: where eyes, nose tip and mouth corners are in a portrait of `side` px from the front."""
    unit = points_of(Template.FFHQ_512, 1)
    return np.asarray(((unit - np.array(_FROM)) * _FACE + np.array(_TO)) * side, np.float32)


def composed(portrait: Image, size: Size, text: str) -> Image:
    """`portrait`, (S, S, 3) u8 BGR, in the middle of its own blurred and dimmed background, with a line of text."""
    behind = _behind(portrait, size)
    side = min(size)
    inner = np.asarray(cv2.resize(portrait, (side, side), interpolation=_scaling(portrait, side)), np.float32)
    top, left = (size.height - side) // 2, (size.width - side) // 2
    there = behind[top : top + side, left : left + side]
    there += (inner - there) * _shares(side, size)[:, :, None]
    if text:
        _write(behind, text, size)
    return np.asarray(np.clip(np.rint(behind), 0, 255), np.uint8)


def _behind(portrait: Image, size: Size) -> Floats:
    """(H, W, 3) f32: `portrait` enlarged until it fills `size`, its middle kept, blurred and dimmed."""
    side = max(size)
    # What is so soft needs few px.
    few = max(8, side // _COARSER)
    small = cv2.resize(portrait, (few, few), interpolation=_scaling(portrait, few))
    soft = cv2.GaussianBlur(small, (0, 0), _SOFT * size.height * few / side)
    whole = np.asarray(cv2.resize(soft, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    top, left = (side - size.height) // 2, (side - size.width) // 2
    return whole[top : top + size.height, left : left + size.width] * np.float32(_DIM)


def _scaling(image: Image, side: int) -> int:
    return cv2.INTER_AREA if side < len(image) else cv2.INTER_CUBIC


def _shares(side: int, size: Size) -> Floats:
    """(side, side) f32, 0..1: how much of the portrait shows; it fades at the edges that do not meet the picture's."""
    places = (np.arange(side) + 0.5) / side
    ramp = np.clip(np.minimum(places, 1 - places) / _FADE, 0, 1)
    smooth = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    across = smooth if size.width > side else np.ones(side, np.float32)
    down = smooth if size.height > side else np.ones(side, np.float32)
    return np.outer(down, across).astype(np.float32)


def _write(image: Floats, text: str, size: Size) -> None:
    """Write `text` at the bottom of `image`, (H, W, 3) f32, in place."""
    start = int((2 * _LINE - 1) * size.height)
    fall = np.linspace(0, _SHADE, size.height - start, dtype=np.float32)[:, None, None]
    image[start:] *= 1 - fall
    ink = lettered(text, max(10, round(_LETTERS * size.height)), round(0.9 * size.width), bold=False)
    top = min(round(_LINE * size.height) - len(ink) // 2, size.height - len(ink))
    left = (size.width - ink.shape[1]) // 2
    there = image[top : top + len(ink), left : left + ink.shape[1]]
    there += (np.array(_WHITE, np.float32) - there) * (ink[:, :, None].astype(np.float32) / 255)
