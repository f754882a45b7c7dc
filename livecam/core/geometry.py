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
    s, t = (np.ascontiguousarray(points, dtype=np.float64).view(np.complex128)[:, 0] for points in (source, target))
    s_mean, t_mean = complex(np.add.reduce(s)) / len(s), complex(np.add.reduce(t)) / len(t)
    s = s - s_mean
    power = np.vdot(s, s).real
    if power < 1e-12:
        raise ValueError("similarity() needs points that do not all coincide.")
    turn = complex(np.vdot(s, t - t_mean)) / power
    shift = t_mean - turn * s_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def invert(matrix: Matrix) -> Matrix:
    """The matrix that undoes `matrix`.

    Raises:
        ValueError: The matrix is singular.
    """
    # In plain numbers, here and below: arrays of six take several times as long.
    (a, b, x), (c, d, y) = matrix.tolist()
    determinant = a * d - b * c
    if abs(determinant) < 1e-12:
        raise ValueError("A singular matrix has no inverse.")
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    return np.array([[a, b, -(a * x + b * y)], [c, d, -(c * x + d * y)]])


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The matrix that applies `inner` first and `outer` second."""
    rows = inner.tolist()
    across, down = [[p * u + q * v for u, v in zip(*rows, strict=True)] for p, q, _ in outer.tolist()]
    across[2] += float(outer[0, 2])
    down[2] += float(outer[1, 2])
    return np.array([across, down])


def transform(matrix: Matrix, points: Points) -> Points:
    """`points`, (N, 2) f32, mapped by `matrix`; a new (N, 2) f32 array."""
    mapped: npt.NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped.astype(np.float32)


def letterbox(width: int, height: int, side: int) -> Matrix:
    """The matrix that fits a width x height image into the middle of a square of `side` px, keeping its aspect."""
    scale = side / max(width, height)
    return np.array([[scale, 0, (side - width * scale) / 2], [0, scale, (side - height * scale) / 2]], dtype=np.float64)
