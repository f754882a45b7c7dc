"""What is judged by the clock is tried again, since others use the machine."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.patience import UNHURRIED_S

T = TypeVar("T")


def undisturbed(measure: Callable[[], T], good: Callable[[T], bool]) -> T:
    """What `measure` gives as soon as it is `good`; what it gave last where that was not so for a minute."""
    end_s = time.monotonic() + UNHURRIED_S
    while not good(found := measure()) and time.monotonic() < end_s:
        time.sleep(0.01)
    return found
