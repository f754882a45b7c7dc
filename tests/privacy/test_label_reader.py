"""The label is read back, in any language and with words of one's own, and not where there is none."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.frame import Size
from livecam.privacy.label import WORDS, Label
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.slate import to_picture

Luma = npt.NDArray[np.uint8]

READER = LabelReader([*WORDS.values()])


def scene(size: Size, text: str = "") -> Luma:
    """Something soft with something sharp in it, and the label over it."""
    noise = np.random.default_rng(3).integers(0, 256, size.image_shape).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), size.height / 90), np.uint8)
    image = np.asarray(cv2.normalize(image, image.copy(), 0, 255, cv2.NORM_MINMAX), np.uint8)
    picture = to_picture(image)
    if text:
        Label(size, text).draw(picture)
    return picture[: size.height]


def called(luma: Luma) -> Luma:
    """As a bad call leaves it: half the size, blurred, in coarse blocks."""
    small = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 25))
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.mark.parametrize("size", [Size(1280, 720), Size(640, 480), Size(720, 1280)], ids=str)
@pytest.mark.parametrize("text", ["AI MODIFIED", WORDS[max(WORDS)]])
def test_known_words_are_read(size: Size, text: str) -> None:
    for luma in (scene(size, text), called(scene(size, text))):
        seen = READER(luma)
        assert seen is not None
        assert seen.text == text
        assert seen.alike > 0.75


def test_other_words_are_seen_but_not_read() -> None:
    for text in ("Acme deepfake", "Made by somebody else altogether"):
        seen = READER(scene(Size(1280, 720), text))
        assert seen is not None
        assert seen.text == ""


def test_where_there_is_none_none_is_seen() -> None:
    for size in (Size(1280, 720), Size(640, 480), Size(720, 1280), Size(320, 240)):
        assert READER(scene(size)) is None
        assert READER(called(scene(size))) is None
    assert READER(np.zeros((60, 80), np.uint8)) is None, "too small"
    assert LabelReader(["word " * 8])(np.zeros((480, 320), np.uint8)) is None, "the words are wider than the picture"


def test_a_plate_without_words_or_without_its_other_end_is_no_label() -> None:
    size = Size(1280, 720)
    label = Label(size, "Acme deepfake")
    left, top, width, height = label.box
    plain = scene(size, "Acme deepfake").copy()
    plain[top + 6 : top + height - 6, left + 26 : left + width - 26] = 22
    assert READER(plain) is None
    half = scene(size, "Acme deepfake").copy()
    half[:, : left + width // 2] = scene(size)[:, : left + width // 2]
    assert READER(half) is None
    short = scene(size, "I")
    assert READER(short) is None, "one letter leaves no plate to know it by"
