"""The slate is drawn, or a user's own picture fitted."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.frame import Size
from livecam.errors import ConfigError
from livecam.privacy.slate import draw_slate, load_slate, to_picture


@pytest.mark.parametrize("size", [Size(640, 480), Size(1280, 720), Size(64, 64), Size(720, 1280)])
def test_the_drawn_slate_fits_and_shows_its_text(size: Size) -> None:
    plain, texted = draw_slate(size, ""), draw_slate(size, "One moment")
    assert texted.shape == size.image_shape
    changed = np.argwhere((plain != texted).any(axis=2))
    assert len(changed) > 20
    assert changed[:, 1].min() > 0
    assert changed[:, 1].max() < size.width - 1


def test_a_long_text_is_made_to_fit() -> None:
    plain, texted = draw_slate(Size(640, 480), ""), draw_slate(Size(640, 480), "word " * 60)
    columns = np.argwhere((plain != texted).any(axis=(0, 2)))
    assert columns.min() >= 10
    assert columns.max() < 630


def test_a_users_picture_keeps_its_aspect(tmp_path: Path) -> None:
    path = tmp_path / "away.png"
    cv2.imwrite(str(path), np.full((100, 300, 3), 255, dtype=np.uint8))
    image = load_slate(path, Size(640, 480))
    rows = np.argwhere(image.max(axis=(1, 2)) > 0)
    assert image.shape == (480, 640, 3)
    assert 210 <= len(rows) <= 216


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "away.png"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"away\.png is no picture"):
        load_slate(path, Size(640, 480))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"away\.png cannot be read"):
        load_slate(tmp_path / "away.png", Size(640, 480))


def test_a_picture_is_i420_in_limited_range() -> None:
    picture = to_picture(np.full((64, 64, 3), 255, dtype=np.uint8))
    assert picture.shape == (96, 64)
    assert int(picture[:64].max()) == 235
    assert set(picture[64:].flat) == {128}
