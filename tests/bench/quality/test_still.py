"""A frame that stands still but for noise."""

import numpy as np
import pytest

from livecam.bench.quality.still import NOISE_SIGMA, noisy_frames, still_footage


def test_the_picture_stands_and_the_noise_changes_the_same_way_every_time() -> None:
    image = np.full((64, 64, 3), 120, np.uint8)
    frames = list(noisy_frames(image, 20))
    assert np.array_equal(frames[3], list(noisy_frames(image, 20))[3])
    assert not np.array_equal(frames[3], frames[4])
    assert np.mean(frames) == pytest.approx(120, abs=0.5)
    # JPEG takes some of the noise away, most of it of the colours.
    assert NOISE_SIGMA / 3 < float(np.std(frames)) < NOISE_SIGMA


def test_its_times_are_those_of_its_rate() -> None:
    moments = list(still_footage(np.zeros((64, 64, 3), np.uint8), 4, 25.0)())
    assert np.diff([moment.media_ns for moment in moments]).tolist() == [40_000_000] * 3
    assert moments[0].media_ns > 0
