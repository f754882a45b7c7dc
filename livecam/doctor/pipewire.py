"""The camera that needs no kernel module: what PipeWire and GStreamer lack for it."""

from collections.abc import Iterable

from livecam.config import Resolved
from livecam.core.spec import Spec
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine

_NAME = "pipewire camera"


def check_pipewire(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether programs that ask the desktop for a camera can be given one, and what is missing for that."""
    if machine.system != "Linux":
        return
    found = machine.pipewire()
    refusal = found.refusal(machine.distribution)
    if refusal is None:
        told = f"PipeWire answers at {found.remote} and GStreamer can make a camera there."
        yield Finding(_NAME, Status.OK, told, "livecam run --sink pipewire")
    else:
        yield Finding(_NAME, Status.INFO, refusal.what, refusal.next_step)


def named_camera(machine: Machine, spec: Spec) -> Finding:
    """Whether the configured sink `spec` can be there."""
    refusal = machine.pipewire().refusal(machine.distribution) if machine.system == "Linux" else None
    if machine.system != "Linux":
        told = f"{spec.text} is configured, but PipeWire cameras exist on Linux only."
        return Finding("sinks", Status.FAIL, told, "livecam run --sink virtualcam")
    if refusal is not None:
        return Finding("sinks", Status.FAIL, f"{spec.text} is configured. {refusal.what}", refusal.next_step)
    return Finding("sinks", Status.OK, f"{spec.text}.")
