"""Affine arithmetic: fit, invert, compose. Matrices are 2x3 f64 and map column vectors (x, y, 1)."""

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Matrix, Points


def similarity(source: Points, target: Points) -> Matrix:
    """The least-squares similarity (scale, rotation, shift) that maps `source` onto `target`.

    Closed form in the plane: with centred points as complex numbers, ``a = sum(conj(s) t) / sum(|s|^2)``. It equals
    Umeyama's solution (1991) without reflection. Least squares, not LMEDS: see MODELS.md, trap 8.

    Args:
        source: (N, 2) f32, N >= 2, any unit.
        target: (N, 2) f32.

    Returns:
        (2, 3) f64.

    Raises:
        ValueError: The shapes differ, or all source points coincide.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(f"similarity() needs two (N, 2) arrays, got {source.shape} and {target.shape}.")
    s, t = source.astype(np.float64), target.astype(np.float64)
    s_mean, t_mean = s.mean(axis=0), t.mean(axis=0)
    s, t = s - s_mean, t - t_mean
    power = float((s * s).sum())
    if power < 1e-12:
        raise ValueError("similarity() needs points that do not all coincide.")
    real = float((s * t).sum()) / power
    imag = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / power
    linear = np.array([[real, -imag], [imag, real]])
    return np.hstack([linear, (t_mean - linear @ s_mean)[:, None]])


def invert(matrix: Matrix) -> Matrix:
    """The matrix that undoes `matrix`.

    Raises:
        ValueError: The matrix is singular.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    (a, b), (c, d) = linear
    determinant = a * d - b * c
    if abs(determinant) < 1e-12:
        raise ValueError("A singular matrix has no inverse.")
    inverse = np.array([[d, -b], [-c, a]]) / determinant
    return np.hstack([inverse, -(inverse @ shift)[:, None]])


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The matrix that applies `inner` first and `outer` second."""
    linear = outer[:, :2] @ inner[:, :2]
    shift = outer[:, :2] @ inner[:, 2] + outer[:, 2]
    return np.hstack([linear, shift[:, None]])


def transform(matrix: Matrix, points: Points) -> Points:
    """`points`, (N, 2) f32, mapped by `matrix`; a new (N, 2) f32 array."""
    mapped: npt.NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped.astype(np.float32)


def letterbox(width: int, height: int, side: int) -> Matrix:
    """The matrix that fits a width x height image into the middle of a square of `side` px, keeping its aspect."""
    scale = side / max(width, height)
    return np.array([[scale, 0, (side - width * scale) / 2], [0, scale, (side - height * scale) / 2]], dtype=np.float64)
