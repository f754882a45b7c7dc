"""Banded back-off: the policy is data."""

from dataclasses import dataclass

from livecam.core.frame import NS_PER_S


@dataclass(frozen=True, slots=True)
class Band:
    """Wait `delay_s` before each of the next `times` tries; the last band of a policy goes on for ever."""

    delay_s: float
    times: int


DEVICE_BANDS = (Band(0.25, 20), Band(2.0, 15), Band(5.0, 1))
"""For cameras and sinks: quick while a cable is being put back, patient afterwards."""

INFERENCE_BANDS = (Band(0.0, 5), Band(0.25, 20), Band(2.0, 15), Band(5.0, 1))
"""For inference: one bad frame costs nothing; a broken network does not spin."""


def delay_ns(bands: tuple[Band, ...], tries: int) -> int:
    """The wait in ns after `tries` failed tries."""
    for band in bands:
        if tries < band.times:
            break
        tries -= band.times
    return int(band.delay_s * NS_PER_S)


class Backoff:
    """Counts tries and says how long to wait before the next.

    Args:
        bands: In order; the last one is repeated.
    """

    __slots__ = ("_bands", "tries")

    def __init__(self, bands: tuple[Band, ...]) -> None:
        if not bands:
            raise ValueError("A back-off needs at least one band.")
        self._bands = bands
        self.tries = 0

    def next_delay_ns(self) -> int:
        """The wait before the next try, in ns; counts that try."""
        wait_ns = delay_ns(self._bands, self.tries)
        self.tries += 1
        return wait_ns

    def succeeded(self) -> None:
        """Start over."""
        self.tries = 0
