"""H.264 in MPEG-TS for OBS and players: ``stream:udp://127.0.0.1:5000``, ``stream:tcp://127.0.0.1:5001``, or both."""

import logging
from collections.abc import Sequence
from typing import Final

import numpy as np

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Picture, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import SinkError, SinkGone, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.coding import CODING_ERRORS, NewestCodingThread
from livecam.output.colours import BT709, ToBt709
from livecam.output.h264 import Form, H264Writer
from livecam.output.obs import ObsSettings, obs_settings
from livecam.output.stream_address import DEFAULT_MEGABITS, StreamAddress, parse_addresses
from livecam.output.stream_outlets import Outlet, TcpOutlet, UdpOutlet

_LOG = logging.getLogger("livecam.output")

SLOTS: Final = 3
"""One picture in work and two waiting: what is older is not worth encoding."""

_STOP_S = 1.0
_BITS_PER_MEGABIT = 1_000_000
# A key picture takes at most this share of a second's bits, so that it passes the readers' buffers.
_KEY_SHARE = 5


def make(spec: Spec, wish: SinkWish) -> "StreamSink":
    """Build ``stream:ADDRESS,ADDRESS?bitrate=8``.

    Raises:
        ConfigError: See `parse_addresses`.
    """
    addresses, megabits = parse_addresses(spec)
    return StreamSink(addresses, megabits)


class StreamSink:
    """Encodes once, in a thread of its own, and sends to every address.

    The pictures are BT.709, limited range, and tagged so: OBS and most players take untagged video for that.
    With TCP alone nothing is encoded while nobody is connected.

    Args:
        addresses: Where to send, or to listen.
        megabits: Most Mbit/s.
        clock: Where time comes from.

    Attributes:
        dropped: How many pictures were left out because the encoder was behind.
    """

    def __init__(
        self, addresses: Sequence[StreamAddress], megabits: float = DEFAULT_MEGABITS, clock: Clock | None = None
    ) -> None:
        self._addresses = tuple(addresses)
        self._megabits = megabits
        self._clock = clock or MonotonicClock()
        self._thread: NewestCodingThread | None = None
        self._work: _Streaming | None = None
        self._size: Size | None = None
        self.dropped = 0

    @property
    def name(self) -> str:
        """Such as ``stream:udp://127.0.0.1:5000,tcp://127.0.0.1:5001``."""
        return "stream:" + ",".join(map(str, self._addresses))

    @property
    def obs(self) -> tuple[ObsSettings, ...]:
        """What to enter in OBS, for each address."""
        return obs_settings(self.name)

    @property
    def readers(self) -> int:
        """How many may be reading: one for each UDP address, and those connected."""
        return self._work.readers if self._work is not None else 0

    def open(self, size: Size, fps: float) -> None:
        """Open all addresses and start the encoder.

        Raises:
            SinkGone: The size is odd, or an address can never be used.
            SinkLost: A port is taken, or a network is down.
        """
        demand_even(size, self.name)
        self.close()
        outlets = _opened(self._addresses, int(self._megabits * _BITS_PER_MEGABIT / 8))
        # A port that was chosen by the system is kept when it is opened again.
        self._addresses = tuple(outlet.address for outlet in outlets)
        try:
            work = _Streaming(self.name, outlets, size, fps, self._megabits)
        except CODING_ERRORS as error:
            _close(outlets)
            raise SinkGone(f"{self.name} cannot encode {size} at {fps:g} fps: {error}.") from error
        self._size, self._work = size, work
        self._thread = NewestCodingThread("livecam-stream", work, size, SLOTS)
        self._thread.start()

    def send(self, cleared: Cleared) -> None:
        """Hand a copy of the picture to the encoder.

        Raises:
            SinkLost: The encoder or the network has failed.
        """
        picture = fitting(cleared, self._size, self.name)
        if self._thread is not None and not self._thread.offer(picture, self._clock.now_ns()):
            self.dropped += 1

    def close(self) -> None:
        """End the stream and hang up."""
        thread, self._thread, self._work, self._size = self._thread, None, None, None
        if thread is not None and not thread.finish(_STOP_S):
            _LOG.warning("%s did not end in time.", self.name)


class _Streaming:
    """What the coding thread does: convert, encode, and put into the outlets."""

    def __init__(self, name: str, outlets: Sequence[Outlet], size: Size, fps: float, megabits: float) -> None:
        self._name = name
        self._outlets = outlets
        self._piece = _Piece()
        self._writer = H264Writer(self._piece, size, fps, _form(megabits))
        self._to_bt709 = ToBt709(size)
        self._converted: Picture = np.empty(size.picture_shape, np.uint8)
        self.readers = 0

    def add(self, picture: Picture, sent_ns: int) -> None:
        """Encode one picture and send it, if anybody may be reading."""
        self.readers = sum(outlet.audience() for outlet in self._outlets)
        if not self.readers:
            return
        self._to_bt709.convert(picture, self._converted)
        if any(outlet.waits_for_key() for outlet in self._outlets):
            self._writer.add_key(self._converted, sent_ns)
        else:
            self._writer.add(self._converted, sent_ns)
        piece = self._piece.taken()
        for outlet in self._outlets:
            outlet.put(piece, self._writer.last_is_key)

    def finish(self) -> None:
        """End the stream."""
        self._writer.finish()

    def failed(self, error: Exception) -> SinkError:
        """Nothing to save: a stream is what is seen now."""
        return SinkLost(f"{self._name} failed: {error}.", "It is opened again.")

    def free(self) -> SinkError | None:
        """Hang up."""
        _close(self._outlets)
        return None


class _Piece:
    """Collects what the muxer writes for one picture."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        """Append all of `data`; returns its length."""
        self._data += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self._data)
        self._data.clear()
        return data


def _opened(addresses: Sequence[StreamAddress], most_waiting: int) -> tuple[Outlet, ...]:
    outlets: list[Outlet] = []
    for address in addresses:
        if address.leaves_machine:
            _LOG.warning("stream:%s leaves this machine, without encryption.", address)
        outlet = UdpOutlet(address) if address.scheme == "udp" else TcpOutlet(address, most_waiting)
        try:
            outlet.open()
        except SinkError:
            _close(outlets)
            raise
        outlets.append(outlet)
    return tuple(outlets)


def _close(outlets: Sequence[Outlet]) -> None:
    for outlet in outlets:
        outlet.close()


def _form(megabits: float) -> Form:
    bits = int(megabits * _BITS_PER_MEGABIT)
    codec = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "crf": "21"}
    codec |= {"maxrate": str(bits), "bufsize": str(bits // _KEY_SHARE)}
    container = {
        # Tables before every picture: whoever comes in the middle finds them at once. The encoder repeats its own
        # headers before every key picture, since this container has no place of its own for them.
        "mpegts_flags": "pat_pmt_at_frames",
        "flush_packets": "1",
        "max_delay": "0",
        # With its length told, a reader need not wait for the next picture to see that this one has ended.
        "omit_video_pes_length": "0",
    }
    return Form("mpegts", container, codec, BT709)
