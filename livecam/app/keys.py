"""Secrets of this installation: keys for marks and logs, drawn from the vault's, and one that an address carries."""

import logging
import os
import secrets
from pathlib import Path

from livecam.config import Paths
from livecam.faces.vault import open_vault, system_ring

log = logging.getLogger(__name__)


def mark_key(paths: Paths) -> bytes:
    """Of the session layer of the invisible mark.

    Raises:
        PersonaError: The installation's key cannot be read or kept.
    """
    return open_vault(paths.data, system_ring()).key_for("mark")


def audit_key(paths: Paths) -> bytes:
    """Of the seal of the audit log.

    Raises:
        PersonaError: As above.
    """
    return open_vault(paths.data, system_ring()).key_for("audit")


def kept_secret(path: Path) -> str:
    """The secret in the file `path`, made with it the first time; "" where it can be neither read nor made."""
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if len(found) >= 32 and found.replace("-", "").replace("_", "").isalnum():
        return found
    made = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(made + "\n")
    except OSError as error:
        log.warning("%s cannot be written (%s): OBS needs a new address after every start.", path, error.strerror)
        return ""
    return made
