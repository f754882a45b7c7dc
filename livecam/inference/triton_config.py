"""The ``config.pbtxt`` of a network in a Triton model repository.

The fields are those of ``model_config.proto`` in triton-inference-server/common; the tests parse what is written here
with NVIDIA's own definition of it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from livecam.core.seams import TensorSpec
from livecam.inference.specs import Specs

MARK: Final = "# Written by: livecam engines export --triton"
"""The first line; a folder whose configuration begins otherwise is somebody else's."""

TYPES: Final = {
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "float64": "TYPE_FP64",
    "uint8": "TYPE_UINT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "bool": "TYPE_BOOL",
}


class Platform(StrEnum):
    """What runs the network."""

    ONNX = "onnxruntime_onnx"
    TENSORRT = "tensorrt_plan"

    @property
    def file(self) -> str:
        """What Triton wants its file to be called."""
        return "model.onnx" if self is Platform.ONNX else "model.plan"


@dataclass(frozen=True, slots=True)
class TritonModel:
    """A network as Triton is told of it.

    Attributes:
        name: Of the network and its folder.
        platform: What runs it.
        inputs: By name. Where `most` is 1 or more, without their first axis; -1 is free.
        outputs: Likewise.
        most: Rows that requests may be put together to; 0 where they are not.
        gpus: Each gets the network; 0 for the processor.
    """

    name: str
    platform: Platform
    inputs: Specs
    outputs: Specs
    most: int
    gpus: int


def config_text(model: TritonModel) -> str:
    """The text of its ``config.pbtxt``."""
    lines = [
        MARK,
        f"name: {json.dumps(model.name)}",
        f"platform: {json.dumps(str(model.platform))}",
        f"max_batch_size: {model.most}",
        *_ports("input", model.inputs),
        *_ports("output", model.outputs),
        "version_policy { latest { num_versions: 1 } }",
        *_instances(model.gpus),
        *_batching(model.most),
        *_first_run(model),
    ]
    return "\n".join(lines) + "\n"


def _ports(side: str, specs: Specs) -> Iterator[str]:
    for name, spec in specs.items():
        yield f"{side} {{ name: {json.dumps(name)} {_kind(spec)} }}"


def _kind(spec: TensorSpec, shape: Iterable[int] | None = None) -> str:
    dims = ", ".join(map(str, spec.shape if shape is None else shape))
    return f"data_type: {TYPES[spec.dtype]} dims: [{dims}]"


def _instances(gpus: int) -> Iterator[str]:
    if gpus == 0:
        yield "instance_group { count: 1 kind: KIND_CPU }"
    else:
        yield f"instance_group {{ count: 1 kind: KIND_GPU gpus: [{', '.join(map(str, range(gpus)))}] }}"


def _batching(most: int) -> Iterator[str]:
    """Requests that wait at the same moment run together; none waits for others to come.

    There is no limit of their wait on purpose: with `default_queue_policy.default_timeout_microseconds`, Triton 2.51
    left one request in a hundred lying for half a second, although nothing else was to do. A request whose deadline has
    passed is cancelled by the client instead, and Triton takes it out of the queue.
    """
    if most > 0:
        yield "dynamic_batching { max_queue_delay_microseconds: 0 }"


def _first_run(model: TritonModel) -> Iterator[str]:
    """The first run of a network is slow, on every card; so Triton makes it before it says that it is ready."""
    yield "model_warmup {"
    yield '  name: "zeros" batch_size: 1'
    for name, spec in model.inputs.items():
        shape = [max(size, 1) for size in spec.shape]
        yield f"  inputs {{ key: {json.dumps(name)} value {{ {_kind(spec, shape)} zero_data: true }} }}"
    yield "}"
