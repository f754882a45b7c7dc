"""The whole live path on the drawn demo face, in real time: capture-to-send age, drops and CPU, at three sizes."""

from dataclasses import asdict

from benchmarks.common import Bar, configure, publish
from livecam.app import run

COMMAND = "python -m benchmarks live"
CASES = (
    # name, size, fps, seconds, age bars (p50, p95) or None, inference bars (p50, p95) or None
    ("720p30", "1280x720", 30, 30, (25.0, 45.0), (14.0, 20.0)),
    ("480p30", "640x480", 30, 20, None, (10.0, None)),
    ("1080p30", "1920x1080", 30, 20, None, (20.0, None)),
    ("720p60", "1280x720", 60, 60, None, None),
)


def main(quick: bool) -> None:
    bars: list[Bar] = []
    details: dict[str, object] = {}
    for name, size, fps, seconds, age, step in CASES:
        values = {"source.spec": "synthetic", "source.size": size, "source.fps": str(fps), "output.sinks": "memory"}
        report = run(configure(values | {"run.seconds": str(5 if quick else seconds)}))
        details[name] = asdict(report)
        whole = report.stages_ms["whole"]
        print(f"  {name}: {report.fps:.2f} fps, age {report.age_ms}, step {whole}, sent {report.sent}", flush=True)
        if age is not None:
            bars.append(Bar(f"age p50 at {name}, ms", age[0], report.age_ms["p50"]))
            bars.append(Bar(f"age p95 at {name}, ms", age[1], report.age_ms["p95"]))
        if step is not None:
            bars.append(Bar(f"inference step p50 at {name}, ms", step[0], whole["p50"]))
            if step[1] is not None:
                bars.append(Bar(f"inference step p95 at {name}, ms", step[1], whole["p95"]))
        if fps == 60:
            bars.append(Bar(f"shown at {name}, pictures/s", 57.0, report.fps, at_least=True))
            bars.append(Bar(f"age p99 at {name}, ms", 80.0, report.age_ms["p99"]))
    publish("live", COMMAND, bars, details, quick)
