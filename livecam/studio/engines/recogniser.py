"""The face recogniser that InfiniteYou was trained with: facexlib's ArcFace, an IR-SE network of 50 layers.

Its space is not that of the recognisers that livecam tells faces apart by: their vectors are strangers to InfiniteYou.
Published as ``recognition_arcface_ir_se50.pth`` (facexlib 0.1.0, MIT), a pickle, to be converted; source:
xinntao/facexlib, facexlib/recognition/arcface_arch.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from livecam.core.frame import Image, Points
from livecam.studio.engines.published import Tensors, count_of, fill, shape_of
from livecam.vision.template import Template, align

SIDE: Final = 112
"""Of the face it looks at, px."""

SQUEEZE: Final = 16
"""By how much a unit's gate is narrower than the unit."""


class Gate(nn.Module):
    """Squeeze and excitation: each channel is scaled by what the whole picture says."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, width // SQUEEZE, 1, bias=False)
        self.fc2 = nn.Conv2d(width // SQUEEZE, width, 1, bias=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) from the like."""
        whole = functional.adaptive_avg_pool2d(hidden, 1)
        return hidden * torch.sigmoid(self.fc2(functional.relu(self.fc1(whole))))


class Unit(nn.Module):
    """A residual unit with a gate."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)
            if before == width
            else nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, width, 3, 1, 1, bias=False),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            Gate(width),
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H / stride, W / stride) from (B, before, H, W)."""
        return self.res_layer(hidden) + self.shortcut_layer(hidden)


class IrSe(nn.Module):
    """The recogniser. Full size: 64, then 3 units of 64, 4 of 128, 14 of 256 and 3 of 512; 512 numbers.

    Args:
        stem: Width of the first layer.
        widths: Of each unit. The first unit, and each that is wider than the one before it, halves the picture.
        output: How many numbers come out.
    """

    def __init__(self, stem: int, widths: Sequence[int], output: int) -> None:
        super().__init__()
        before = [stem, *widths[:-1]]
        strides = [1 + (index == 0 or old != new) for index, (old, new) in enumerate(zip(before, widths, strict=True))]
        side = -(-SIDE // 2 ** strides.count(2))  # halved, and rounded up, each time
        self.input_layer = nn.Sequential(nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.PReLU(stem))
        self.body = nn.Sequential(*map(Unit, before, widths, strides))
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Dropout(0.6),
            nn.Flatten(),
            nn.Linear(widths[-1] * side * side, output),
            nn.BatchNorm1d(output),
        )

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """(B, output) of length 1 from `faces`, (B, 3, 112, 112) BGR in -1..1."""
        return functional.normalize(self.output_layer(self.body(self.input_layer(faces))), dim=-1)


def recogniser_of(tensors: Tensors, path: Path) -> IrSe:
    """The recogniser that `tensors`, read from `path`, hold; its widths are those of the file.

    Raises:
        StudioError: A key is missing or of another shape.
    """
    stem = shape_of(tensors, "input_layer.0.weight", path, 4)[0]
    count = count_of(tensors, r"body\.(\d+)\.")
    widths = [shape_of(tensors, f"body.{index}.res_layer.1.weight", path, 4)[0] for index in range(count)]
    output, _ = shape_of(tensors, "output_layer.3.weight", path)
    with torch.device("meta"):
        made = IrSe(stem, widths or [stem], output)
    fill(made, tensors, path)
    return made


def faces_for(photos: Sequence[Image], fives: Sequence[Points]) -> torch.Tensor:
    """(B, 3, 112, 112) f32 BGR in -1..1: aligned (pipeline_infu_flux.py ``extract_arcface_bgr_embedding``)."""
    pairs = zip(photos, fives, strict=True)
    size = (SIDE, SIDE)
    faces = [cv2.warpAffine(photo, align(five, Template.ARCFACE_112_V2, SIDE), size) for photo, five in pairs]
    return torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 127.5 - 1
