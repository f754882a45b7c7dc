"""Works out one reference in a process of its own: ``python -m livecam.inference.reference_child``.

A large network takes a core for seconds, and its file gigabytes of memory, which no call should feel. It is spoken to
as `livecam.inference.plan_child`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from livecam.errors import EngineError
from livecam.inference.plan_child import Step, main
from livecam.inference.plan_request import Request


def work_out(request: Request, step: Step) -> tuple[bytes, Mapping[str, str]]:
    """The reference of the network that `request` is about.

    Raises:
        LivecamError: The recipe or the file is not the one of the request, or it does not run on the processor.
    """
    from livecam.inference.agreement import Reference
    from livecam.inference.catalogue import load_model
    from livecam.inference.files import sha256_of
    from livecam.inference.onnx import load_model_engine
    from livecam.inference.references import to_bytes

    path = Path(request.path)
    model = load_model(request.model, tuple(map(Path, request.folders)))
    step("reading", 0, 0)
    if model.digest != request.recipe or sha256_of(path) != request.weights:
        raise EngineError(f"{path} or its recipe was changed while it was about to be tried.", "Try it again.")
    engine = load_model_engine(model, path, "cpu", threads=1, size=request.picture_size)
    step("working out what it gives", 0, 0)
    reference = Reference.of(engine)
    engine.close()
    return to_bytes(reference), {}


if __name__ == "__main__":
    sys.exit(main(work_out))
