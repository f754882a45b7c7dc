"""The figures of a run as plain values for JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

from livecam.bench.quality.ablation import Ablation, Side
from livecam.bench.quality.clip import Result
from livecam.bench.quality.figures import Figures, Ratio, curve_of
from livecam.bench.quality.looks import eye_opening, mouth_opening
from livecam.bench.quality.series import Curve
from livecam.bench.quality.smoothers import MODES
from livecam.bench.quality.trace import Trace

SCHEMA: Final = "livecam quality 1"
"""Changes when a field changes its meaning or goes."""

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"

AGE_UNMEASURED: Final = (
    "a file has no moment of capture; on this machine no live picture is younger than its time for a frame, and "
    "livecam bench latency measures the age at a reader"
)


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured, and on what.

    Attributes:
        persona: Worn.
        preset: Of networks.
        judge: Who tells identities; empty when nobody.
        no_judge: Why nobody does.
        same_person: The judge's threshold.
        steadiness: Of livecam's own smoothing.
        place: The machine and the versions.
    """

    persona: str
    preset: str
    judge: str
    no_judge: str
    same_person: float
    steadiness: float
    place: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the measurement.

    Attributes:
        setup: What was measured.
        results: Of each clip, and of its still case after it.
        problems: What could not be measured at all, in sentences.
        ablations: What the persona's identity pack does on each clip, where it was used.
        no_ablation: Why there are none though packs were asked for, in a sentence; "" otherwise.
    """

    setup: Setup
    results: tuple[Result, ...]
    problems: tuple[str, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    no_ablation: str = ""

    @property
    def about_pack(self) -> tuple[str, ...]:
        """What is to be said of the identity pack, in sentences."""
        return tuple(one.sentence for one in self.ablations) or ((self.no_ablation,) if self.no_ablation else ())

    def to_json(self) -> dict[str, Plain]:
        """Everything, for machines; NaN becomes null."""
        setup = {**asdict(self.setup), "place": dict(self.setup.place)}
        modes = {mode.name: mode.told for mode in MODES.values()}
        return {
            "schema": SCHEMA,
            "setup": setup,
            "modes": modes,
            "unmeasured": {"age": AGE_UNMEASURED},
            "problems": list(self.problems),
            "pack": {"clips": [_ablated(one) for one in self.ablations], "why_not": self.no_ablation},
            "clips": [_clip(result) for result in self.results],
        }


def _ablated(one: Ablation) -> dict[str, Plain]:
    def side(of: Side) -> dict[str, Plain]:
        identity = None if of.identity is None else _all_rounded(asdict(of.identity))
        return {"identity": identity, "output_jitter_px": _rounded(of.jitter)}

    return {
        "clip": one.clip,
        "with": side(one.with_pack),
        "without": side(one.without),
        "vector_turn_degrees": {"mean": _rounded(one.turn_mean), "most": _rounded(one.turn_most)},
        "bins": one.bins,
        "told": one.sentence,
    }


def _clip(result: Result) -> dict[str, Plain]:
    frames = len(result.speed)
    return {
        "name": result.name,
        "still_case": result.posed,
        "size": str(result.size),
        "fps": _rounded(result.fps),
        "frames": frames,
        "frames_still": int(result.still.sum()),
        "frames_moving": int(result.moving.sum()),
        "speed": _listed(result.speed),
        "modes": {mode: _figures(figures, result.traces[mode]) for mode, figures in result.figures.items()},
    }


def _figures(figures: Figures, trace: Trace) -> dict[str, Plain]:
    step, late, fates = figures.step_ms, figures.lag, figures.fates
    return {
        "frames": {**asdict(fates), "reasons": dict(fates.reasons)},
        "step_ms": None if step is None else {"p50": _rounded(step[0]), "p95": _rounded(step[1])},
        "jitter_px": _rounded(figures.jitter),
        "lag": None if late is None else _all_rounded(asdict(late)),
        "warp": _ratio(figures.warp),
        "warp_moving": _ratio(figures.warp_moving),
        "warp_still": _ratio(figures.warp_still),
        "colour": _ratio(figures.colour),
        "colour_calm": _ratio(figures.colour_calm),
        "identity": None if figures.identity is None else _all_rounded(asdict(figures.identity)),
        "expression": None if figures.expression is None else _all_rounded(asdict(figures.expression)),
        "unmeasured": dict(figures.unmeasured),
        "series": {name: _listed(curve) for name, curve in curves(trace).items()},
    }


def curves(trace: Trace) -> dict[str, Curve]:
    """What is noted of every frame, by name; (T,) each."""
    return {
        "warp_before": trace.warp_before,
        "warp_after": trace.warp_after,
        "mouth_before": curve_of(trace.before, mouth_opening),
        "mouth_after": curve_of(trace.after, mouth_opening),
        "eyes_before": curve_of(trace.before, eye_opening),
        "eyes_after": curve_of(trace.after, eye_opening),
        "to_persona": trace.to_persona,
        "to_wearer": trace.to_wearer,
        "step_ms": trace.step_ms,
    }


def _ratio(found: Ratio | None) -> dict[str, Plain] | None:
    if found is None:
        return None
    return {"before": _rounded(found.before), "after": _rounded(found.after), "ratio": _rounded(found.ratio)}


def _all_rounded(values: Mapping[str, float | None]) -> dict[str, Plain]:
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(f"{value:.5g}")


def _listed(curve: Curve) -> list[float | None]:
    return [_rounded(value) for value in curve.tolist()]
