"""For the conversion's tests: clips with numbered frames and a tone, a processor that swaps nothing, and a reader.

``python -m tests.app.converting IN OUT`` converts with that processor until it hangs, to be killed.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from livecam.app.convert import Conversion, Options, convert
from livecam.config import Config, Paths, load
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from livecam.core.stamp import read_stamp, stamp

SIZE = Size(320, 180)
TICKS = 90_000
"""Of the clips' clock a second."""
RATE = 8000
Draw = Callable[[int, Image], None]


def plain(number: int, image: Image) -> None:
    """A grey frame with its number in the corner."""
    image[:] = 90
    stamp(image, number, 0)


def every(fps: int, frames: int) -> list[int]:
    """Times of a constant rate, in ticks."""
    return [number * TICKS // fps for number in range(frames)]


def write_clip(
    path: Path,
    pts: Sequence[int],
    draw: Draw = plain,
    size: Size = SIZE,
    sound: str = "aac",
    tags: tuple[int, int, int] | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """A clip of drawn frames at `pts`, in ticks, with a tone in the codec `sound` unless that is empty.

    `tags` are its matrix, primaries and transfer; `aspect` is width by height of a pixel.
    """
    options = {"movflags": "+faststart", "movie_timescale": str(TICKS)} if path.suffix in {".mp4", ".mov"} else {}
    with av.open(path, "w", options=options) as output:
        video = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "6", "g": "5"})
        tone = output.add_stream(sound, rate=RATE, layout="stereo") if sound else None
        _set_up(video, size, tags)
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        for number, time_ticks in enumerate(pts):
            image = np.zeros(size.image_shape, np.uint8)
            draw(number, image)
            frame = av.VideoFrame.from_ndarray(_coded(image, tags), format="yuv420p")
            frame.pts, frame.time_base = time_ticks, Fraction(1, TICKS)
            output.mux(video.encode(frame))
        output.mux(video.encode())
        if isinstance(tone, AudioStream):
            _write_tone(output, tone, pts[-1] / TICKS + 0.2)
    return path


def _set_up(video: VideoStream, size: Size, tags: tuple[int, int, int] | None) -> None:
    video.width, video.height = size
    video.pix_fmt = "yuv420p"
    video.codec_context.time_base = Fraction(1, TICKS)
    if tags is not None:
        codec = video.codec_context
        codec.colorspace, codec.color_primaries, codec.color_trc = tags
        codec.color_range = 1


def _coded(image: Image, tags: tuple[int, int, int] | None) -> Picture:
    bgr = av.VideoFrame.from_ndarray(image, format="bgr24")
    matrix = "ITU709" if tags is not None and tags[0] == 1 else "ITU601"
    return np.asarray(bgr.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range="MPEG").to_ndarray())


def _write_tone(output: av.container.OutputContainer, tone: AudioStream, seconds: float) -> None:
    wave = np.sin(np.arange(int(seconds * RATE)) * 440 * 2 * np.pi / RATE) * 8000
    both = np.repeat(wave.astype(np.int16), 2)
    frame = av.AudioFrame.from_ndarray(both[None], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = RATE, 0
    output.mux(tone.encode(frame))
    output.mux(tone.encode(None))


def times(path: Path) -> list[Fraction]:
    """When each frame of a video is shown, s."""
    with av.open(path) as container:
        return [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in container.decode(video=0)]


def images(path: Path) -> list[Image]:
    """Every frame of a video, (H, W, 3) u8 BGR."""
    with av.open(path) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def numbers(path: Path) -> list[int | None]:
    """The number that each frame of a video shows; None where it shows none, as the slate does."""
    found = [read_stamp(image) for image in images(path)]
    return [each[0] if each is not None else None for each in found]


def sound(path: Path) -> list[tuple[Fraction, bytes]]:
    """Time, s, and bytes of every packet of sound."""
    with av.open(path) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(Fraction(packet.pts or 0) * packet.time_base, bytes(packet)) for packet in packets]


class Storing:
    """A processor that gives every frame on as it is, but for those that `fates` names by their number.

    Attributes:
        seen: Numbers of all frames that were processed.
        times_ns: Their capture times.
        resets: How often it was told to forget.
    """

    def __init__(self, fates: Mapping[int, Withheld | Exception] | None = None, hangs_at: int | None = None) -> None:
        self._fates = fates or {}
        self._hangs_at = hangs_at
        self.seen: list[int] = []
        self.times_ns: list[int] = []
        self.resets = 0

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        number, _ = read_stamp(frame.image) or (-1, 0)
        self.seen.append(number)
        self.times_ns.append(frame.captured_ns)
        if number == self._hangs_at:
            time.sleep(3600)
        cv2.cvtColor(frame.image, cv2.COLOR_BGR2YUV_I420, dst=out)
        frame.image[:] = 0
        fate = self._fates.get(number, How.SWAPPED)
        if isinstance(fate, Exception):
            raise fate
        return fate

    def reset(self) -> None:
        self.resets += 1

    def adapt(self, tier: Tier) -> None:
        pass

    def stages(self) -> Mapping[str, int]:
        return {}


def configured(values: Mapping[str, str] | None = None) -> Config:
    """The defaults, with `values` by setting; the audit log, which is beside the matter, is off."""
    return load({"audit.enabled": "no", **(values or {})}, Path(os.devnull), {}).config


def converted(
    source: Path, target: Path, processor: Storing | None = None, options: Options | None = None, **values: str
) -> Conversion:
    """Convert with a processor that gives on; `values` are settings with ``__`` for the dot."""
    config = configured({name.replace("__", "."): value for name, value in values.items()})
    chosen = processor or Storing()
    paths = Paths(target.parent, target.parent, target.parent)
    return convert(config, source, target, options, paths=paths, make_processor=lambda: chosen)


if __name__ == "__main__":
    converted(Path(sys.argv[1]), Path(sys.argv[2]), Storing(hangs_at=57), Options(segment_s=0.4))
