"""Photos in HEIC, as telephones take them, by the package ``pi-heif``; the extra ``heic`` installs it."""

from importlib import import_module
from types import ModuleType
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.errors import ExtraMissing, PhotoRefused

_MODULES: Final = ("pi_heif", "pillow_heif")
"""Either serves: they are one library, with and without an encoder."""


def decode_heic(data: bytes, name: str) -> Image:
    """(H, W, 3) or, where it is see-through, (H, W, 4) u8 BGR, upright.

    Raises:
        ExtraMissing: The package is not installed.
        PhotoRefused: The file is damaged.
    """
    module = _library(name)
    try:
        image = np.asarray(module.open_heif(data, convert_hdr_to_8bit=True, bgr_mode=True))
    except (ValueError, RuntimeError, EOFError, SyntaxError, OSError) as error:
        raise PhotoRefused(f"{name} is damaged and cannot be decoded: {error}.", "Use another copy.") from None
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return np.asarray(image, np.uint8)


def _library(name: str) -> ModuleType:
    for module in _MODULES:
        try:
            return import_module(module)
        except ImportError:
            continue
    raise ExtraMissing(
        f"{name} is a HEIC picture, and the package that reads them is not installed.",
        "Install it: pip install 'livecam[heic]', or save the photo as JPEG.",
    )
