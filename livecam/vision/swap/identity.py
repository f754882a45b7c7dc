"""The persona as a swapper network takes it, made once for each persona and kept."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Final

import numpy as np

from livecam.errors import PersonaError
from livecam.vision.angles import AngledSources, angled_sources
from livecam.vision.contract import IdentityKind
from livecam.vision.recognise import Embedding, normalised
from livecam.vision.tensor import Floats

FORMAT: Final = 1
"""Version of the file; one of another version is prepared again from its photos."""

# An image identity of 512 px has 3 MB.
_LARGEST_BYTES: Final = 1 << 24
_AGAIN: Final = "Prepare it again from its photos: livecam faces add"


@dataclass(frozen=True, slots=True, eq=False)
class NeuralIdentity:
    """A persona for one swapper.

    Attributes:
        kind: In which form.
        source: f32, exactly what the network's ``source`` takes: (1, L), or (1, 3, S, S) for a picture.
        embedding: (L,) f32 of length 1: who it is, in the recogniser's own space; (0,) where no recogniser was used.
        angled: What the network takes instead at each angle of the head; None for `source` at all of them.
    """

    kind: IdentityKind
    source: Floats
    embedding: Embedding
    angled: AngledSources | None = None

    def save(self, file: IO[bytes]) -> None:
        """Write it into `file`.

        Raises:
            OSError: The disk refused.
        """
        kind = np.array(self.kind.value)
        parts = {"format": np.array(FORMAT), "kind": kind, "source": self.source, "embedding": self.embedding}
        if self.angled is not None:
            parts["angled"] = self.angled.rows
        np.savez(file, allow_pickle=False, **parts)


def load_identity(file: IO[bytes]) -> NeuralIdentity:
    """Read what `NeuralIdentity.save` wrote; nothing in the file is run or believed.

    Raises:
        PersonaError: The file is missing, damaged or of another version.
    """
    try:
        _check_size(file)
        file.seek(0)
        with np.load(file, allow_pickle=False) as parts:
            if int(parts["format"]) != FORMAT:
                raise PersonaError("The prepared persona is of another version.", _AGAIN)
            identity = NeuralIdentity(
                IdentityKind(str(parts["kind"])), parts["source"], parts["embedding"], _angled(parts)
            )
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise PersonaError(f"The prepared persona cannot be read: {error}.", _AGAIN) from error
    return _checked(identity)


def latent(embedding: Embedding, emap: Floats) -> Embedding:
    """What inswapper and ReSwapper know a person by: ``v / |v|`` with ``v = (e / |e|) @ emap``.

    The second division is InsightFace's form; without it the length would be 3.9 (MODELS.md, trap 3).

    Args:
        embedding: (512,) f32 of any length.
        emap: (512, 512) f32.

    Returns:
        (512,) f32 of length 1.

    Raises:
        ContractError: The embedding is zero or not finite.
    """
    return normalised(normalised(embedding) @ emap)


def _check_size(file: IO[bytes]) -> None:
    """Raise ValueError for a file that would unpack to more than an identity can be."""
    with zipfile.ZipFile(file) as archive:
        if sum(member.file_size for member in archive.infolist()) > _LARGEST_BYTES:
            raise ValueError("it is too large")


def _angled(parts: Mapping[str, Floats]) -> AngledSources | None:
    if "angled" not in parts:
        return None
    rows, source = parts["angled"], parts["source"]
    if rows.dtype != np.float32 or rows.ndim != 2 or rows[:1].shape != source.shape:
        raise ValueError("its angles are of another form than itself")
    return angled_sources(rows)


def _checked(identity: NeuralIdentity) -> NeuralIdentity:
    source, embedding = identity.source, identity.embedding
    shaped = source.ndim == (4 if identity.kind is IdentityKind.IMAGE else 2) and embedding.ndim == 1
    numbers = all(part.dtype == np.float32 and np.isfinite(part).all() for part in (source, embedding))
    if not shaped or len(source) != 1 or not numbers:
        raise PersonaError("The prepared persona holds values that are not finite, or of no use.", _AGAIN)
    return identity
