"""Keys of this installation for marks and logs, all drawn from the vault's."""

from livecam.config import Paths
from livecam.faces.vault import open_vault, system_ring


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
