"""Builds plans as `livecam.inference.plan_child` does, without a TensorRT; what it is to do is the recipe's name."""

import os
import signal
import sys
import time
from collections.abc import Mapping

from livecam.errors import EngineError
from livecam.inference.plan_child import Step, main
from livecam.inference.plan_request import Request

PAYLOAD = b"machine code" * 100_000


def build(request: Request, step: Step) -> tuple[bytes, Mapping[str, str]]:
    match request.model:
        case "refuse":
            raise EngineError("No operator Wonder.", "Choose another network.")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash":
            raise ValueError("a bug")
        case "babble":
            os.write(1, b"what native code prints\n" * 1000)
        case "sleep":
            # As native code does: without listening to anybody.
            step("compiling", 1, 10)
            sys.stderr.write(f"pid {os.getpid()}\n")
            time.sleep(200)
    for done in range(1000):
        step("compiling", done + 1, 1000)
    return PAYLOAD, {"model": request.model}


if __name__ == "__main__":
    if sys.argv[1:] == ["nonsense"]:
        sys.stdout.write("{}\n")
    elif sys.argv[1:] == ["short"]:
        sys.stdin.readline()
        sys.stdout.write('{"size": 100, "sha256": "", "about": {}}\nabc')
    else:
        sys.exit(main(build))
