import errno
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyvirtualcam.camera import BACKENDS

from livecam.core.frame import NS_PER_S, Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import ConfigError, ExtraMissing, SinkGone, SinkLost
from livecam.output import checks, pyvcam
from livecam.output.devices import list_outputs, mac_outputs
from livecam.output.outputs import OutputInfo, best
from livecam.output.pick import outputs_for, pick
from livecam.output.pyvcam import PyVirtualCamSink
from livecam.output.virtualcam import make
from livecam.output.windows_outputs import OBS_CLSID, UNITY_CLSID, windows_outputs
from tests.fakes import FakeClock
from tests.output.fake_camera import BACKEND, FakeCamera, register
from tests.output.fake_driver import CAPTURE, OUTPUT, FakeDriver
from tests.output.pictures import SIZE, cleared, plain

linux = pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is a Linux driver")


@pytest.fixture(autouse=True)
def _backend() -> None:
    register()


def found(device: str = "/dev/video10", label: str = "livecam", **changes: object) -> OutputInfo:
    values: dict[str, object] = {"driver": "v4l2 loopback", "backend": BACKEND, "ready": True} | changes
    return OutputInfo(device, label, **values)  # type: ignore[arg-type]


def machine_with(monkeypatch: pytest.MonkeyPatch, *outputs: OutputInfo) -> None:
    monkeypatch.setattr(pyvcam, "outputs_for", lambda target: outputs)


def test_i420_goes_to_the_device_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(monkeypatch, found("/dev/video9", "other"), found())
    sink = PyVirtualCamSink("/dev/video10")
    sink.open(SIZE, 30.0)
    sink.send(cleared(plain(77)))
    (camera,) = FakeCamera.opened
    assert (camera.name, camera.size) == ("/dev/video10", SIZE)
    black, sent = camera.frames
    assert np.array_equal(black, checks.black(SIZE).ravel())
    assert np.array_equal(sent, plain(77).ravel())
    assert sink.name == "virtualcam:/dev/video10 (livecam)"
    sink.close()
    sink.close()
    assert camera.closed == 1


@pytest.mark.parametrize("target", ["", "10", "livecam", "/dev/video10"])
@linux
def test_a_device_is_found_by_path_number_or_label(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    machine_with(monkeypatch, found("/dev/video9", "other"), found())
    sink = PyVirtualCamSink(target)
    sink.open(SIZE, 30.0)
    assert FakeCamera.opened[-1].name == "/dev/video10"
    sink.close()


def test_the_choice_among_devices() -> None:
    plain_one, ours = found("/dev/video1", "Dummy"), found("/dev/video2")
    stuck = found("/dev/video3", "Dummy", ready=False, repairable=True)
    unseen = found("/dev/video4", "Dummy", exclusive_caps=False)
    fed, closed = found("/dev/video5", fed_by="obs (7)"), found("/dev/video6", permitted=False)
    assert best((fed, closed)) is None
    assert best((plain_one, fed, ours)) == ours
    assert best((stuck, plain_one)) == plain_one
    assert best((unseen, plain_one)) == plain_one
    assert best((fed, stuck)) == stuck
    assert best(()) is None


@pytest.mark.parametrize(
    ("outputs", "target", "kind", "words"),
    [
        ((), "", SinkLost, "There is no virtual camera"),
        ((), "/dev/video99", SinkLost, "There is no virtual camera '/dev/video99'"),
        ((), os.devnull, SinkGone, "is no virtual camera"),
        ((found(fed_by="obs (7)"),), "", SinkLost, r"fed by obs \(7\)"),
        ((found(fed_by="obs (7)"),), "livecam", SinkLost, r"fed by obs \(7\)"),
        ((found(permitted=False, problem="You may not.", next_step="usermod"),), "", SinkGone, "may not.*usermod"),
        ((found(ready=False),), "", SinkLost, "takes no pictures now"),
        ((found("busy"),), "", SinkLost, "already in use"),
        ((found(backend="none"),), "", SinkGone, "no backend 'none'"),
    ],
)
def test_what_is_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch, outputs: tuple[OutputInfo, ...], target: str, kind: type[Exception], words: str
) -> None:
    machine_with(monkeypatch, *outputs)
    with pytest.raises(kind, match=words):
        PyVirtualCamSink(target).open(SIZE, 30.0)


@linux
def test_without_a_device_the_module_and_its_options_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(monkeypatch)
    with pytest.raises(SinkLost, match="sudo modprobe v4l2loopback exclusive_caps=1 card_label=livecam"):
        PyVirtualCamSink().open(SIZE, 30.0)


def test_a_driver_that_fails_is_a_lost_sink() -> None:
    sink = PyVirtualCamSink("breaking", BACKEND)
    sink.open(SIZE, 30.0)
    for _ in range(2):
        sink.send(cleared(plain(77)))
    with pytest.raises(SinkLost, match="queue is gone"):
        sink.send(cleared(plain(77)))
    sink.close()


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(SinkGone, match="even"):
        PyVirtualCamSink("a", BACKEND).open(Size(321, 240), 30.0)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    monkeypatch.delitem(sys.modules, "livecam.output.pyvcam")
    with pytest.raises(ExtraMissing, match=r"pip install 'livecam\[vcam\]'"):
        make(parse_spec("virtualcam?backend=v4l2loopback"), SinkWish())


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ConfigError):
        make(parse_spec("virtualcam:10?fmt=rgb"), SinkWish())
    with pytest.raises(ConfigError):
        make(parse_spec("virtualcam:10?backend=obs&matrix=709"), SinkWish())


@pytest.mark.parametrize(
    ("system", "spec", "kind"),
    [
        ("Linux", "virtualcam", "V4l2Sink"),
        ("Linux", "virtualcam:10?matrix=709", "V4l2Sink"),
        ("Linux", "virtualcam:10?backend=v4l2loopback", "PyVirtualCamSink"),
        ("Windows", "virtualcam", "PyVirtualCamSink"),
        ("Darwin", "virtualcam", "PyVirtualCamSink"),
    ],
)
@linux
def test_which_writer_it_means(monkeypatch: pytest.MonkeyPatch, system: str, spec: str, kind: str) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    sink = make(parse_spec(spec), SinkWish())
    assert type(sink).__name__ == kind
    assert sink.name.startswith("virtualcam")


@linux
def test_on_linux_it_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    monkeypatch.delitem(sys.modules, "livecam.output.pyvcam", raising=False)
    make(parse_spec("virtualcam"), SinkWish())


def test_cameras_of_other_systems(tmp_path: Path) -> None:
    assert mac_outputs((tmp_path / "none",)) == ()
    assert mac_outputs((tmp_path / "none", tmp_path))[0].device == "OBS Virtual Camera"
    registry = {OBS_CLSID: "", UNITY_CLSID.format(0x10): "Unity Video Capture", UNITY_CLSID.format(0x12): "Second"}

    def name_of(clsid: str) -> str | None:
        return registry.get(clsid)

    names = [(output.device, output.backend) for output in windows_outputs(name_of)]
    assert names == [("OBS Virtual Camera", "obs"), ("Unity Video Capture", "unitycapture"), ("Second", "unitycapture")]
    assert windows_outputs(lambda _: None) == ()


@pytest.mark.parametrize("system", ["Windows", "Darwin", "Plan9"])
def test_a_system_without_virtual_cameras_lists_none_and_is_told_of_obs(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if platform.system() == system:
        pytest.skip("this machine may have one")
    monkeypatch.setattr("platform.system", lambda: system)
    assert list_outputs() == ()
    with pytest.raises(SinkLost, match="OBS Studio"):
        PyVirtualCamSink("livecam").open(SIZE, 30.0)


def test_a_camera_that_will_not_close_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(camera: FakeCamera) -> None:
        raise RuntimeError("busy")

    sink = PyVirtualCamSink("a", BACKEND)
    sink.open(SIZE, 30.0)
    monkeypatch.setattr(FakeCamera, "close", refuse)
    sink.close()
    monkeypatch.undo()
    sink.close()


@linux
def test_this_machine_can_be_listed() -> None:
    assert all(output.device.startswith("/dev/video") for output in list_outputs())


# -- v4l2loopback, as far as it can be played on a plain file

if sys.platform == "linux":
    from livecam.output import loopback
    from livecam.output.loopback_outputs import loopback_outputs
    from livecam.output.loopback_watch import LoopbackWatch


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    driver = FakeDriver()
    driver.install(monkeypatch)
    return driver


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A device file, and beside it the sysfs of a machine with one loopback node and one camera."""
    for name in ("video3", "video10"):
        (tmp_path / "sys" / name).mkdir(parents=True)
        (tmp_path / "sys" / name / "name").write_text(f"label of {name}\n")
    (tmp_path / "sys" / "video10" / "max_openers").write_text("10\n")
    (tmp_path / "dev").mkdir()
    path = tmp_path / "dev" / "video10"
    path.write_bytes(b"")
    return path


def listed(node: Path) -> OutputInfo:
    (output,) = loopback_outputs(node.parent.parent / "sys", f"{node.parent}/")
    return output


@linux
@pytest.mark.parametrize(
    ("caps", "ready", "repairable", "exclusive"),
    [(OUTPUT, True, False, True), (0, False, True, True), (CAPTURE, False, True, True), (3, True, False, False)],
)
def test_a_node_says_how_it_is(
    node: Path, driver: FakeDriver, caps: int, ready: bool, repairable: bool, exclusive: bool
) -> None:
    driver.caps = caps
    output = listed(node)
    assert (output.device, output.label, output.driver) == (str(node), "livecam", "v4l2 loopback")
    assert (output.ready, output.repairable, output.exclusive_caps) == (ready, repairable, exclusive)
    assert ("exclusive_caps" in output.problem) is not exclusive
    assert output.free


@linux
def test_only_our_driver_is_repaired(node: Path, driver: FakeDriver) -> None:
    driver.name, driver.caps = b"vivid", CAPTURE
    assert not listed(node).free
    with pytest.raises(SinkGone, match="is no virtual camera"):
        pick(str(node), (listed(node),))


@linux
@pytest.mark.parametrize(
    ("number", "permitted", "word"),
    [(errno.EACCES, False, "usermod -aG video"), (errno.EBUSY, True, "Close one"), (errno.ENODEV, True, "answer")],
)
def test_a_node_that_cannot_be_asked_says_why(
    node: Path, driver: FakeDriver, number: int, permitted: bool, word: str
) -> None:
    driver.refuse = OSError(number, "no")
    output = listed(node)
    assert (output.free, output.permitted) == (False, permitted)
    assert word in f"{output.problem} {output.next_step}"
    assert output.label == "label of video10"


@linux
def test_the_program_that_feeds_a_node_is_named(node: Path, driver: FakeDriver) -> None:
    with node.open("rb+"):
        assert listed(node).fed_by == ""
    with node.open("wb"):
        output = listed(node)
    assert f"({os.getpid()})" in output.fed_by
    assert not output.free


@linux
def test_a_node_that_gets_pictures_is_fed_whoever_sends_them(
    node: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.caps = CAPTURE
    answers = [b"old", b"", b"", b"new"]

    def read(fd: int, count: int) -> bytes:
        answer = answers.pop(0) if answers else b""
        if not answer:
            raise BlockingIOError
        return answer

    monkeypatch.setattr("os.read", read)
    assert listed(node).fed_by == "another program"
    answers[:] = [b"old"]
    assert listed(node).free


@linux
@pytest.mark.parametrize(("value", "fed"), [(0, True), (1, False)])
def test_a_node_that_repeats_itself_is_not_taken_for_a_fed_one(
    node: Path, monkeypatch: pytest.MonkeyPatch, value: int, fed: bool
) -> None:
    def control(fd: int, request: int, argument: bytearray) -> int:
        struct.pack_into("i", argument, 4, value)
        return 0

    monkeypatch.setattr("fcntl.ioctl", control)
    monkeypatch.setattr("os.read", lambda fd, count: b"n")
    assert loopback.is_fed(str(node)) is fed
    assert not loopback.is_fed(str(node) + "x")


@linux
def test_a_path_is_looked_at_itself(node: Path, driver: FakeDriver) -> None:
    assert [output.device for output in outputs_for(str(node))] == [str(node)]
    assert outputs_for(str(node) + "x") == ()
    driver.refuse = OSError(errno.ENOTTY, "Inappropriate ioctl for device")
    with pytest.raises(SinkGone, match="is no virtual camera"):
        pick(str(node), outputs_for(str(node)))


@linux
def test_a_node_that_opened_once_is_repaired_before_it_is_opened(
    node: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.caps = 0
    # pyvirtualcam's own backend would find the capability missing; the stand-in takes its place by name.
    monkeypatch.setitem(BACKENDS, "v4l2loopback", _Strict(driver).open)
    machine_with(monkeypatch, listed(node))
    sink = PyVirtualCamSink()
    sink.open(SIZE, 30.0)
    assert driver.repairs == 1
    sink.close()
    driver.caps = OUTPUT
    machine_with(monkeypatch, listed(node))
    sink.open(SIZE, 30.0)
    assert driver.repairs == 1
    sink.close()


class _Strict:
    """Opens only while the driver offers output, as pyvirtualcam does."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver

    def open(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> FakeCamera:
        if not self.driver.caps & OUTPUT:
            raise ValueError(f"Device {device} is not a video output device.")
        return FakeCamera(width=width, height=height, fps=fps, fourcc=fourcc, device=device)


def _vanish(node: Path, driver: FakeDriver) -> None:
    node.unlink()


def _replace(node: Path, driver: FakeDriver) -> None:
    node.rename(node.with_name("old"))
    node.write_bytes(b"")


def _die(node: Path, driver: FakeDriver) -> None:
    driver.refuse = OSError(errno.ENODEV, "No such device")


def _stop(node: Path, driver: FakeDriver) -> None:
    driver.caps = OUTPUT


@linux
@pytest.mark.parametrize(
    ("harm", "word"), [(_vanish, "is gone"), (_replace, "made anew"), (_die, "not answer"), (_stop, "no longer")]
)
def test_a_device_that_fails_silently_is_found_out_within_a_second(
    node: Path,
    driver: FakeDriver,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, FakeDriver], None],
    word: str,
) -> None:
    monkeypatch.setitem(BACKENDS, "v4l2loopback", FakeCamera)
    machine_with(monkeypatch, listed(node))
    clock = FakeClock()
    sink = PyVirtualCamSink(clock=clock)
    sink.open(SIZE, 30.0)
    driver.caps = CAPTURE
    for _ in range(5):
        clock.time_ns += NS_PER_S
        sink.send(cleared(plain(77)))
    harm(node, driver)
    sink.send(cleared(plain(77)))
    clock.time_ns += NS_PER_S
    with pytest.raises(SinkLost, match=word):
        sink.send(cleared(plain(77)))
    sink.close()


@linux
def test_a_full_house_is_no_failure(node: Path, driver: FakeDriver) -> None:
    watch = LoopbackWatch(str(node))
    watch.prepare(False, SIZE)
    driver.refuse = OSError(errno.EBUSY, "busy")
    watch.check(SIZE)


@linux
def test_a_size_that_the_driver_kept_is_found_out(node: Path, driver: FakeDriver) -> None:
    sysfs = node.parent.parent / "sys"
    driver.caps = CAPTURE
    watch = LoopbackWatch(str(node), sysfs)
    watch.prepare(False, SIZE)
    watch.check(SIZE)
    (sysfs / "video10" / "format").write_text("YU12:320x240@30\n")
    watch.check(SIZE)
    (sysfs / "video10" / "format").write_text("YU12:640x480@30/1\n")
    with pytest.raises(SinkLost, match="still carries 640x480"):
        watch.check(SIZE)


@linux
def test_a_node_that_may_not_be_repaired_says_so(node: Path) -> None:
    node.unlink()
    with pytest.raises(SinkLost, match="made ready"):
        LoopbackWatch(str(node)).prepare(True, SIZE)
