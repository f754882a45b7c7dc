"""Cameras in and virtual cameras out."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from livecam.capture.devices import CameraInfo, find_camera
from livecam.config import Resolved
from livecam.core.spec import Spec
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.doctor.pipewire import named_camera
from livecam.errors import SourceError
from livecam.output.outputs import MODPROBE, OutputInfo, best

_MODULE: Final = Path("/sys/module/v4l2loopback")
_WRITER: Final = "pyvirtualcam"
_INSTALL: Final = {
    "debian": "sudo apt install v4l2loopback-dkms",
    "fedora": "sudo dnf install akmod-v4l2loopback",
    "arch": "sudo pacman -S v4l2loopback-dkms",
    "suse": "sudo zypper install v4l2loopback-kmp-default",
}
"""By a word in os-release's ID or ID_LIKE. Fedora's comes from RPM Fusion."""


def check_source(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the configured source can be there."""
    spec = resolved.config.source.spec
    if spec.kind == "file" and not machine.exists(Path(spec.target).expanduser()):
        yield Finding("source", Status.FAIL, f"There is no file {spec.target}.", "Check source.spec or --source.")
    elif spec.kind == "camera":
        yield _named_camera(machine, spec.target)
    elif spec.kind == "auto":
        chosen = "the first camera" if _real(machine) else "synthetic, the moving demo"
        yield Finding("source", Status.OK, f"auto: {chosen}.")
    else:
        yield Finding("source", Status.OK, f"{spec.text}.")


def _named_camera(machine: Machine, target: str) -> Finding:
    try:
        camera = find_camera(target, machine.cameras())
    except SourceError as error:
        return Finding("source", Status.FAIL, error.what, error.next_step)
    return Finding("source", Status.OK, f"camera: {camera}.")


def _real(machine: Machine) -> list[CameraInfo]:
    return [camera for camera in machine.cameras() if not camera.virtual and not camera.problem]


def check_cameras(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Which cameras there are."""
    cameras = [camera for camera in machine.cameras() if not camera.virtual]
    if not cameras:
        yield Finding("cameras", Status.INFO, "No camera was found.", "Plug one in, or livecam run --source synthetic")
    for camera in cameras:
        if camera.problem:
            yield Finding("cameras", Status.WARN, f"{camera}: {camera.problem}.", "livecam cameras")
        else:
            step = f"livecam run --source camera:{camera.stable or camera.index}"
            yield Finding("cameras", Status.OK, f"{camera}.", step)


def check_sinks(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the configured sinks can be there."""
    for spec in resolved.config.output.sinks:
        match spec.kind:
            case "virtualcam" | "v4l2":
                yield _named_output(machine, spec)
            case "record":
                yield _recording(machine, spec)
            case "pipewire":
                yield named_camera(machine, spec)
            case "auto":
                yield Finding("sinks", Status.OK, f"auto: {_chosen(machine, spec)}.")
            case _:
                yield Finding("sinks", Status.OK, f"{spec.text}.")


def _chosen(machine: Machine, spec: Spec) -> str:
    """What auto takes, by the rule of `livecam.app.choose`."""
    output = best(machine.outputs()) if _can_write(machine, spec) else None
    if output is not None:
        return f"the virtual camera {output.device}"
    if machine.system == "Linux" and machine.pipewire().ready:
        return "a PipeWire camera"
    return "web preview and a short recording"


def _named_output(machine: Machine, spec: Spec) -> Finding:
    if not _can_write(machine, spec):
        told = f"{spec.text} is configured, but {_WRITER} is not installed."
        return Finding("sinks", Status.FAIL, told, 'pip install "livecam[vcam]"')
    named = tuple(output for output in machine.outputs() if spec.target in _names(output))
    # With a backend named, the sink takes the device as it is, and so do we.
    if best(named) or "backend" in spec.params:
        return Finding("sinks", Status.OK, f"{spec.text}.")
    told = f"{spec.text} is configured, but there is no such virtual camera that can be written to."
    return Finding("sinks", Status.FAIL, told, "livecam run --sink web")


def _can_write(machine: Machine, spec: Spec) -> bool:
    """Whether what writes to virtual cameras is there: on Linux livecam's own does, unless a backend is named."""
    return (machine.system == "Linux" and "backend" not in spec.params) or bool(machine.package(_WRITER))


def _names(output: OutputInfo) -> tuple[str, ...]:
    """All that may follow ``virtualcam:`` and mean `output`."""
    return ("", output.device, output.label, output.device.removeprefix("/dev/video"))


def _recording(machine: Machine, spec: Spec) -> Finding:
    refusal = machine.refusal(Path(spec.target).expanduser().parent)
    if refusal:
        return Finding("sinks", Status.FAIL, f"{spec.text} cannot be written: {refusal}.", "Name another folder.")
    return Finding("sinks", Status.OK, f"{spec.text}.")


def check_virtual_camera(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether other programs can see livecam as a camera, and how to make it so."""
    outputs = machine.outputs()
    if machine.system == "Linux":
        yield from _loopback(machine)
    elif not outputs:
        yield Finding("virtual camera", Status.INFO, "OBS's virtual camera was not found.", _obs_step(machine.system))
    for output in outputs:
        yield _output(output)


def _output(output: OutputInfo) -> Finding:
    name = f"{output.label} ({output.device})"
    if output.fed_by:
        return Finding("virtual camera", Status.WARN, f"{name} is fed by {output.fed_by}.", f"Close {output.fed_by}.")
    if output.problem or not output.free:
        return Finding("virtual camera", Status.WARN, f"{name}: {output.problem or 'not usable.'}", output.next_step)
    step = f"livecam run --sink virtualcam:{output.device}"
    return Finding("virtual camera", Status.OK, f"{name} is free.", step)


def _loopback(machine: Machine) -> Iterable[Finding]:
    if not machine.exists(_MODULE):
        yield Finding("v4l2loopback", Status.INFO, "The module is not loaded.", _install_step(machine.distribution))
        return
    flags = machine.read(_MODULE / "parameters" / "exclusive_caps").strip()
    version = machine.read(_MODULE / "version").strip() or "of unknown version"
    if "Y" not in flags.split(","):
        # Without the flag, Chromium and what is built on it do not list the device as a camera.
        told = f"v4l2loopback {version} is loaded without exclusive_caps, so browsers will not list the camera."
        yield Finding("v4l2loopback", Status.WARN, told, f"sudo modprobe -r v4l2loopback && {MODPROBE}")
    else:
        yield Finding("v4l2loopback", Status.OK, f"v4l2loopback {version} is loaded with exclusive_caps.")


def _install_step(distribution: str) -> str:
    words = distribution.split()
    for word, command in _INSTALL.items():
        if any(word in part for part in words):
            return f"{command} && {MODPROBE}"
    return f"Install v4l2loopback with your package manager, then {MODPROBE}"


def _obs_step(system: str) -> str:
    name = "OBS Studio 30 or newer" if system == "Darwin" else "OBS Studio 26 or newer"
    return f"Install {name}, start its virtual camera once and stop it."
