"""Network streams, always the newest frame: ``stream:rtsp://host/path``, http(s), udp and what else PyAV carries."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import av
from av.error import (
    FFmpegError,
    HTTPForbiddenError,
    HTTPNotFoundError,
    HTTPUnauthorizedError,
    InvalidDataError,
    ProtocolNotFoundError,
)
from av.video.stream import VideoStream

from livecam.capture.bgr import LONGEST_SIDE_PX, BgrWriter, require_image, upright_size
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.core.seams import Clock, Source, SourceInfo
from livecam.core.spec import SourceWish, Spec
from livecam.errors import ConfigError, SourceError, SourceGone, SourceLost

OPEN_FACTOR = 2.5
"""Opening may take this many timeouts: a stream's next key frame is often two seconds away."""

_JOIN_S = 0.2
_SCHEMES = ("http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")
_LOW_DELAY = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "probesize": "500000",
    "analyzeduration": "1000000",
    "max_delay": "100000",
    "max_pixels": str(LONGEST_SIDE_PX**2),
    # A playlist or redirection must not lead to this machine's files.
    "protocol_whitelist": "crypto,http,httpproxy,https,rtmp,rtmps,rtp,rtsp,srt,srtp,tcp,tls,udp",
}


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where a stream is and how to fetch it. It has no repr, since addresses carry passwords.

    Attributes:
        url: As FFmpeg wants it. Never shown, never logged.
        shown: Scheme, host and port alone: paths and queries of cameras hold passwords too.
        options: For FFmpeg.
    """

    url: str
    shown: str
    options: Mapping[str, str]


def parse_address(target: str) -> Address:
    """Read ``rtsp://...``, or ``rtsp+udp://...`` to fetch RTSP by UDP instead of TCP.

    Raises:
        ConfigError: It is no address, or its scheme is not one of a network stream.
    """
    scheme, _, rest = target.partition("://")
    scheme, _, transport = scheme.lower().partition("+")
    if not rest or scheme not in _SCHEMES or transport not in ("", "tcp", "udp"):
        raise ConfigError(
            "The stream's address must start with one of " + ", ".join(f"{name}://" for name in _SCHEMES) + ".",
            "Write stream:rtsp://host/path, or stream:rtsp+udp://host/path to fetch it by UDP.",
        )
    if transport and not scheme.startswith("rtsp"):
        raise ConfigError(f"Only RTSP can choose its transport, {scheme} cannot.", f"Write stream:{scheme}://....")
    url = f"{scheme}://{rest}"
    options = dict(_LOW_DELAY)
    if scheme.startswith("rtsp"):
        options["rtsp_transport"] = transport or "tcp"
    return Address(url, _shown(url), options)


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(
            "The stream's address has no usable host and port.", "Write stream:rtsp://host/path."
        ) from None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def make(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """A source for ``stream:URL``.

    Raises:
        ConfigError: The address is none.
    """
    return StreamSource(parse_address(spec.target), wish, clock)


class StreamSource:
    """A network stream. A thread of its own reads and decodes without pause and keeps only the newest frame.

    The stamp of a frame is the time at which it was decoded: what the network added before that is not known.

    Args:
        address: Where it is.
        wish: Its timeout is that of a frame; opening may take `OPEN_FACTOR` times as long.
        clock: Stamps.
    """

    def __init__(self, address: Address, wish: SourceWish, clock: Clock) -> None:
        self._address = address
        self._timeout_s = wish.timeout_s
        self._clock = clock
        self._writer = BgrWriter()
        self._drain: _Drain | None = None
        self._worked = False
        self.size = Size(0, 0)

    @property
    def dropped(self) -> int:
        """Frames that were overtaken by a newer one, since `open`."""
        return self._drain.dropped if self._drain is not None else 0

    def open(self) -> SourceInfo:
        """Connect and wait for the first frame.

        Raises:
            SourceLost: The stream is not there now.
            SourceGone: It refuses us, is no video, or PyAV cannot carry its protocol.
        """
        self.close()
        if self._drain is not None and self._drain.is_alive():
            raise SourceLost(f"{self._address.shown} still holds the previous connection.")
        self._drain = _Drain(self._address, self._clock, self._timeout_s, final=not self._worked)
        self._drain.start()
        try:
            frame, _ = self._drain.peek(self._timeout_s * OPEN_FACTOR)
        except SourceError:
            self.close()
            raise
        self._worked = True
        self.size = upright_size(frame)
        name = f"stream:{self._address.shown}"
        return SourceInfo(name, self.size, self._drain.fps, live=True, detail=self._drain.detail)

    def read_into(self, image: Image) -> int:
        """Fill `image`, (H, W, 3) u8 BGR, with the newest frame not yet delivered; returns when it was decoded, ns.

        Raises:
            SourceLost: Nothing came in time, the connection ended, or the picture's size changed.
        """
        if self._drain is None or self._drain.ending:
            raise SourceLost(f"{self._address.shown} is not open.")
        require_image(image, self.size)
        frame, decoded_ns = self._drain.take(self._timeout_s)
        if upright_size(frame) != self.size:
            raise SourceLost(f"{self._address.shown} changed its size from {self.size} to {upright_size(frame)}.")
        self._writer.write(frame, image)
        return decoded_ns

    def close(self) -> None:
        """Disconnect. A thread that hangs in the network ends by itself within the timeout. Idempotent."""
        if self._drain is not None:
            self._drain.end()
            if not self._drain.is_alive():
                self._drain = None


class _Drain(threading.Thread):
    """Reads a stream until told to end or until it fails; keeps the newest frame and the failure."""

    def __init__(self, address: Address, clock: Clock, timeout_s: float, *, final: bool) -> None:
        super().__init__(name="livecam-stream", daemon=True)
        self._address = address
        self._clock = clock
        self._timeout_s = timeout_s
        self._final = final
        self._news = threading.Condition()
        self._newest: tuple[av.VideoFrame, int] | None = None
        self._failure: SourceError | None = None
        self.ending = False
        self.dropped = 0
        self.fps = 0.0
        self.detail = ""

    def peek(self, timeout_s: float) -> tuple[av.VideoFrame, int]:
        """The newest frame and its time, left in place. Waits for one.

        Raises:
            SourceError: None came in time, or the stream has failed.
        """
        with self._news:
            self._news.wait_for(lambda: self._newest is not None or self._failure is not None, timeout_s)
            if self._newest is not None:
                return self._newest
            raise self._failure or SourceLost(f"{self._address.shown} sent no frame for {timeout_s:g} s.")

    def take(self, timeout_s: float) -> tuple[av.VideoFrame, int]:
        """As `peek`, and forget it."""
        newest = self.peek(timeout_s)
        with self._news:
            newest, self._newest = self._newest or newest, None
        return newest

    def end(self) -> None:
        """Stop at the next packet; waits a moment for that."""
        self.ending = True
        if self.is_alive():
            self.join(_JOIN_S)

    def run(self) -> None:
        """Connect and drain. Every failure becomes a sentence without the address."""
        try:
            with av.open(
                self._address.url,
                options=dict(self._address.options),
                timeout=(self._timeout_s * OPEN_FACTOR, self._timeout_s),
            ) as container:
                failure = self._drain(container)
        except FFmpegError as error:
            failure = _translate(error, self._address.shown, self._final)
        with self._news:
            self._failure = failure
            self._news.notify_all()

    def _drain(self, container: av.container.InputContainer) -> SourceError:
        if not container.streams.video:
            return SourceGone(f"{self._address.shown} carries no video.", "Check the address.")
        stream = container.streams.video[0]
        # Frame threads would hold back a frame each; slice threads do not.
        stream.thread_type = "SLICE"
        self._describe(stream)
        damaged_until_ns = self._clock.now_ns() + round(self._timeout_s * NS_PER_S)
        for packet in container.demux(stream):
            if self.ending:
                break
            try:
                frames = packet.decode()
            except FFmpegError:
                if self._clock.now_ns() > damaged_until_ns:
                    return SourceLost(f"{self._address.shown} sends nothing that can be decoded.")
                continue
            for frame in frames:
                damaged_until_ns = self._clock.now_ns() + round(self._timeout_s * NS_PER_S)
                self._publish(frame)
        return SourceLost(f"{self._address.shown} ended the stream.")

    def _publish(self, frame: av.VideoFrame) -> None:
        if frame.is_corrupt:
            return
        with self._news:
            self.dropped += self._newest is not None
            self._newest = (frame, self._clock.now_ns())
            self._news.notify_all()

    def _describe(self, stream: VideoStream) -> None:
        rate = stream.guessed_rate or stream.average_rate
        self.fps = float(rate) if rate is not None and 1 <= rate <= 240 else 0.0
        self.detail = stream.codec_context.name


def _translate(error: FFmpegError, shown: str, final: bool) -> SourceError:
    """A sentence for `error`. `final` says whether a refusal is final: the stream has never worked yet."""
    refused = SourceGone if final else SourceLost
    if isinstance(error, ProtocolNotFoundError):
        return SourceGone(
            f"The installed PyAV cannot carry {shown.partition(':')[0]} streams.", "Use rtsp, http or udp."
        )
    if isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError):
        return refused(f"{shown} refuses the user name or password.", "Put both into the address.")
    if isinstance(error, HTTPNotFoundError):
        return SourceLost(f"{shown} has no stream at this path now.")
    if isinstance(error, InvalidDataError):
        return refused(f"{shown} answers, but not with video.", "Check the address.")
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return SourceLost(f"{shown} did not answer in time.")
    return SourceLost(f"{shown} cannot be reached: {(error.strerror or 'unknown reason').lower()}.")
