"""Conversions that are interrupted go on where they stopped, and never trust what they find."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.app.convert import Conversion, Options, convert
from livecam.app.convert_part import MANIFEST
from livecam.app.convert_summary import ConversionStopped
from livecam.config import Paths
from livecam.core.cleared import Withheld
from livecam.errors import EngineError, SinkGone, SinkLost
from tests.app.converting import Storing, configured, converted, every, numbers, sound, times, write_clip
from tests.damage import damage

FRAMES = 70
PIECES = Options(segment_s=0.4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "in.mp4", every(25, FRAMES))


@pytest.fixture
def source(clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(clip, tmp_path / "in.mp4"))


class StoppingAt:
    """Progress that stops the conversion at a frame."""

    def __init__(self, frame: int, stage: str = "Swapping") -> None:
        self.stop = threading.Event()
        self._frame = frame
        self._stage = stage

    def update(self, stage: str, done: int, total: int) -> None:
        if stage == self._stage and done >= self._frame:
            self.stop.set()


def stopped(source: Path, target: Path, frame: int, stage: str = "Swapping") -> ConversionStopped:
    progress = StoppingAt(frame, stage)
    paths = Paths(target.parent, target.parent, target.parent)
    with pytest.raises(ConversionStopped) as caught:
        convert(
            configured(),
            source,
            target,
            PIECES,
            paths=paths,
            progress=progress,
            stop=progress.stop,
            make_processor=Storing,
        )
    return caught.value


def check_whole(source: Path, target: Path, done: Conversion) -> None:
    assert numbers(target) == list(range(FRAMES))
    assert times(target) == times(source)
    assert sound(target) == sound(source)
    assert done.swapped == done.frames == FRAMES
    assert not target.with_name("out.mp4.part").exists()


def test_a_stopped_conversion_goes_on(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    error = stopped(source, target, 57)
    assert (error.exit_code, target.exists()) == (130, False)
    assert f"57 of 70 frames are finished and kept in {target}.part" in error.what
    assert "same command goes on" in error.next_step
    processor = Storing()
    done = converted(source, target, processor, PIECES)
    check_whole(source, target, done)
    assert done.resumed == 57
    # The 1.25 s before are seen again, so that tracking is settled, but not written again.
    assert processor.seen == list(range(25, FRAMES))


def test_a_stop_before_the_first_frame_leaves_nothing(source: Path, tmp_path: Path) -> None:
    error = stopped(source, tmp_path / "out.mp4", 0, stage="Getting ready")
    assert error.what == "Stopped before the first frame was finished."
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_stop_is_heeded_while_the_place_is_found(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    error = stopped(source, target, 3, stage="Finding the place")
    assert "57 of 70 frames are finished" in error.what
    check_whole(source, target, converted(source, target, options=PIECES))


def test_what_is_missing_is_still_told_after_an_interruption(source: Path, tmp_path: Path) -> None:
    data, target = source.read_bytes(), tmp_path / "out.mp4"
    source.write_bytes(data[: len(data) * 3 // 4])
    stopped(source, target, 0, stage="Joining")
    (note,) = converted(source, target, options=PIECES).notes
    assert "should hold 70 frames" in note


def test_the_hold_reaches_over_an_interruption(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    done = converted(source, target, Storing({57: Withheld.NO_FACE, 58: Withheld.NO_FACE}), PIECES)
    assert numbers(target)[55:61] == [55, 56, 56, 56, 59, 60]
    assert (done.swapped, dict(done.held)) == (68, {"no-face": 2})


def test_a_conversion_stopped_while_joining_only_joins(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 0, stage="Joining")
    processor = Storing()
    done = converted(source, target, processor, PIECES)
    check_whole(source, target, done)
    assert (processor.seen, done.resumed) == ([], FRAMES)


@pytest.mark.slow
def test_a_killed_conversion_goes_on(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.app.converting", str(source), str(target)], cwd=Path(__file__).parents[2]
    )
    manifest = tmp_path / "out.mp4.part" / MANIFEST
    waiting_until = time.monotonic() + 180
    while not (manifest.exists() and len(json.loads(manifest.read_bytes())["segments"]) >= 3):
        assert time.monotonic() < waiting_until
        assert victim.poll() is None
        time.sleep(0.01)
    with pytest.raises(SinkGone, match=f"process {victim.pid}, is converting"):
        converted(source, target, options=PIECES)
    victim.kill()
    victim.wait(60)
    assert not target.exists()
    done = converted(source, target, options=PIECES)
    check_whole(source, target, done)
    assert 30 <= done.resumed < FRAMES


@pytest.mark.parametrize(
    ("change", "named"),
    [({"face__shape": "0.9"}, "--shape"), ({"privacy__slate_text": "Soon"}, "slate"), ({"crf": "30"}, "--crf")],
)
def test_another_setting_starts_over(source: Path, tmp_path: Path, change: dict[str, str], named: str) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    options = Options(crf=int(change.pop("crf", "18")), segment_s=0.4)
    done = converted(source, target, Storing(), options, **change)
    assert done.resumed == 0
    assert done.notes == (f"The interrupted conversion had another {named}; starting over.",)
    assert numbers(target) == list(range(FRAMES))


def test_another_source_starts_over(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    write_clip(source, every(20, 9))
    done = converted(source, target, options=PIECES)
    assert done.notes == ("The interrupted conversion had another IN; starting over.",)
    assert numbers(target) == list(range(9))


def test_starting_over_can_be_asked_for(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    done = converted(source, target, options=Options(segment_s=0.4, start_over=True))
    assert (done.resumed, done.notes) == (0, ())
    check_whole(source, target, done)


def spoil_a_piece(folder: Path) -> None:
    damage(sorted(folder.glob("*.piece.mp4"))[2])


def lose_a_piece(folder: Path) -> None:
    sorted(folder.glob("*.piece.mp4"))[2].unlink()


@pytest.mark.parametrize("harm", [spoil_a_piece, lose_a_piece])
def test_what_comes_after_a_damaged_piece_is_done_again(
    source: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 57)
    assert len(list((tmp_path / "out.mp4.part").glob("*.piece.mp4"))) == 6
    harm(tmp_path / "out.mp4.part")
    done = converted(source, target, options=PIECES)
    check_whole(source, target, done)
    assert done.resumed == 20


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "livecam conversion 1"}'])
def test_a_damaged_manifest_starts_over(source: Path, tmp_path: Path, text: str) -> None:
    target = tmp_path / "out.mp4"
    stopped(source, target, 30)
    (tmp_path / "out.mp4.part" / MANIFEST).write_text(text)
    check_whole(source, target, converted(source, target, options=PIECES))


def test_somebody_elses_folder_is_left_alone(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "out.mp4.part"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(SinkGone, match="holds other files"):
        converted(source, tmp_path / "out.mp4")
    assert [path.name for path in other.iterdir()] == ["holiday.jpg"]


def test_a_full_disk_keeps_what_is_finished(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, calls, fsync = tmp_path / "out.mp4", [0], os.fsync

    def full(number: int) -> None:
        calls[0] += 1
        if calls[0] > 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SinkLost, match=r"the disk is full\. Free some space and run the same command again"):
            converted(source, target, options=PIECES)
    assert not list(tmp_path.rglob("*.tmp"))
    done = converted(source, target, options=PIECES)
    check_whole(source, target, done)
    assert done.resumed == 30


def test_a_disk_that_fills_while_joining_keeps_the_pieces(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def write(self, data: object, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def opened(self: Path, mode: str = "r", **more: object) -> object:
        return Full(self, "wb") if self.name == "joined.mp4" else real(self, mode, **more)  # type: ignore[call-overload]

    target = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(SinkLost, match="the disk is full"):
            converted(source, target, options=PIECES)
    assert sorted({path.suffix for path in (tmp_path / "out.mp4.part").iterdir()}) == [".json", ".mp4"]
    assert not (tmp_path / "out.mp4.part" / "joined.mp4").exists()
    done = converted(source, target, options=PIECES)
    check_whole(source, target, done)
    assert done.resumed == FRAMES


def test_frames_that_a_dying_backend_spoilt_are_done_again(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    dying = Storing({number: EngineError("The GPU is gone.") for number in range(22, FRAMES)})
    with pytest.raises(EngineError, match="GPU"):
        converted(source, target, dying, PIECES)
    done = converted(source, target, options=PIECES)
    check_whole(source, target, done)
    assert done.resumed == 20
