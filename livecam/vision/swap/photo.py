"""Photos of a persona for the neural swap: the one face in each, found and judged."""

from typing import NamedTuple

import cv2
import numpy as np

from livecam.core.face import Box, Detection, Landmarks
from livecam.core.frame import Image, Points
from livecam.core.seams import Detector
from livecam.errors import PhotoRefused

SCORE = 0.5
"""A detection counts from here."""

_TOO_SMALL_PX, _GOOD_PX = 80.0, 200
# Where the nose tip lies from the eye on the left (0) to the eye on the right (1); turned by 45 degrees it is over one.
_LEAST_TURN, _MOST_TURN = 0.1, 0.9


class FacePhoto(NamedTuple):
    """A photo with its face.

    Attributes:
        image: (H, W, 3) u8 BGR.
        five: (5, 2) f32 px.
        name: For messages.
    """

    image: Image
    five: Points
    name: str

    @property
    def worth(self) -> float:
        """How good a photo of a face it is: the distance of the eyes in px, less what the head is turned away."""
        return _eye_distance(self.five) * (1 - 2 * abs(_turn(self.five) - 0.5))


def face_in(image: Image, name: str, detector: Detector) -> FacePhoto:
    """The one face in `image`, (H, W, 3) u8 BGR.

    Raises:
        PhotoRefused: There is none, several, or none that is fit; the sentence names the photo.
        ContractError: The detector's network gave rubbish.
        EngineError: The detector's network failed.
    """
    faces = detector(image, SCORE) or _found_in_a_frame(image, detector)
    if not faces:
        raise PhotoRefused(
            f"{name}: No face was found.", "Use a photo that shows the face from the front, unobstructed."
        )
    if len(faces) > 1:
        raise PhotoRefused(f"{name}: {len(faces)} faces were found.", "Cut the photo down to the one face to be worn.")
    _refuse(faces[0], image, name)
    return FacePhoto(image, faces[0].landmarks.five, name)


def _found_in_a_frame(image: Image, detector: Detector) -> list[Detection]:
    """Faces in `image` with a black frame around it.

    Detectors that were trained on crowds miss a face that fills the picture: on two portraits SCRFD 2.5g gave 0.32 and
    0.34, and 0.85 once there was room around them.
    """
    border = max(image.shape[:2]) // 4
    framed = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT)
    return [_moved(face, border) for face in detector(np.asarray(framed, dtype=np.uint8), SCORE)]


def _moved(face: Detection, border: int) -> Detection:
    """`face` of a picture with a frame of `border` px, in the picture without it."""
    points = face.landmarks.points - np.float32(border)
    box = Box(*(edge - border for edge in face.box))
    return Detection(box, Landmarks(points, face.landmarks.topology), face.score)


def _refuse(face: Detection, image: Image, name: str) -> None:
    """Raise what makes the photo unusable."""
    five = face.landmarks.five
    if face.box.height < _TOO_SMALL_PX:
        raise PhotoRefused(
            f"{name}: The face is only {face.box.height:.0f} px tall.",
            f"Use a photo where it is at least {_GOOD_PX} px tall.",
        )
    if five.min() < 0 or (five > (image.shape[1], image.shape[0])).any():
        raise PhotoRefused(f"{name}: The face is cut off by the photo's edge.", "Use a photo that shows all of it.")
    if not _LEAST_TURN <= _turn(five) <= _MOST_TURN:
        raise PhotoRefused(f"{name}: The face is turned away.", "Use a photo that looks into the camera.")


def _eye_distance(five: Points) -> float:
    return float(np.linalg.norm(five[1] - five[0]))


def _turn(five: Points) -> float:
    """Where the nose tip lies between the eyes: 0 at the one on the left, 1 at the other, 0.5 from the front."""
    across = five[1] - five[0]
    return float((five[2] - five[0]) @ across / max(float(across @ across), 1e-6))
