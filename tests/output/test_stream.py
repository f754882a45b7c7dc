"""H.264 in MPEG-TS: read back by FFmpeg's own demuxers, by several at once, and by one who does not read."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.codeccontext import VideoCodecContext

from livecam.core.frame import Image, Picture, Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.core.stamp import read_stamp, stamp, stamp_age_ns
from livecam.errors import ConfigError, SinkGone, SinkLost
from livecam.output import stream, stream_outlets
from livecam.output.colours import BT709, Planes, ToBt709
from livecam.output.h264 import H264Writer
from livecam.output.obs import obs_settings
from livecam.output.stream import StreamSink
from livecam.output.stream_address import StreamAddress, parse_addresses
from livecam.output.stream_outlets import DATAGRAM, MOST_READERS, UdpOutlet
from tests.output.pictures import SIZE, cleared, coloured, free_udp_port, plain
from tests.output.trying import undisturbed

OPTIONS = {"fflags": "nobuffer"}


def made(text: str) -> StreamSink:
    return stream.make(parse_spec(text), SinkWish())


@contextmanager
def opened(text: str, size: Size = SIZE) -> Iterator[StreamSink]:
    sink = made(text)
    sink.open(size, 30.0)
    yield sink
    sink.close()


@contextmanager
def sending(sink: StreamSink, image: Image) -> Iterator[None]:
    """Sends `image`, stamped with number and time, at 30 fps while the block runs."""
    stop = threading.Event()

    def run() -> None:
        number = 0
        while not stop.wait(1 / 30):
            stamp(image, number, time.monotonic_ns())
            sink.send(cleared(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8), number))
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def addresses(sink: StreamSink) -> list[str]:
    return sink.name.removeprefix("stream:").split(",")


class Reader(threading.Thread):
    """An FFmpeg reader with the options that are named for OBS.

    Attributes:
        numbers: Of the frames it read.
        ages_ms: Of the same.
        image: The last one, (H, W, 3) u8 BGR, converted as the stream is tagged.
    """

    def __init__(self, address: str, seconds: float = 2.0, may_end: Callable[[], bool] = lambda: True) -> None:
        super().__init__()
        self._address = address
        self._seconds = seconds
        self._may_end = may_end
        self.numbers: list[int] = []
        self.ages_ms: list[float] = []
        self.image: Image = np.zeros((2, 2, 3), np.uint8)
        self.tags: tuple[int, ...] = ()
        self.start()

    def run(self) -> None:
        with av.open(self._address, format="mpegts", options=OPTIONS, timeout=60) as container:
            codec = container.streams.video[0].codec_context
            assert isinstance(codec, VideoCodecContext)
            codec.thread_count = 1
            end_s = time.monotonic() + self._seconds
            for frame in container.decode(video=0):
                luma = np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)
                seen = read_stamp(luma)
                if seen is not None:
                    self.numbers.append(seen[0])
                    self.ages_ms.append(stamp_age_ns(seen[1], time.monotonic_ns()) / 1e6)
                if time.monotonic() > end_s and self._may_end():
                    break
            self.tags = (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range)
            bgr = frame.reformat(format="bgr24", src_colorspace=codec.colorspace)
            self.image = np.asarray(bgr.to_ndarray(), np.uint8)

    def middle(self) -> npt.NDArray[np.float64]:
        """Mean colour of the lower half, where no stamp is."""
        self.join(60)
        assert not self.is_alive()
        return np.asarray(self.image[self.image.shape[0] // 2 :].mean(axis=(0, 1)))


def until(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def send_on(sink: StreamSink) -> None:
    """Send until it raises."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        sink.send(cleared(plain(90)))
        time.sleep(0.01)


def one_colour(bgr: tuple[int, int, int], size: Size = SIZE) -> Image:
    return np.full(size.image_shape, bgr, np.uint8)


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_colours_come_back_by_bt709_and_the_stream_says_so(scheme: str) -> None:
    age_ms, step = undisturbed(lambda: read_over(scheme), lambda found: found[0] < 250 and found[1] <= 5)
    assert age_ms < 250, "a frame or two, not a buffer's worth"
    assert step <= 5


def read_over(scheme: str) -> tuple[float, int]:
    """How old the pictures are that a reader gets, ms, and the longest step in their numbers."""
    port = free_udp_port() if scheme == "udp" else 0
    with opened(f"stream:{scheme}://127.0.0.1:{port}") as sink, sending(sink, one_colour((40, 90, 220))):
        reader = Reader(addresses(sink)[0], may_end=lambda: len(reader.numbers) > 10)
        assert reader.middle() == pytest.approx((40, 90, 220), abs=4)
    assert reader.tags == (1, 1, 1, 1)
    return float(np.median(reader.ages_ms)), int(np.diff(reader.numbers).max())


def test_several_readers_at_once_of_both_kinds() -> None:
    first, second = free_udp_port(), free_udp_port()
    text = f"stream:udp://127.0.0.1:{first},udp://127.0.0.1:{second},tcp://127.0.0.1:0"
    with opened(text) as sink, sending(sink, one_colour((200, 60, 30))):
        shown, together = addresses(sink), threading.Event()
        readers = [Reader(address, may_end=together.is_set) for address in [*shown, shown[-1]]]
        until(lambda: sink.readers == 4 and all(len(reader.numbers) > 10 for reader in readers))
        together.set()
        for reader in readers:
            assert reader.middle() == pytest.approx((200, 60, 30), abs=4)
            assert len(reader.numbers) > 10


def test_a_reader_may_come_late_and_begins_with_a_key_picture() -> None:
    with opened("stream:tcp://127.0.0.1:0") as sink, sending(sink, one_colour((10, 200, 90))):
        time.sleep(0.7)
        for _ in range(2):
            reader = Reader(addresses(sink)[0], seconds=0.5)
            assert reader.middle() == pytest.approx((10, 200, 90), abs=4)


def test_a_reader_who_does_not_read_is_dropped_and_slows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_outlets, "_SEND_BUFFER", 4096)
    rng = np.random.default_rng(0)
    noise = rng.integers(16, 235, SIZE.picture_shape, dtype=np.uint8)
    assert undisturbed(lambda: slowest_beside_a_lazy_reader_s(noise), lambda slowest_s: slowest_s < 0.1) < 0.1


def slowest_beside_a_lazy_reader_s(noise: Picture) -> float:
    """The longest time that sending takes until somebody who does not read is dropped."""
    rng = np.random.default_rng(1)
    with opened("stream:tcp://127.0.0.1:0?bitrate=0.5") as sink:
        parts = urlsplit(addresses(sink)[0])
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((parts.hostname, parts.port))
        took_s, deadline_s = list[float](), time.monotonic() + 90
        sink.send(cleared(noise))
        until(lambda: sink.readers == 1)
        while sink.readers:
            assert time.monotonic() < deadline_s, "the lazy reader is still served"
            picture = cleared(np.roll(noise, rng.integers(1000)))
            started_s = time.perf_counter()
            sink.send(picture)
            took_s.append(time.perf_counter() - started_s)
            time.sleep(0.01)
        lazy.close()
    return max(took_s)


def test_nothing_is_encoded_while_nobody_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    monkeypatch.setattr(H264Writer, "add", lambda *_: encoded.append("add"))
    monkeypatch.setattr(H264Writer, "add_key", lambda *_: encoded.append("key"))
    with opened("stream:tcp://127.0.0.1:0") as sink:
        for _ in range(5):
            sink.send(cleared(plain(90)))
            time.sleep(0.01)
        assert encoded == []
        parts = urlsplit(addresses(sink)[0])
        with socket.create_connection((parts.hostname, parts.port)):

            def shown() -> bool:
                sink.send(cleared(plain(90)))
                return bool(encoded)

            until(shown)
            assert encoded[:1] == ["key"], "who has just come begins with a key picture"


def test_more_readers_than_can_be_served_are_sent_away() -> None:
    with opened("stream:tcp://127.0.0.1:0") as sink:
        parts = urlsplit(addresses(sink)[0])
        crowd = []
        for _ in range(MOST_READERS + 3):
            crowd.append(socket.create_connection((parts.hostname, parts.port)))
            sink.send(cleared(plain(90)))
            time.sleep(0.02)

        def counted() -> bool:
            sink.send(cleared(plain(90)))
            return sink.readers == MOST_READERS

        until(counted)
        for connection in crowd:
            connection.close()


def test_an_encoder_that_is_behind_shows_the_newest_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(work: object, picture: Picture, sent_ns: int) -> None:
        seen.append(int(picture[0, 0]))
        begun.set()
        go_on.wait(60)

    monkeypatch.setattr(stream._Streaming, "add", slowly)
    with opened("stream:tcp://127.0.0.1:0") as sink:
        for luma in range(20, 220, 10):
            sink.send(cleared(plain(luma)))
            assert begun.wait(60)
        assert sink.dropped == 20 - stream.SLOTS
        go_on.set()
    assert seen[0] == 20
    assert seen[-2:] == [200, 210]


def test_a_failing_encoder_is_a_lost_sink_that_opens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened("stream:tcp://127.0.0.1:0") as sink:
        address = sink.name

        def fail(*_: object) -> None:
            raise OSError(errno.ENETDOWN, "Network is down")

        with monkeypatch.context() as broken:
            broken.setattr(stream._Streaming, "add", fail)
            with pytest.raises(SinkLost, match="Network is down"):
                send_on(sink)
        sink.open(SIZE, 30.0)
        assert sink.name == address, "the port stays, so that OBS finds it again"
        sink.send(cleared(plain(90)))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_encoder_that_dies_is_a_lost_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream._Streaming, "add", lambda *_: 1 / 0)
    with opened("stream:tcp://127.0.0.1:0") as sink, pytest.raises(SinkLost, match="has ended"):
        send_on(sink)


def test_a_network_that_is_gone_is_a_lost_sink_and_a_silent_reader_is_none() -> None:
    class Broken(socket.socket):
        number = errno.ENETUNREACH

        def send(self, data: object, flags: int = 0) -> int:
            raise OSError(self.number, "unreachable")

    outlet = UdpOutlet(StreamAddress("udp", "127.0.0.1", free_udp_port()))
    outlet.open()
    for _ in range(5):
        outlet.put(bytes(3 * DATAGRAM), True)
    outlet._socket = Broken()
    with pytest.raises(OSError, match="unreachable"):
        outlet.put(bytes(DATAGRAM), True)
    Broken.number = errno.ENOBUFS
    outlet.put(bytes(DATAGRAM), True)
    assert outlet.lost == 1
    outlet.close()
    outlet.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stream:", "no udp:// or tcp://"),
        ("stream:127.0.0.1:5000", "no udp:// or tcp://"),
        ("stream:rtmp://127.0.0.1:5000", "no udp:// or tcp://"),
        ("stream:srt://127.0.0.1:5000", r"has no SRT\. Use stream:tcp://.* ffmpeg -fflags"),
        ("stream:udp://127.0.0.1", "no udp:// or tcp://"),
        ("stream:udp://127.0.0.1:0", "1..65535"),
        ("stream:udp://127.0.0.1:70000", "no usable host and port"),
        ("stream:udp://me:secret@127.0.0.1:5000", "no udp:// or tcp://"),
        ("stream:udp://0.0.0.0:5000", "more than one machine"),
        ("stream:tcp://[::]:5000", "more than one machine"),
        ("stream:udp://255.255.255.255:5000", "more than one machine"),
        ("stream:udp://239.1.2.3:5000", "more than one machine"),
        ("stream:udp://[ff02::1]:5000", "more than one machine"),
        ("stream:udp://obs.example:5000", "names are not looked up"),
        ("stream:udp://127.0.0.1:5000,udp://localhost:5000", "twice"),
        ("stream:udp://127.0.0.1:5000?bitrate=900", "0.5..100"),
        ("stream:udp://127.0.0.1:5000?quality=2", "no parameter 'quality'"),
    ],
)
def test_addresses_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        made(text)


def test_addresses_that_are_taken() -> None:
    spec = parse_spec("stream:udp://:5000,tcp://[::1]:5001,udp://192.168.1.20:5002?bitrate=3")
    found, megabits = parse_addresses(spec)
    assert [str(address) for address in found] == [
        "udp://127.0.0.1:5000",
        "tcp://[::1]:5001",
        "udp://192.168.1.20:5002",
    ]
    assert [address.leaves_machine for address in found] == [False, False, True]
    assert megabits == 3


def test_a_network_s_broadcast_address_is_refused_by_the_system_and_said() -> None:
    with pytest.raises(SinkGone, match="broadcast address"):
        made("stream:udp://127.255.255.255:5000").open(SIZE, 30.0)


def test_what_leaves_the_machine_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)
    with opened("stream:udp://192.0.2.7:5000"):
        assert "udp://192.0.2.7:5000 leaves this machine, without encryption" in caplog.text


def test_a_taken_port_is_lost_and_an_address_of_others_is_gone() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SinkLost, match=f"Port {port} .* is taken"):
            made(f"stream:tcp://127.0.0.1:{port}").open(SIZE, 30.0)
    with pytest.raises(SinkGone, match="does not have the address"):
        made("stream:tcp://192.0.2.7:5000").open(SIZE, 30.0)


def test_bt709_is_exact_to_a_rounding() -> None:
    rng = np.random.default_rng(1)
    for bgr in rng.integers(0, 256, (40, 3)):
        picture = coloured((int(bgr[0]), int(bgr[1]), int(bgr[2])))
        out = np.empty_like(picture)
        ToBt709(SIZE).convert(picture, out)
        # BT.709-6, 3.2 and 3.4, written out.
        blue, green, red = bgr / 255
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        exact = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748)
        planes = Planes.of(out, SIZE)
        means = tuple(float(plane.mean()) for plane in planes)
        assert means == pytest.approx(exact, abs=2)
    assert BT709 == 1


def test_the_settings_for_obs_follow_from_the_name() -> None:
    (web,) = obs_settings("web:http://127.0.0.1:8765/?token=secret (port 80 is taken)")
    assert web.address == "http://127.0.0.1:8765/stream.mjpg?token=secret"
    assert (web.input_format, web.options) == ("mjpeg", "framerate=60 fflags=nobuffer")
    udp, tcp = obs_settings("stream:udp://127.0.0.1:5000,tcp://127.0.0.1:5001")
    assert (udp.address, tcp.address) == ("udp://127.0.0.1:5000", "tcp://127.0.0.1:5001")
    assert udp.input_format == "mpegts"
    assert "Input udp://127.0.0.1:5000 , Input Format mpegts , FFmpeg Options fflags=nobuffer" in str(udp)
    assert obs_settings("record:call.mp4") == ()
    assert obs_settings("web:") == ()
