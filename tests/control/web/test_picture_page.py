"""The page for OBS in a headless Chromium: the picture and nothing else, gone with livecam and back with it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.control.web.chromium import Chromium, Page, program
from tests.control.web.served import Served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(program() is None, reason="no Chromium is installed here, so that the page cannot be looked at"),
]

LOADED = "!document.getElementById('picture').hidden && document.getElementById('picture').naturalWidth"


def test_the_picture_fills_the_page_goes_black_and_comes_back(fresh: Served, tmp_path: Path) -> None:
    browser = Chromium(tmp_path / "chromium")
    try:
        with browser.window() as window, fresh.showing(luma=200):
            page = window.page(fresh.server.picture_url, width=640, height=480)
            page.until(LOADED, 320)
            assert _mean(page, tmp_path) == pytest.approx((200 - 16) * 255 / 219, abs=3)
            assert page.see("document.body.innerText.trim()") == ""
            fresh.server.stop()
            page.until("document.getElementById('picture').hidden")
            assert _mean(page, tmp_path) == 0
            fresh.server.start()
            page.until(LOADED, 320)
            assert _mean(page, tmp_path) > 150
    finally:
        browser.close()


def _mean(page: Page, folder: Path) -> float:
    path = folder / "shot.png"
    page.shot(path)
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return float(np.mean(image))
