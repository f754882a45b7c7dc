"""The committed pictures: how they are drawn, stored and read again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.recipe import PERSONA, WEARER
from livecam.vision.portrait.render import OVERSAMPLING, develop, draw_body, draw_layers, portrait, rounded
from livecam.vision.portrait.view import View

PERSONA_VIEW = View(768, 768, 20.0, 384.0, 394.0)
HEAD_VIEW = View(552, 780, 26.0, 276.0, 478.0)
BODY_VIEW = View(1368, 432, 18.0, 684.0, -54.0)
DEPTH_RANGE_CM = (-6.0, 9.0)
"""Depths that the 8-bit depth map spans."""


@dataclass(frozen=True, slots=True)
class DemoParts:
    """The demo wearer taken apart, ready to be moved.

    Attributes:
        head: (H, W, 3) u8 BGR, the head at `HEAD_VIEW`, its colours carried on beyond its edge.
        head_alpha: (H, W) u8.
        depth: (H, W) f32 cm at `HEAD_VIEW`.
        body: (h, w, 3) u8 BGR, neck and shoulders at `BODY_VIEW`.
        body_alpha: (h, w) u8.
    """

    head: Image
    head_alpha: Image
    depth: Floats
    body: Image
    body_alpha: Image


def draw_persona() -> Image:
    """(768, 768, 3) u8 BGR: the default persona's photo, freshly drawn."""
    return portrait(PERSONA, PERSONA_VIEW)


def draw_demo() -> DemoParts:
    """The demo wearer's parts, freshly drawn."""
    head = draw_layers(WEARER, HEAD_VIEW.enlarged(OVERSAMPLING))
    body = draw_body(WEARER, BODY_VIEW.enlarged(OVERSAMPLING))
    depth = cv2.resize(head.depth, (HEAD_VIEW.width, HEAD_VIEW.height), interpolation=cv2.INTER_AREA)
    return DemoParts(
        _finished(head.head.colour, HEAD_VIEW),
        _eight_bit(head.head.alpha, HEAD_VIEW),
        depth.astype(np.float32),
        _finished(body.colour, BODY_VIEW),
        _eight_bit(body.alpha, BODY_VIEW),
    )


def _finished(light: Floats, view: View) -> Image:
    small = cv2.resize(light, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return rounded(develop(f32(small)))


def _eight_bit(alpha: Floats, view: View) -> Image:
    small = cv2.resize(alpha, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return rounded(f32(small) * 255)


def write_persona(folder: Path) -> Path:
    """Draw the persona into `folder`/persona.jpg and return its path."""
    return _write(folder / "persona.jpg", draw_persona(), 90)


def write_demo(folder: Path) -> tuple[Path, ...]:
    """Draw the demo wearer's parts into `folder` and return their paths."""
    parts = draw_demo()
    low, high = DEPTH_RANGE_CM
    relief = np.clip((parts.depth - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    coarse = cv2.resize(relief, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return (
        _write(folder / "demo_head.jpg", parts.head, 88),
        _write(folder / "demo_head_alpha.jpg", parts.head_alpha, 85),
        _write(folder / "demo_depth.png", coarse.astype(np.uint8), 9),
        _write(folder / "demo_body.jpg", parts.body, 84),
        _write(folder / "demo_body_alpha.png", parts.body_alpha, 9),
    )


def _write(path: Path, image: npt.NDArray[np.uint8], quality: int) -> Path:
    """Encode by hand: cv2.imwrite cannot tell why it failed."""
    option = cv2.IMWRITE_JPEG_QUALITY if path.suffix == ".jpg" else cv2.IMWRITE_PNG_COMPRESSION
    encoded = cv2.imencode(path.suffix, image, [option, quality])[1]
    path.write_bytes(encoded.tobytes())
    return path


def persona_photo() -> Image:
    """(768, 768, 3) u8 BGR: the committed photo of the default persona. The caller owns it."""
    return _read("persona.jpg", cv2.IMREAD_COLOR)


@lru_cache(maxsize=1)
def demo_parts() -> DemoParts:
    """The committed parts of the demo wearer; shared, not to be written."""
    low, high = DEPTH_RANGE_CM
    coarse = _read("demo_depth.png", cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255 * (high - low) + low
    depth = cv2.resize(coarse, (HEAD_VIEW.width, HEAD_VIEW.height), interpolation=cv2.INTER_CUBIC)
    return DemoParts(
        _read("demo_head.jpg", cv2.IMREAD_COLOR),
        _read("demo_head_alpha.jpg", cv2.IMREAD_GRAYSCALE),
        depth.astype(np.float32),
        _read("demo_body.jpg", cv2.IMREAD_COLOR),
        _read("demo_body_alpha.png", cv2.IMREAD_GRAYSCALE),
    )


def _read(name: str, flag: int) -> Image:
    data = (files("livecam.vision.portrait") / "assets" / name).read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    assert image is not None, f"{name} is damaged"
    return image.astype(np.uint8)
