"""Waiting for what another process does."""

import time
from collections.abc import Callable

from livecam.errors import LivecamError

_LONGEST_S = 180.0


def wait_for(holds: Callable[[], bool]) -> None:
    """Until it holds; a daemon that is not there yet is waited for."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        try:
            if holds():
                return
        except LivecamError:
            pass
        assert time.monotonic() < deadline, "It never came true."
        time.sleep(0.1)
