"""livecam's own writer of v4l2loopback nodes, against a played driver; tests/output/test_shim.py writes for real."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import ConfigError, SinkError, SinkGone, SinkLost
from tests.fakes import FakeClock
from tests.output.fake_driver import CAPTURE, OUTPUT, FakeDriver
from tests.output.pictures import SIZE, cleared, coloured, plain

if sys.platform != "linux":
    pytest.skip("v4l2loopback is a Linux driver", allow_module_level=True)

from livecam.output import v4l2, v4l2_format
from livecam.output.checks import black
from livecam.output.outputs import OutputInfo
from livecam.output.v4l2 import V4l2Sink, make


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "video10"
    path.write_bytes(b"")
    return path


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, node: Path) -> FakeDriver:
    driver = FakeDriver()
    driver.install(monkeypatch, node)
    return driver


def test_black_is_shown_at_once_and_then_what_was_sent(node: Path, driver: FakeDriver) -> None:
    sink = make(parse_spec(f"v4l2:{node}"), SinkWish())
    sink.open(SIZE, 30.0)
    assert driver.writes == 1
    assert np.array_equal(driver.picture(SIZE), black(SIZE))
    sink.send(cleared(plain(77)))
    assert np.array_equal(driver.picture(SIZE), plain(77))
    assert sink.name == f"v4l2:{node} (livecam)"
    sink.close()


@pytest.mark.parametrize(("fps", "rate"), [(30.0, (1, 30)), (60.0, (1, 60)), (29.97, (100, 2997)), (12.5, (2, 25))])
def test_readers_are_told_the_rate(node: Path, driver: FakeDriver, fps: float, rate: tuple[int, int]) -> None:
    sink = V4l2Sink(str(node))
    sink.open(SIZE, fps)
    assert driver.rate == rate
    sink.close()


def test_what_the_node_is_asked_for(node: Path, driver: FakeDriver) -> None:
    sink = V4l2Sink(str(node))
    sink.open(SIZE, 30.0)
    carried = v4l2_format.read_format(driver.format)
    assert (carried.size, carried.fourcc, str(carried)) == (SIZE, "YU12", "320x240 YU12")
    sink.close()
    assert [carried.holds(size) for size in (SIZE, Size(320, 238))] == [True, False]


def test_a_node_that_opened_once_is_repaired(node: Path, driver: FakeDriver) -> None:
    sink = V4l2Sink(str(node))
    for repairs in (0, 1, 2):
        sink.open(SIZE, 30.0)
        assert driver.repairs == repairs
        sink.close()
        assert driver.caps == CAPTURE


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, SinkGone, "may not write to .*video10.*usermod -aG video"),
        (errno.EBUSY, SinkLost, "open in as many programs as it allows"),
        (errno.ENODEV, SinkLost, "does not answer"),
    ],
)
def test_an_opening_that_is_refused_says_why(
    node: Path, driver: FakeDriver, number: int, kind: type[SinkError], words: str
) -> None:
    driver.refuse = OSError(number, "no")
    with pytest.raises(kind, match=words):
        V4l2Sink(str(node)).open(SIZE, 30.0)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, SinkGone, "may not write to .*usermod"),
        (errno.EBUSY, SinkLost, "as many programs as it allows"),
        (errno.ENOENT, SinkLost, "is gone.*modprobe v4l2loopback"),
        (errno.EMFILE, SinkLost, "cannot be opened: no"),
    ],
)
def test_an_opening_for_output_that_is_refused_says_why(
    node: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SinkError], words: str
) -> None:
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE == os.O_WRONLY:
            raise OSError(number, "no")
        return real(path, flags, mode)

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(kind, match=words):
        V4l2Sink(str(node)).open(SIZE, 30.0)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "takes no picture: no"),
        (errno.EIO, "takes no picture: no"),
        (errno.ENODEV, "was taken away.*modprobe"),
    ],
)
def test_a_write_that_fails_is_a_lost_sink(node: Path, driver: FakeDriver, number: int, words: str) -> None:
    sink = V4l2Sink(str(node))
    sink.open(SIZE, 30.0)
    driver.refuse_write = OSError(number, "no")
    with pytest.raises(SinkLost, match=words):
        sink.send(cleared(plain(77)))
    sink.close()
    driver.refuse_write = None
    sink.open(SIZE, 30.0)
    sink.close()


def test_a_torn_picture_is_a_lost_sink(node: Path, driver: FakeDriver) -> None:
    sink = V4l2Sink(str(node))
    sink.open(SIZE, 30.0)
    driver.short = 1
    with pytest.raises(SinkLost, match="took 115199 of a picture's 115200 bytes"):
        sink.send(cleared(plain(77)))
    sink.close()


@pytest.mark.parametrize("kept", [(640, 480, b"YU12"), (320, 240, b"YUYV")])
def test_what_the_driver_kept_for_a_reader_is_found_out_before_a_picture_is_written(
    node: Path, driver: FakeDriver, kept: tuple[int, int, bytes]
) -> None:
    driver.kept = kept
    words = f"still carries {kept[0]}x{kept[1]} {kept[2].decode()}.*not 320x240.*--size {kept[0]}x{kept[1]}"
    with pytest.raises(SinkLost, match=words):
        V4l2Sink(str(node)).open(SIZE, 30.0)
    assert driver.writes == 0


def test_a_second_feeder_is_refused(node: Path, driver: FakeDriver) -> None:
    first, second = V4l2Sink(str(node)), V4l2Sink(str(node))
    first.open(SIZE, 30.0)
    with pytest.raises(SinkLost, match=rf"fed by .*\({os.getpid()}\)"):
        second.open(SIZE, 30.0)
    first.close()
    second.open(SIZE, 30.0)
    second.close()


def _lock(node: Path, driver: FakeDriver) -> None:
    fcntl.flock(os.open(node, os.O_RDWR), fcntl.LOCK_EX)


def _set_up(node: Path, driver: FakeDriver) -> None:
    driver.busy = True


@pytest.mark.parametrize("feed", [_lock, _set_up])
def test_a_feeder_that_is_not_seen_is_met(
    node: Path, driver: FakeDriver, feed: Callable[[Path, FakeDriver], None]
) -> None:
    feed(node, driver)
    with pytest.raises(SinkLost, match="fed by another program"):
        V4l2Sink(str(node)).open(SIZE, 30.0)
    assert driver.writes == 0


def test_what_is_no_virtual_camera_is_refused_for_good(node: Path, driver: FakeDriver) -> None:
    driver.name = b"vivid"
    with pytest.raises(SinkGone, match="is no virtual camera"):
        V4l2Sink(str(node)).open(SIZE, 30.0)
    with pytest.raises(SinkLost, match=r"no virtual camera '.*video10x'"):
        V4l2Sink(f"{node}x").open(SIZE, 30.0)


def _vanish(node: Path, driver: FakeDriver) -> None:
    node.unlink()


def _replace(node: Path, driver: FakeDriver) -> None:
    node.rename(node.with_name("old"))
    node.write_bytes(b"")


def _die(node: Path, driver: FakeDriver) -> None:
    driver.refuse = OSError(errno.ENODEV, "No such device")


def _reshape(node: Path, driver: FakeDriver) -> None:
    driver.kept = (640, 480, b"YU12")
    driver.format[:] = v4l2_format.ask_format(Size(640, 480), v4l2_format.Matrix.BT601)


def _close_capture(node: Path, driver: FakeDriver) -> None:
    driver.write = len  # type: ignore[method-assign,assignment]
    driver.caps = OUTPUT


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (_vanish, "is gone"),
        (_replace, "made anew"),
        (_die, "not answer"),
        (_reshape, "still carries 640x480"),
        (_close_capture, "no longer"),
    ],
)
def test_a_node_that_fails_silently_is_found_out_within_a_second(
    node: Path, driver: FakeDriver, harm: Callable[[Path, FakeDriver], None], word: str
) -> None:
    clock = FakeClock()
    sink = V4l2Sink(str(node), clock=clock)
    sink.open(SIZE, 30.0)
    for _ in range(3):
        clock.time_ns += NS_PER_S
        sink.send(cleared(plain(77)))
    harm(node, driver)
    clock.time_ns += NS_PER_S
    with pytest.raises(SinkLost, match=word):
        sink.send(cleared(plain(77)))
    sink.close()


def test_without_a_name_the_best_free_one_is_taken(
    node: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = OutputInfo(str(node), "livecam", "v4l2 loopback", "v4l2loopback", ready=True)
    fed = OutputInfo("/dev/video9", "livecam", "v4l2 loopback", "v4l2loopback", ready=True, fed_by="obs (7)")
    monkeypatch.setattr(v4l2, "outputs_for", lambda target: (fed, free))
    sink = make(parse_spec("v4l2"), SinkWish())
    sink.open(SIZE, 30.0)
    assert sink.name == f"v4l2:{node} (livecam)"
    sink.close()


@pytest.mark.parametrize("spec", ["v4l2:10?matrix=2020", "v4l2:10?fmt=rgb"])
def test_parameters_it_does_not_know_are_refused(spec: str) -> None:
    with pytest.raises(ConfigError):
        make(parse_spec(spec), SinkWish())


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_other_systems_are_told_what_to_use(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    with pytest.raises(ConfigError, match="Use virtualcam"):
        make(parse_spec("v4l2:10"), SinkWish())


def test_it_can_be_imported_where_there_is_no_fcntl() -> None:
    code = (
        "import sys; sys.modules['fcntl'] = None; sys.platform = 'win32'; sys.modules['winreg'] = sys\n"
        "import livecam.output.loopback, livecam.output.v4l2_node"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _as_bt709(picture: Picture) -> tuple[int, int, int]:
    """The middle pixel's red, green and blue, as OBS reads it. ITU-R BT.709-6, 3.2 to 3.5."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    luma = (float(picture[height // 2, width // 2]) - 16) / 219
    chroma = picture[height:].reshape(2, height // 2, width // 2)[:, height // 4, width // 4]
    cb, cr = (chroma.astype(np.float64) - 128) / 224
    mixed = (luma + 1.5748 * cr, luma - 0.1873 * cb - 0.4681 * cr, luma + 1.8556 * cb)
    red, green, blue = (round(255 * min(max(value, 0.0), 1.0)) for value in mixed)
    return red, green, blue


@pytest.mark.parametrize("rgb", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 120, 40), (0, 0, 0)])
def test_obs_is_written_what_it_reads(node: Path, driver: FakeDriver, rgb: tuple[int, int, int]) -> None:
    shown = {}
    for matrix in ("601", "709"):
        sink = make(parse_spec(f"v4l2:{node}?matrix={matrix}"), SinkWish())
        sink.open(SIZE, 30.0)
        sink.send(cleared(coloured(rgb[::-1])))
        shown[matrix] = driver.picture(SIZE)
        sink.close()
    assert np.abs(np.subtract(_as_bt709(shown["709"]), rgb)).max() <= 4
    back = cv2.cvtColor(shown["601"], cv2.COLOR_YUV2RGB_I420)[0, 0]
    assert np.abs(back.astype(int) - rgb).max() <= 4
