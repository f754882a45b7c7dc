"""Prepared identities: what a swapper makes of photos once, kept sealed; the seal says when it is still good."""

import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final, Protocol, TypeAlias, TypeVar

from livecam.core.frame import Image
from livecam.errors import PersonaError
from livecam.faces.photo import Photo
from livecam.faces.sealed import SUFFIX, Sealer
from livecam.faces.store import unwritable

log = logging.getLogger(__name__)

_LARGEST: Final = 1 << 27
"""Bytes of an identity; the largest texture of the mesh swap has 67 MB."""


class Identity(Protocol):
    """What a preparer makes; its own swapper alone knows what is inside."""

    def save(self, file: IO[bytes]) -> None:
        """Write it into `file`. What need not be small is best not compressed: that is most of what loading takes."""
        ...


Kept = TypeVar("Kept", bound=Identity)
Made_co = TypeVar("Made_co", bound=Identity, covariant=True)


class Makes(Protocol[Made_co]):
    """Makes one kind of identity of photos."""

    @property
    def version(self) -> str:
        """Changes whenever the same photos would give another identity, or be saved in another form."""
        ...

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> Made_co:
        """Make an identity of upright (H, W, 3) u8 BGR photos of one person; `names` are for messages.

        Raises:
            PhotoRefused: A photo has no face, several, or none that is fit; the sentence names it.
        """
        ...

    def load(self, file: IO[bytes]) -> Made_co:
        """Read what `save` wrote.

        Raises:
            OSError, EOFError: The file cannot be read.
            ValueError: The file is not what `save` writes.
            KeyError: The file lacks a part.
            PersonaError: The same, told by the preparer.
        """
        ...


Preparer: TypeAlias = Makes[Identity]
"""Makes identities for one swapper."""


class Home:
    """Where the prepared identities of one persona are kept, one file for each swapper.

    Args:
        folder: Made when the first is kept.
        sealer: Seals them.
        digests: Of the photos they must be made of.
        parents: Whether the folders above are made too. Those of a persona are not: it may have been erased meanwhile.
    """

    def __init__(self, folder: Path, sealer: Sealer, digests: Sequence[str], *, parents: bool = False) -> None:
        self._parents = parents
        self._folder = folder
        self._sealer = sealer
        self._digests = tuple(digests)

    def prepare(self, key: str, preparer: Preparer, photos: Sequence[Photo]) -> None:
        """Prepare `photos` and keep the identity for the swapper `key`.

        Raises:
            PhotoRefused: From the preparer.
            PersonaError: The disk refused.
        """
        self.keep(key, preparer.version, _prepare(preparer, photos))

    def identity(self, key: str, preparer: Makes[Kept], photos: Callable[[], Sequence[Photo]]) -> Kept:
        """The identity kept for the swapper `key`, or a new one when it is not there, older, or damaged.

        A disk that refuses to keep a new one costs time at the next start, nothing else.

        Args:
            key: Of the swapper.
            preparer: Makes and reads it.
            photos: Decodes them, when needed.

        Raises:
            PhotoRefused: From the preparer or from `photos`.
        """
        kept = self.kept(key, preparer.version, preparer.load)
        if kept is not None:
            return kept
        identity = _prepare(preparer, photos())
        try:
            self.keep(key, preparer.version, identity)
        except PersonaError as error:
            log.warning("The prepared persona could not be kept, so the next start takes longer: %s", error)
        return identity

    def kept(self, key: str, version: str, load: Callable[[IO[bytes]], Kept]) -> Kept | None:
        """What is kept for `key`; None where it is not there, of another version or other photos, or damaged.

        Args:
            key: Of the swapper.
            version: Of the preparer.
            load: Reads it.
        """
        path = self.path(key)
        try:
            content = self.content(key, version)
        except (OSError, PersonaError):
            return None
        try:
            return load(io.BytesIO(content))
        except (OSError, EOFError, ValueError, KeyError, PersonaError) as error:
            log.warning("What is prepared in %s is damaged and is made again: %s", path, error)
            return None

    def keep(self, key: str, version: str, identity: Identity) -> None:
        """Keep `identity`, made by a preparer of `version`, in place of what is there for `key`.

        Raises:
            PersonaError: The disk refused.
        """
        content = io.BytesIO()
        identity.save(content)
        self.keep_content(key, version, content.getvalue())

    def content(self, key: str, version: str, most: int = _LARGEST) -> bytes:
        """What was kept for `key`, as bytes.

        Raises:
            OSError: There is nothing, it cannot be read, or it is larger than `most` bytes.
            PersonaError: It was changed, or is of another version or other photos.
        """
        # The seal names the version and the photos: what is older or of others does not open.
        return self._sealer.read(self.path(key), self._role(key, version), most)

    def keep_content(self, key: str, version: str, content: bytes) -> None:
        """Keep `content` in place of what is there for `key`.

        Raises:
            PersonaError: The disk refused.
        """
        path = self.path(key)
        try:
            self._folder.mkdir(mode=0o700, parents=self._parents, exist_ok=True)
            self._sealer.keep(path, content, self._role(key, version))
        except OSError as error:
            raise unwritable(path, error) from None

    def path(self, key: str) -> Path:
        """Where what is kept for `key` lies."""
        return self._folder / f"{key}{SUFFIX}"

    def _role(self, key: str, version: str) -> str:
        return "\n".join([f"prepared {key}", version, *self._digests])


def _prepare(preparer: Makes[Kept], photos: Sequence[Photo]) -> Kept:
    return preparer.prepare([photo.image for photo in photos], [photo.name for photo in photos])
