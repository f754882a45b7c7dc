"""What stands before a face: the words between who finds it and who leaves it to be seen."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Shade:
    """Where something stands before a face, in a box of the frame cut into square cells.

    Attributes:
        mask: (rows, columns) u8 by cells: 255 where something stands before the face.
        left: px of the frame.
        top: px of the frame.
        step: Side of a cell, px.
    """

    mask: Image
    left: float
    top: float
    step: float

    def into(self, matrix: Matrix, out: Image) -> Image:
        """Write it into `out`, (h, w) u8, whose px `matrix` (2x3 f64) makes of px of the frame; 0 outside the box."""
        corner = np.array([self.left, self.top]) + (self.step - 1) / 2
        placed = np.hstack([matrix[:, :2] * self.step, (matrix[:, :2] @ corner + matrix[:, 2])[:, None]])
        size = out.shape[1::-1]
        return cv2.warpAffine(self.mask, placed, size, dst=out, flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


class Occluder(Protocol):
    """Finds what stands before a face. Has state; one thread calls it. It may work beside its caller."""

    def begin(self, image: Image, face: Face) -> None:
        """Start looking at `face` in `image`, (H, W, 3) u8 BGR, which must not be painted on before `finish`."""
        ...

    def finish(self) -> Shade | None:
        """What stands before the face given to the last `begin`; None for nothing.

        It never covers so much of the face that the wearer would be known, were it a mistake.

        Raises:
            ContractError: It seems to cover more than that; the frame must be withheld.
            EngineError: A network failed; the frame must be withheld.
        """
        ...

    def reset(self) -> None:
        """Forget everything: the source was opened again."""
        ...
