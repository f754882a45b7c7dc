"""The persona that comes with livecam: drawn, and nobody's face, so that nobody has to consent."""

from importlib import resources
from typing import Final

from livecam.core.persona import Basis, Consent
from livecam.errors import PersonaError
from livecam.faces.entry import Record

BUILT_IN: Final = "nobody"
"""Name of the persona that comes with livecam."""


def built_in_photo() -> bytes:
    """The picture of nobody, drawn by the project's own script.

    Raises:
        PersonaError: The installation is incomplete.
    """
    try:
        return resources.files("livecam.vision.portrait").joinpath("assets/persona.jpg").read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise PersonaError(f"The built-in persona's picture is missing: {error}.", "Install livecam again.") from None


def built_in_record(digest: str) -> Record:
    """The record of the built-in persona, whose only photo has that SHA-256."""
    drawn = Consent(Basis.SYNTHETIC, "nobody: drawn by livecam's own script", "2025-01-01T00:00:00+00:00", (digest,))
    return Record("", (("persona.jpg", digest),), drawn)
