"""Which virtual camera a target means, and why it cannot be had."""

import os
import platform

from livecam.errors import SinkGone, SinkLost
from livecam.output.devices import advice, list_outputs
from livecam.output.outputs import OutputInfo, best


def pick(target: str, outputs: tuple[OutputInfo, ...]) -> OutputInfo:
    """The one of `outputs` that `target` means; when it is empty the best free one.

    Args:
        target: Path, number or label.
        outputs: Those there are.

    Raises:
        SinkGone: It is no virtual camera, or may not be written to.
        SinkLost: There is no such device now, or another program feeds it.
    """
    if not target:
        return best(outputs) or _none_free(outputs)
    wanted = device_path(target)
    for output in outputs:
        if wanted in (output.device, output.label):
            return _usable(output)
    if os.path.isabs(wanted) and os.path.exists(wanted):
        raise _no_camera(wanted)
    raise SinkLost(f"There is no virtual camera {target!r}.", advice())


def outputs_for(target: str) -> tuple[OutputInfo, ...]:
    """The virtual cameras among which `target` is to be looked for. A path is looked at itself, and nothing else."""
    wanted = device_path(target)
    if platform.system() != "Linux" or not wanted.startswith("/"):
        return list_outputs()
    from livecam.output.loopback_outputs import loopback_output

    return (loopback_output(wanted),) if os.path.exists(wanted) else ()


def device_path(target: str) -> str:
    """`target` with a number or a link turned into the device's own path, where that has a meaning."""
    if platform.system() != "Linux":
        return target
    if target.isdecimal():
        return f"/dev/video{target}"
    return os.path.realpath(target) if target.startswith("/") else target


def _usable(output: OutputInfo) -> OutputInfo:
    if not output.permitted:
        raise SinkGone(output.problem or f"You may not write to {output.device}.", output.next_step)
    if output.fed_by:
        raise SinkLost(f"{output.device} is being fed by {output.fed_by}.", "Stop that, or name another device.")
    if not output.free and output.backend == "v4l2loopback" and output.driver != "v4l2 loopback":
        raise _no_camera(output.device)
    if not output.free:
        raise SinkLost(output.problem or f"{output.device} takes no pictures now.", output.next_step)
    return output


def _no_camera(device: str) -> SinkGone:
    return SinkGone(f"{device} is no virtual camera.", "Run livecam outputs to see those there are.")


def _none_free(outputs: tuple[OutputInfo, ...]) -> OutputInfo:
    if not outputs:
        raise SinkLost("There is no virtual camera on this machine.", advice())
    # The first one's trouble is the likeliest to be what the user can mend.
    return _usable(outputs[0])
