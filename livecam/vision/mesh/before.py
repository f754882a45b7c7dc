"""What stands before a face in the mesh swap: left to be seen, and kept out of the light that is found on the face."""

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.errors import FaceUncovered
from livecam.vision.mesh.raster import Grid
from livecam.vision.occlude import Occluder, Shade
from livecam.vision.wearers import Wearers

# Share of the face that must be painted.
_LEAST_COVER = 0.35


class _Last:
    """The shade on one followed face in its last frame."""

    def __init__(self) -> None:
        self.shade: Shade | None = None


class Before:
    """Has an `Occluder` look at each face beside the swap. One thread.

    Args:
        occluder: What looks; nothing is left to be seen without.
    """

    def __init__(self, occluder: Occluder | None) -> None:
        self._occluder = occluder
        self._known = Wearers(_Last)
        self._last = _Last()

    def begin(self, image: Image, face: Face) -> None:
        """Begin to look at `face` in `image`, (H, W, 3) u8 BGR, which must not be painted on before `leave`."""
        if self._occluder is not None:
            self._last = self._known[face.track_id]
            self._occluder.begin(image, face)

    def darken(self, oval: Image, grid: Grid) -> None:
        """Take what stood before the face a frame ago out of `oval`, (rows, columns) u8 by cells: its light is another.

        What stands there now is known only later.
        """
        if self._last.shade is not None:
            _take_out(oval, self._last.shade, grid, grid.step)

    def leave(self, alpha: Image, grid: Grid, whole: float) -> bool:
        """Leave what stands before the face to be seen; gives whether that was looked for at all.

        Args:
            alpha: (height, width) u8 by px of `grid`: how much of the new face shows; changed in place.
            grid: Where it lies.
            whole: The mean of a mask that shows all of the face.

        Raises:
            FaceUncovered: Too little of the new face would show.
            EngineError: A network failed.
        """
        if self._occluder is None:
            return False
        shade = self._last.shade = self._occluder.finish()
        if shade is not None:
            _take_out(alpha, shade, grid, 1)
            if cv2.mean(alpha)[0] < _LEAST_COVER * whole:
                raise FaceUncovered("Too little of the face could be covered; it is hidden, or turned too far away.")
        return True

    def reset(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._last = _Last()
        if self._occluder is not None:
            self._occluder.reset()


def _take_out(mask: Image, shade: Shade, grid: Grid, step: int) -> None:
    """Take what is shaded out of `mask`, (h, w) u8 over `grid` in squares of `step` px of the frame, in place."""
    # From the middles of the frame's px to the middles of the squares.
    corner = (0.5 - np.array([grid.left, grid.top], np.float64)) / step - 0.5
    matrix = np.array([[1 / step, 0, corner[0]], [0, 1 / step, corner[1]]])
    bare = cv2.bitwise_not(shade.into(matrix, np.empty_like(mask)))
    cv2.multiply(mask, bare, dst=mask, scale=1 / 255)
