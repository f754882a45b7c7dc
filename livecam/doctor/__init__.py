"""``livecam doctor``: what was found, what is missing, and the exact next command."""

from collections.abc import Sequence
from typing import Final

from livecam.config import Resolved
from livecam.doctor import (
    backends,
    devices,
    files,
    hotkeys,
    idle,
    other_systems,
    pipewire,
    safety,
    software,
    trust,
    wearers,
)
from livecam.doctor.finding import Check, Finding, Status
from livecam.doctor.machine import Machine

__all__ = ["CHECKS", "Finding", "Machine", "Status", "examine", "is_fit"]

CHECKS: Final[tuple[Check, ...]] = (
    software.check_python,
    software.check_packages,
    software.check_opencv,
    software.check_clock,
    backends.check_card,
    backends.check_backends,
    backends.check_provider,
    backends.check_plans,
    backends.check_tuned,
    files.check_config,
    trust.check_policy,
    files.check_folders,
    trust.check_audit,
    files.check_disk,
    files.check_models,
    files.check_preset,
    safety.check_safety,
    files.check_personas,
    wearers.check_wearers,
    devices.check_source,
    devices.check_cameras,
    devices.check_sinks,
    devices.check_virtual_camera,
    idle.check_idle,
    hotkeys.check_hotkeys,
    pipewire.check_pipewire,
    other_systems.check_other_systems,
)
"""In the order they are shown."""


def examine(machine: Machine, resolved: Resolved) -> tuple[Finding, ...]:
    """Run every check."""
    return tuple(finding for check in CHECKS for finding in check(machine, resolved))


def is_fit(findings: Sequence[Finding]) -> bool:
    """Whether ``livecam run`` would work: nothing failed."""
    return all(finding.status is not Status.FAIL for finding in findings)
