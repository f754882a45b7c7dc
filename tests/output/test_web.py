import http.client
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import av
import cv2
import httpx
import numpy as np
import pytest

from livecam.core.cleared import How
from livecam.core.frame import Image, Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.core.stamp import read_stamp, stamp, stamp_age_ns
from livecam.errors import ConfigError, SinkGone, SinkLost
from livecam.output import local_server
from livecam.output.preview_guard import PUBLIC, refusal
from livecam.output.web import WebSink, make
from tests.output.pictures import SIZE, cleared, coloured, plain
from tests.output.trying import undisturbed
from tests.patience import OUTPUTS, wait_longer

TOKEN = "secret"


@pytest.fixture
def sink() -> Iterator[WebSink]:
    sink = WebSink(token=TOKEN)
    sink.open(SIZE, 30.0)
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def quiet() -> Iterator[WebSink]:
    """One that shows nothing, for the tests of who is answered."""
    sink = WebSink(token=TOKEN)
    with pytest.MonkeyPatch.context() as patch:
        # What is made for a whole module is made before any test's own patches.
        wait_longer(patch, OUTPUTS)
        sink.open(SIZE, 30.0)
    yield sink
    sink.close()


@contextmanager
def sending(sink: WebSink, luma: int = 90, size: Size = SIZE) -> Iterator[None]:
    """Sends at about 60 fps while the block runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1 / 60):
            sink.send(cleared(plain(luma, size)))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def at(sink: WebSink, path: str, token: str | None = TOKEN) -> str:
    return sink.url.split("/?")[0] + path + ("" if token is None else f"?token={token}")


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=60)


def decoded(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def images(sink: WebSink, count: int) -> list[Image]:
    """The first `count` images of a new stream."""
    found = []
    with httpx.stream("GET", at(sink, "/stream.mjpg"), timeout=60) as answer:
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
        data = b""
        for chunk in answer.iter_bytes():
            data += chunk
            while (end := data.find(b"\r\n--livecam-picture\r\n", 20)) >= 0:
                found.append(decoded(data[data.index(b"\xff\xd8") : end]))
                data = data[end + 2 :]
                if len(found) == count:
                    return found
    raise AssertionError("The stream ended.")


def wait_until_watched(sink: WebSink, watchers: int) -> None:
    deadline = time.monotonic() + 60
    while sink.watchers != watchers:
        assert time.monotonic() < deadline, f"{sink.watchers} watchers"
        time.sleep(0.01)


def test_the_page_and_its_files_are_served_with_strict_headers(quiet: WebSink) -> None:
    page = get(quiet.url)
    assert page.status_code == 200
    assert '<script src="/page.js">' in page.text
    assert TOKEN not in page.text
    assert "http" not in page.text.replace("<html", "")
    for answer in (page, get(at(quiet, "/page.js", None)), get(at(quiet, "/page.css", None))):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_stream_shows_what_is_sent(sink: WebSink) -> None:
    with sending(sink, luma=180):
        shown = images(sink, 5)
    assert all(image.shape == SIZE.image_shape for image in shown)
    assert shown[-1].mean() == pytest.approx((180 - 16) * 255 / 219, abs=2)


def test_a_snapshot_shows_the_colours(sink: WebSink) -> None:
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1 / 60):
            sink.send(cleared(coloured((40, 90, 200))))

    thread = threading.Thread(target=run)
    thread.start()
    answer = get(at(sink, "/snapshot.jpg"))
    stop.set()
    thread.join()
    assert decoded(answer.content).mean(axis=(0, 1)) == pytest.approx((40, 90, 200), abs=4)


def test_a_snapshot_is_never_old(sink: WebSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livecam.output.preview_app._SNAPSHOT_S", 0.3)
    with sending(sink, luma=200):
        images(sink, 2)
    # The ring still holds a bright picture; nothing is sent now.
    assert get(at(sink, "/snapshot.jpg")).status_code == 503
    monkeypatch.setattr("livecam.output.preview_app._SNAPSHOT_S", 20.0)
    with sending(sink, luma=30):
        assert decoded(get(at(sink, "/snapshot.jpg")).content).mean() < 60


@pytest.mark.parametrize("path", ["/", "/stream.mjpg", "/snapshot.jpg", "/status", "/nothing"])
@pytest.mark.parametrize("token", [None, "", "wrong", "secret2", "sécret"])
def test_without_the_token_nothing_is_shown(quiet: WebSink, path: str, token: str | None) -> None:
    assert get(at(quiet, path, token)).status_code == 403
    assert quiet.watchers == 0


def _answer(sink: WebSink, **headers: str) -> int:
    parts = urlsplit(sink.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=60)
    connection.putrequest("GET", f"/status?token={TOKEN}", skip_host=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:{port}"}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "localhost:9"}, 200),
        ({"Host": "[::1]:{port}"}, 200),
        ({"Host": "evil.example:{port}"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "192.168.1.5:{port}"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "127.0.0.1:{port}", "Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Host": "127.0.0.1:{port}", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1:{port}", "Origin": "http://127.0.0.1:9"}, 403),
        ({"Host": "127.0.0.1:{port}", "Origin": "null"}, 403),
        ({"Host": "127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ({"Host": "127.0.0.1:{port}", "Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"}, 403),
        ({"Host": "127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200),
        ({"Host": "127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}, 200),
    ],
)
def test_only_this_machine_and_its_own_pages_are_answered(quiet: WebSink, headers: dict[str, str], status: int) -> None:
    port = str(urlsplit(quiet.url).port)
    assert _answer(quiet, **{name: value.replace("{port}", port) for name, value in headers.items()}) == status


def test_files_without_secrets_need_no_token_but_a_loopback_host() -> None:
    for path in PUBLIC:
        assert refusal({"host": "127.0.0.1:1"}, path, "", TOKEN) is None
        assert refusal({"host": "evil.example"}, path, "", TOKEN) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without setting it up")
def test_it_listens_on_loopback_only(quiet: WebSink) -> None:
    assert quiet.url.startswith("http://127.0.0.1:")
    port = urlsplit(quiet.url).port
    other = socket.socket()
    # Another address of this machine is still free at that port, so nobody listens on all of them.
    other.bind(("127.0.0.2", port or 0))
    other.close()


def test_nothing_is_encoded_while_nobody_watches(sink: WebSink) -> None:
    with sending(sink):
        time.sleep(0.3)
        assert sink.encoded == 0
        images(sink, 3)
        wait_until_watched(sink, 0)
        encoded, deadline = -1, time.monotonic() + 60
        # One may be under way yet.
        while encoded != sink.encoded and time.monotonic() < deadline:
            encoded = sink.encoded
            time.sleep(0.3)
        assert sink.encoded == encoded


def test_a_closed_tab_is_gone_even_when_nothing_is_sent(sink: WebSink) -> None:
    parts = urlsplit(sink.url)
    watcher = socket.create_connection(("127.0.0.1", parts.port or 0))
    watcher.sendall(f"GET /stream.mjpg?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    wait_until_watched(sink, 1)
    watcher.close()
    wait_until_watched(sink, 0)


def test_the_rate_is_bounded() -> None:
    sink = WebSink(token=TOKEN, rate=10)
    sink.open(SIZE, 60.0)
    with sending(sink):
        started = time.perf_counter()
        images(sink, 8)
        assert time.perf_counter() - started > 0.5
    sink.close()


def test_a_slow_watcher_slows_nobody_and_gets_new_images() -> None:
    slowest_s, closing_s = undisturbed(slowest_and_closing_s, lambda found: found[0] < 0.1 and found[1] < 2.0)
    assert slowest_s < 0.1
    assert closing_s < 2.0


def slowest_and_closing_s() -> tuple[float, float]:
    """The longest time that sending takes beside a slow watcher, and what closing takes."""
    size = Size(640, 480)
    sink = WebSink(token=TOKEN, rate=60, quality=95)
    sink.open(size, 60.0)
    parts = urlsplit(sink.url)
    watcher = socket.socket()
    watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    watcher.connect(("127.0.0.1", parts.port or 0))
    watcher.sendall(f"GET /stream.mjpg?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    wait_until_watched(sink, 1)
    rng = np.random.default_rng(0)
    noise = rng.integers(16, 235, size.picture_shape, dtype=np.uint8)
    took_s = []
    for _ in range(60):
        started = time.perf_counter()
        sink.send(cleared(noise))
        took_s.append(time.perf_counter() - started)
        time.sleep(1 / 60)
    with sending(sink, luma=30, size=size):
        # Somebody else is served meanwhile, with new images.
        assert images(sink, 3)[-1].mean() < 60
    started = time.perf_counter()
    sink.close()
    closing_s = time.perf_counter() - started
    watcher.close()
    return max(took_s), closing_s


class ObsReader(threading.Thread):
    """Reads as OBS does: FFmpeg's demuxer with the very settings that are named for it."""

    def __init__(self, sink: WebSink, seconds: float) -> None:
        super().__init__()
        (self._settings,) = sink.obs
        self._seconds = seconds
        self.ages_ms: list[float] = []
        self.start()

    def run(self) -> None:
        options = dict(pair.split("=") for pair in self._settings.options.split())
        with av.open(self._settings.address, format=self._settings.input_format, options=options, timeout=60) as opened:
            end_s = time.monotonic() + self._seconds
            for frame in opened.decode(video=0):
                seen = read_stamp(np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8))
                if seen is not None:
                    self.ages_ms.append(stamp_age_ns(seen[1], time.monotonic_ns()) / 1e6)
                if time.monotonic() > end_s and len(self.ages_ms) > 45:
                    break


def test_with_the_settings_for_obs_three_readers_stay_up_to_date_beside_one_that_stalls() -> None:
    # A reader timed at 25 pictures a second is 600 ms behind after three seconds of 30, and never catches up.
    assert max(undisturbed(latest_ages_ms, lambda ages_ms: max(ages_ms) < 200)) < 200


def latest_ages_ms() -> list[float]:
    """How old the last pictures are that each of three readers gets."""
    size = Size(640, 360)
    sink = WebSink(token=TOKEN)
    sink.open(size, 30.0)
    parts = urlsplit(sink.url)
    stalled = socket.create_connection(("127.0.0.1", parts.port or 0))
    stalled.sendall(f"GET /stream.mjpg?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    stop = threading.Event()
    image = np.random.default_rng(0).integers(0, 255, size.image_shape, dtype=np.uint8)

    def run() -> None:
        number = 0
        while not stop.wait(1 / 30):
            stamp(image, number, time.monotonic_ns())
            sink.send(cleared(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)))
            number += 1

    sender = threading.Thread(target=run)
    sender.start()
    readers = [ObsReader(sink, 3.0) for _ in range(3)]
    for reader in readers:
        reader.join(100)
        assert not reader.is_alive()
    stop.set()
    sender.join()
    sink.close()
    stalled.close()
    assert all(len(reader.ages_ms) > 45 for reader in readers)
    return [float(np.median(reader.ages_ms[-20:])) for reader in readers]


def test_a_watcher_who_stalls_leaves_no_complaint_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    def complaint() -> str:
        caplog.clear()
        close_beside_who_stalls()
        return "".join(told.message for told in caplog.records if told.levelno >= logging.WARNING)

    assert undisturbed(complaint, lambda told: not told) == ""


def close_beside_who_stalls() -> None:
    size = Size(640, 480)
    sink = WebSink(token=TOKEN, rate=60, quality=95)
    sink.open(size, 60.0)
    parts = urlsplit(sink.url)
    watcher = socket.socket()
    watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    watcher.connect(("127.0.0.1", parts.port or 0))
    watcher.sendall(f"GET /stream.mjpg?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    wait_until_watched(sink, 1)
    noise = np.random.default_rng(0).integers(16, 235, size.picture_shape, dtype=np.uint8)
    for _ in range(40):
        sink.send(cleared(noise))
        time.sleep(1 / 60)
    sink.close()
    watcher.close()


def test_the_page_tells_what_to_enter_in_obs(quiet: WebSink) -> None:
    page = get(quiet.url).text
    (settings,) = quiet.obs
    assert settings.input_format in page
    assert settings.options in page
    assert settings.address == at(quiet, "/stream.mjpg")
    assert WebSink(token=TOKEN).obs == ()


def test_a_taken_port_is_passed_over_and_said() -> None:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    port = holder.getsockname()[1]
    sink = make(parse_spec(f"web:{port}"), SinkWish(TOKEN))
    sink.open(SIZE, 30.0)
    assert urlsplit(sink.url).port != port
    assert f"port {port} is taken" in sink.name
    assert get(sink.url).status_code == 200
    sink.close()
    holder.close()


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "PORTS_TRIED", 1)
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    with pytest.raises(SinkLost, match="free"):
        WebSink(holder.getsockname()[1]).open(SIZE, 30.0)
    holder.close()


def test_opened_again_it_keeps_its_address() -> None:
    sink = WebSink()
    sink.open(SIZE, 30.0)
    url = sink.url
    sink.open(Size(640, 480), 30.0)
    assert sink.url == url
    with sending(sink, size=Size(640, 480)):
        assert images_shape(sink) == (480, 640, 3)
    sink.close()


def images_shape(sink: WebSink) -> tuple[int, ...]:
    token = sink.url.split("token=")[1]
    return decoded(get(at(sink, "/snapshot.jpg", token)).content).shape


def test_tokens_are_made_up_and_differ() -> None:
    first, second = WebSink(8000), WebSink(8000)
    assert first.url != second.url
    assert len(first.url.split("token=")[1]) >= 32


def test_the_status_says_what_is_shown(sink: WebSink) -> None:
    sink.send(cleared(plain(90), how=How.SLATE))
    text = get(at(sink, "/status")).json()["text"]
    assert "320x240" in text
    assert "slate" in text
    assert "0 watching" in text


def test_streams_end_when_it_is_closed(sink: WebSink) -> None:
    def closing_s() -> float:
        sink.open(SIZE, 30.0)
        parts = urlsplit(sink.url)
        watcher = socket.create_connection(("127.0.0.1", parts.port or 0), timeout=60)
        watcher.sendall(f"GET /stream.mjpg?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_until_watched(sink, 1)
        started = time.perf_counter()
        sink.close()
        took_s = time.perf_counter() - started
        while watcher.recv(65536):
            pass
        watcher.close()
        return took_s

    assert undisturbed(closing_s, lambda took_s: took_s < 1.0) < 1.0


def test_a_dead_server_is_a_lost_sink(sink: WebSink) -> None:
    assert sink._server is not None
    sink._server.finish(60.0)
    with pytest.raises(SinkLost, match="stopped"):
        sink.send(cleared(plain(90)))


def test_an_encoder_that_fails_is_a_lost_sink(
    sink: WebSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise cv2.error("no memory")

    monkeypatch.setattr("livecam.output.preview_pixels.cv2.cvtColor", fail)
    watcher = socket.create_connection(("127.0.0.1", urlsplit(sink.url).port or 0))
    watcher.sendall(f"GET /stream.mjpg?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    wait_until_watched(sink, 1)

    def send_for_a_while() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            sink.send(cleared(plain(90)))
            time.sleep(0.01)

    with pytest.raises(SinkLost, match="stopped"):
        send_for_a_while()
    watcher.close()
    assert "failed beside its answers" in caplog.text


@pytest.mark.parametrize("text", ["web:70000", "web:abc", "web?rate=0", "web?quality=101", "web?size=3"])
def test_specs_that_cannot_be_served(text: str) -> None:
    with pytest.raises(ConfigError):
        make(parse_spec(text), SinkWish())


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(SinkGone, match="even"):
        WebSink().open(Size(321, 240), 30.0)
