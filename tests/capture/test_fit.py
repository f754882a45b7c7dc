"""A source of any size is letterboxed into the size that was asked for."""

import numpy as np
import pytest

from livecam.capture.fit import FittedSource
from livecam.core.frame import Image, Size
from tests.fakes import ScriptedSource


def white(image: Image) -> int:
    image.fill(255)
    return 42


@pytest.mark.parametrize(
    ("native", "columns", "rows"),
    [
        (Size(640, 480), (160, 1120), (0, 720)),
        (Size(1920, 1080), (0, 1280), (0, 720)),
        (Size(720, 1280), (437, 842), (0, 720)),
        (Size(1280, 360), (0, 1280), (180, 540)),
    ],
)
def test_another_size_is_letterboxed(native: Size, columns: tuple[int, int], rows: tuple[int, int]) -> None:
    source = FittedSource(ScriptedSource(white, native), Size(1280, 720))
    assert source.open().size == native
    image = np.full((720, 1280, 3), 77, dtype=np.uint8)
    assert source.read_into(image) == 42
    assert set(np.unique(image)) <= {0, 255}, "every pixel is written"
    lit = np.argwhere(image[..., 0] == 255)
    assert (lit[:, 1].min(), lit[:, 1].max() + 1) == columns
    assert (lit[:, 0].min(), lit[:, 0].max() + 1) == rows


def test_the_same_size_is_written_straight_into_the_callers_image() -> None:
    seen: list[Image] = []

    def keep(image: Image) -> int:
        seen.append(image)
        return 1

    source = FittedSource(ScriptedSource(keep, Size(640, 480)), Size(640, 480))
    source.open()
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    source.read_into(image)
    assert seen[0] is image


def test_closing_reaches_the_inner_source() -> None:
    inner = ScriptedSource(white)
    FittedSource(inner, Size(64, 64)).close()
    assert inner.closed == 1
