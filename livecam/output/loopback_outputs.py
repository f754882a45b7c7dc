"""The virtual cameras of a Linux machine."""

import errno
import os
from pathlib import Path

from livecam.output import loopback
from livecam.output.outputs import MODPROBE, OutputInfo


def loopback_outputs(sysfs: Path = loopback.SYSFS, dev: str = "/dev/") -> tuple[OutputInfo, ...]:
    """All v4l2loopback nodes."""
    return tuple(loopback_output(dev + name, label) for name, label in loopback.nodes(sysfs))


def loopback_output(path: str, label: str = "") -> OutputInfo:
    """The node at `path`, which may turn out to be something else; `label` is used where it does not give one."""
    fed_by = loopback.writer_of(path)
    try:
        caps = loopback.query(path)
    except OSError as error:
        permitted = error.errno not in (errno.EACCES, errno.EPERM)
        driver = "" if error.errno == errno.ENOTTY else loopback.DRIVER
        return OutputInfo(
            path, label, driver, "v4l2loopback", False, False, permitted, None, fed_by, *_why(path, error)
        )
    if caps.driver != loopback.DRIVER:
        return OutputInfo(path, caps.card or label, caps.driver, "v4l2loopback", ready=False)
    if not fed_by and caps.capture and loopback.is_fed(path):
        fed_by = "another program"
    # Without exclusive_caps a node always claims both.
    exclusive = not (caps.capture and caps.output)
    return OutputInfo(
        device=path,
        label=caps.card or label,
        driver=caps.driver,
        backend="v4l2loopback",
        ready=caps.output,
        repairable=not caps.output and not fed_by,
        permitted=os.access(path, os.W_OK),
        exclusive_caps=exclusive,
        fed_by=fed_by,
        problem="" if exclusive else "Chromium does not list it, because exclusive_caps is off.",
        next_step="" if exclusive else f"Run sudo modprobe -r v4l2loopback && {MODPROBE}.",
    )


def _why(path: str, error: OSError) -> tuple[str, str]:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"You may not write to {path}.", "Run sudo usermod -aG video $USER, then log out and in again."
    if error.errno == errno.EBUSY:
        return f"{path} is open in as many programs as it allows.", "Close one of them."
    return f"{path} does not answer ({error.strerror}).", ""
