"""Sources that have little time, opened on a machine that may stand still for longer."""

import time

from livecam.core.seams import Source
from livecam.errors import SourceLost
from tests.patience import UNHURRIED_S


def opened(source: Source) -> None:
    """Open it; again and again where it was given up."""
    deadline = time.monotonic() + UNHURRIED_S
    while True:
        try:
            source.open()
        except SourceLost:
            assert time.monotonic() < deadline, "It is given up again and again."
            time.sleep(0.05)
        else:
            return
