"""The contact sheet: which frames of a clip are worth looking at, and small pictures of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.bench.quality.figures import curve_of
from livecam.bench.quality.looks import eye_opening, head_angles, mouth_opening
from livecam.bench.quality.measure import Scene
from livecam.bench.quality.trace import Trace
from livecam.bench.quality.warp import FaceArea
from livecam.core.frame import Image, Points

SIDE_PX: Final = 240
"""Of a picture on the sheet."""

DIFFERENCE_GAIN: Final = 2
"""By how much the difference is amplified."""

FULL: Final = 6
"""Frames on the sheet of a clip."""

TURNED_DEG: Final = 8.0
"""A head that is turned less is not turned."""

_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the sheet. Pictures are JPEG, `SIDE_PX` square, around the face.

    Attributes:
        number: Of the frame, from 0.
        why: What is to be seen in it.
        before: What came in.
        after: What went out, with the label; measured was the picture without it.
        difference: Absolute difference of both, amplified.
    """

    number: int
    why: str
    before: bytes
    after: bytes
    difference: bytes


class Sightseer:
    """Takes small pictures of chosen frames.

    Args:
        wanted: Numbers of frames, and why.
        label: A copy of a picture, (H, W, 3) u8 BGR, with the label on it.
    """

    def __init__(self, wanted: Mapping[int, str], label: Callable[[Image], Image]) -> None:
        self._wanted = wanted
        self._label = label
        self._shots: list[Shot] = []

    @property
    def shots(self) -> tuple[Shot, ...]:
        """What was taken, in order."""
        return tuple(self._shots)

    def __call__(self, scene: Scene) -> None:
        """Look at one frame."""
        why = self._wanted.get(scene.number)
        if why is not None:
            before, after = (square(image, scene.area) for image in (scene.before, scene.after))
            difference = np.clip(cv2.absdiff(before, after).astype(np.int16) * DIFFERENCE_GAIN, 0, 255).astype(np.uint8)
            pictures = (_jpeg(image) for image in (before, self._label(after), difference))
            self._shots.append(Shot(scene.number, why, *pictures))


def worth_seeing(plain: Trace) -> dict[int, str]:
    """Frames that show what is hard, told from the unsmoothed trace, and why; rising. Others fill the sheet up."""
    mouth, eyes, yaw = (curve_of(plain.before, of) for of in (mouth_opening, eye_opening, _yaw))
    swapped = np.flatnonzero(plain.swapped).tolist()
    chosen = {swapped[0]: "the first"}
    hard = [
        ("moving most", plain.flow, 0.0),
        ("turned most to the left", -yaw, TURNED_DEG),
        ("turned most to the right", yaw, TURNED_DEG),
        ("the eyes most shut", -eyes, -np.inf),
        ("the mouth widest", mouth, -np.inf),
    ]
    for why, curve, least in hard:
        if np.isfinite(curve).any() and np.nanmax(curve) > least:
            chosen[int(np.nanargmax(curve))] = why
    for number in (swapped[len(swapped) * part // FULL] for part in range(FULL)):
        if len(chosen) < FULL:
            chosen.setdefault(number, "in between")
    return dict(sorted(chosen.items()))


def contact_sheet(shots: Sequence[Shot]) -> bytes:
    """All of `shots` in one JPEG, two in a row: input, output, difference. Empty when there are none."""
    if not shots:
        return b""
    rows = [_decoded((shot.before, shot.after, shot.difference)) for shot in shots]
    rows += [np.zeros_like(rows[0])] * (len(rows) % 2)
    pairs = [np.hstack([left, right]) for left, right in zip(rows[::2], rows[1::2], strict=True)]
    return _jpeg(np.vstack(pairs))


def square(image: Image, area: FaceArea, side: int = SIDE_PX) -> Image:
    """(side, side, 3) u8 BGR: `image`, (H, W, 3), around the face; beyond the image its edge is repeated."""
    patch = area.patch
    reach = max(patch.x2 - patch.x1, patch.y2 - patch.y1)
    left, top = (patch.x1 + patch.x2 - reach) // 2, (patch.y1 + patch.y2 - reach) // 2
    rows, columns = (
        np.clip(np.arange(start, start + reach), 0, limit - 1)
        for start, limit in zip((top, left), image.shape, strict=False)
    )
    method = cv2.INTER_AREA if side < reach else cv2.INTER_LINEAR
    out = cv2.resize(image[rows[:, None], columns], (side, side), interpolation=method)
    return out.astype(np.uint8, copy=False)


def _yaw(points: Points) -> float:
    return head_angles(points).yaw


def _decoded(jpegs: Sequence[bytes]) -> Image:
    """Pictures side by side."""
    found = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in jpegs]
    return np.hstack([image.astype(np.uint8, copy=False) for image in found if image is not None])


def _jpeg(image: Image) -> bytes:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return packed.tobytes()
