"""What a run ends by, when more than one thing happens at its end."""

import pytest

from livecam.app.running import stopped
from livecam.errors import DriverHangs, LivecamError, SourceGone, StopFailed

HANGS, GONE, STUCK = DriverHangs("It hangs."), SourceGone("It is gone."), StopFailed("It did not end.")


@pytest.mark.parametrize(
    ("error", "stuck", "told", "ended"),
    [
        (None, None, False, None),
        (None, STUCK, True, STUCK),
        (GONE, STUCK, True, GONE),
        (HANGS, STUCK, False, HANGS),
        (HANGS, STUCK, True, STUCK),
        (HANGS, None, True, None),
    ],
)
def test_who_was_told_to_stop_does_not_start_again_for_a_driver_that_hangs(
    error: LivecamError | None, stuck: LivecamError | None, told: bool, ended: LivecamError | None
) -> None:
    def stop() -> None:
        if stuck is not None:
            raise stuck

    assert stopped(stop, error, told) is ended
