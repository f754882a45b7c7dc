"""The figures of a clip as rows of a table: one figure a row, one mode a column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from livecam.bench.quality.clip import Result
from livecam.bench.quality.figures import Expression, Figures, Ratio

MISSING: Final = "not measured"

Cell = Callable[[Figures], str | None]
"""What stands in a row for one mode; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in all modes.

    Attributes:
        name: In words, with its unit.
        cells: By mode.
        why: Why there is none, where it is missing in every mode; empty otherwise.
    """

    name: str
    cells: Mapping[str, str]
    why: str = ""


def _ratio(of: Callable[[Figures], Ratio | None]) -> Cell:
    def cell(figures: Figures) -> str | None:
        found = of(figures)
        return None if found is None else f"{found.ratio:.2f} x"

    return cell


def _done(of: Callable[[Expression], float | None], form: str) -> Cell:
    def cell(figures: Figures) -> str | None:
        value = None if figures.expression is None else of(figures.expression)
        return None if value is None else format(value, form)

    return cell


def _jitter(figures: Figures) -> str | None:
    return None if figures.jitter is None else f"{figures.jitter:.2f}"


def _lag(figures: Figures) -> str | None:
    return None if figures.lag is None else f"{figures.lag.percent:.2f} % ({figures.lag.ms:.0f} ms)"


def _distances(figures: Figures) -> str | None:
    found = figures.identity
    return None if found is None else f"{found.to_persona:.2f} / {found.to_wearer:.2f}"


def _shares(figures: Figures) -> str | None:
    found = figures.identity
    return None if found is None else f"{found.same_person:.0f} / {found.closer:.0f} / {found.wearer_gone:.0f}"


def _fates(figures: Figures) -> str:
    fates = figures.fates
    return f"{fates.published:.1f} / {fates.held:.1f} / {fates.slated:.1f}"


def _step(figures: Figures) -> str | None:
    return None if figures.step_ms is None else f"{figures.step_ms[0]:.1f} / {figures.step_ms[1]:.1f}"


_MOVING: Final[Sequence[tuple[str, str, Cell]]] = (
    ("jitter", "Jitter at rest, px at 720 lines", _jitter),
    ("lag", "Lag in motion, of the face's height", _lag),
    ("warp_moving", "Warp error in motion, of the input's", _ratio(lambda figures: figures.warp_moving)),
    ("warp_still", "Warp error at rest, of the input's", _ratio(lambda figures: figures.warp_still)),
    ("warp", "Warp error, whole clip, of the input's", _ratio(lambda figures: figures.warp)),
    ("colour", "Colour jitter, of the input's", _ratio(lambda figures: figures.colour)),
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
        _done(lambda done: done.mouth_correlation, ".3f"),
    ),
    (
        "expression.blink_correlation",
        "Blink, correlation",
        _done(lambda done: done.blink_correlation, ".3f"),
    ),
    ("expression", "Head pose error, degrees", _done(lambda done: done.turn, ".2f")),
    ("fates", "Published / held / slated, %", _fates),
    ("step_ms", "Time for a frame, median / p95, ms", _step),
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
    cells = {mode: cell(each) for mode, each in figures.items()}
    reasons = [each.unmeasured[key] for each in figures.values() if key in each.unmeasured]
    why = reasons[0] if reasons and not any(cells.values()) else ""
    return Row(name, {mode: text or "-" for mode, text in cells.items()}, why)
