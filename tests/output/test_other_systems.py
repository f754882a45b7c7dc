"""The virtual cameras of Windows and macOS, on backends registered with pyvirtualcam under their real names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvirtualcam
from pyvirtualcam.camera import BACKENDS

from livecam.core.frame import Size
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import SinkError, SinkGone, SinkLost
from livecam.output import pick
from livecam.output.devices import OBS_DEVICE, mac_outputs
from livecam.output.outputs import OutputInfo
from livecam.output.virtualcam import make
from livecam.output.windows_outputs import OBS_CLSID, UNITY_CLSID, windows_outputs
from tests.output.fake_camera import FakeCamera
from tests.output.pictures import SIZE, cleared, plain

UNITY = "Unity Video Capture"


class OnceCamera(FakeCamera):
    """As OBS's: one instance for the whole machine."""

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        if any(not camera.closed for camera in FakeCamera.opened):
            raise RuntimeError("virtual camera output could not be started: it is in use")
        super().__init__(width=width, height=height, fps=fps, fourcc=fourcc, device=device)
        self.fourcc = fourcc


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A Windows machine whose registry holds what the test puts in."""
    registry: dict[str, str] = {}
    FakeCamera.opened.clear()
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setattr(pick, "list_outputs", lambda: windows_outputs(registry.get))
    monkeypatch.delitem(BACKENDS, "v4l2loopback", raising=False)
    for name in ("obs", "unitycapture"):
        pyvirtualcam.register_backend(name, OnceCamera)
    yield registry
    for name in ("obs", "unitycapture"):
        BACKENDS.pop(name, None)


@pytest.mark.parametrize(
    ("target", "device"),
    [("virtualcam", OBS_DEVICE), (f"virtualcam:{OBS_DEVICE}", OBS_DEVICE), (f"virtualcam:{UNITY}", UNITY)],
)
def test_the_camera_is_found_by_the_name_that_programs_show(cameras: dict[str, str], target: str, device: str) -> None:
    cameras[OBS_CLSID] = OBS_DEVICE
    cameras[UNITY_CLSID.format(0x10)] = UNITY
    sink = make(parse_spec(target), SinkWish())
    sink.open(SIZE, 30.0)
    (camera,) = FakeCamera.opened
    assert isinstance(camera, OnceCamera)
    assert (camera.name, camera.size) == (device, (SIZE.width, SIZE.height))
    assert camera.fourcc == int.from_bytes(b"I420", "little")
    sink.send(cleared(plain(180)))
    np.testing.assert_array_equal(camera.frames[-1].reshape(SIZE.picture_shape), plain(180))
    assert sink.name == f"virtualcam:{device}"
    sink.close()
    assert camera.closed


def test_a_second_one_waits_until_the_first_lets_go(cameras: dict[str, str]) -> None:
    cameras[OBS_CLSID] = OBS_DEVICE
    first, second = (make(parse_spec("virtualcam"), SinkWish()) for _ in range(2))
    first.open(SIZE, 30.0)
    with pytest.raises(SinkLost, match=r"OBS Virtual Camera.*in use"):
        second.open(SIZE, 30.0)
    first.close()
    second.open(SIZE, 30.0)
    second.send(cleared(plain(90)))
    second.close()


def test_what_every_sink_promises_holds_here_too(cameras: dict[str, str]) -> None:
    cameras[UNITY_CLSID.format(0x10)] = UNITY
    sink = make(parse_spec("virtualcam"), SinkWish())
    with pytest.raises(SinkError):
        sink.send(cleared(plain(90)))
    with pytest.raises(SinkGone, match="even"):
        sink.open(Size(321, 240), 30.0)
    for size in (SIZE, Size(640, 360)):
        sink.open(size, 30.0)
        sink.send(cleared(plain(90, size)))
        with pytest.raises(ValueError, match=str(size)):
            sink.send(cleared(plain(90, Size(64, 64))))
        with pytest.raises(TypeError, match="cleared"):
            sink.send(plain(90, size))  # type: ignore[arg-type]
    sink.close()
    sink.close()


@pytest.mark.usefixtures("cameras")
def test_a_machine_without_one_is_told_of_obs() -> None:
    with pytest.raises(SinkLost, match=r"no virtual camera.*OBS Studio 30.*start its virtual camera once"):
        make(parse_spec("virtualcam"), SinkWish()).open(SIZE, 30.0)


def test_on_macos_the_extension_and_the_old_plugin_count(tmp_path: Path) -> None:
    extension, plugin = tmp_path / "extension", tmp_path / "plugin"
    assert mac_outputs((extension, plugin)) == ()
    plugin.touch()
    assert mac_outputs((extension, plugin)) == (OutputInfo(OBS_DEVICE, OBS_DEVICE, "OBS", "obs", ready=True),)
