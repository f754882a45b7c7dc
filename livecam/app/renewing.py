"""The embedded swap whose networks are loaded anew when they fail for good, as after a fault of a graphics card."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import DeviceError, EngineError

log = logging.getLogger(__name__)

IN_A_ROW: Final = 8
"""So many frames in a row on which a network fails mean that the next one will too."""


class RenewingProcessor:
    """A `Processor` before one that can be made again. The frame on which it fails is withheld all the same.

    Args:
        make: Makes it, and closes the one before. Called in the thread of `process`.
        in_a_row: As `IN_A_ROW`.
    """

    def __init__(self, make: Callable[[], Processor], in_a_row: int = IN_A_ROW) -> None:
        self._make = make
        self._in_a_row = in_a_row
        self._failed = 0
        self._told = False
        self._tier: Tier | None = None
        self._inner: Processor | None = make()

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`.

        Raises:
            EngineError: A network failed; when that goes on, it is loaded anew before the next frame.
        """
        inner = self._inner or self._renewed()
        try:
            outcome = inner.process(frame, out, settings)
        except EngineError as error:
            self._failed += 1
            if isinstance(error, DeviceError) or self._failed >= self._in_a_row:
                self._renew(error)
            raise
        self._failed = 0
        self._told = False
        return outcome

    def _renew(self, error: EngineError) -> None:
        if not self._told:
            log.warning("The networks are loaded anew, because they fail: %s", error)
        self._told = True
        self._failed, self._inner = 0, None

    def _renewed(self) -> Processor:
        self._inner = inner = self._make()
        if self._tier is not None:
            inner.adapt(self._tier)
        return inner

    def reset(self) -> None:
        """See `Processor`. Follows every failure, so that what is loaded anew is loaded here, and not as a frame."""
        if self._inner is not None:
            self._inner.reset()
        else:
            self._renewed()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._tier = tier
        if self._inner is not None:
            self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._inner.stages() if self._inner is not None else {}
