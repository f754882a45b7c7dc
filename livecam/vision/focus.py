"""Gives a painted face the sharpness of the camera: a crisp face on a soft picture looks pasted.

Lens, focus, movement and compression soften the wearer; none of them softened the persona's photo. The painted face is
softened by as much as the wearer is softer, and never made sharper than its photo.
"""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.vision.step import STEP, Looks, Step

# Softness is told on an image of half the size, since compression leaves noise in the finest detail, and on blocks of
# so many px of that: of those with the strongest edges, on the sharpest, less the noise of the flattest. Lashes, lids
# and nostrils are as sharp as a camera shows anything; shadows and cheeks are soft in the best of pictures.
_HALF, _BLOCK = 2, 4
_STRONG_SHARE, _SHARPEST_SHARE, _FLAT_SHARE = 0.1, 0.15, 0.3
_FEWEST_BLOCKS = 60
_INSIDE = 250
# In levels squared: slopes of less are no edges to go by. Of a squared bend, the least that is not put down to noise.
_LEAST_SLOPE, _LEAST_BEND = 2.0, 0.05
_SLOPE, _BEND = np.array([-0.5, 0, 0.5], np.float32), np.array([1, -2, 1], np.float32)
_ACROSS = np.array([0.25, 0.5, 0.25], np.float32)
# In every so many frames the wearer is measured, in every so many, between those, the new face. What is remembered is
# how sharp either was lately: it follows slowly what is softer, and soon what is sharper. Shares are of the time from
# one look to the next at 30 frames a second.
_EVERY, _EVERY_NEW, _BETWEEN = 4, 16, 2
_SOFTER, _SHARPER = 0.06, 0.3
# Variances, px squared. How much softer than the photo, and, while it moves, than itself lately, the picture has to be
# before that counts: faces differ by about the first, one face in its expressions by the second. What is measured is
# less than the blur (0.4 to 1.2 of it, on five people blurred by 1 to 2 px): the difference counts so many times.
_DIFFERENT, _MOVED = 0.35, 1.2
_GAIN = 1.4
# A blur of less is not seen; more, a sigma of 3 px, is never added. What changes follows by this share.
_FAINT, _STRONGEST = 0.15, 9.0
_FOLLOW = 0.4
# In sigmas, half a kernel's width. From this variance on the work is done at half the size, which blurs by itself.
_REACH = 2.0
_COARSE, _COARSE_OWN = 1.5, 0.75

Softness = npt.NDArray[np.float64]
"""(2,) f64, px squared: about the variance of the blur along x and along y."""

Plane = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


class Focus:
    """The blur of one wearer's picture over time. One thread."""

    def __init__(self) -> None:
        self._coarse = np.empty(0, np.uint8)
        self._looks, self._looks_new = Looks(_EVERY), Looks(_EVERY_NEW)
        self.reset()

    def reset(self) -> None:
        """Forget how soft the picture is."""
        self._own: Softness | None = None
        self._blur: Softness = np.zeros(2)
        self.renew()
        self._count = 0

    def renew(self) -> None:
        """The new face is another. It is measured in its second frame: a switch must not make the first one late."""
        self._new: Softness | None = None
        self._jumps = True
        self._count = -1
        self._looks.begin()
        self._looks_new.begin()

    def __call__(self, painted: Image, wearer: Image, alpha: Image, step: Step = STEP) -> None:
        """Soften `painted` to what `wearer` is; in place.

        Args:
            painted: (h, w, 3) u8, the new face.
            wearer: (h', w', 3) u8, what it will cover; the frame may end before the new face does.
            alpha: (h, w) u8: where the new face shows.
            step: The time since the last frame. The steadiness does not count: what is averaged here is how sharp
                edges are told to be, and no light or colour.
        """
        self._look(painted, wearer, alpha, step)
        self._count += 1
        least, most = float(self._blur.min()), float(self._blur.max())
        if least >= _COARSE:
            self._soften_at_half(painted)
        elif most >= _FAINT:
            _soften(painted, self._blur)

    def _look(self, painted: Image, wearer: Image, alpha: Image, step: Step) -> None:
        """Measure what is to be measured in this frame; see `__call__`."""
        height, width = wearer.shape[:2]
        inside = alpha[:height, :width]
        for looks in (self._looks, self._looks_new):
            looks.wait(step)
        due = self._count % _EVERY_NEW == _BETWEEN
        if self._count >= 0 and (self._new is None or due):
            # What is not known yet is looked for out of turn, and taken whole.
            looked = self._looks_new.taken() if due else STEP
            self._new = _lately(self._new, softness(painted[:height, :width], inside), looked, _EVERY_NEW)
        if self._count % _EVERY == 0:
            self._follow(softness(wearer, inside), self._looks.taken())

    def _follow(self, own: Softness | None, looked: Step) -> None:
        """Take in how soft the wearer is now, `looked` at that long after the last time."""
        self._own = _lately(self._own, own, looked, _EVERY)
        if own is None or self._own is None or self._new is None:
            return
        # Out of focus a face has no sharp edges in any direction; in movement it has none in one.
        lens = _GAIN * max(0.0, float(self._own.min() - self._new.min()) - _DIFFERENT)
        wanted = np.minimum(lens + np.maximum(own - self._own - _MOVED, 0), _STRONGEST)
        self._blur += (1.0 if self._jumps else looked.share(_FOLLOW, _EVERY)) * (wanted - self._blur)
        self._jumps = False

    def _soften_at_half(self, painted: Image) -> None:
        """Soften `painted` much, in place."""
        height, width = (side // 2 for side in painted.shape[:2])
        if self._coarse.size < height * width * 3:
            self._coarse = np.empty(height * width * 3 * 5 // 4, np.uint8)
        coarse = self._coarse[: height * width * 3].reshape(height, width, 3)
        view = painted[: 2 * height, : 2 * width]
        cv2.resize(view, (width, height), dst=coarse, interpolation=cv2.INTER_AREA)
        _soften(coarse, (self._blur - _COARSE_OWN) / 4)
        cv2.resize(coarse, (2 * width, 2 * height), dst=view, interpolation=cv2.INTER_LINEAR)


def softness(image: Image, inside: Image) -> Softness | None:
    """How blurred the sharpest edges of `image` are; None where too little of it is to be judged.

    A step that a Gaussian of variance v has blurred has slopes of mean square s and bends (second differences) of mean
    square b with ``v = s / (2 b)``, as follows from its spectrum, in which each difference gains by the frequency.

    Args:
        image: (h, w, 3) u8.
        inside: (h, w) u8: only where this is full.
    """
    rows, columns = (side // (_HALF * _BLOCK) for side in image.shape[:2])
    if rows * columns < _FEWEST_BLOCKS:
        return None
    whole = np.s_[: rows * _HALF * _BLOCK, : columns * _HALF * _BLOCK]
    judged = cv2.resize(inside[whole], (columns, rows), interpolation=cv2.INTER_AREA) >= _INSIDE
    if np.count_nonzero(judged) < _FEWEST_BLOCKS:
        return None
    half = cv2.resize(image[whole], (columns * _BLOCK, rows * _BLOCK), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(half, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    along_x = _variance(*(_energies(grey, each, _ACROSS)[judged] for each in (_SLOPE, _BEND)))
    along_y = _variance(*(_energies(grey, _ACROSS, each)[judged] for each in (_SLOPE, _BEND)))
    if along_x is None or along_y is None:
        return None
    return np.array([along_x, along_y]) * _HALF**2


def _energies(grey: Image, along_x: Plane, along_y: Plane) -> Plane:
    """(h / block, w / block) f32: mean square of `grey` filtered by two kernels, by blocks."""
    filtered = cv2.sepFilter2D(grey, cv2.CV_32F, along_x, along_y)
    cv2.multiply(filtered, filtered, dst=filtered)
    blocks = (grey.shape[1] // _BLOCK, grey.shape[0] // _BLOCK)
    return cv2.resize(filtered, blocks, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _variance(slope: Plane, bend: Plane) -> float | None:
    """The variance of the blur of the sharpest of the strong edges, px squared; None where there are no edges.

    Args:
        slope: (N,) f32, mean squares by block.
        bend: Likewise.
    """
    order = np.argsort(slope)
    flat, strong = order[: int(_FLAT_SHARE * len(order))], order[-int(_STRONG_SHARE * len(order)) :]
    edges, bends = slope[strong] - slope[flat].mean(), bend[strong]
    if float(edges.mean()) < _LEAST_SLOPE:
        return None
    bends = np.maximum(bends - bend[flat].mean(), np.float32(_LEAST_BEND) * bends + np.float32(1e-6))
    which = int(_SHARPEST_SHARE * len(strong))
    return float(np.partition(edges / (2 * bends), which)[which])


def _lately(old: Softness | None, now: Softness | None, looked: Step, every: int) -> Softness | None:
    """How soft it was lately: `old` before, and `now` when it is `looked` at so much later, mostly `every` frames."""
    if old is None or now is None:
        return old if now is None else now
    sharper, softer = (looked.share(share, every) for share in (_SHARPER, _SOFTER))
    followed: Softness = old + np.where(now < old, sharper, softer) * (now - old)
    return followed


def _soften(image: Image, variance: Softness) -> None:
    """Blur `image`, (h, w, 3) u8, by (2,) variances, px squared, in place."""
    across, down = np.sqrt(np.maximum(variance, 0)).tolist()
    cv2.GaussianBlur(image, (_taps(across), _taps(down)), max(across, 0.1), dst=image, sigmaY=max(down, 0.1))


def _taps(sigma: float) -> int:
    """How many taps a kernel of that sigma, px, has."""
    return 2 * round(_REACH * sigma) + 1
