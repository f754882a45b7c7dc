"""Compiles and works out references as the real processes do, in no time; the file's first word says what is to happen.

Run as ``python pretend_workshop.py plan`` or ``... reference``.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from livecam.errors import EngineError
from livecam.inference.agreement import Reference
from livecam.inference.plan_child import Step, main
from livecam.inference.plan_request import Request
from livecam.inference.references import to_bytes

PLAN = b"machine code"
REFERENCE = Reference(
    {"target": np.ones((1, 3, 8, 8), np.float32)}, {"image": np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)}
)


def plan(request: Request, step: Step) -> tuple[bytes, Mapping[str, str]]:
    word = Path(request.path).read_text(encoding="utf-8").split()[0]
    if word == "refuse":
        raise EngineError("No operator Wonder.", "Choose another network.")
    for done in range(4):
        step("compiling", done + 1, 4)
    if word == "sleep":
        time.sleep(60)
    while word == "until" and not Path(Path(request.path).read_text(encoding="utf-8").split()[1]).exists():
        time.sleep(0.005)
    return PLAN, {}


def reference(request: Request, step: Step) -> tuple[bytes, Mapping[str, str]]:
    step("working out what it gives", 0, 0)
    return to_bytes(REFERENCE), {}


if __name__ == "__main__":
    sys.exit(main(plan if sys.argv[1] == "plan" else reference))
