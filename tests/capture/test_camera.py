"""Cameras, on a scripted stand-in for OpenCV's capture, and on a real one where there is one."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.capture import camera, devices, session, v4l2info
from livecam.capture.camera import CameraSource
from livecam.capture.devices import CameraFormat, CameraInfo
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.seams import Clock
from livecam.core.spec import SourceWish, parse_spec
from livecam.errors import ConfigError, SourceError, SourceGone, SourceHangs, SourceLost
from tests.capture.fakecamera import WEBCAM, Device, FakeCapture, grey
from tests.capture.opening import opened as patiently
from tests.fakes import FakeClock

SIZE = Size(96, 64)
WISH = SourceWish(SIZE, 30.0, timeout_s=20.0)
HASTY = SourceWish(SIZE, 30.0, timeout_s=1.0)
"""For drivers that hang."""


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device(picture=lambda number: grey(SIZE))
    plug(monkeypatch, device, WEBCAM)
    return device


def plug(monkeypatch: pytest.MonkeyPatch, device: Device, *cameras: CameraInfo) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", device.capture)
    monkeypatch.setattr(camera, "list_cameras", lambda: cameras)


def source(target: str = "", platform: str = "linux", clock: Clock | None = None) -> CameraSource:
    return CameraSource(target, WISH, clock or MonotonicClock(), platform=platform)


def blank(size: Size = SIZE) -> Image:
    return np.zeros(size.image_shape, np.uint8)


def test_opencv_does_not_wait_its_ten_seconds(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", raising=False)
    patiently(CameraSource("", HASTY, MonotonicClock(), platform="linux"))
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "1"


def test_what_is_asked_for_and_in_which_order(device: Device) -> None:
    info = source("HD webcam").open()
    assert device.addresses == [("/dev/null", cv2.CAP_V4L2)]
    assert device.order[:5] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_BUFFERSIZE,
    ]
    assert device.set_to[cv2.CAP_PROP_FOURCC] == int.from_bytes(b"MJPG", "little")
    assert device.set_to[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert info.name == "camera:/dev/null (HD Webcam: HD Webcam)"
    assert (info.size, info.fps, info.live) == (SIZE, 30.0, True)
    assert info.detail.startswith("V4L2 YUYV 30 fps, uvcvideo; MJPG 96x64 at 30 fps (asked for blindly")


def test_the_mode_is_chosen_among_those_the_camera_offers(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    formats = (CameraFormat("MJPG", Size(128, 96), (60.0, 30.0)), CameraFormat("YUYV", Size(128, 96), (25.0,)))
    plug(monkeypatch, device, replace(WEBCAM, formats=formats))
    caplog.set_level("INFO", "livecam.capture")
    info = source().open()
    asked = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)
    assert [device.set_to[prop] for prop in asked] == [128, 96, 30.0, int.from_bytes(b"MJPG", "little")]
    assert "MJPG 128x96 at 30 fps (the nearest larger size, letterboxed to 96x64" in info.detail
    assert info.detail in caplog.text
    CameraSource("", WISH, MonotonicClock(), fourcc="YUYV", platform="linux").open()
    assert device.set_to[cv2.CAP_PROP_FOURCC] == int.from_bytes(b"YUYV", "little")


def test_the_size_is_that_of_a_picture_and_not_of_a_promise(device: Device) -> None:
    device.picture = lambda number: grey(Size(160, 120))
    opened = source()
    assert opened.open().size == Size(160, 120)
    with pytest.raises(ValueError, match="fills"):
        opened.read_into(blank())


def test_pictures_are_filled_in_place_and_stamped_by_the_kernel(device: Device) -> None:
    device.age_ms = lambda number: 7.0
    opened = source()
    opened.open()
    image, ages_ns = blank(), list[int]()
    for _ in range(5):
        stamp_ns = opened.read_into(image)
        ages_ns.append(time.monotonic_ns() - stamp_ns)
    assert (image == 90).all()
    # The least, since others use the machine.
    assert 7 * NS_PER_MS <= min(ages_ns) < 500 * NS_PER_MS
    assert device.captures[0].grabbed_by == "livecam-camera"


@pytest.mark.parametrize("nonsense_ns", [0.0, -5.0, 1e18, 33.3e6])
def test_stamps_of_another_clock_are_replaced_by_the_time_of_arrival(device: Device, nonsense_ns: float) -> None:
    device.stamp = lambda number, true_ns: nonsense_ns
    opened = source()
    opened.open()
    before_ns = time.monotonic_ns()
    assert before_ns <= opened.read_into(blank()) <= time.monotonic_ns()


def test_stamps_never_run_backwards_or_ahead(device: Device) -> None:
    device.stamp = lambda number, true_ns: true_ns + (-40, 30)[number % 2] * NS_PER_MS
    opened = source()
    opened.open()
    stamps = []
    for _ in range(6):
        stamps.append(opened.read_into(blank()))
        assert stamps[-1] <= time.monotonic_ns()
    assert stamps == sorted(stamps)


def test_pictures_that_lay_in_the_queue_during_a_stall_are_dropped(device: Device) -> None:
    ages = {3: 441.0, 4: 401.0, 5: 372.0, 6: 341.0}  # as measured after a stall of 0.5 s, VIRTUALCAM.md 6
    clock = device.clock = FakeClock()
    device.age_ms = lambda number: ages.get(number, 2.0)
    device.picture = lambda number: grey(SIZE, 10 + number)
    opened = source(clock=clock)
    opened.open()
    image = blank()
    for number in (1, 2):
        clock.time_ns += 33 * NS_PER_MS
        opened.read_into(image)
        assert image[0, 0, 0] == 10 + number
    clock.time_ns += 500 * NS_PER_MS
    assert opened.read_into(image) == clock.time_ns - 2 * NS_PER_MS
    assert image[0, 0, 0] == 10 + 7
    assert opened.dropped == 4


def test_pictures_older_than_the_timeout_are_dropped_too(device: Device) -> None:
    clock = device.clock = FakeClock(NS_PER_S * 10_000)
    device.age_ms = lambda number: 3_600_000.0 - number if number in (1, 2) else 2.0
    opened = source(clock=clock)
    opened.open()
    clock.time_ns += 3601 * NS_PER_S
    assert opened.read_into(blank()) == clock.time_ns - 2 * NS_PER_MS
    assert opened.dropped == 2


def test_a_driver_that_stamps_early_loses_nothing(device: Device) -> None:
    clock = device.clock = FakeClock()
    device.age_ms = lambda number: 150.0

    def wait(number: int) -> bool:
        clock.time_ns += 33 * NS_PER_MS
        return True

    device.grab = wait
    opened = source(clock=clock)
    opened.open()
    for _ in range(3):
        assert opened.read_into(blank()) == clock.time_ns - 150 * NS_PER_MS
    assert opened.dropped == 0


def test_stamps_that_run_backwards_are_told_of_once(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    device.stamp = lambda number, true_ns: true_ns - (10 * NS_PER_S if number > 3 else 0)
    opened = source()
    opened.open()
    for _ in range(8):
        opened.read_into(blank())
    assert [record.message for record in caplog.records if "run backwards" in record.message] == [
        "camera:/dev/null (HD Webcam: HD Webcam): its stamps run backwards; its pictures are dated by their arrival."
    ]


def test_pulled_out_and_plugged_in_as_another_number(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.grab = lambda number: number < 2
    opened = source("webcam")
    opened.open()
    opened.read_into(blank())
    with pytest.raises(SourceLost, match="stopped sending pictures; was it unplugged"):
        opened.read_into(blank())
    opened.close()
    plug(monkeypatch, device)
    with pytest.raises(SourceLost, match=r"No camera is called 'webcam'; no camera is there\. See `livecam cameras`"):
        opened.open()
    back = CameraInfo(2, "HD Webcam", "/dev/zero", driver="uvcvideo")
    plug(monkeypatch, device, back)
    device.grab = lambda number: True
    opened.open()
    opened.read_into(blank())
    assert device.addresses[-1] == ("/dev/zero", cv2.CAP_V4L2)


def test_a_hanging_driver_is_left_behind_and_not_joined_by_a_second(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CLOSE_S", 0.5)
    over = threading.Event()
    device.grab = lambda number: number < 1 or not over.wait(60)
    opened = CameraSource("", HASTY, MonotonicClock(), platform="linux")
    patiently(opened)
    captures = len(device.captures)
    image = blank()
    started = time.monotonic()
    with pytest.raises(SourceLost, match=r"sent no picture for 1 s"):
        opened.read_into(image)
    assert time.monotonic() - started < 30
    opened.close()
    with pytest.raises(SourceHangs, match="still hangs in its driver"):
        opened.open()
    assert len(device.captures) == captures
    assert not image.any(), "a call that was given up must not write into the caller's image"
    over.set()
    assert device.captures[-1].released.wait(60), "the device is freed once the driver returns"
    device.grab = lambda number: True
    patiently(opened)
    opened.close()


def test_a_driver_that_hangs_while_opening(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_CLOSE_S", 0.5)
    over = threading.Event()

    def slow(address: str | int, backend: int) -> FakeCapture:
        over.wait(60)
        return FakeCapture(device)

    monkeypatch.setattr(cv2, "VideoCapture", slow)
    opened = CameraSource("", replace(HASTY, timeout_s=0.3), MonotonicClock(), platform="linux")
    started = time.monotonic()
    with pytest.raises(SourceLost, match=r"did not start within 0\.75 s"):
        opened.open()
    opened.close()
    assert time.monotonic() - started < 30
    over.set()


def test_a_busy_camera_names_who_uses_it(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.opens = False
    monkeypatch.setattr(v4l2info, "is_busy", lambda path: True)
    monkeypatch.setattr(v4l2info, "users", lambda path: ("zoom (1234)",))
    with pytest.raises(SourceLost, match=r"HD Webcam\) is in use by zoom \(1234\)\. Close it there"):
        source().open()


def test_a_camera_that_starts_and_gives_nothing_is_explained(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.grab = lambda number: False
    with pytest.raises(SourceLost, match="cannot be started"):
        source().open()
    assert device.captures[0].released.is_set()
    plug(monkeypatch, device, CameraInfo(3, "Cam", "/dev/video-gone"))
    with pytest.raises(SourceLost, match="was unplugged"):
        source().open()


def test_elsewhere_than_on_linux_the_index_is_opened_by_the_native_backend(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(monkeypatch, device, CameraInfo(0, "A"), CameraInfo(1, "B"))
    device.backend, device.stamp = "DSHOW", lambda number, true_ns: 0.0
    source("b", "win32").open()
    source("1", "darwin").open()
    assert device.addresses == [(1, cv2.CAP_DSHOW), (1, cv2.CAP_AVFOUNDATION)]
    device.opens = False
    with pytest.raises(SourceLost, match="another program uses it or the system forbids it"):
        source("b", "win32").open()
    assert device.addresses[2:] == [(1, cv2.CAP_DSHOW), (1, cv2.CAP_MSMF)]


def test_without_permission_the_group_is_named(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, device, CameraInfo(0, "Cam", "/dev/null", problem="you may not open it; add yourself"))
    with pytest.raises(SourceGone, match="you may not open it"):
        source("0").open()


def test_the_moment_after_plugging_in_is_not_final(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = source("0")
    opened.open()
    plug(monkeypatch, device, CameraInfo(0, "Cam", "/dev/null", problem="you may not open it yet"))
    with pytest.raises(SourceLost, match="not open it yet"):
        opened.open()
    again = source("/dev/null")
    plug(monkeypatch, device, WEBCAM)
    again.open()
    plug(monkeypatch, device)
    with pytest.raises(SourceLost, match="none that captures video"):
        again.open()


def test_a_changed_format_opens_the_camera_again(device: Device) -> None:
    device.picture = lambda number: grey(SIZE) if number < 3 else grey(Size(160, 120))
    opened = source()
    opened.open()
    image = blank()
    opened.read_into(image)
    opened.read_into(image)
    image[:] = 7
    with pytest.raises(SourceLost, match="changed from 96x64 to 160x120"):
        opened.read_into(image)
    assert (image == 7).all()
    assert opened.open().size == SIZE


def test_grey_and_odd_pictures_become_even_bgr(device: Device) -> None:
    ramp = np.arange(65 * 97, dtype=np.uint16).reshape(65, 97).astype(np.uint8)
    device.picture = lambda number: ramp
    opened = source()
    assert opened.open().size == SIZE
    image = blank()
    opened.read_into(image)
    np.testing.assert_array_equal(image, np.repeat(ramp[:64, :96, None], 3, axis=2))
    colour = np.random.default_rng(0).integers(0, 255, (65, 97, 3), np.uint8)
    device.picture = lambda number: colour
    opened.open()
    opened.read_into(image)
    np.testing.assert_array_equal(image, colour[:64, :96])


def test_pictures_of_no_known_kind_are_final(device: Device) -> None:
    device.picture = lambda number: np.zeros((64, 96, 2), np.uint8)
    with pytest.raises(SourceGone, match="cannot be shown"):
        source().open()


def mjpeg(size: Size, level: int) -> Image:
    return cv2.imencode(".jpg", grey(size, level))[1].reshape(1, -1)


def test_mjpg_is_decoded_here_and_damage_is_skipped_in_silence(
    device: Device, capfd: pytest.CaptureFixture[str]
) -> None:
    good, noisy = mjpeg(SIZE, 90), np.random.default_rng(0).integers(0, 255, SIZE.image_shape, np.uint8)
    torn = cv2.imencode(".jpg", noisy)[1].reshape(1, -1)
    torn = torn[:, : torn.size // 2]
    device.fourcc = "MJPG"
    device.picture = lambda number: (good, torn, np.zeros((1, 0), np.uint8))[number % 3]
    opened = source()
    assert opened.open().size == SIZE
    assert device.set_to[cv2.CAP_PROP_CONVERT_RGB] == 0
    for _ in range(4):
        image = blank()
        opened.read_into(image)
        assert np.abs(image.astype(int) - 90).max() <= 2
    device.picture = lambda number: mjpeg(Size(160, 120), 90)
    with pytest.raises(SourceLost, match="changed from 96x64 to 160x120"):
        opened.read_into(blank())
    assert capfd.readouterr() == ("", "")


def test_a_camera_whose_every_jpeg_is_a_little_wrong_is_still_shown(device: Device) -> None:
    noisy = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, SIZE.image_shape, np.uint8))[1]
    device.fourcc = "MJPG"
    device.picture = lambda number: noisy.reshape(1, -1)[:, : noisy.size * 3 // 4]
    opened = source()
    assert opened.open().size == SIZE
    opened.read_into(blank())


def test_nothing_but_damage_is_lost(device: Device) -> None:
    device.fourcc = "MJPG"
    device.picture = lambda number: mjpeg(SIZE, 90) if number < 1 else np.zeros((1, 50), np.uint8)
    opened = source()
    opened.open()
    with pytest.raises(SourceLost, match="damaged pictures only"):
        opened.read_into(blank())


def test_opening_a_node_that_is_no_camera_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(camera, "list_cameras", lambda: (WEBCAM,))  # its node is /dev/null: OpenCV refuses it, loudly
    with pytest.raises(SourceLost):
        source().open()
    assert capfd.readouterr() == ("", "")


def test_specs_are_checked() -> None:
    for text in ("camera:0?fourcc=MJPEG", "camera:0?size=2"):
        with pytest.raises(ConfigError):
            camera.make(parse_spec(text), WISH, MonotonicClock())
    assert isinstance(camera.make(parse_spec("camera"), WISH, MonotonicClock()), CameraSource)


@pytest.mark.hardware
def test_a_real_camera_delivers() -> None:
    real = [found for found in devices.list_cameras() if not found.virtual]
    if not real:
        pytest.skip("This machine has no camera: no node under /dev/video* captures video.")
    if all(found.problem for found in real):
        pytest.skip(f"The camera cannot be used here: {real[0]}: {real[0].problem}.")
    opened = camera.make(parse_spec("camera"), SourceWish(Size(640, 480), 30.0), MonotonicClock())
    try:
        info = opened.open()
    except SourceError as error:
        pytest.skip(f"The camera is there and does not start: {error}")
    image = np.empty(info.size.image_shape, np.uint8)
    stamps = [opened.read_into(image) for _ in range(10)]
    assert time.monotonic_ns() - stamps[-1] < 200 * NS_PER_MS
    assert stamps == sorted(stamps)
    opened.close()
    if real[0].stable:
        by_link = camera.make(parse_spec(f"camera:{real[0].stable}"), WISH, MonotonicClock())
        assert Path(real[0].stable).exists()
        by_link.open()
        by_link.close()
