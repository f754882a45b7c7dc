"""Prepared personas as files: one ``.npz`` each, read without trusting it."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from livecam.errors import PersonaError
from livecam.vision.mesh.source import MeshIdentity, identity_of
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY

FORMAT: Final = 2
"""Version of the file; a file of another version is prepared again from its photos."""

_LARGEST_SIDE = 4096
_SMALLEST_SIDE = 32
_LONGEST_HEADER = 4096
_FARTHEST = 4.0
_AGAIN = "Prepare it again from its photos: livecam faces add"

_EXPECTED: Final[dict[str, tuple[str, tuple[int | None, ...]]]] = {
    "format": ("<i4", ()),
    "image": ("|u1", (None, None, 4)),
    "vertices": ("<f4", (TOPOLOGY.vertices, 2)),
    "cosines": ("<f4", (len(TOPOLOGY.triangles),)),
    "shape": ("<f8", (LANDMARKS, 3)),
}
"""Every array of the file: its dtype and shape, None for a side of the image."""

Array = npt.NDArray[np.generic]


def save(identity: MeshIdentity, place: Path | IO[bytes]) -> None:
    """Write `identity` to `place`: the largest texture only, the others are made again when it is read.

    Nothing is compressed: to inflate it was half of what loading a persona took.

    Raises:
        OSError: It cannot be written.
    """
    texture = identity.levels[0]
    arrays = {
        "format": np.array(FORMAT, dtype="<i4"),
        "image": np.ascontiguousarray(texture.image),
        "vertices": texture.vertices.astype("<f4"),
        "cosines": identity.cosines.astype("<f4"),
        "shape": identity.shape.astype("<f8"),
    }
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load(place: Path | IO[bytes]) -> MeshIdentity:
    """Read what `save` wrote.

    Nothing of the file is believed: sizes are checked before memory is taken, nothing is unpickled, and values that
    would reach outside the texture are refused.

    Raises:
        PersonaError: The file is missing, damaged, of another version, or not such a file.
    """
    path = str(place) if isinstance(place, Path) else "in memory"
    try:
        with zipfile.ZipFile(place) as archive:
            arrays = {name: _read(archive, name) for name in _EXPECTED}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError) as error:
        raise PersonaError(f"The prepared persona {path} cannot be read: {error}.", _AGAIN) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise PersonaError(f"The prepared persona {path} is damaged: {error}.", _AGAIN) from error
    return _checked(arrays, path)


def _read(archive: zipfile.ZipFile, name: str) -> Array:
    """One array of the file.

    Raises:
        ValueError: It is not what `_EXPECTED` says.
        KeyError: It is missing.
    """
    with archive.open(f"{name}.npy") as member:
        shape, dtype = _header(member, name)
        size = int(np.prod(shape)) * dtype.itemsize
        data = member.read(size + 1)
    if len(data) != size:
        raise ValueError(f"its {name} is cut short or too long")
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and dtype of the array that follows, as far as they are allowed.

    Raises:
        ValueError: They are not.
    """
    if np.lib.format.read_magic(member) != (1, 0):
        raise ValueError(f"its {name} is in an unknown array format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(member, max_header_size=_LONGEST_HEADER)
    wanted_dtype, wanted_shape = _EXPECTED[name]
    fits = len(shape) == len(wanted_shape) and all(
        _SMALLEST_SIDE <= side <= _LARGEST_SIDE if wanted is None else side == wanted
        for side, wanted in zip(shape, wanted_shape, strict=True)
    )
    if fortran or dtype.str != wanted_dtype or not fits:
        raise ValueError(f"its {name} has shape {shape} and type {dtype}")
    return shape, dtype


def _checked(arrays: dict[str, Array], path: str) -> MeshIdentity:
    """The identity that the arrays make.

    Raises:
        PersonaError: Their values are not usable.
    """
    if int(arrays["format"].astype(np.int64)) != FORMAT:
        raise PersonaError(f"The prepared persona {path} is of another version.", _AGAIN)
    image = arrays["image"].astype(np.uint8, copy=False)
    vertices, cosines = (arrays[name].astype(np.float32, copy=False) for name in ("vertices", "cosines"))
    shape = arrays["shape"].astype(np.float64, copy=False)
    finite = all(np.isfinite(values).all() for values in (vertices, cosines, shape))
    if not finite or np.abs(vertices).max() > 2 * _LARGEST_SIDE or np.abs(shape).max() > _FARTHEST:
        raise PersonaError(f"The prepared persona {path} holds values that are not finite or out of range.", _AGAIN)
    return identity_of(image, vertices, np.clip(cosines, -1, 1), shape)
