"""The sign of life that a service manager waits for."""

from typing import Protocol


class Heartbeat(Protocol):
    """Told by the output loop that a picture has left; may tell a service manager.

    What is proven is that the output thread runs, that the gate has decided, and that the sinks gave their picture
    back in time: a driver that hangs inside its `send` ends it. It is not proven that a sink that is away gets any.
    """

    def beat(self) -> None:
        """Take note of one picture that was sent; the first one shows that all is ready.

        Called in the output thread once a tick, so that it must neither wait nor raise, and do next to nothing.
        """
        ...
