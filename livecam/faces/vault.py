"""What tells who somebody is, encrypted at rest with a key of this installation.

The key lies in the operating system's keyring where the package ``keyring`` is installed and finds one, else in a file
that only its owner may read. AES-256-GCM (NIST SP 800-38D): whoever changes a byte, or gives one record for another, is
found out. It protects a backup, a stolen disk image or another user's look; not against whoever runs as this user.
"""

import hmac
import os
import secrets
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from livecam.errors import PersonaError
from livecam.faces.store import make_home, unwritable

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MAGIC: Final = b"LCV1"
_SERVICE, _USER = "livecam", "vault"
_FILE: Final = "vault.key"
_IN_RING: Final = "vault.in-keyring"
"""An empty file that says where the key is."""
_USABLE: Final = 1


class Ring(Protocol):
    """As much of the package ``keyring`` as is needed."""

    def get_password(self, service: str, user: str, /) -> str | None:
        """What is kept; None for nothing."""
        ...

    def set_password(self, service: str, user: str, word: str, /) -> None:
        """Keep it."""
        ...


class Vault:
    """Seals and opens records. Any thread.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    def key_for(self, purpose: str) -> bytes:
        """32 bytes for another use, from which nobody learns the vault's own: HMAC-SHA-256 of `purpose`."""
        return hmac.new(self._key, b"livecam key for " + purpose.encode(), "sha256").digest()

    def seal(self, content: bytes, about: str) -> bytes:
        """`content` encrypted; `about` names the record, and must be the same when it is opened."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _MAGIC + nonce + self._cipher.encrypt(nonce, content, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What `seal` was given.

        Raises:
            PersonaError: It was changed, belongs to another record, or was sealed with another key.
        """
        nonce, body = sealed[len(_MAGIC) : len(_MAGIC) + _NONCE_BYTES], sealed[len(_MAGIC) + _NONCE_BYTES :]
        if not sealed.startswith(_MAGIC) or len(nonce) < _NONCE_BYTES:
            raise PersonaError(f"The record of {about} is no sealed record.", "Make it again.")
        try:
            return self._cipher.decrypt(nonce, body, about.encode())
        except InvalidTag:
            raise PersonaError(
                f"The record of {about} was changed, or belongs to another installation.", "Make it again."
            ) from None


def open_vault(folder: Path, ring: Ring | None = None) -> Vault:
    """The vault of the installation that keeps its data in `folder`; its key is made when there is none.

    Args:
        folder: Made if need be, for its owner alone.
        ring: The keyring; none keeps the key in a file.

    Raises:
        PersonaError: The key cannot be read or kept, or others may read its file.
    """
    path, elsewhere = folder / _FILE, folder / _IN_RING
    if path.exists():
        return Vault(_key_in(path))
    if ring is not None:
        key = _key_of(ring)
        make_home(folder)
        try:
            elsewhere.touch(mode=0o600)
        except OSError as error:
            raise unwritable(elsewhere, error) from None
        return Vault(key)
    if elsewhere.exists():
        # A new key would shut the records of the old one for good, and nobody would know why.
        raise PersonaError(
            "The key of this installation is in the system's keyring, which does not answer.",
            f"Unlock it, or install the package keyring again; to begin anew without it, delete {elsewhere}.",
        )
    make_home(folder)
    return Vault(_new_key(path))


def system_ring() -> Ring | None:
    """The operating system's keyring; None where there is none, or ``keyring`` is not installed."""
    try:
        found = import_module("keyring").get_keyring()
        failure = import_module("keyring.errors").KeyringError
        usable = found.priority >= _USABLE
    except (ImportError, RuntimeError, OSError):
        return None
    return _SystemRing(found, failure) if usable else None


class _SystemRing:
    """The keyring, whose own errors become one that Python knows.

    Args:
        ring: Of the package.
        failure: Its error.
    """

    def __init__(self, ring: Ring, failure: type[Exception]) -> None:
        self._ring, self._failure = ring, failure

    def get_password(self, service: str, user: str, /) -> str | None:
        """What is kept; None for nothing."""
        try:
            return self._ring.get_password(service, user)
        except self._failure as error:
            raise RuntimeError(str(error) or type(error).__name__) from error

    def set_password(self, service: str, user: str, word: str, /) -> None:
        """Keep it."""
        try:
            self._ring.set_password(service, user, word)
        except self._failure as error:
            raise RuntimeError(str(error) or type(error).__name__) from error


def _key_in(path: Path) -> bytes:
    if path.is_fifo():
        # It would be waited for until somebody writes into it.
        raise PersonaError(f"{path} is a pipe, not a key.", "Remove it.")
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise PersonaError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    if os.name == "posix" and mode & 0o077:
        raise PersonaError(f"{path} can be read by others.", f"Take that away: chmod 600 {path}")
    if len(key) != _KEY_BYTES:
        raise PersonaError(
            f"{path} is damaged.", "Delete it; what was sealed with it (enrolments, personas) has to be made again."
        )
    return key


def _new_key(path: Path) -> bytes:
    """A key in a new file; that of another process which was quicker is taken."""
    key, fresh = secrets.token_bytes(_KEY_BYTES), path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return _key_in(path)
        finally:
            fresh.unlink()
    except OSError as error:
        raise unwritable(path, error) from None
    return key


def _key_of(ring: Ring) -> bytes:
    """The key in `ring`, made there if need be.

    Raises:
        PersonaError: The ring refused, is locked, or gives something else back.
    """
    try:
        kept = ring.get_password(_SERVICE, _USER)
        if kept is None:
            ring.set_password(_SERVICE, _USER, secrets.token_bytes(_KEY_BYTES).hex())
            kept = ring.get_password(_SERVICE, _USER)
        key = bytes.fromhex(kept or "")
    except (RuntimeError, OSError, ValueError) as error:
        raise PersonaError(f"The keyring does not give the key: {error}.", "Unlock it and try again.") from None
    if len(key) != _KEY_BYTES:
        raise PersonaError("The keyring does not give back the key that it was given.", "Unlock it and try again.")
    return key
