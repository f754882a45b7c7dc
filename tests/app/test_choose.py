import sys
from pathlib import Path

import pytest

from livecam.app.choose import choose_sinks
from livecam.config import Paths, load
from livecam.core.spec import Spec
from livecam.output.outputs import OutputInfo
from livecam.output.pipewire_setup import PipeWireSetup

LOOPBACK = OutputInfo("/dev/video10", "livecam", "v4l2 loopback", "v4l2loopback", ready=True, exclusive_caps=True)
READY = PipeWireSetup("/usr/bin/gst-launch-1.0", (), "/run/user/7/pipewire-0", running=True)


def kinds(folder: Path, sinks: str = "auto") -> list[str]:
    environment = {"LIVECAM_DATA": str(folder), "LIVECAM_CACHE": str(folder)}
    resolved = load({"output.sinks": sinks}, None, environment)
    chosen: tuple[Spec, ...] = choose_sinks(resolved.config, Paths.find(environment))
    return [spec.kind for spec in chosen]


def machine(monkeypatch: pytest.MonkeyPatch, outputs: tuple[OutputInfo, ...], setup: PipeWireSetup) -> None:
    monkeypatch.setattr("livecam.output.devices.list_outputs", lambda: outputs)
    monkeypatch.setattr("livecam.output.pipewire_setup.probe", lambda: setup)


@pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is a Linux service")
def test_pipewire_stands_in_for_a_virtual_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine(monkeypatch, (), READY)
    assert kinds(tmp_path) == ["pipewire"]
    machine(monkeypatch, (LOOPBACK,), READY)
    assert kinds(tmp_path) == ["virtualcam"]


@pytest.mark.parametrize(
    "setup",
    [
        PipeWireSetup("", (), "/run/user/7/pipewire-0", running=True),
        PipeWireSetup("gst-launch-1.0", ("pipewiresink",), "/run/user/7/pipewire-0", running=True),
        PipeWireSetup("gst-launch-1.0", (), "/run/user/7/pipewire-0", running=False),
    ],
)
def test_without_any_camera_there_is_the_preview(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setup: PipeWireSetup
) -> None:
    machine(monkeypatch, (), setup)
    assert kinds(tmp_path) == ["web", "record"]


def test_only_linux_is_asked_for_pipewire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine(monkeypatch, (), READY)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kinds(tmp_path) == ["web", "record"]


def test_what_is_named_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine(monkeypatch, (LOOPBACK,), READY)
    assert kinds(tmp_path, "null") == ["null"]
    assert kinds(tmp_path, "pipewire") == ["pipewire"]
