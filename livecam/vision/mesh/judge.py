"""Whether a photo can serve as a persona, and what would make a better one."""

import numpy as np

from livecam.core.frame import Image, Points
from livecam.errors import PhotoRefused
from livecam.vision.mesh.pose import Angles, Rows, face_height
from livecam.vision.mesh.topology import TOPOLOGY, rigid_fitter

# Face heights, px.
_TOO_SMALL, _SMALL = 100, 200
# Degrees. Beyond the first the far side of the face is guessed from few pixels, beyond the second it is not there.
_TURNED, _TOO_TURNED = 20.0, 40.0
_NODDED, _TOO_NODDED = 20.0, 35.0
# Distance of the inner lips, in face heights.
_MOUTH_OPEN, _MOUTH_TOO_OPEN = 0.025, 0.12
# Distance of the lids, in widths of the eye; the landmarker sees about 0.07 where they touch.
_EYE_SHUT = 0.1
_CUT_OFF = 0.03
# Grey values, and how many times brighter one cheek may be than the other.
_DARK, _BRIGHT = 50.0, 225.0
_ONE_SIDED = 1.8
_LEFT_CHEEK, _RIGHT_CHEEK = 50, 280


def judge(image: Image, points: Points | None, faces_found: int) -> list[str]:
    """What is less than ideal about a photo: sentences for the user, each with what to do; best is an empty list.

    The caller names the file.

    Args:
        image: (H, W, 3) u8 BGR.
        points: (478, 3) f32 px, landmarks of the face; None when none was found.
        faces_found: How many faces the detector found.

    Raises:
        PhotoRefused: It cannot serve: no face or several, too small, cut off, turned too far, an eye shut,
            the mouth wide open.
    """
    if faces_found == 0 or points is None or not np.isfinite(points).all():
        raise PhotoRefused("No face was found.", "Use a photo that shows the face from the front, unobstructed.")
    if faces_found > 1:
        raise PhotoRefused(f"{faces_found} faces were found.", "Cut the photo down to the one face to be worn.")
    pose = rigid_fitter()(points)
    height, shape = face_height(points), pose.shape_of(points)
    gap = _mouth_gap(shape)
    if min(_eye_gaps(shape)) < _EYE_SHUT:
        raise PhotoRefused("An eye is closed.", "Use a photo with both eyes open.")
    _refuse(height, pose.angles, gap, _reaches_out(image, points))
    return [*_size_and_pose(height, pose.angles, gap), *_light(image, points, height)]


def _refuse(height: float, angles: Angles, gap: float, reaches_out: float) -> None:
    """Raise what makes the photo unusable: sizes in px, the mouth's gap in face heights."""
    if height < _TOO_SMALL:
        raise PhotoRefused(
            f"The face is only {height:.0f} px tall.", f"Use a photo where it is at least {_SMALL} px tall."
        )
    if reaches_out > _CUT_OFF * height:
        raise PhotoRefused("The face is cut off by the photo's edge.", "Use a photo that shows the whole face.")
    if abs(angles.yaw) > _TOO_TURNED or abs(angles.pitch) > _TOO_NODDED:
        raise PhotoRefused(
            f"The face is turned away by {max(abs(angles.yaw), abs(angles.pitch)):.0f} degrees.",
            "Use a photo that looks into the camera.",
        )
    if gap > _MOUTH_TOO_OPEN:
        raise PhotoRefused("The mouth is wide open.", "Use a photo with the mouth closed.")


def _size_and_pose(height: float, angles: Angles, gap: float) -> list[str]:
    """Advice about size, pose and mouth."""
    advice = []
    if height < _SMALL:
        advice.append(f"The face is only {height:.0f} px tall and will look soft; {_SMALL} px or more is better.")
    if abs(angles.yaw) > _TURNED:
        advice.append(f"The face is turned by {abs(angles.yaw):.0f} degrees; one side will smear.")
    if abs(angles.pitch) > _NODDED:
        advice.append(f"The face is tilted up or down by {abs(angles.pitch):.0f} degrees; hold the camera level.")
    if gap > _MOUTH_OPEN:
        advice.append("The mouth is open; its inside will show between closed lips. Close it.")
    return advice


def _light(image: Image, points: Points, height: float) -> list[str]:
    """Advice about exposure, from the two cheeks."""
    left, right = (_grey(image, points[cheek], height) for cheek in (_LEFT_CHEEK, _RIGHT_CHEEK))
    advice = []
    if max(left, right) < _DARK:
        advice.append("The face is dark; take the photo in more light.")
    if min(left, right) > _BRIGHT:
        advice.append("The face is overexposed; take the photo in less light.")
    if max(left, right) > _ONE_SIDED * max(min(left, right), 1.0):
        advice.append("One side of the face is in shadow, and will be in every picture; light it evenly.")
    return advice


def _reaches_out(image: Image, points: Points) -> float:
    """How far the oval reaches beyond the image, px."""
    oval = points[TOPOLOGY.oval, :2]
    beyond = oval - (image.shape[1] - 1, image.shape[0] - 1)
    return float(max(beyond.max(), -oval.min(), 0.0))


def _mouth_gap(shape: Rows) -> float:
    """Mean distance of the inner lips of a pose-free shape, down the face, in face heights."""
    upper, lower = TOPOLOGY.lip_pair
    return float((shape[lower, 1] - shape[upper, 1]).mean())


def _eye_gaps(shape: Rows) -> list[float]:
    """How far each eye of a pose-free shape is open, in its widths."""
    gaps = []
    for (upper, lower), eye in zip(TOPOLOGY.lid_pairs, TOPOLOGY.eyes, strict=True):
        width = float(np.linalg.norm(shape[eye[len(eye) // 2]] - shape[eye[0]]))
        gaps.append(float(np.linalg.norm(shape[upper] - shape[lower], axis=1).mean()) / max(width, 1e-6))
    return gaps


def _grey(image: Image, spot: Points, height: float) -> float:
    """Mean grey value around `spot`."""
    reach = max(2, round(0.04 * height))
    x, y = (max(reach, round(float(value))) for value in spot[:2])
    around = image[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return float(around.mean()) if around.size else 0.0
