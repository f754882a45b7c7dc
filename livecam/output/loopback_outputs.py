"""The virtual cameras of a Linux machine."""

import errno
import os
from pathlib import Path

from livecam.output import loopback
from livecam.output.outputs import MODPROBE, OutputInfo


def loopback_outputs(sysfs: Path = loopback.SYSFS, dev: str = "/dev/") -> tuple[OutputInfo, ...]:
    """All v4l2loopback nodes."""
    return tuple(_output(dev + name, label) for name, label in loopback.nodes(sysfs))


def _output(path: str, label: str) -> OutputInfo:
    fed_by = loopback.writer_of(path)
    try:
        caps = loopback.query(path)
    except OSError as error:
        permitted = error.errno not in (errno.EACCES, errno.EPERM)
        return OutputInfo(
            path, label, loopback.DRIVER, "v4l2loopback", False, False, permitted, None, fed_by, *_why(path, error)
        )
    # Without exclusive_caps a node always claims both.
    exclusive = not (caps.capture and caps.output)
    return OutputInfo(
        device=path,
        label=caps.card or label,
        driver=caps.driver,
        backend="v4l2loopback",
        ready=caps.output,
        repairable=not caps.output and not fed_by and caps.driver == loopback.DRIVER,
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
