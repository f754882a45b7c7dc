"""Compiles one plan in a process of its own: ``python -m livecam.inference.plan_child``.

The builder takes a core for seconds or minutes, gigabytes of memory and, as full TensorRT, the graphics card; and it is
native code that may die. None of that may happen to the process that a call depends on.

It is told what to do by one line on its standard input, and ends at once when that is closed, so that it never outlives
whoever started it. What it has to say are lines of JSON on its standard output; the last one is followed by the plan.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from livecam.errors import EngineError, LivecamError
from livecam.inference.plan_request import Request

_NICE: Final = 10
ORPHANED: Final = 3
"""Exit status when whoever started it has gone."""

Step = Callable[[str, int, int], bool]
Build = Callable[[Request, Step], tuple[bytes, Mapping[str, str]]]
"""Makes the plan, and what is to be remembered with it."""


def build(request: Request, step: Step) -> tuple[bytes, Mapping[str, str]]:
    """The plan that `request` asks for, and what its engine must look like from outside.

    Raises:
        LivecamError: The recipe or the file is not the one of the request, or it cannot be compiled.
    """
    from livecam.inference import catalogue, tensorrt_build, toolkits
    from livecam.inference.files import sha256_of
    from livecam.inference.graph import fitting_for, read_graph
    from livecam.inference.half import to_half
    from livecam.inference.plan_key import Precision

    kit, path = toolkits.toolkit(request.flavour), Path(request.path)
    model = catalogue.load_model(request.model, tuple(map(Path, request.folders)))
    step("reading", 0, 0)
    if model.digest != request.recipe or sha256_of(path) != request.weights:
        raise EngineError(f"{path} or its recipe was changed while its plan was about to be built.", "Try it again.")
    graph = read_graph(path)
    fitting_for(model, path, 1, request.picture_size)(graph)
    shapes = tensorrt_build.batch_shapes(graph, request.batch)
    tensorrt_build.free_batch(graph, shapes)
    about = tensorrt_build.outside_types(graph)
    if request.precision is Precision.FP16:
        step("converting to 16 bit", 0, 0)
        graph = to_half(graph, request.keep_wide).model
    network = graph.SerializeToString()
    del graph
    with _timing(request, kit.version) as held:
        options = tensorrt_build.Options(request.level, request.targets, held[0])
        plan = tensorrt_build.compile_plan(kit, network, shapes, options, step)
        held[0] = options.timing
    return plan, about


@contextmanager
def _timing(request: Request, version: str) -> Iterator[list[bytes]]:
    """What full TensorRT measured on this card before, in a list of one; what is put there instead is kept."""
    from livecam.inference.plan_key import Kind, SideKey
    from livecam.inference.plans import PlanCache

    key, cache = SideKey(Kind.TIMING, request.flavour, version, request.card), PlanCache(Path(request.plans))
    kept = cache.find(key) if request.plans and request.card else None
    held = [kept.payload if kept is not None else b""]
    yield held
    if request.plans and request.card and held[0]:
        cache.keep(key, held[0])


def serve(make: Build, told: BinaryIO, asked: BinaryIO) -> int:
    """Do what `asked` says, and tell `told`.

    Returns:
        The exit status.
    """
    line = asked.readline()
    threading.Thread(target=_end_with, args=(asked.fileno(),), daemon=True).start()
    try:
        payload, about = make(Request.from_text(line.decode()), _teller(told))
    except LivecamError as error:
        _tell(told, {"failed": error.what, "next": error.next_step})
        return 1
    _tell(told, {"size": len(payload), "sha256": sha256(payload).hexdigest(), "about": dict(about)})
    told.write(payload)
    told.flush()
    return 0


def _end_with(asked: int) -> None:
    """End this process when whoever started it closes `asked`, by dying if need be. A build cannot be asked to end."""
    # Not through Python's buffer, whose lock would be held when this process ends by itself.
    while os.read(asked, 1 << 16):
        pass
    os._exit(ORPHANED)


def _teller(told: BinaryIO) -> Step:
    last: list[tuple[str, int]] = [("", -1)]

    def step(stage: str, done: int, total: int) -> bool:
        part = 100 * done // total if total else 0
        if (stage, part) != last[0]:
            last[0] = (stage, part)
            _tell(told, {"stage": stage, "done": done, "total": total})
        return True

    return step


def _tell(told: BinaryIO, message: Mapping[str, object]) -> None:
    told.write(json.dumps(message).encode() + b"\n")
    told.flush()


def main(make: Build = build) -> int:
    """Build what standard input asks for, at low priority."""
    if sys.platform != "win32":
        os.nice(_NICE)
    # What native code prints must not get between the lines and the plan.
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return serve(make, told, sys.stdin.buffer)


if __name__ == "__main__":
    sys.exit(main())
