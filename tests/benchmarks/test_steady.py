"""The bars of the steadiness benchmark: livecam's own beside what other programs reach."""

from dataclasses import fields

import numpy as np

from benchmarks.bench_steady import against_peers
from livecam.bench.quality.clip import Result
from livecam.bench.quality.figures import Expression, Fates, Figures, Ratio
from livecam.bench.quality.series import Lag
from livecam.core.frame import Size


def figures(jitter: float, late: float, warp: float, colour: float, blink: float) -> Figures:
    nothing = dict.fromkeys(field.name for field in fields(Figures))
    known = {
        "fates": Fates(8, 100.0, 0.0, 0.0, {}),
        "jitter": jitter,
        "lag": Lag(0.0, late, 0.0),
        "warp": Ratio(2.0, 2 * warp),
        "warp_moving": Ratio(2.0, 3 * warp),
        "warp_still": Ratio(2.0, warp),
        "colour": Ratio(0.5, 0.5 * colour),
        "colour_calm": Ratio(0.5, 0.4 * colour),
        "expression": Expression(1.0, 1.0, 1.0, 1.0, None, blink),
    }
    return Figures(**{**nothing, **known})  # type: ignore[arg-type]


PEER = figures(0.4, 1.0, 0.8, 0.7, 0.9)


def bars(ours: Figures, *, posed: bool = False) -> dict[str, bool]:
    """By what they say: whether they are met."""
    nothing = np.zeros(8)
    frames = nothing.astype(np.bool_)
    modes = {"none": PEER, "average": PEER, "ema": PEER, "ours": ours}
    result = Result("d3", posed, Size(64, 64), 30.0, {}, modes, nothing, frames, frames)
    return {str(bar): bar.met for bar in against_peers(result)}


def test_what_is_worse_than_a_peer_misses_its_bar_and_is_printed_so() -> None:
    better = bars(figures(0.3, -0.5, 0.7, 0.6, 0.95))
    assert len(better) == 16
    assert all(better.values())
    worse = bars(figures(0.5, -1.1, 0.9, 0.71, 0.89))
    assert len(worse) == 16
    assert not any(worse.values())
    assert "MISS d3: colour jitter, of the input's, against average: 0.71 (bar <= 0.7)" in worse
    assert "MISS d3: colour jitter, lids and lips at rest, of the input's, against ema: 0.568 (bar <= 0.56)" in worse
    assert "MISS d3: blink, correlation, against ema: 0.89 (bar >= 0.9)" in worse


def test_a_still_is_held_to_what_is_measured_of_it() -> None:
    still = bars(figures(0.3, 9.0, 0.7, 0.71, 0.1), posed=True)
    assert [met for line, met in still.items() if "colour" in line] == [False, False]
    assert len(still) == 6
    assert all(line[5:].startswith("d3, still and noise: ") for line in still)
