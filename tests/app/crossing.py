"""Somebody walks past the wearer, before or behind them: composed of two people, whose places are known."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import box_of
from livecam.core.frame import Image, Points, Size

Layer = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Person:
    """A person of a clip at one moment: (h, w, 3) u8 BGR and the mesh, (>=468, 2) px."""

    image: Image
    points: Points


@dataclass(frozen=True)
class Moment:
    """One frame of the scene.

    Attributes:
        image: (H, W, 3) u8 BGR.
        wearer: The wearer's mesh, px.
        other: That of the one who walks; None while nobody does.
        cover: (H, W) f32, 0..1: how far the one who walks is what is to be seen there; they hide the wearer so far.
    """

    image: Image
    wearer: Points
    other: Points | None
    cover: Layer


@dataclass
class Walk:
    """Composes the scene.

    Attributes:
        size: Of the frames.
        wearer: By the number of the frame; of the frames' size.
        other: By the number of the frame; cut out around the face, hair and shoulders.
        begins: With this frame the other enters, on the right.
        ends: With this one they have left, on the left.
        stop: So many frames of these they stand where the wearer is.
        behind: Whether they pass behind the wearer, who is cut out of their clip in the same way.
        scale: How much larger than in their clip the other is.
    """

    size: Size
    wearer: Callable[[int], Person]
    other: Callable[[int], Person]
    begins: int
    ends: int
    stop: int = 0
    behind: bool = False
    scale: float = 1.0

    def __call__(self, number: int) -> Moment:
        """Frame `number`."""
        wearer = self.wearer(number)
        if not self.begins <= number <= self.ends:
            cover = np.zeros(self.size.image_shape[:2], np.float32)
            return Moment(wearer.image, wearer.points, None, cover)
        other = self.other(number)
        shift = self._shift(number, wearer, other)
        cover = cv2.warpAffine(cut_out(other), shift, tuple(self.size)).astype(np.float32)
        if self.behind:
            cover *= 1 - cut_out(wearer)
        image = wearer.image.copy()
        left, top, width, height = cv2.boundingRect((cover > 0).view(np.uint8))
        part = np.s_[top : top + height, left : left + width]
        pasted, share = cv2.warpAffine(other.image, shift, tuple(self.size))[part], cover[part][..., None]
        image[part] = (wearer.image[part] * (1 - share) + pasted * share).round().astype(np.uint8)
        return Moment(image, wearer.points, other.points * self.scale + shift[:, 2], cover)

    def _shift(self, number: int, wearer: Person, other: Person) -> Layer:
        """(2, 3): from the other's clip into the frame."""
        x, y = box_of(wearer.points).centre
        face = box_of(other.points)
        reach = face.width * self.scale * 1.2
        middle = (self.begins + self.ends) / 2
        when = (self.begins, middle - self.stop / 2, middle + self.stop / 2, self.ends)
        place = np.interp(number, when, (self.size.width + reach, x, x, -reach))
        centre = np.array(face.centre) * self.scale
        return np.array([[self.scale, 0, place - centre[0]], [0, self.scale, y - centre[1]]], np.float32)


def cut_out(person: Person) -> Layer:
    """(h, w) f32, 0..1: head and shoulders, roughly."""
    mask = np.zeros(person.image.shape[:2], np.uint8)
    face = box_of(person.points)
    (x, y), width, height = face.centre, face.width, face.height
    cv2.ellipse(mask, (int(x), int(y - 0.08 * height)), (int(0.72 * width), int(0.78 * height)), 0, 0, 360, 255, -1)
    cv2.ellipse(mask, (int(x), len(mask)), (int(1.4 * width), max(int(len(mask) - face.y2), 1)), 0, 0, 360, 255, -1)
    return (cv2.GaussianBlur(mask, (0, 0), 2) / 255).astype(np.float32)
