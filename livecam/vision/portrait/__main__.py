"""Draw the committed pictures again: ``python -m livecam.vision.portrait OUTDIR``."""

from __future__ import annotations

import sys
from pathlib import Path

from livecam.vision.portrait.assets import write_demo, write_persona


def main(arguments: list[str]) -> int:
    """Draw both nobodies into the folder named by the only argument; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m livecam.vision.portrait OUTDIR", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for path in (write_persona(folder), *write_demo(folder)):
        print(f"{path}  {path.stat().st_size / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
