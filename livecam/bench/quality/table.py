"""The figures of a clip as rows of a table: one figure a row, one mode a column."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from livecam.bench.quality.clip import Result
from livecam.bench.quality.figures import Expression, Figures, Ratio

MISSING: Final = "-"

MARK: Final = "*"
"""Stands behind the best of a row."""

WHAT_MARKS: Final = (
    "the best of its row, whichever way to keep the face steady that is: the lowest figure, but the highest of "
    "correlations and of the shares of frames; of several figures in a cell the first counts. What looks the same is "
    "the same, and where all are, none is marked"
)


class Shown(NamedTuple):
    """What stands in a row for one mode.

    Attributes:
        text: The figures.
        rank: The first of them, as it is shown; the lowest of a row is the best.
    """

    text: str
    rank: float


Cell = Callable[[Figures], Shown | None]
"""What stands in a row for one mode; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in all modes.

    Attributes:
        name: In words, with its unit.
        cells: By mode.
        why: Why there is none, where it is missing in every mode; empty otherwise.
        best: Modes whose figure is the best one; none where all are alike, or only one was measured.
    """

    name: str
    cells: Mapping[str, str]
    why: str = ""
    best: frozenset[str] = frozenset()


def _ratio(of: Callable[[Figures], Ratio | None]) -> Cell:
    def cell(figures: Figures) -> Shown | None:
        found = of(figures)
        return None if found is None or math.isnan(found.ratio) else _lowest(f"{found.ratio:.2f}", " x")

    return cell


def _done(of: Callable[[Expression], float | None], form: str, sign: int = 1) -> Cell:
    def cell(figures: Figures) -> Shown | None:
        value = None if figures.expression is None else of(figures.expression)
        return None if value is None else _lowest(format(value, form), sign=sign)

    return cell


def _lowest(shown: str, rest: str = "", sign: int = 1) -> Shown:
    """`shown`, a figure, and what follows it; ranked by the figure times `sign`, so that -1 makes the highest best."""
    return Shown(shown + rest, sign * float(shown))


def _jitter(figures: Figures) -> Shown | None:
    return None if figures.jitter is None else _lowest(f"{figures.jitter:.2f}")


def _lag(figures: Figures) -> Shown | None:
    if figures.lag is None:
        return None
    shown = f"{figures.lag.percent:.2f}"
    return Shown(f"{shown} % ({figures.lag.ms:.0f} ms)", abs(float(shown)))


def _distances(figures: Figures) -> Shown | None:
    found = figures.identity
    return None if found is None else _lowest(f"{found.to_persona:.2f}", f" / {found.to_wearer:.2f}")


def _shares(figures: Figures) -> Shown | None:
    found = figures.identity
    if found is None:
        return None
    return _lowest(f"{found.same_person:.0f}", f" / {found.closer:.0f} / {found.wearer_gone:.0f}", sign=-1)


def _fates(figures: Figures) -> Shown:
    fates = figures.fates
    return _lowest(f"{fates.published:.1f}", f" / {fates.held:.1f} / {fates.slated:.1f}", sign=-1)


def _step(figures: Figures) -> Shown | None:
    step = figures.step_ms
    return None if step is None else _lowest(f"{step[0]:.1f}", f" / {step[1]:.1f}")


_MOVING: Final[Sequence[tuple[str, str, Cell]]] = (
    ("jitter", "Jitter at rest, px at 720 lines", _jitter),
    ("lag", "Lag in motion, of the face's height", _lag),
    ("warp_moving", "Warp error in motion, of the input's", _ratio(lambda figures: figures.warp_moving)),
    ("warp_still", "Warp error at rest, of the input's", _ratio(lambda figures: figures.warp_still)),
    ("warp", "Warp error, whole clip, of the input's", _ratio(lambda figures: figures.warp)),
    ("colour", "Colour jitter, of the input's", _ratio(lambda figures: figures.colour)),
    (
        "colour_calm",
        "Colour jitter, lids and lips at rest",
        _ratio(lambda figures: figures.colour_calm),
    ),
    ("identity", "Distance to persona / wearer", _distances),
    ("identity", "Is persona / nearer to it / not wearer, %", _shares),
    (
        "expression",
        "Landmarks, % of eye distance",
        _done(lambda done: done.landmarks, ".2f"),
    ),
    ("expression", "Mouth, % of eye distance", _done(lambda done: done.mouth, ".2f")),
    ("expression", "Eyes, % of eye distance", _done(lambda done: done.eyes, ".2f")),
    (
        "expression.mouth_correlation",
        "Mouth opening, correlation",
        _done(lambda done: done.mouth_correlation, ".3f", sign=-1),
    ),
    (
        "expression.blink_correlation",
        "Blink, correlation",
        _done(lambda done: done.blink_correlation, ".3f", sign=-1),
    ),
    ("expression", "Head pose error, degrees", _done(lambda done: done.turn, ".2f")),
    ("fates", "Published / held / slated, %", _fates),
    ("step_ms", "Time for a frame (least age), median / p95, ms", _step),
)
_STILL: Final[Sequence[tuple[str, str, Cell]]] = (
    ("jitter", "Still and noise: jitter, px at 720 lines", _jitter),
    ("warp", "Still and noise: warp error, of the input's", _ratio(lambda figures: figures.warp)),
    ("colour", "Still and noise: colour jitter, of the input's", _ratio(lambda figures: figures.colour)),
)


def rows(result: Result) -> list[Row]:
    """The rows of one result."""
    return [_row(result.figures, key, name, cell) for key, name, cell in (_STILL if result.posed else _MOVING)]


def _row(figures: Mapping[str, Figures], key: str, name: str, cell: Cell) -> Row:
    shown = {mode: cell(each) for mode, each in figures.items()}
    reasons = [each.unmeasured[key] for each in figures.values() if key in each.unmeasured]
    why = reasons[0] if reasons and not any(shown.values()) else ""
    cells = {mode: MISSING if each is None else each.text for mode, each in shown.items()}
    return Row(name, cells, why, _best({mode: each.rank for mode, each in shown.items() if each is not None}))


def _best(ranks: Mapping[str, float]) -> frozenset[str]:
    """Modes with the lowest rank; none where all have the same."""
    if len(set(ranks.values())) < 2:
        return frozenset()
    return frozenset(mode for mode, rank in ranks.items() if rank == min(ranks.values()))
