"""Files: pacing on an absolute grid, looping, damage, odd shapes, and every refusal in a sentence."""

import struct
import time
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livecam.capture import file
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.seams import Clock, Source
from livecam.core.spec import SourceWish, parse_spec
from livecam.errors import ConfigError, SourceEnded, SourceGone, SourceLost
from tests.capture.clips import SIZE, number_of, turn_clip, write_clip
from tests.fakes import FakeClock

WISH = SourceWish(SIZE, 50.0)
FRAMES = 10
INTERVAL_NS = 40 * NS_PER_MS


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", FRAMES, fps=25)


def source_of(path: Path, query: str = "", clock: Clock | None = None) -> Source:
    return file.make(parse_spec(f"file:{path}{query}"), WISH, clock or FakeClock())


def blank(size: Size = SIZE) -> Image:
    return np.empty(size.image_shape, np.uint8)


def test_frames_come_in_order_on_the_files_own_grid(clip: Path) -> None:
    clock = FakeClock()
    source = source_of(clip, clock=clock)
    info = source.open()
    assert (info.size, info.fps, info.live) == (SIZE, 25.0, False)
    image, start_ns = blank(), clock.time_ns
    for number in range(FRAMES):
        assert source.read_into(image) == start_ns + number * INTERVAL_NS == clock.time_ns
        assert number_of(image, FRAMES) == number


def test_looping_goes_on_without_a_pause_or_a_missing_frame(clip: Path) -> None:
    source = source_of(clip)
    source.open()
    image = blank()
    stamps, numbers = [], []
    for _ in range(3 * FRAMES):
        stamps.append(source.read_into(image))
        numbers.append(number_of(image, FRAMES))
    assert numbers == [*range(FRAMES)] * 3
    assert set(np.diff(stamps)) == {INTERVAL_NS}


def test_a_file_that_is_not_looped_ends_for_good(clip: Path) -> None:
    source = source_of(clip, "?loop=0")
    source.open()
    for _ in range(FRAMES):
        source.read_into(blank())
    for _ in range(2):
        with pytest.raises(SourceEnded, match="has ended"):
            source.read_into(blank())


def test_a_late_reader_gets_the_frame_that_is_due_and_the_grid_stays(clip: Path) -> None:
    clock = FakeClock()
    source = source_of(clip, clock=clock)
    source.open()
    image = blank()
    start_ns = source.read_into(image)
    clock.time_ns += 3 * INTERVAL_NS + 5 * NS_PER_MS
    assert source.read_into(image) == start_ns + 3 * INTERVAL_NS
    assert number_of(image, FRAMES) == 3
    assert isinstance(source, file.FileSource)
    assert source.dropped == 2
    assert source.read_into(image) == start_ns + 4 * INTERVAL_NS


def test_after_a_long_stop_the_grid_jumps_by_whole_points(clip: Path) -> None:
    clock = FakeClock()
    source = source_of(clip, clock=clock)
    source.open()
    start_ns = source.read_into(blank())
    clock.time_ns += 3600 * NS_PER_S + 5 * NS_PER_MS
    stamp_ns = source.read_into(blank())
    assert (stamp_ns - start_ns) % INTERVAL_NS == 0
    assert 0 <= clock.time_ns - stamp_ns < INTERVAL_NS


def test_decoding_slower_than_the_file_goes_on_instead_of_dropping_for_ever(clip: Path) -> None:
    class SlowClock(FakeClock):
        def now_ns(self) -> int:
            self.time_ns += 30 * NS_PER_MS  # every look at the clock finds it later: a machine that cannot keep up
            return self.time_ns

    source = source_of(clip, clock=SlowClock())
    source.open()
    assert len({number_of(image, FRAMES) for image in read_some(source, 12)}) > 3
    assert isinstance(source, file.FileSource)
    assert source.dropped > 0


def read_some(source: Source, count: int) -> list[Image]:
    images = [blank() for _ in range(count)]
    for image in images:
        source.read_into(image)
    return images


def test_without_pacing_every_frame_comes_at_once(clip: Path) -> None:
    clock = FakeClock()
    source = source_of(clip, "?pace=0&loop=0", clock)
    source.open()
    for number in range(FRAMES):
        image = blank()
        assert source.read_into(image) == clock.time_ns
        clock.time_ns += NS_PER_S
        assert number_of(image, FRAMES) == number
    with pytest.raises(SourceEnded):
        source.read_into(blank())
    assert clock.slept == []


def test_pacing_holds_on_a_real_clock(clip: Path) -> None:
    source = source_of(clip, clock=MonotonicClock())
    source.open()
    start_ns = last_ns = source.read_into(blank())
    for _ in range(5):
        stamp_ns = source.read_into(blank())
        assert last_ns < stamp_ns <= time.monotonic_ns()
        assert (stamp_ns - start_ns) % INTERVAL_NS == 0
        last_ns = stamp_ns
    assert time.monotonic_ns() - start_ns >= 5 * INTERVAL_NS


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_a_variable_rate_keeps_its_own_times_and_long_frames_are_repeated(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, 4, pts=[0, 40, 290, 310])
    source = source_of(path)
    source.open()
    image = blank()
    got = []
    for _ in range(6):
        stamp_ns = source.read_into(image)
        got.append((stamp_ns // NS_PER_MS % 1000, number_of(image, 4)))
    assert got == [(0, 0), (40, 1), (140, 1), (240, 1), (290, 2), (310, 3)]


@pytest.mark.parametrize(("turns", "bright"), [(1, (0, 1)), (2, (1, 1)), (3, (1, 0))])
def test_a_telephones_rotation_is_applied(tmp_path: Path, turns: int, bright: tuple[int, int]) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = (*SIZE, "yuv420p")
        picture = np.zeros(SIZE.image_shape, np.uint8)
        picture[: SIZE.height // 2, : SIZE.width // 2] = 255
        output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        output.mux(stream.encode())
    turn_clip(path, turns)
    source = source_of(path)
    size = source.open().size
    assert size == (SIZE if turns == 2 else Size(SIZE.height, SIZE.width))
    image = blank(size)
    source.read_into(image)
    quarters = [half.mean() for rows in np.vsplit(image, 2) for half in np.hsplit(rows, 2)]
    assert np.argmax(quarters) == bright[0] * 2 + bright[1]
    assert sorted(quarters)[2] < 10 < 240 < max(quarters)


def test_odd_sides_lose_a_pixel(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (95, 127, 3), np.uint8)
    path = tmp_path / "odd.png"
    cv2.imwrite(str(path), picture)
    source = source_of(path)
    assert source.open().size == Size(126, 94)
    image = blank(Size(126, 94))
    source.read_into(image)
    np.testing.assert_array_equal(image, picture[:94, :126])


@pytest.mark.parametrize("matrix", [1, 5])
def test_colours_follow_the_tagged_matrix(tmp_path: Path, matrix: int) -> None:
    path = tmp_path / "red.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = (*SIZE, "yuv420p")
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 1
        red = av.VideoFrame.from_ndarray(np.full(SIZE.image_shape, (0, 0, 255), np.uint8), format="bgr24")
        output.mux(stream.encode(red.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=1)))
        output.mux(stream.encode())
    source = source_of(path)
    source.open()
    image = blank()
    source.read_into(image)
    assert np.abs(image.reshape(-1, 3).mean(axis=0) - (0, 0, 255)).max() < 5


@pytest.mark.parametrize("name", ["still.png", "still.jpg", "still.bmp", "100%d.png"])
def test_a_picture_is_a_constant_source_at_the_wished_rate(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    cv2.imwrite(str(path), np.full(SIZE.image_shape, (10, 120, 240), np.uint8))
    clock = FakeClock()
    source = source_of(path, clock=clock)
    info = source.open()
    assert info.fps == WISH.fps
    stamps = []
    for _ in range(5):
        image = blank()
        stamps.append(source.read_into(image))
        assert np.abs(image.astype(int) - (10, 120, 240)).max() < 6
    assert set(np.diff(stamps)) == {20 * NS_PER_MS}


def test_a_picture_that_is_not_looped_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), np.zeros(SIZE.image_shape, np.uint8))
    source = source_of(path, "?loop=0&pace=0")
    source.open()
    source.read_into(blank())
    with pytest.raises(SourceEnded, match="has ended"):
        source.read_into(blank())


def test_a_clip_cut_off_in_the_middle_plays_what_it_has(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "cut.ts", FRAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    source = source_of(path, "?loop=0&pace=0")
    source.open()
    read_some(source, 3)
    with pytest.raises(SourceEnded):
        read_some(source, FRAMES - 3)


def test_an_audio_file_holds_no_video(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.rate = 8000
        output.mux(stream.encode(sound))
    with pytest.raises(SourceGone, match="holds no video"):
        source_of(path).open()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.mp4", b"", "cannot be opened as a video: invalid data"),
        ("noise.mp4", np.random.default_rng(0).bytes(20_000), "cannot be opened as a video: invalid data"),
        ("letter.txt", b"Dear Sir or Madam,\n" * 100, "holds no video"),
        ("bomb.png", bomb(60_000, 60_000), "not one whole frame"),
        ("wide.png", bomb(9_000, 64), "9000x64; sides over 8192"),
    ],
)
def test_what_is_no_video_is_refused_silently_but_for_a_sentence(
    tmp_path: Path, name: str, content: bytes, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceGone, match=says) as caught:
        source_of(path).open()
    assert name in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_mp4_without_its_index_is_refused(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:900])
    with pytest.raises(SourceGone, match="cannot be opened as a video"):
        source_of(path).open()


def test_missing_files_folders_and_devices_are_told_apart(tmp_path: Path) -> None:
    for path, says in [
        (tmp_path / "nothing.mp4", "There is no file"),
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "is a device"),
    ]:
        with pytest.raises(SourceGone, match=says):
            source_of(path).open()


def test_a_playlist_cannot_lead_away_from_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceGone):
        source_of(path).open()


def test_specs_are_checked_before_anything_is_opened() -> None:
    for text, says in [("file:", "names no file"), ("file:a.mp4?loop=2", "0 or 1"), ("file:a.mp4?speed=2", "speed")]:
        with pytest.raises(ConfigError, match=says):
            file.make(parse_spec(text), WISH, FakeClock())


def test_a_closed_file_is_not_read(clip: Path) -> None:
    source = source_of(clip)
    with pytest.raises(SourceLost, match="not open"):
        source.read_into(blank())
