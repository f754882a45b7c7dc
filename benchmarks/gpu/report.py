"""The probe's results as text, and what they are held against."""

from collections.abc import Iterator, Mapping
from typing import cast

from benchmarks.common import Bar

Found = Mapping[str, object]


def bars(results: Found) -> list[Bar]:
    """The goals, as far as what they are about was measured."""
    card, memory = _part(results, "chain", "on the card"), _part(results, "chain", "onnx runtime")
    swap, enhanced = _run(card, "swap"), _run(card, "swap, GFPGAN 1.4")
    found = []
    if swap:
        found.append(Bar("detector and swapper at 1080p, one face, p50 ms", 3.0, swap["p50_ms"]))
        found.append(Bar("the same, p99 ms", 4.0, swap["p99_ms"]))
        found.append(Bar("processor time of a frame, ms", 1.0, swap["cpu_ms"]))
    if enhanced:
        found.append(Bar("with a 512 enhancer, p50 ms", 6.0, enhanced["p50_ms"]))
    peer = _run(memory, "swap")
    if swap and peer:
        times = peer["p50_ms"] / swap["p50_ms"]
        found.append(Bar("ONNX Runtime through the computer's memory over all of it, times", 3.0, times, at_least=True))
    return found


def lines(results: Found) -> Iterator[str]:
    """A table a person can read."""
    for stage, held in results.items():
        yield f"== {stage}"
        if isinstance(held, Mapping):
            yield from _told(held, "  ")
        else:
            yield f"  {held}"


def _told(held: Found, indent: str) -> Iterator[str]:
    for name, value in held.items():
        if isinstance(value, Mapping) and "p50_ms" in value:
            rest = {key: each for key, each in value.items() if key not in {"p50_ms", "p95_ms", "p99_ms", "runs"}}
            times = "  ".join(f"{key[:3]} {cast('float', value[key]):9.4f}" for key in ("p50_ms", "p95_ms", "p99_ms"))
            yield f"{indent}{name:<28} {times} ms  {_short(rest)}"
        elif isinstance(value, Mapping):
            yield f"{indent}{name}"
            yield from _told(value, indent + "  ")
        else:
            yield f"{indent}{name:<28} {_short({'': value})}"


def _short(values: Found) -> str:
    told = []
    for key, value in values.items():
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        told.append(f"{key} {text}".strip())
    return ", ".join(told)


def _part(results: Found, *names: str) -> Found:
    found: object = results
    for name in names:
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _run(chain: Found, what: str) -> dict[str, float]:
    found = _part(chain, what, "1 faces")
    return cast("dict[str, float]", dict(found)) if "p50_ms" in found else {}
