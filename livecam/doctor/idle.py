"""Whether ``idle = "release"`` can do anything here: who reads has to be known."""

from collections.abc import Iterable, Sequence
from typing import Final

from livecam.config import Resolved, WhenIdle
from livecam.core.spec import Spec
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine

_COUNTED: Final = frozenset({"web"})
_COUNTED_ON_LINUX: Final = frozenset({"auto", "virtualcam", "v4l2", "pipewire"})


def check_idle(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """What happens while nobody looks, and which sinks cannot tell that."""
    idle = resolved.config.idle
    if idle.when is not WhenIdle.RELEASE:
        return
    silent = _silent(resolved.config.output.sinks, machine.system)
    if not silent:
        told = f"The camera is closed when nobody has looked for {idle.after_s:g} s."
        yield Finding("idle", Status.OK, told)
        return
    names = ", ".join(spec.text for spec in silent)
    told = f"Who reads {names} cannot be known, so that the camera stays open."
    yield Finding("idle", Status.WARN, told, "Leave that sink out, or leave out --idle release.")


def _silent(sinks: Sequence[Spec], system: str) -> list[Spec]:
    return [spec for spec in sinks if not _tells(spec, system)]


def _tells(spec: Spec, system: str) -> bool:
    if spec.kind == "stream":
        return "udp://" not in spec.target
    return spec.kind in _COUNTED or (system == "Linux" and spec.kind in _COUNTED_ON_LINUX)
