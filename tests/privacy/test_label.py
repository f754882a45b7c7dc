"""The label is on every swapped picture, legible on anything, and on no other."""

import cv2
import numpy as np
import pytest

from livecam.config.label import LabelConfig, Language
from livecam.core.frame import Image, Picture, Size
from livecam.errors import ConfigError
from livecam.privacy.card import SENTENCES, draw_card
from livecam.privacy.label import TYPE_SHARE, WORDS, Label, draw_plate, words
from livecam.privacy.lettering import lettered
from livecam.privacy.slate import draw_background, to_picture

SIZES = [Size(320, 240), Size(1280, 720), Size(1920, 1080), Size(720, 1280), Size(640, 362), Size(160, 120)]
NOISE = np.random.default_rng(0)


def backdrop(size: Size, kind: str) -> Image:
    image: Image = np.zeros(size.image_shape, dtype=np.uint8)
    match kind:
        case "white":
            image[:] = 255
        case "red":
            image[:] = (0, 0, 255)
        case "noise":
            image[:] = NOISE.integers(0, 256, size.image_shape)
    return image


def shown(picture: Picture) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["white", "black", "noise", "red"])
def test_it_stands_at_the_top_right_and_out_from_anything(size: Size, kind: str) -> None:
    label = Label(size, words(LabelConfig()))
    before = to_picture(backdrop(size, kind))
    after = before.copy()
    label.draw(after)
    left, top, width, height = label.box
    assert height >= TYPE_SHARE * min(size)
    assert left >= 0
    assert top + height < size.height / 4
    assert size.width - (left + width) < size.width / 8
    box = shown(after)[top : top + height, left : left + width].astype(int).mean(axis=2)
    plate = np.percentile(box, 30)
    letters = np.percentile(box, 99)
    assert letters - plate > 150
    changed = (before != after)[: size.height]
    changed[top : top + height, left : left + width] = False
    assert not changed.any(), "nothing beside the label was touched"


def test_chroma_is_changed_in_the_labels_box_only() -> None:
    size = Size(320, 240)
    label = Label(size, "AI MODIFIED")
    left, top, width, height = label.box
    before = to_picture(backdrop(size, "red"))
    after = before.copy()
    label.draw(after)
    for number in (0, 1):
        start = size.width * size.height * (4 + number) // 4
        planes = [flat[start : start + 160 * 120].reshape(120, 160) for flat in (before.ravel(), after.ravel())]
        rows, columns = np.nonzero(planes[0] != planes[1])
        assert (rows.min(), rows.max()) == (top // 2, (top + height) // 2 - 1)
        assert (columns.min(), columns.max()) == (left // 2, (left + width) // 2 - 1)
        middle = planes[1][top // 2 + 4, left // 2 + 4]
        assert abs(int(middle) - 128) < 6, "the plate has next to no colour"


def test_letters_are_at_least_as_large_as_promised_and_a_long_text_is_made_to_fit() -> None:
    size = Size(1280, 720)
    assert lettered("H", round(TYPE_SHARE * 720), 999).shape[0] >= 0.65 * TYPE_SHARE * 720
    image, alpha = draw_plate(size, "word " * 8)
    assert image.shape[1] <= 0.7 * size.width
    assert image.shape[0] >= TYPE_SHARE * 720
    assert alpha.shape == image.shape[:2]
    assert not any(side % 2 for side in alpha.shape)


@pytest.mark.parametrize("language", Language)
def test_every_language_has_words_of_its_own_that_the_font_can_show(language: Language) -> None:
    text = words(LabelConfig(language=language))
    assert text == WORDS[language]
    unknown = lettered("\U0010fffd", 40, 999)
    for letter in {*text, *"".join(SENTENCES[language])} - {" "}:
        drawn = lettered(letter, 40, 999)
        assert drawn.size
        assert drawn.shape != unknown.shape or (drawn != unknown).any(), letter


def test_own_words_come_before_those_of_the_language_and_blanks_are_refused() -> None:
    assert words(LabelConfig(text="  Mit   KI gemacht ", language=Language.FR)) == "Mit KI gemacht"
    assert words(LabelConfig(text="   ")) == "AI MODIFIED"
    with pytest.raises(ConfigError, match="shows nothing"):
        words(LabelConfig(text="\u200b"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_card_says_it_in_letters_that_fit(size: Size) -> None:
    config = LabelConfig(text="Firma", language=Language.PL)
    written = np.argwhere((draw_card(size, config) != draw_background(size)).any(axis=2))
    assert len(written) > 100
    assert written[:, 1].min() > 0
    assert written[:, 1].max() < size.width - 1
    assert written[:, 0].max() < size.height - 1
    assert (draw_card(size, config) != draw_card(size, LabelConfig())).any()


@pytest.mark.parametrize("size", [Size(2, 2), Size(34, 18), Size(18, 34), Size(64, 64), Size(4000, 20)], ids=str)
def test_pictures_too_small_to_read_are_no_error(size: Size) -> None:
    label = Label(size, WORDS[Language.PL])
    left, top, width, height = label.box
    assert 0 <= left <= size.width - width
    assert 0 <= top <= size.height - height
    label.draw(np.zeros(size.picture_shape, dtype=np.uint8))
