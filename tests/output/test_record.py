import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from livecam.core.cleared import How
from livecam.core.frame import NS_PER_S, Image, Picture, Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import ConfigError, SinkGone, SinkLost
from livecam.output import record
from livecam.output.disk import FragmentFile, create
from livecam.output.mp4 import Mp4Writer
from livecam.output.record import RecordSink, make
from tests.fakes import FakeClock
from tests.output.pictures import SIZE, cleared, coloured, plain
from tests.output.trying import undisturbed

FLUSH_S = record._FLUSH_S


def _rgb(frame: av.VideoFrame) -> Image:
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def played(path: Path) -> tuple[list[float], list[Image]]:
    """Times in s and RGB images of every picture that plays."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [float(frame.time or 0.0) for frame in frames], [_rgb(frame) for frame in frames]


def test_what_was_sent_plays_at_the_times_it_was_sent(tmp_path: Path) -> None:
    clock = FakeClock()
    sink = RecordSink(str(tmp_path / "call.mp4"), clock=clock, slots=64)
    sink.open(SIZE, 30.0)
    for step in range(40):
        clock.time_ns += NS_PER_S // 30 if step != 20 else 3 * NS_PER_S
        sink.send(cleared(plain(100 + step)))
    sink.close()
    times, _ = played(tmp_path / "call.mp4")
    assert len(times) == 40
    steps = np.diff(times)
    assert steps[19] == pytest.approx(3.0, abs=0.001)
    assert np.delete(steps, 19) == pytest.approx(1 / 30, abs=0.001)


@pytest.mark.parametrize("rgb", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 40)])
def test_colours_come_back_and_the_stream_says_bt601(tmp_path: Path, rgb: tuple[int, int, int]) -> None:
    path = tmp_path / "colour.mp4"
    sink = RecordSink(str(path))
    sink.open(SIZE, 30.0)
    sink.send(cleared(coloured((rgb[2], rgb[1], rgb[0]))))
    sink.close()
    _, images = played(path)
    assert images[0].mean(axis=(0, 1)) == pytest.approx(rgb, abs=4)
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_primaries, codec.color_range) == (6, 6, 1)


def test_a_picture_may_be_written_on_after_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "copy.mp4"
    sink = RecordSink(str(path))
    sink.open(SIZE, 30.0)
    picture = plain(200)
    sink.send(cleared(picture))
    picture[:] = 16
    sink.close()
    assert played(path)[1][0].mean() > 150


_VICTIM = """
    import sys, time
    from livecam.output.record import RecordSink
    from tests.fakes import FakeClock
    from tests.output.pictures import SIZE, cleared, plain
    clock = FakeClock()
    sink = RecordSink(sys.argv[1], clock=clock)
    sink.open(SIZE, 30.0)
    for step in range(10_000):
        clock.time_ns += 10**9 // 30
        while sink._encoder._free.empty():
            time.sleep(0.001)
        sink.send(cleared(plain(step % 200 + 20)))
        if step == 75:
            while sink._encoder._free.qsize() < sink._slots:
                time.sleep(0.001)
            print("now", flush=True)
        time.sleep(1 / 100 if step < 75 else 1)
"""


@pytest.mark.slow
def test_a_killed_recording_plays(tmp_path: Path) -> None:
    path = tmp_path / "killed.mp4"
    victim = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_VICTIM), str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"now\n"
    victim.kill()
    victim.wait(60)
    victim.stdout.close()
    times, _ = played(path)
    # 2.5 s were sent; at most the fragment in progress, one second, is lost.
    assert times[-1] >= 1.3


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "call.mp4"
    path.write_bytes(b"mine")
    sink = RecordSink(str(path))
    sink.open(SIZE, 30.0)
    sink.send(cleared(plain(90)))
    assert "call-2.mp4" in sink.name
    assert "call.mp4 exists" in sink.name
    sink.close()
    assert path.read_bytes() == b"mine"
    assert len(played(tmp_path / "call-2.mp4")[0]) == 1


def test_overwriting_is_for_the_first_opening_only(tmp_path: Path) -> None:
    path = tmp_path / "call.mp4"
    path.write_bytes(b"old")
    sink = make(parse_spec(f"record:{path}?overwrite=1"), SinkWish())
    for _ in range(2):
        sink.open(SIZE, 30.0)
        sink.send(cleared(plain(90)))
        sink.close()
    assert [len(played(part)[0]) for part in (path, tmp_path / "call-2.mp4")] == [1, 1]


def test_directories_are_made_and_the_time_is_filled_in(tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "new" / "call-{time}.mp4"))
    sink.open(SIZE, 30.0)
    sink.send(cleared(plain(90)))
    sink.close()
    (found,) = (tmp_path / "new").iterdir()
    assert os.name != "posix" or (tmp_path / "new").stat().st_mode & 0o077 == 0, "what is recorded shows faces"
    written = datetime.strptime(found.stem, "call-%Y-%m-%d_%H-%M-%S")
    assert abs(datetime.now() - written) < timedelta(hours=2), "or an hour that the clocks were put back"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_in_a_folder_that_was_there_a_recording_is_its_owners_alone_and_what_it_replaces_keeps_its_readers(
    tmp_path: Path,
) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "old.mp4").touch(mode=0o644)
        for name in ("new.mp4", "old.mp4?overwrite=1"):
            sink = make(parse_spec(f"record:{tmp_path / name}"), SinkWish())
            sink.open(SIZE, 30.0)
            sink.send(cleared(plain(90)))
            sink.close()
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.mp4", "old.mp4")] == [0o600, 0o644]


def test_a_recording_without_pictures_leaves_no_file(tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "empty.mp4"))
    sink.open(SIZE, 30.0)
    sink.close()
    assert list(tmp_path.iterdir()) == []


class _SmallDisk:
    """A disk with room for `room` bytes, then an error."""

    def __init__(self, path: Path, room: int, number: int = errno.ENOSPC) -> None:
        self._file = path.open("wb", buffering=0)
        self._room = room
        self._number = number

    def write(self, data: memoryview) -> int:
        part = min(len(data), self._room)
        if not part:
            raise OSError(self._number, os.strerror(self._number))
        self._room -= part
        return self._file.write(data[:part]) or 0

    def truncate(self, size: int) -> int:
        return self._file.truncate(size)

    def close(self) -> None:
        self._file.close()


def _send_until_lost(sink: RecordSink) -> SinkLost:
    rng, deadline = np.random.default_rng(0), time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            sink.send(cleared(rng.integers(16, 235, SIZE.picture_shape, dtype=np.uint8)))
        except SinkLost as lost:
            return lost
        time.sleep(0.01)
    raise AssertionError("The disk never became full.")


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "full"), (errno.EFBIG, "large"), (errno.EIO, "failed")])
def test_a_full_disk_is_said_and_what_fitted_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, word: str
) -> None:
    path = tmp_path / "full.mp4"
    monkeypatch.setattr(record, "create", lambda wanted, overwrite: (_SmallDisk(path, 4_000_000, number), path))
    clock = FakeClock()
    sink = RecordSink(str(path), clock=clock)
    sink.open(SIZE, 2.0)

    original = sink.send

    def ticking(picture: object) -> None:
        clock.time_ns += NS_PER_S // 10
        original(picture)  # type: ignore[arg-type]

    monkeypatch.setattr(sink, "send", ticking)
    lost = _send_until_lost(sink)
    assert word in str(lost)
    assert str(path) in str(lost)
    sink.close()
    assert path.stat().st_size < 4_000_000
    assert len(played(path)[0]) >= 5


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "none.mp4"
    monkeypatch.setattr(record, "create", lambda wanted, overwrite: (_SmallDisk(path, 10), path))
    sink = RecordSink(str(path))
    with pytest.raises(SinkLost, match="full"):
        sink.open(SIZE, 30.0)
    assert not path.exists()
    sink.close()


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system has no file size limit")
def test_a_real_file_size_limit_ends_the_file_playable(tmp_path: Path) -> None:
    program = """
        import resource, sys, numpy as np
        from livecam.errors import SinkLost
        from livecam.output.record import RecordSink
        from tests.fakes import FakeClock
        from tests.output.pictures import SIZE, cleared
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        rng = np.random.default_rng(0)
        clock = FakeClock()
        sink = RecordSink(sys.argv[1], clock=clock)
        sink.open(SIZE, 5.0)
        import time
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                clock.time_ns += 100_000_000
                sink.send(cleared(rng.integers(16, 235, SIZE.picture_shape, dtype=np.uint8)))
                time.sleep(0.01)
        except SinkLost as lost:
            print(lost)
        sink.close()
    """
    path = tmp_path / "limit.mp4"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=200,
        check=True,
    )
    assert "as large as" in done.stdout
    assert len(played(path)[0]) >= 5


def test_a_forbidden_directory_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(record, "create", refuse)
    with pytest.raises(SinkGone, match="may not be written"):
        RecordSink(str(tmp_path / "call.mp4")).open(SIZE, 30.0)


def test_a_path_through_a_file_is_final(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkGone, match="file"):
        RecordSink(str(tmp_path / "file" / "call.mp4")).open(SIZE, 30.0)


def test_a_slow_encoder_costs_pictures_and_not_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add, go_on = Mp4Writer.add, threading.Event()

    def slowly(writer: Mp4Writer, picture: Picture, sent_ns: int) -> None:
        assert go_on.wait(60)
        add(writer, picture, sent_ns)

    monkeypatch.setattr(Mp4Writer, "add", slowly)
    sink = RecordSink(str(tmp_path / "slow.mp4"), slots=3)
    sink.open(SIZE, 30.0)
    started = time.perf_counter()
    for _ in range(50):
        sink.send(cleared(plain(90)))
    assert time.perf_counter() - started < 30, "or it would wait for the encoder"
    go_on.set()
    sink.close()
    assert sink.dropped + len(played(tmp_path / "slow.mp4")[0]) == 50
    assert sink.dropped >= 40
    assert len([record for record in caplog.records if "too slow; pictures are left out" in record.message]) == 1


def test_an_encoder_that_hangs_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(Mp4Writer, "add", lambda *_: go_on.wait(120))
    monkeypatch.setattr(record, "_FLUSH_S", FLUSH_S)

    def closing_s() -> float:
        sink = RecordSink(str(tmp_path / "hang.mp4"))
        sink.open(SIZE, 30.0)
        sink.send(cleared(plain(90)))
        started = time.perf_counter()
        sink.close()
        return time.perf_counter() - started

    took_s = undisturbed(closing_s, lambda took_s: took_s < 2.0)
    go_on.set()
    assert took_s < 2.0


@pytest.mark.parametrize("text", ["record", "record:", "record:call.avi", "record:call.mp4?quality=9"])
def test_specs_that_cannot_be_recorded_to(text: str) -> None:
    with pytest.raises(ConfigError):
        make(parse_spec(text), SinkWish())


def test_an_odd_size_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SinkGone, match="even"):
        RecordSink(str(tmp_path / "odd.mp4")).open(Size(321, 240), 30.0)


def _box(kind: bytes, length: int, large: bool = False) -> bytes:
    if large:
        return (1).to_bytes(4, "big") + kind + (16 + length).to_bytes(8, "big") + bytes(length)
    return (8 + length).to_bytes(4, "big") + kind + bytes(length)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_the_playable_length_follows_the_boxes(tmp_path: Path, chunk: int) -> None:
    raw, path = create(tmp_path / "boxes.mp4", False)
    file = FragmentFile(raw)
    head = _box(b"ftyp", 20) + _box(b"moov", 0)
    fragment = _box(b"moof", 30) + _box(b"mdat", 50, large=True)
    data = head + fragment + _box(b"moof", 9)
    for at in range(0, len(data), chunk):
        file.write(data[at : at + chunk])
    assert (file.whole, file.fragments) == (len(head + fragment), 1)
    file.cut()
    file.write(b"late")
    file.close()
    assert path.read_bytes() == head + fragment


def test_a_short_recording_ends_by_itself_and_the_sink_goes_on(tmp_path: Path) -> None:
    clock = FakeClock()
    sink = RecordSink(str(tmp_path / "short.mp4"), clock=clock, slots=64, seconds=1.0)
    sink.open(SIZE, 30.0)
    for step in range(60):
        clock.time_ns += NS_PER_S // 30
        sink.send(cleared(plain(step)))
    assert "ended after 1 s" in sink.name
    sink.close()
    times, _ = played(tmp_path / "short.mp4")
    assert len(times) == 30
    assert sink.dropped == 0


@pytest.mark.parametrize("value", ["-1", "1e9"])
def test_an_impossible_length_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="seconds="):
        make(parse_spec(f"record:a.mp4?seconds={value}"), SinkWish())


def test_whoever_asked_is_told_of_every_file_that_is_whole_and_of_no_other(tmp_path: Path) -> None:
    told: list[tuple[Path, bool, int]] = []

    def finished(path: Path, swapped: bool) -> None:
        told.append((path, swapped, len(played(path)[0])))

    sink = make(parse_spec(f"record:{tmp_path / 'call.mp4'}"), SinkWish(finished=finished))
    for hows in ([How.SLATE, How.SWAPPED, How.PASSED], [How.SLATE, How.PASSED], []):
        sink.open(SIZE, 30.0)
        for step, how in enumerate(hows):
            sink.send(cleared(plain(step), how=how))
        sink.close()
    assert told == [(tmp_path / "call.mp4", True, 3), (tmp_path / "call-2.mp4", False, 2)]


def test_what_the_disk_cut_short_is_told_of_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Path] = []
    clock = FakeClock()
    sink = RecordSink(str(tmp_path / "call.mp4"), clock=clock, slots=64, finished=lambda path, _: told.append(path))
    sink.open(SIZE, 30.0)
    add = Mp4Writer.add

    def full(writer: Mp4Writer, picture: Picture, sent_ns: int) -> None:
        if picture[0, 0] == 200:
            raise OSError(errno.ENOSPC, "full")
        add(writer, picture, sent_ns)

    monkeypatch.setattr(Mp4Writer, "add", full)
    for level in [*range(60), 200]:
        clock.time_ns += NS_PER_S // 25
        sink.send(cleared(plain(level)))
    sink.close()
    assert told == [tmp_path / "call.mp4"]
    assert len(played(tmp_path / "call.mp4")[0]) > 20
