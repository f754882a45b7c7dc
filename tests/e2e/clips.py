"""Draws what the guest's webcam shows, as MJPEG files, so that the guest's one processor need not.

usage: python -m tests.e2e.clips FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Image
from livecam.core.stamp import stamp
from tests.e2e.picture import CARD_FPS, SIZE, SWAP_FPS, draw_card

CARD: Final = "card.avi"
FACE: Final = "face.avi"
BOXES: Final = "face.json"
"""Of each frame of the face's clip: left, top, right and bottom of the face, px."""
_CARD_FRAMES: Final = 10 * CARD_FPS
_FACE_FRAMES: Final = 8 * SWAP_FPS


def _writer(path: Path, fps: float) -> cv2.VideoWriter:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, SIZE)
    if not writer.isOpened():
        raise OSError(f"OpenCV cannot write {path}.")
    return writer


def draw_card_clip(path: Path) -> None:
    """The test card with a frame number, so that no two frames are alike."""
    writer = _writer(path, CARD_FPS)
    for number in range(_CARD_FRAMES):
        image = draw_card()
        stamp(image, number, 0)
        writer.write(image)
    writer.release()


def draw_face_clip(path: Path, boxes_path: Path) -> None:
    """The drawn wearer with a frame number, and where the face is."""
    source = SyntheticSource(SIZE, SWAP_FPS, MonotonicClock(), SyntheticOptions(pace=False))
    source.open()
    writer = _writer(path, SWAP_FPS)
    image: Image = np.empty(SIZE.image_shape, np.uint8)
    boxes = []
    for number in range(_FACE_FRAMES):
        source.draw(number, image)
        stamp(image, number, 0)
        writer.write(image)
        points = source.truth(number)[0].landmarks
        boxes.append([round(float(edge)) for edge in (*points.min(axis=0), *points.max(axis=0))])
    writer.release()
    boxes_path.write_text(json.dumps(boxes), encoding="utf-8")


def main() -> None:
    """Draw both into the folder named on the command line."""
    folder = Path(sys.argv[1])
    draw_card_clip(folder / CARD)
    draw_face_clip(folder / FACE, folder / BOXES)


if __name__ == "__main__":
    main()
