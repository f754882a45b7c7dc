"""The two previews and the picture for OBS: small, newest only, and made only while somebody watches."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
import pytest

from livecam.control.web.port import Side
from livecam.control.web.seats import PREVIEWS
from livecam.core.frame import Image, Size
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import SmallImage, SmallPicture, Whole, small_size
from tests.control.web.pretend import SIZE
from tests.control.web.served import Served, wait_until
from tests.fakes import FakeClock
from tests.output.pictures import coloured

END = b"\r\n--livecam-picture\r\n"


def image_of(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def images_of(answer: httpx.Response) -> Iterator[Image]:
    data = b""
    for chunk in answer.iter_bytes():
        data += chunk
        while (end := data.find(END, 20)) >= 0:
            yield image_of(data[data.index(b"\xff\xd8") : end])
            data = data[end + 2 :]


def first_images(answer: httpx.Response, count: int) -> list[Image]:
    images = list(islice(images_of(answer), count))
    assert len(images) == count, "The stream ended."
    return images


@pytest.mark.parametrize("side", ["input", "output"])
def test_previews_are_small_and_slow(served: Served, browser: httpx.Client, side: str) -> None:
    started = time.monotonic()
    with served.showing(luma=180), browser.stream("GET", f"/api/preview/{side}.mjpg") as answer:
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        coming = images_of(answer)
        next(coming)
        images = list(islice(coming, 8))
        assert time.monotonic() - started > 8 / 15 * 0.6
    assert {image.shape for image in images} == {(120, 160, 3)}
    assert images[-1].mean() == pytest.approx(180 if side == "input" else (180 - 16) * 255 / 219, abs=2)


def test_the_picture_is_whole(served: Served) -> None:
    address = served.server.picture_url.replace("/picture?", "/picture.mjpg?")
    with served.showing(), httpx.stream("GET", address, timeout=60) as answer:
        assert first_images(answer, 2)[1].shape == SIZE.image_shape


def test_nothing_is_made_while_nobody_watches(served: Served, browser: httpx.Client) -> None:
    feeds = served.run.feeds.values()
    wait_until(lambda: not any(feed.watchers for feed in feeds), "Somebody is watching still.")
    with served.showing():
        made, deadline = list[int](), time.monotonic() + 60
        # One may be under way yet.
        while made != [feed.encoded for feed in feeds] and time.monotonic() < deadline:
            made = [feed.encoded for feed in feeds]
            time.sleep(0.2)
        assert [feed.encoded for feed in feeds] == made
        with browser.stream("GET", "/api/preview/output.mjpg") as answer:
            first_images(answer, 2)
        wait_until(lambda: not any(feed.watchers for feed in feeds), "Who left counts as a watcher still.")
    assert served.run.feeds[Side.OUTPUT].encoded > made[1]
    assert served.run.feeds[Side.INPUT].encoded == made[0]


def test_two_browsers_share_the_images(served: Served, browser: httpx.Client) -> None:
    with (
        served.showing(),
        served.browser() as other,
        browser.stream("GET", "/api/preview/input.mjpg") as answer,
        other.stream("GET", "/api/preview/input.mjpg") as answer_too,
    ):
        images, images_too = images_of(answer), images_of(answer_too)
        assert next(images).shape == next(images_too).shape
        assert served.run.feeds[Side.INPUT].watchers == 2


def test_one_preview_too_many_ends_the_oldest(served: Served, browser: httpx.Client) -> None:
    with served.showing(), ExitStack() as stack:
        oldest = images_of(stack.enter_context(browser.stream("GET", "/api/preview/input.mjpg")))
        next(oldest)
        streams = [browser.stream("GET", "/api/preview/output.mjpg") for _ in range(PREVIEWS)]
        newer = [images_of(stack.enter_context(stream)) for stream in streams]
        assert len(list(oldest)) < 1000, "it ends"
        assert all(len(list(islice(images, 2))) == 2 for images in newer)


def test_a_watcher_who_stopped_reading_delays_nobody(served: Served, browser: httpx.Client) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    netloc = urlsplit(served.base).netloc
    stalled = socket.create_connection(("127.0.0.1", urlsplit(served.base).port or 0))
    stalled.sendall(f"GET /api/preview/output.mjpg HTTP/1.1\r\nHost: {netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
    with served.showing(), browser.stream("GET", "/api/preview/output.mjpg") as answer:
        first_images(answer, 10)
    stalled.close()


def test_without_an_output_here_the_preview_says_so(fresh: Served) -> None:
    fresh.server.stop()
    fresh.run.no_output = "The output process sends the pictures."
    fresh.server.start()
    with fresh.browser() as browser, fresh.showing():
        answer = browser.get("/api/preview/output.mjpg")
        assert answer.status_code == 409
        assert answer.json() == {"ok": False, "said": "The output process sends the pictures."}
        assert browser.get("/picture.mjpg").status_code == 409
        with browser.stream("GET", "/api/preview/input.mjpg") as images:
            first_images(images, 1)


def test_offering_copies_nothing_without_watchers() -> None:
    class Counting(SmallImage):
        kept = 0

        def keep(self, picture: Image, kept: Image) -> None:
            self.kept += 1

    pixels = Counting(SIZE, 160)
    feed = Feed(pixels, 15, 70, FakeClock())
    frame = np.zeros(SIZE.image_shape, dtype=np.uint8)
    feed.offer(frame)
    assert pixels.kept == 0
    with feed.watching():
        feed.offer(frame)
        feed.offer(frame)
    feed.offer(frame)
    # The second came too soon after the first.
    assert pixels.kept == 1


@pytest.mark.parametrize(
    ("size", "small"),
    [
        (Size(1280, 720), Size(640, 360)),
        (Size(1920, 1080), Size(640, 360)),
        (Size(640, 480), Size(640, 480)),
        (Size(320, 240), Size(320, 240)),
        (Size(1000, 562), Size(640, 360)),
        (Size(8192, 64), Size(640, 4)),
    ],
)
def test_small_sizes_keep_proportions_and_even_sides(size: Size, small: Size) -> None:
    assert small_size(size, 640) == small


def test_colours_survive_being_made_small() -> None:
    size, colour = Size(1280, 720), (40, 90, 200)
    for pixels, picture in (
        (SmallPicture(size, 640), coloured(colour, size)),
        (SmallImage(size, 640), np.full(size.image_shape, colour, dtype=np.uint8)),
        (Whole(size), coloured(colour, size)),
    ):
        kept = np.empty(pixels.shape, dtype=np.uint8)
        pixels.keep(picture, kept)
        assert pixels.shown(kept).mean(axis=(0, 1)) == pytest.approx(colour, abs=3)


def test_frames_of_another_size_are_shown_too() -> None:
    pixels = SmallImage(Size(1280, 720), 640)
    kept = np.empty(pixels.shape, dtype=np.uint8)
    pixels.keep(np.full((480, 640, 3), 77, dtype=np.uint8), kept)
    assert (kept == 77).all()


def test_reconnecting_again_and_again_leaves_no_watcher(served: Served, browser: httpx.Client) -> None:
    with served.showing():
        threads = [threading.Thread(target=_look_in, args=(browser,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    wait_until(lambda: not any(feed.watchers for feed in served.run.feeds.values()), "Watchers are left.")


def _look_in(browser: httpx.Client) -> None:
    with httpx.Client(base_url=browser.base_url, cookies=dict(browser.cookies), timeout=60, verify=False) as client:
        for _ in range(3):
            with client.stream("GET", "/api/preview/input.mjpg") as answer:
                next(answer.iter_bytes())
