"""What is known of a virtual camera, and which one to take."""

from dataclasses import dataclass

LABEL = "livecam"
MODPROBE = f"sudo modprobe v4l2loopback exclusive_caps=1 card_label={LABEL}"


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """A virtual camera that pictures can be sent to.

    Attributes:
        device: How to name it after ``virtualcam:``, such as ``/dev/video10``.
        label: What applications call it.
        driver: Such as ``v4l2 loopback``.
        backend: What pyvirtualcam calls the way to it.
        ready: Whether it takes a writer as it is.
        repairable: Whether opening it makes it ready, see `loopback.repair`.
        permitted: Whether this user may write to it.
        exclusive_caps: Whether browsers will list it; None where that is not known or has no meaning.
        fed_by: The program that feeds it now; empty when none is seen.
        problem: Why it cannot be used, or how it falls short; empty when all is well.
        next_step: What to do about that.
    """

    device: str
    label: str
    driver: str
    backend: str
    ready: bool
    repairable: bool = False
    permitted: bool = True
    exclusive_caps: bool | None = None
    fed_by: str = ""
    problem: str = ""
    next_step: str = ""

    @property
    def free(self) -> bool:
        """Whether it can be opened for output now."""
        return (self.ready or self.repairable) and self.permitted and not self.fed_by


def best(outputs: tuple[OutputInfo, ...]) -> OutputInfo | None:
    """The one to take when none was named: free, rather ours by label, rather ready, rather seen by browsers."""
    free = [output for output in outputs if output.free]
    return max(
        free, key=lambda output: (output.label == LABEL, output.ready, output.exclusive_caps is not False), default=None
    )
