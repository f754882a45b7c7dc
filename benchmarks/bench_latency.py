"""What ``livecam bench latency`` says, through everything this machine has: how old a picture is at its reader."""

from collections.abc import Mapping
from typing import Final, NoReturn

from benchmarks.common import Bar, publish
from livecam.cli.bench_command import Outcome, Wish, run_latency
from livecam.errors import LivecamError
from livecam.output.devices import advice, list_outputs
from livecam.output.outputs import best

COMMAND = "python -m benchmarks latency"
SIZE: Final = "1280x720"
ATTEMPTS: Final = 3
LATER_BY: Final[Mapping[str, float]] = {"pipewire": 15.0, "v4l2": 20.0}
"""Bars: how much later than it was sent a picture may be at its reader, p50, ms."""


def main(quick: bool) -> None:
    bars: list[Bar] = []
    details: dict[str, object] = {}
    for name, through in cases().items():
        try:
            outcome = measured(Wish(through or no_device(), SIZE, seconds=4.0 if quick else 15.0))
        except LivecamError as error:
            details[name] = {"not_measured": str(error)}
            print(f"  {name}: not measured: {error}", flush=True)
            continue
        details[name] = outcome.to_json()
        print(f"  {name}: {said(outcome)}", flush=True)
        bars += judged(name, outcome)
    publish("latency", COMMAND, bars, details, quick)


def cases() -> dict[str, str]:
    """Name and sink of each measurement; the sink is empty where there is no device for it."""
    device = best(list_outputs())
    return {
        "memory": "memory",
        "web": "web",
        "pipewire": "pipewire",
        "v4l2": f"v4l2:{device.device}" if device is not None else "",
    }


def no_device() -> NoReturn:
    """Say so.

    Raises:
        LivecamError: Always.
    """
    raise LivecamError("There is no virtual camera on this machine.", advice())


def measured(wish: Wish) -> Outcome:
    """The first measurement without a problem, else the last: a neighbour may starve any single one.

    Raises:
        LivecamError: There is nothing to measure.
    """
    for _ in range(ATTEMPTS - 1):
        outcome = run_latency(wish)
        if not outcome.measurement.problem:
            return outcome
    return run_latency(wish)


def said(outcome: Outcome) -> str:
    found = outcome.measurement.figures
    age, daemon = found.age_ms, outcome.daemon_age_ms
    return (
        f"age {age.p50:.1f}/{age.p95:.1f}/{age.p99:.1f} ms (when sent {daemon['p50']:.1f}), "
        f"{found.new_fps:.2f} new and {found.reader_fps:.2f} pictures a second, {found.dropped} dropped, "
        f"{found.duplicates} repeated. {outcome.measurement.problem}"
    )


def judged(name: str, outcome: Outcome) -> list[Bar]:
    """The bars of one case."""
    if name not in LATER_BY:
        return []
    found = outcome.measurement.figures
    later_ms = found.age_ms.p50 - outcome.daemon_age_ms["p50"]
    bars = [Bar(f"from being sent to the reader at {name}, p50, ms", LATER_BY[name], later_ms)]
    if name == "pipewire":
        bars.append(Bar("pictures a second at the pipewire reader", 29.5, found.reader_fps, at_least=True))
    return bars
