"""Keys and caches for the tests of plans; run as a program, it writes plans until it is killed."""

import sys
import time
from dataclasses import replace
from pathlib import Path

from livecam.inference.plan_key import Flavour, InputShape, PlanKey, Precision
from livecam.inference.plans import PlanCache

KEY = PlanKey(
    model="swap",
    recipe="a" * 64,
    weights="b" * 64,
    flavour=Flavour.RTX,
    version="1.7.1",
    target="portable",
    precision=Precision.FP16,
    converter="1:none",
    shapes=(InputShape.fixed("target", (1, 3, 128, 128)), InputShape("source", (1, 512), (1, 512), (4, 512))),
    settings=(("level", "3"),),
)
OTHER = replace(KEY, model="detect")
OLD, NEW = b"old" * 400_000, b"newer" * 400_000


def write_for_ever(folder: Path) -> None:
    """Old and new in turn; says once that the first is there."""
    cache = PlanCache(folder)
    cache.keep(KEY, OLD)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for payload in (NEW, OLD):
            cache.keep(KEY, payload)


def build_once(folder: Path, log: Path) -> None:
    """Obtain the plan; a line in `log` for every time it is really built."""

    def make() -> tuple[bytes, dict[str, str]]:
        with log.open("a") as file:
            file.write("built\n")
        time.sleep(0.3)
        return OLD, {}

    PlanCache(folder).obtain(KEY, make)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_for_ever(Path(sys.argv[2]))
    else:
        build_once(Path(sys.argv[2]), Path(sys.argv[3]))
