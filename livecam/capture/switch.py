"""A source whose inner source can be replaced by another while frames flow."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from livecam.core.frame import Image, Size
from livecam.core.seams import Source, SourceInfo
from livecam.errors import SourceError, SourceLost

PATIENCE_S: Final = 8.0
"""Longer than the capture thread is away from a source: for a frame, or between two tries to open what was lost."""

_AT_WORK_S: Final = 15.0
"""Longer than opening a source and reading a frame may take."""


@dataclass(slots=True)
class _Offer:
    """A source that is to take over.

    Attributes:
        source: Whoever holds `claim` uses it; before that, whoever offers it.
        info: As it was opened; None where the capture thread has to open it, the old one being closed first.
        claim: Got once, by the capture thread or by whoever withdraws the offer.
        done: The capture thread has changed over, or has `refused`.
    """

    source: Source
    info: SourceInfo | None
    claim: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)
    refused: SourceError | None = None


class SwitchingSource:
    """A `Source` that hands through another one, and takes up a new one between two frames.

    All of them deliver images of one size. `replace` may be called in any thread; everything else is the capture
    thread's. The old source is closed only when the new one has delivered a frame.

    Args:
        first: To begin with.
        size: Of every image.
        restarted: Called in the capture thread between the last frame of the old source and the first of the new.

    Attributes:
        info: Of the source in use; None before the first opening.
        changing: Whether the capture thread is just changing over, which may take as long as opening does.
    """

    def __init__(self, first: Source, size: Size, restarted: Callable[[], None] = lambda: None) -> None:
        self._source = first
        self._size = size
        self._restarted = restarted
        self._offer: _Offer | None = None
        self._lock = threading.Lock()
        self._gate = threading.Lock()
        self._in_use = False
        self.info: SourceInfo | None = None
        self.changing = False

    def open(self) -> SourceInfo:
        """See `Source`. A source that is offered takes over here too, so that one that is lost can be replaced."""
        with self._gate:
            self._in_use = True
        offer = self._claimed()
        if offer is None or not self._opened(offer):
            self.info = self._source.open()
        elif offer.info is not None:
            self._use(offer, offer.info)
        assert self.info is not None, "one of them is open"
        return self.info

    def read_into(self, image: Image) -> int:
        """See `Source`."""
        offer = self._claimed()
        if offer is None:
            return self._source.read_into(image)
        self.changing = True
        try:
            return self._change(offer, image)
        finally:
            self.changing = False

    def _change(self, offer: _Offer, image: Image) -> int:
        """The next frame: of what is offered, or of the old source where that fails."""
        relayed = offer.info is None
        if relayed:
            self._source.close()
        stamp_ns = self._first_frame(offer, image) if self._opened(offer) else None
        if stamp_ns is not None and offer.info is not None:
            self._source.close()
            self._use(offer, offer.info)
            # What inference remembers is of another scene.
            self._restarted()
            return stamp_ns
        if relayed:
            self.info = self._source.open()
        return self._source.read_into(image)

    def close(self) -> None:
        """See `Source`."""
        self._source.close()
        with self._gate:
            self._in_use = False

    def settle(self, source: Source) -> SourceInfo | None:
        """While this is closed, as during a rest: read from `source` once this is opened; how it was opened to try it.

        It is closed again after a frame. None where this is open, or was opened meanwhile: nothing changed. Any thread.

        Raises:
            SourceError: It does not open or sends no frame; nothing changed.
        """
        with self._lock:
            if self._in_use:
                return None
            info = self._tried(source)
            source.close()
            return info if self._settled(source, info) else None

    def _settled(self, source: Source, info: SourceInfo) -> bool:
        with self._gate:
            if not self._in_use:
                self._source, self.info = source, info
            return not self._in_use

    def replace(self, source: Source, relay: bool = False, patience_s: float = PATIENCE_S) -> SourceInfo:
        """Read from `source` from now on; how it was opened. Any thread; one at a time.

        It is opened and tried here, while the old one goes on.

        Args:
            source: Delivers images of the same size.
            relay: Both are of one device, so that the old one is closed before the new one is opened, in the capture
                thread; the old one comes back where that fails.
            patience_s: How long the capture thread may take for the change.

        Raises:
            SourceError: It does not open or sends no frame, or the change took too long. The old one goes on.
        """
        with self._lock:
            offer = _Offer(source, None if relay else self._tried(source))
            self._offer = offer
            if not offer.done.wait(patience_s) and offer.claim.acquire(blocking=False):
                self._offer = None
                source.close()
                raise SourceLost("The old source hangs, so that no other could take over.", "Try again.")
            if not offer.done.wait(_AT_WORK_S):
                raise SourceLost("The change takes long; the status will show what came of it.")
            if offer.refused is not None:
                raise offer.refused
            assert offer.info is not None, "it was opened by one of the two threads"
            return offer.info

    def _tried(self, source: Source) -> SourceInfo:
        try:
            info = source.open()
            source.read_into(np.empty(self._size.image_shape, np.uint8))
        except SourceError:
            source.close()
            raise
        return info

    def _claimed(self) -> _Offer | None:
        offer = self._offer
        if offer is None or not offer.claim.acquire(blocking=False):
            return None
        self._offer = None
        return offer

    def _opened(self, offer: _Offer) -> bool:
        """Open what is offered, if it is not; whether it is open."""
        if offer.info is None:
            try:
                offer.info = offer.source.open()
            except SourceError as error:
                self._refuse(offer, error)
        return offer.refused is None

    def _first_frame(self, offer: _Offer, image: Image) -> int | None:
        """The capture time of the first frame of what is offered; None where there is none."""
        try:
            return offer.source.read_into(image)
        except SourceError as error:
            self._refuse(offer, error)
            return None

    def _refuse(self, offer: _Offer, error: SourceError) -> None:
        offer.source.close()
        offer.refused = error
        offer.done.set()

    def _use(self, offer: _Offer, info: SourceInfo) -> None:
        self._source, self.info = offer.source, info
        offer.done.set()
