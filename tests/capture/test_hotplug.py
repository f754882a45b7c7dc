"""Cameras that come and go, through the whole capture loop: source, fitting, ring."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.capture import camera
from livecam.capture.camera import CameraSource
from livecam.capture.devices import CameraInfo
from livecam.capture.fit import FittedSource
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, Frame, Size
from livecam.core.ring import LatestRing
from livecam.core.spec import SourceWish
from livecam.errors import SourceLost
from livecam.runtime.loops import CaptureLoop, FrameSlot
from livecam.runtime.telemetry import CaptureCounters
from tests.capture.fakecamera import Device, grey

SIZE = Size(96, 64)
WISH = SourceWish(SIZE, 30.0, timeout_s=20.0)


class Bench:
    """A capture loop and the sockets of a made-up machine."""

    def __init__(self, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.ring = LatestRing(lambda: FrameSlot(SIZE))
        self.counters = CaptureCounters()
        self.forgotten = 0
        source = CameraSource(target, WISH, MonotonicClock(), platform="linux")
        fitted = FittedSource(source, SIZE)
        self.loop = CaptureLoop(
            fitted, self.ring, threading.Event(), MonotonicClock(), self.counters, restarted=self._forget
        )

    def _forget(self) -> None:
        self.forgotten += 1

    def plug(self, device: Device, *cameras: CameraInfo) -> None:
        self._patch.setattr(cv2, "VideoCapture", device.capture)
        self._patch.setattr(camera, "list_cameras", lambda: cameras)

    def frames(self, count: int) -> list[Frame]:
        """What the loop publishes in so many steps; the images are copies."""
        found = []
        for _ in range(count):
            self.loop.step()
            slot = self.ring.take()
            assert slot is not None
            assert slot.frame is not None
            found.append(Frame(slot.frame.image.copy(), slot.frame.seq, slot.frame.captured_ns))
        return found

    def lose(self) -> None:
        """Step until the source is lost, and do what the worker does then."""
        with pytest.raises(SourceLost) as lost:
            self.frames(20)
        self.loop.failed(lost.value)
        self.loop.close()


def stops_after(pictures: int) -> Callable[[int], bool]:
    return lambda number: number < pictures


def test_pulled_out_and_back_under_another_number_with_another_format(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("webcam", monkeypatch)
    first = Device(picture=lambda number: grey(SIZE, 90), grab=stops_after(4))
    bench.plug(first, CameraInfo(0, "HD Webcam", "/dev/null", driver="uvcvideo"))
    bench.loop.open()
    before = bench.frames(3)
    assert all((frame.image == 90).all() for frame in before)
    bench.lose()
    bench.plug(first)
    with pytest.raises(SourceLost, match="No camera is called 'webcam'"):
        bench.loop.open()
    tall = Device(picture=lambda number: grey(Size(32, 64), 120))
    bench.plug(tall, CameraInfo(2, "HD Webcam", "/dev/zero", driver="uvcvideo"))
    bench.loop.open()
    after = bench.frames(3)
    assert tall.addresses == [("/dev/zero", cv2.CAP_V4L2)]
    for frame in after:
        assert frame.image.shape == SIZE.image_shape, "the call's size never changes"
        assert (frame.image[:, 32:64] == 120).all()
        assert not frame.image[:, :32].any(), "nothing of the old camera shines through beside the new one"
        assert not frame.image[:, 64:].any()
    stamps = [frame.captured_ns for frame in before + after]
    assert stamps == sorted(stamps)
    assert [frame.seq for frame in after] == [frame.seq + 3 for frame in before]
    assert (bench.counters.lost, bench.counters.reopened, bench.counters.captured) == (1, 2, 6)
    assert bench.forgotten == 2, "tracks of the old scene are dropped at each opening"


def test_a_stable_path_follows_the_camera_to_its_new_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link = tmp_path / "usb-HD-index0"
    link.symlink_to("/dev/null")
    bench = Bench(str(link), monkeypatch)
    device = Device(picture=lambda number: grey(SIZE), grab=stops_after(3))
    bench.plug(device, CameraInfo(0, "A", "/dev/null"), CameraInfo(1, "B", "/dev/zero"))
    bench.loop.open()
    bench.frames(2)
    bench.lose()
    link.unlink()
    with pytest.raises(SourceLost, match="is not there"):
        bench.loop.open()
    os.symlink("/dev/zero", link)
    device.grab = lambda number: True
    bench.loop.open()
    bench.frames(2)
    assert [address for address, _ in device.addresses] == ["/dev/null", "/dev/zero"]


def test_a_driver_whose_clock_runs_backwards_gives_rising_times(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("", monkeypatch)
    device = Device(picture=lambda number: grey(SIZE), grab=stops_after(12))
    device.stamp = lambda number, true_ns: true_ns - number * 20 * NS_PER_MS
    bench.plug(device, CameraInfo(0, "A", "/dev/null"))
    bench.loop.open()
    frames = bench.frames(4)
    bench.lose()
    device.grab = lambda number: True
    bench.loop.open()
    frames += bench.frames(4)
    stamps = np.array([frame.captured_ns for frame in frames])
    assert (np.diff(stamps) >= 0).all()
    assert stamps[-1] <= MonotonicClock().now_ns()
    assert bench.counters.bad_stamps == 0
