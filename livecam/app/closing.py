"""The embedded networks of a processor that may be relieved while the run goes on."""

from contextlib import ExitStack, suppress
from functools import cached_property

from livecam.app.mesh import Networks
from livecam.errors import StopFailed
from livecam.vision.watch import FaceWatch


class ClosingNetworks(Networks):
    """`Networks` whose watches can be ended, each of which has a thread."""

    def watch(self) -> FaceWatch:
        """See `Networks`."""
        made = super().watch()
        self._held.callback(made.close)
        return made

    def close(self) -> None:
        """End the threads of what was made. One that hangs in a network is left behind."""
        with suppress(StopFailed):
            self._held.close()

    @cached_property
    def _held(self) -> ExitStack:
        return ExitStack()
