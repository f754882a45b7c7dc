"""The embedded networks of a processor that may be relieved while the run goes on."""

import threading
from contextlib import ExitStack, suppress
from functools import cached_property

from livecam.app.mesh import Networks
from livecam.core.frame import Image
from livecam.core.seams import Engine
from livecam.errors import StopFailed
from livecam.pipeline import PersonaSource, Pipeline
from livecam.vision.watch import FaceWatch


class ClosingNetworks(Networks):
    """`Networks` whose pipelines can be ended: watches, each of which has a thread, and the memory of engines."""

    def pipeline(self, personas: PersonaSource) -> Pipeline[Image]:
        """See `Networks`."""
        self._making = threading.get_ident()
        try:
            return super().pipeline(personas)
        finally:
            self._making = 0

    def engine(self, name: str) -> Engine:
        """See `Networks`."""
        made = super().engine(name)
        if self._making == threading.get_ident():
            # Not those of a preparer, which outlive a pipeline. Waiting for the collector would keep many at once.
            self._held.callback(made.close)
        return made

    def watch(self) -> FaceWatch:
        """See `Networks`."""
        made = super().watch()
        self._held.callback(made.close)
        return made

    def close(self) -> None:
        """End the pipelines that were made. A thread that hangs in a network is left behind. They may be made anew."""
        with suppress(StopFailed):
            self._held.close()

    _making = 0

    @cached_property
    def _held(self) -> ExitStack:
        return ExitStack()
