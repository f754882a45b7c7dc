"""A sink that shows nothing, for measuring the rest."""

from livecam.core.cleared import Cleared
from livecam.core.frame import Size
from livecam.core.spec import SinkWish, Spec
from livecam.output.checks import demand_even, fitting, no_target


def make(spec: Spec, wish: SinkWish) -> "NullSink":
    """Build the sink ``null``.

    Raises:
        ConfigError: The spec has a target or parameters.
    """
    no_target(spec)
    spec.known()
    return NullSink()


class NullSink:
    """Checks every picture and forgets it.

    Attributes:
        name: ``null``.
        sent: How many pictures it was sent.
    """

    __slots__ = ("_size", "name", "sent")

    def __init__(self) -> None:
        self.name = "null"
        self.sent = 0
        self._size: Size | None = None

    def open(self, size: Size, fps: float) -> None:
        """Open for pictures of `size`.

        Raises:
            SinkGone: A side is odd.
        """
        demand_even(size, self.name)
        self._size = size

    def send(self, cleared: Cleared) -> None:
        """Count one picture."""
        fitting(cleared, self._size, self.name)
        self.sent += 1

    def close(self) -> None:
        """Forget the size."""
        self._size = None
