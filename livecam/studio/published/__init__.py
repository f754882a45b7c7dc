"""What there is of public weights for the studio's backends: where, under which terms, and how to know the files."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from livecam.errors import StudioError
from livecam.studio.backends import caps_of
from livecam.studio.layouts import Layout
from livecam.studio.published.flux import FLUX
from livecam.studio.published.klein import KLEIN
from livecam.studio.published.sdxl import SDXL

LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType({layout.name: layout for layout in (KLEIN, FLUX, SDXL)})
"""By the backend's name; one that needs no weights has none."""


def needs_weights(name: str) -> bool:
    """Whether the backend `name` works with files that a user brings.

    Raises:
        StudioError: There is no such backend.
    """
    return caps_of(name).name in LAYOUTS


def layout_of(name: str) -> Layout:
    """What the backend `name` consists of.

    Raises:
        StudioError: There is no such backend, or it needs no weights.
    """
    if not needs_weights(name):
        raise StudioError(f"The backend {name} needs no weights.", f"Those that do: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]
