"""Joining finished pieces to OUT: their H.264 as it is, and IN's sound, copied where OUT's container can hold it."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from livecam.app.convert_clip import ClipInfo, open_container
from livecam.app.convert_doors import VIDEOS
from livecam.app.convert_part import Segment

_AAC_BIT_RATE: Final = 96_000
"""Of each channel, bits a second: cannot be told from the original."""
_AAC_FASTEST: Final = 48_000

# In words, since PyAV's classes are generic for the type checker alone.
AudioPacket: TypeAlias = "Packet[AudioStream]"
VideoPacket: TypeAlias = "Packet[VideoStream]"
AnyPacket: TypeAlias = "AudioPacket | VideoPacket"


class Track(Protocol):
    """One track of sound on its way."""

    def take(self, packet: AudioPacket) -> Iterable[AudioPacket]:
        """What to write for one packet of IN."""
        ...

    def end(self) -> Iterable[AudioPacket]:
        """What is still to be written at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of the sound.

    Attributes:
        audio: For the summary; empty when there is none.
        notes: In sentences.
    """

    audio: str
    notes: tuple[str, ...] = ()


def join(
    segments: Sequence[Segment], folder: Path, info: ClipInfo, source: Path, out: Path, check: Callable[[], None]
) -> Joined:
    """Write `out` from the pieces in `folder` and the sound of `source`; `check` is called often, and may raise.

    Raises:
        OSError: The disk refused.
        av.FFmpegError: The container refused.
    """
    with ExitStack() as stack:
        original = stack.enter_context(open_container(source))
        # Through Python's own file, so that a full disk is told as such.
        file = stack.enter_context(out.open("wb"))
        container = stack.enter_context(
            closing(av.open(file, "w", format=VIDEOS[out.suffix], options=_options(out, info)))
        )
        pieces = _Pieces(segments, folder, info, container)
        sound = _Sound(source, original, container, out.suffix)
        both: tuple[Iterator[AnyPacket], ...] = (pieces.packets(), sound.packets())
        for packet in merge(*both, key=_time):
            container.mux(packet)
            check()
        return Joined(sound.told, tuple(sound.notes))


def _options(out: Path, info: ClipInfo) -> dict[str, str]:
    """Start times are kept to the tick; FFmpeg would round them to milliseconds."""
    scale = info.time_base.denominator
    while scale < 10_000:
        scale *= 2
    return {} if out.suffix == ".mkv" else {"movie_timescale": str(scale)}


def _time(packet: AnyPacket) -> Fraction:
    return (packet.dts or 0) * packet.time_base


class _Pieces:
    """The video: the pieces' packets, one after the other, at their true times."""

    def __init__(self, segments: Sequence[Segment], folder: Path, info: ClipInfo, container: OutputContainer) -> None:
        self._segments = segments
        self._folder = folder
        self._time_base = info.time_base
        with av.open(folder / segments[0].file) as piece:
            self._stream = container.add_stream_from_template(piece.streams.video[0])

    def packets(self) -> Iterator[VideoPacket]:
        """All, in order."""
        ends = [segment.first for segment in self._segments[1:]] + [self._segments[-1].end]
        for segment, end in zip(self._segments, ends, strict=True):
            with av.open(self._folder / segment.file) as piece:
                yield from self._shifted(piece, segment, end)

    def _shifted(self, piece: InputContainer, segment: Segment, end: int) -> Iterator[VideoPacket]:
        stream = piece.streams.video[0]
        tick = stream.time_base or self._time_base
        first, over = (round(pts * self._time_base / tick) for pts in (segment.first, end))
        left = segment.frames
        for packet in piece.demux(stream):
            if packet.pts is None:
                continue
            left -= 1
            packet.pts = packet.dts = packet.pts + first
            if not left:
                # The piece cannot know when the next one begins.
                packet.duration = over - packet.pts
            packet.stream = self._stream
            yield packet


class _Sound:
    """IN's sound.

    Attributes:
        told: What became of it.
        notes: What went wrong.
    """

    def __init__(self, source: Path, original: InputContainer, container: OutputContainer, suffix: str) -> None:
        self._original = original
        self.notes: list[str] = []
        self._tracks: dict[int, Track] = {}
        told = []
        for stream in original.streams.audio:
            name = stream.codec_context.codec.canonical_name
            if _holds(VIDEOS[suffix], source, stream.index):
                self._tracks[stream.index] = _Copied(container.add_stream_from_template(stream))
                told.append("copied")
            else:
                self._tracks[stream.index] = _Aac(container, stream)
                told.append(f"{name} made AAC, since {suffix} files cannot hold it")
        self.told = ", ".join(dict.fromkeys(told))

    def packets(self) -> Iterator[AudioPacket]:
        """All that can be read, in IN's order."""
        if not self._tracks:
            return
        try:
            for packet in self._original.demux(self._original.streams.audio):
                if packet.size:
                    yield from self._tracks[packet.stream_index].take(packet)
        except av.error.InvalidDataError:
            self.notes.append("The sound is cut off: its end cannot be read.")
        for track in self._tracks.values():
            yield from track.end()


def _holds(container: str, source: Path, track: int) -> bool:
    """Whether a container takes a track of IN as it is.

    Tried with its first packet, since FFmpeg's own list is too long, and some faults show at the end only.
    """
    with open_container(source) as original:
        stream = original.streams[track]
        assert isinstance(stream, AudioStream)
        trial = av.open(io.BytesIO(), "w", format=container)
        try:
            copied = _Copied(trial.add_stream_from_template(stream))
            first = next((packet for packet in original.demux(stream) if packet.size), None)
            trial.mux(list(copied.take(first)) if first is not None else [])
            trial.close()
        except (FFmpegError, ValueError):
            return False
    return True


class _Copied:
    """Packets as they are. A time that does not rise, which no container takes, is moved on by a tick."""

    def __init__(self, stream: AudioStream) -> None:
        self._stream = stream
        self._last: int | None = None

    def take(self, packet: AudioPacket) -> Iterator[AudioPacket]:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return
        if self._last is not None:
            stamp = max(stamp, self._last + 1)
        self._last = stamp
        packet.dts = stamp
        packet.pts = stamp if packet.pts is None else max(packet.pts, stamp)
        packet.stream = self._stream
        yield packet

    def end(self) -> tuple[()]:
        return ()


class _Aac:
    """Decoded and encoded again; what cannot be decoded is left out."""

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        # AVI and others say how many channels there are, not which; of one or two there is no doubt.
        layout = {1: "mono", 2: "stereo"}.get(stream.channels, stream.layout.name)
        self._stream = container.add_stream("aac", rate=min(stream.rate, _AAC_FASTEST), layout=layout)
        self._stream.bit_rate = _AAC_BIT_RATE * stream.channels

    def take(self, packet: AudioPacket) -> Iterator[AudioPacket]:
        try:
            frames = packet.decode()
        except FFmpegError:
            return
        for frame in frames:
            yield from self._encoded(frame)

    def end(self) -> Iterator[AudioPacket]:
        yield from self._encoded(None)

    def _encoded(self, frame: AudioFrame | None) -> Iterator[AudioPacket]:
        yield from self._stream.encode(frame)
