"""What is kept of one persona, sealed: a file passes for no other role, and for no other persona."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from livecam.faces.store import read_plain, write_plain
from livecam.faces.vault import Vault

SUFFIX: Final = ".sealed"
"""Of every sealed file, so that nobody takes it for what it was."""

_OVERHEAD: Final = 64


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens the files of one persona. Any thread.

    Attributes:
        vault: Has the key.
        persona: Its name.
    """

    vault: Vault
    persona: str

    def keep(self, path: Path, content: bytes, role: str) -> None:
        """Write `content` sealed to `path`, whole or not at all; `role` says what it is, and of what it was made.

        Raises:
            OSError: The disk refused.
        """
        write_plain(path, self.vault.seal(content, self._about(role)))

    def read(self, path: Path, role: str, most: int) -> bytes:
        """What `keep` was given in the same role, of at most `most` bytes.

        Raises:
            OSError: The file cannot be read, or is no ordinary one of that size.
            PersonaError: It was changed, belongs to something else, or was sealed in another installation.
        """
        return self.vault.open(read_plain(path, most + _OVERHEAD), self._about(role))

    def _about(self, role: str) -> str:
        return f"{role} of the persona {self.persona}"


def public_vault() -> Vault:
    """The vault of the built-in persona, whose key everybody may know: it is nobody's face.

    What is sealed with it is guarded against damage alone, and needs no key of an installation.
    """
    return Vault(sha256(b"livecam: nobody has no secret").digest())
