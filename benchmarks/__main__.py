"""``python -m benchmarks [NAME ...]``: run the named measurements, or all, and write benchmarks/results/NAME.json."""

import argparse
from collections.abc import Callable
from importlib import import_module

NAMES = (
    *("stages", "hostwork", "live", "overhead", "overload", "coldstart", "wake"),
    *("quality", "beside", "steady", "tracking", "crossing", "mark", "still", "screen"),
    *("capture", "virtualcam", "latency", "personas", "pack", "panel", "control", "studio", "soak"),
)


def main() -> None:
    """Run what was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all when none is given")
    parser.add_argument("--quick", action="store_true", help="short runs, for a look; results are not written")
    parser.add_argument("--minutes", type=float, default=10.0, help="of a soak")
    parser.add_argument("--seed", type=int, default=1, help="of a soak: which faults, when")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no measurement named {unknown[0]!r}; known: {', '.join(NAMES)}")
    for name in options.names or NAMES:
        print(f"== {name}", flush=True)
        measure: Callable[..., None] = import_module(f"benchmarks.bench_{name}").main
        if name == "soak":
            measure(options.quick, options.minutes, options.seed)
        else:
            measure(options.quick)


if __name__ == "__main__":
    main()
