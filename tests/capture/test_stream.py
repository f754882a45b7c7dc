"""Network streams from a small server on this machine: newest frame, timeouts, losses, and no password anywhere."""

import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.capture import stream
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.seams import Source
from livecam.core.spec import SourceWish, parse_spec
from livecam.errors import ConfigError, SourceError, SourceGone, SourceLost
from tests.capture.clips import SIZE, level, number_of, write_clip
from tests.capture.opening import opened
from tests.patience import free_port

WISH = SourceWish(SIZE, 30.0, timeout_s=20.0)
HASTY = SourceWish(SIZE, 30.0, timeout_s=0.2)
"""For those that never answer."""
BOUNDARY = b"--frame\r\n"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
Script = Callable[[socket.socket], None]


@contextmanager
def serving(script: Script) -> Iterator[int]:
    """A server whose every connection is answered by `script`; yields its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            connection.settimeout(60)
            try:
                connection.recv(4096)
                script(connection)
            except OSError:
                return  # the reader has gone

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def jpeg(number: int, size: Size = SIZE) -> bytes:
    data = cv2.imencode(".jpg", np.full(size.image_shape, level(number), np.uint8))[1].tobytes()
    return BOUNDARY + b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n"


def mjpeg(frames: Iterator[bytes]) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
        end = time.monotonic() + 60
        for frame in frames:
            connection.sendall(frame)
            time.sleep(0.02)
            if time.monotonic() > end:
                return

    return script


def forever(number: int = 3) -> Iterator[bytes]:
    return itertools.repeat(jpeg(number))


def brief() -> Iterator[bytes]:
    """Half a second."""
    return itertools.repeat(jpeg(3), 25)


def source_at(port: int, path: str = "/cam", login: str = "", scheme: str = "http", wish: SourceWish = WISH) -> Source:
    return stream.make(parse_spec(f"stream:{scheme}://{login}127.0.0.1:{port}{path}"), wish, MonotonicClock())


def blank(size: Size = SIZE) -> Image:
    return np.empty(size.image_shape, np.uint8)


def test_mjpeg_over_http_is_delivered() -> None:
    with serving(mjpeg(forever(5))) as port:
        source = source_at(port)
        info = source.open()
        assert (info.size, info.live, info.name) == (SIZE, True, f"stream:http://127.0.0.1:{port}")
        image = blank()
        stamps, ages_ns = list[int](), list[int]()
        for _ in range(5):
            stamps.append(source.read_into(image))
            ages_ns.append(time.monotonic_ns() - stamps[-1])
        source.close()
    assert number_of(image, 10) == 5
    assert stamps == sorted(set(stamps))
    # The least, since others use the machine.
    assert min(ages_ns) < NS_PER_S


def test_an_h264_transport_stream_over_http_is_delivered(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", 60, fps=30, container="mpegts").read_bytes()

    def script(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Type: video/mp2t\r\n\r\n" + clip)
        time.sleep(2)

    with serving(script) as port:
        source = source_at(port)
        assert source.open().size == SIZE
        source.read_into(blank())
        source.close()


def test_a_slow_reader_gets_the_newest_frame_and_the_rest_is_counted() -> None:
    with serving(mjpeg(jpeg(number % 20) for number in itertools.count())) as port:
        source = source_at(port)
        source.open()
        assert isinstance(source, stream.StreamSource)
        ages_ns: list[int] = []
        # The best of some, since others use the machine.
        while not ages_ns or ((min(ages_ns) >= 400 * NS_PER_MS or source.dropped < 3) and len(ages_ns) < 10):
            source.read_into(blank())
            time.sleep(0.5)
            # Those of before are 500 ms old by now, and on a busy machine older.
            before_ns = time.monotonic_ns()
            ages_ns.append(before_ns - source.read_into(blank()))
        assert min(ages_ns) < 400 * NS_PER_MS
        assert source.dropped >= 3
        source.close()


def test_a_stream_gone_quiet_is_lost_within_the_timeout() -> None:
    over = threading.Event()

    def script(connection: socket.socket) -> None:
        mjpeg(iter([jpeg(1)] * 10))(connection)
        over.wait(60)

    with serving(script) as port:
        source = source_at(port, wish=SourceWish(SIZE, 30.0, timeout_s=1.0))
        opened(source)
        started = time.monotonic()
        with pytest.raises(SourceLost):
            read_until_error(source)
        assert time.monotonic() - started < 30
        source.close()
        over.set()


def read_until_error(source: Source) -> None:
    for _ in range(1000):
        source.read_into(blank())


def test_a_stream_that_ends_is_lost_and_can_be_opened_again() -> None:
    def script(connection: socket.socket) -> None:
        mjpeg(brief())(connection)

    with serving(script) as port:
        source = source_at(port)
        source.open()
        with pytest.raises(SourceLost, match=r"ended the stream|cannot be reached"):
            read_until_error(source)
        assert source.open().size == SIZE
        source.read_into(blank())
        source.close()


def test_a_stream_that_changes_its_size_is_lost() -> None:
    other = Size(SIZE.width * 2, SIZE.height)
    frames = itertools.chain([jpeg(1)] * 20, itertools.repeat(jpeg(1, other)))
    with serving(mjpeg(frames)) as port:
        source = source_at(port)
        source.open()
        with pytest.raises(SourceLost, match=f"changed its size from {SIZE} to {other}"):
            read_until_error(source)
        source.close()


def answer(status: bytes, body: bytes = b"") -> Script:
    head = b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return lambda connection: connection.sendall(head + body)


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        (answer(b"401 Unauthorized"), SourceGone, "refuses the user name or password"),
        (answer(b"403 Forbidden"), SourceGone, "refuses the user name or password"),
        (answer(b"404 Not Found"), SourceLost, "no stream at this path"),
        (answer(b"503 Busy"), SourceLost, "cannot be reached"),
        (answer(b"200 OK", b"<html>" * 5000), SourceGone, "not with video|carries no video"),
        (lambda connection: time.sleep(40), SourceLost, "did not answer in time|sent no frame"),
    ],
)
def test_refusals_say_what_happened_and_never_the_password(
    script: Script, kind: type[SourceError], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(script) as port:
        wish = HASTY if "in time" in says else WISH
        source = source_at(port, "/user=admin_password=hunter2?token=hunter2", "admin:hunter2@", wish=wish)
        started = time.monotonic()
        with pytest.raises(kind, match=says) as caught:
            source.open()
        assert time.monotonic() - started < 30
        source.close()
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__context__) + repr(source)
    assert f"http://127.0.0.1:{port}" in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_the_password_is_not_in_the_name_either() -> None:
    with serving(mjpeg(forever())) as port:
        source = source_at(port, "/cam?token=hunter2", "admin:hunter2@")
        assert "hunter2" not in repr(source.open())
        source.close()


def test_a_refusal_after_the_stream_has_worked_is_not_final() -> None:
    answers = iter([mjpeg(brief()), answer(b"401 Unauthorized")])

    def script(connection: socket.socket) -> None:
        next(answers)(connection)

    with serving(script) as port:
        source = source_at(port)
        source.open()
        with pytest.raises(SourceLost):
            read_until_error(source)
        with pytest.raises(SourceLost, match="refuses"):
            source.open()
        source.close()


def test_nobody_listening_is_lost() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = source_at(unused.getsockname()[1])
        with pytest.raises(SourceLost, match="cannot be reached: connection refused"):
            source.open()


def test_a_server_that_only_listens_does_not_hold_us() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = source_at(silent.getsockname()[1], wish=HASTY)
        started = time.monotonic()
        with pytest.raises(SourceLost):
            source.open()
        source.close()
        assert time.monotonic() - started < 30


def test_a_connection_that_hangs_is_never_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_JOIN_S", 0.2)
    before = set(threading.enumerate())
    with serving(lambda connection: time.sleep(20)) as port:
        source = source_at(port, wish=HASTY)
        for _ in range(3):
            with pytest.raises(SourceLost):
                source.open()
            begun = set(threading.enumerate()) - before
            assert sum(thread.name == "livecam-stream" for thread in begun) <= 1
        source.close()
    assert sum(thread.name == "livecam-stream" for thread in set(threading.enumerate()) - before) <= 1


def test_udp_is_drained(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", 60, fps=30, container="mpegts").read_bytes()
    port, stop = free_port(socket.SOCK_DGRAM), threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for at in itertools.cycle(range(0, len(clip), 1316)):
                sender.sendto(clip[at : at + 1316], ("127.0.0.1", port))
                if stop.wait(0.005):
                    return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        source = source_at(port, "", scheme="udp")
        assert source.open().size == SIZE
        source.read_into(blank())
        source.close()
    finally:
        stop.set()
        sender.join()


@pytest.mark.parametrize(
    ("target", "transport"),
    [("rtsp://h/a?b=1", "tcp"), ("rtsp+udp://h/a?b=1", "udp"), ("RTSP+TCP://h/a?b=1", "tcp")],
)
def test_rtsp_goes_by_tcp_unless_udp_is_asked_for(target: str, transport: str) -> None:
    address = stream.parse_address(target)
    assert address.url == "rtsp://h/a?b=1"
    assert address.options["rtsp_transport"] == transport


@pytest.mark.parametrize("target", ["", "cam", "file:///etc/passwd", "concat:a|b", "http+udp://h/", "http://h:port/"])
def test_other_addresses_are_refused_without_being_quoted(target: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stream.make(parse_spec(f"stream:{target}"), WISH, MonotonicClock())
    assert "passwd" not in str(caught.value)


def test_a_protocol_that_pyav_was_built_without_is_named() -> None:
    source = stream.make(parse_spec("stream:srt://127.0.0.1:9"), WISH, MonotonicClock())
    with pytest.raises(SourceError, match=r"cannot carry srt|cannot be reached|did not answer"):
        source.open()
