"""What the measurements share: the machine they ran on, bars, and result files."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from livecam.app.machine import versions
from livecam.config import Config, load

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Bar:
    """A number to reach.

    Attributes:
        what: In words, with its unit.
        limit: The bar.
        measured: What was seen.
        at_least: Whether more is better.
    """

    what: str
    limit: float
    measured: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the number was reached."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{'ok  ' if self.met else 'MISS'} {self.what}: {self.measured:.4g} (bar {sign} {self.limit:.4g})"


def machine() -> dict[str, object]:
    """The machine, in the words that explain a figure."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "load_1min_at_end": round(os.getloadavg()[0], 2), **versions()}


def configure(values: Mapping[str, str]) -> Config:
    """A configuration from texts as flags would give them; the user's own file and environment stay out."""
    return load(values, Path(os.devnull), {}).config


def publish(name: str, command: str, bars: Sequence[Bar], details: object, quick: bool) -> None:
    """Print the bars and, unless it was a quick look, write benchmarks/results/NAME.json."""
    for bar in bars:
        print(f"  {bar}", flush=True)
    if quick:
        return
    result = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        "bars": [{**asdict(bar), "met": bar.met} for bar in bars],
        "details": details,
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2, default=str)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
