"""Finding cameras: by index, path, link and name; and asking the kernel, whose answers are played here."""

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from livecam.capture import avdevices, devices, v4l2info
from livecam.capture.devices import CameraFormat, CameraInfo, find_camera
from livecam.core.frame import Size
from livecam.errors import SourceGone, SourceLost

BUILT_IN = CameraInfo(0, "Integrated Camera", "/dev/null", "/dev/v4l/by-id/usb-built-in")
USB = CameraInfo(2, "USB Camera Pro", "/dev/zero")
OWN = CameraInfo(9, "livecam camera", "/dev/full", driver=v4l2info.LOOPBACK_DRIVER, virtual=True)
ALL = (BUILT_IN, USB, OWN)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("", BUILT_IN),
        ("2", USB),
        ("9", OWN),
        ("usb", USB),
        ("INTEGRATED", BUILT_IN),
        ("/dev/zero", USB),
        ("Livecam Camera", OWN),
    ],
)
def test_a_camera_is_found(target: str, found: CameraInfo) -> None:
    assert find_camera(target, ALL) is found


def test_a_stable_link_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "usb-camera-index0"
    link.symlink_to("/dev/zero")
    assert find_camera(str(link), ALL) is USB


def test_our_own_virtual_camera_is_never_chosen_by_chance() -> None:
    with pytest.raises(SourceLost, match="There is no camera"):
        find_camera("", (OWN,))
    with pytest.raises(SourceLost, match="No camera is called 'livecam'; no camera is there"):
        find_camera("livecam", (OWN,))


@pytest.mark.parametrize(
    ("target", "kind", "says"),
    [
        ("5", SourceLost, "no camera 5; there is /dev/null"),
        ("canon", SourceLost, "No camera is called 'canon'"),
        ("camera", SourceGone, r"2 cameras are called 'camera': /dev/v4l/by-id/usb-built-in .*, /dev/zero"),
        ("/dev/video-none", SourceLost, "is not there"),
        ("/dev/tty", SourceGone, "none that captures video"),
        (__file__, SourceGone, "is not a device. For a video file write file:"),
    ],
)
def test_every_failure_says_why(target: str, kind: type[SourceLost | SourceGone], says: str) -> None:
    with pytest.raises(kind, match=says):
        find_camera(target, ALL)


def test_a_camera_that_may_not_be_opened_is_passed_over_or_explained() -> None:
    locked = CameraInfo(0, "Locked", "/dev/null", problem="you may not open it")
    assert find_camera("", (locked, USB)) is USB
    with pytest.raises(SourceLost, match="you may not open it"):
        find_camera("", (locked,))


class Kernel:
    """Answers V4L2's questions about a UVC camera, its metadata node and a loopback device."""

    def __init__(self, nodes: dict[str, tuple[bytes, bytes, int]]) -> None:
        self.nodes = nodes
        self.names: dict[int, str] = {}
        self.busy = False

    def open(self, path: str | Path, flags: int) -> int:
        assert flags == os.O_RDWR | os.O_NONBLOCK
        name = Path(path).name
        if name == "video5":
            raise PermissionError(errno.EACCES, "Permission denied")
        handle = os.dup(0)
        self.names[handle] = name
        return handle

    def ioctl(self, node: int, request: int, answer: bytearray) -> None:
        asked = struct.unpack_from("4I", answer)
        if request == v4l2info.VIDIOC_QUERYCAP:
            driver, card, caps = self.nodes[self.names[node]]
            struct.pack_into("16s32s32sIII", answer, 0, driver, card, b"usb", 0, 0x84A00001, caps)
        elif request == v4l2info.VIDIOC_ENUM_FMT and asked[0] < 2:
            struct.pack_into("I", answer, 44, int.from_bytes((b"MJPG", b"YUYV")[asked[0]], "little"))
        elif request == v4l2info.VIDIOC_ENUM_FRAMESIZES and asked[0] < 2 and asked[1] == fourcc(b"MJPG"):
            struct.pack_into("3I", answer, 8, 1, *((1280, 720), (640, 480))[asked[0]])
        elif request == v4l2info.VIDIOC_ENUM_FRAMESIZES and asked[0] == 0:
            struct.pack_into("7I", answer, 8, 3, 48, 1920, 16, 32, 1080, 16)
        elif request == v4l2info.VIDIOC_ENUM_FRAMEINTERVALS and asked[0] < 2 and asked[2] != 1920:
            struct.pack_into("3I", answer, 16, 1, 1, (30, 60)[asked[0]])
        elif request == v4l2info.VIDIOC_S_FMT and self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        elif request not in (v4l2info.VIDIOC_G_FMT, v4l2info.VIDIOC_S_FMT):
            raise OSError(errno.EINVAL, "Invalid argument")


def fourcc(name: bytes) -> int:
    return int.from_bytes(name, "little")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    nodes = {
        "video0": (b"uvcvideo", b"HD Webcam", 0x04200001),
        "video1": (b"uvcvideo", b"HD Webcam", 0x04A00000),  # metadata only
        "video9": (b"v4l2 loopback", b"livecam", 0x05200001),
        "video10": (b"v4l2 loopback", b"idle", 0x05200002),  # an output that nobody writes to yet
    }
    for name in [*nodes, "video5", "videocodec"]:
        (tmp_path / name).touch()
    (tmp_path / "v4l" / "by-id").mkdir(parents=True)
    (tmp_path / "v4l" / "by-path").mkdir()
    (tmp_path / "v4l" / "by-id" / "usb-HD-index0").symlink_to("../../video0")
    (tmp_path / "v4l" / "by-path" / "pci-usb-index0").symlink_to("../../video0")
    kernel = Kernel(nodes)
    monkeypatch.setattr(v4l2info, "_DEV", tmp_path)
    monkeypatch.setattr(v4l2info, "_SYS", tmp_path)
    monkeypatch.setattr(os, "open", kernel.open)
    monkeypatch.setattr(fcntl, "ioctl", kernel.ioctl)
    return kernel


@pytest.mark.usefixtures("kernel")
def test_the_kernel_is_asked_for_cameras_and_their_formats(tmp_path: Path) -> None:
    webcam, locked, loopback = devices.list_cameras("linux")
    assert webcam == CameraInfo(
        0,
        "HD Webcam",
        str(tmp_path / "video0"),
        str(tmp_path / "v4l" / "by-id" / "usb-HD-index0"),
        "uvcvideo",
        False,
        (
            CameraFormat("MJPG", Size(1280, 720), (60.0, 30.0)),
            CameraFormat("MJPG", Size(640, 480), (60.0, 30.0)),
            CameraFormat("YUYV", Size(1920, 1080), (), least=Size(48, 32)),
        ),
    )
    assert (locked.index, locked.name) == (5, "video5")
    assert "group video" in locked.problem
    assert (loopback.index, loopback.name, loopback.virtual) == (9, "livecam", True)


def test_busy_is_what_refuses_the_format_it_has(kernel: Kernel) -> None:
    assert not v4l2info.is_busy("video0")
    kernel.busy = True
    assert v4l2info.is_busy("video0")


def test_who_uses_a_node_is_read_from_their_open_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Numbers that no real process has: this one could be the 77th.
    for process, name, target in [("9000077", "zoom", "/dev/video0"), ("9000078", "shell", "/dev/null")]:
        (tmp_path / process / "fd").mkdir(parents=True)
        (tmp_path / process / "fd" / "3").symlink_to(target)
        (tmp_path / process / "comm").write_text(name + "\n")
    (tmp_path / "9000079").mkdir()  # of another user: its open files are not shown
    monkeypatch.setattr(v4l2info, "_PROC", tmp_path)
    assert v4l2info.users("/dev/video0") == ("zoom (9000077)",)


def test_the_numbers_are_the_kernels() -> None:
    numbers = {name: getattr(v4l2info, name) for name in dir(v4l2info) if name.startswith("VIDIOC")}
    assert numbers == {  # as printed by a C program that includes linux/videodev2.h, 64 bit
        "VIDIOC_QUERYCAP": 0x80685600,
        "VIDIOC_ENUM_FMT": 0xC0405602,
        "VIDIOC_G_FMT": 0xC0D05604,
        "VIDIOC_S_FMT": 0xC0D05605,
        "VIDIOC_ENUM_FRAMESIZES": 0xC02C564A,
        "VIDIOC_ENUM_FRAMEINTERVALS": 0xC034564B,
    }


class FakeDevice:
    def __init__(self, description: str, *kinds: str) -> None:
        self.description = description
        self.media_types = list(kinds)


def test_elsewhere_ffmpegs_device_layer_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [FakeDevice("Mic", "audio"), FakeDevice("FaceTime HD", "video"), FakeDevice("OBS Virtual Camera", "video")]
    monkeypatch.setattr(avdevices, "enumerate_input_devices", lambda layer: found if layer == "dshow" else [])
    cameras = devices.list_cameras("win32")
    assert [(camera.index, camera.name, camera.virtual) for camera in cameras] == [
        (0, "FaceTime HD", False),
        (1, "OBS Virtual Camera", True),
    ]
    assert devices.list_cameras("darwin") == ()
    assert devices.list_cameras("plan9") == ()


def test_a_missing_device_layer_is_no_camera() -> None:
    assert avdevices.list_av_cameras("win32") == ()  # Linux, where this suite runs: its FFmpeg has no DirectShow
