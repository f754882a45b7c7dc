"""A server of the KServe v2 protocol in this process, as well or as badly behaved as a test wants."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

from livecam.core.seams import Tensor, TensorSpec

Work = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""What a network does."""


@dataclass
class Served:
    """A network on the server.

    Attributes:
        inputs: As stated.
        outputs: As stated.
        work: What it does.
        ready: Whether it may be asked.
        takes_s: How long it takes, more or less.
        seen: What it was fed, the last time.
    """

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    work: Work
    ready: bool = True
    takes_s: float = 0.0
    seen: dict[str, Tensor] = field(default_factory=dict)


class Kserve(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Counts what is under way. A request that was cancelled ends at once, as in Triton's queue.

    Args:
        networks: By name.
    """

    def __init__(self, networks: Mapping[str, Served]) -> None:
        self.networks = networks
        self.live = True
        self.runs = self.cancelled = self.most_under_way = 0
        self._working: list[grpc.ServicerContext] = []
        self._lock = threading.Lock()

    def ServerLive(self, request: object, context: object) -> messages.ServerLiveResponse:  # noqa: N802
        return messages.ServerLiveResponse(live=self.live)

    def ModelReady(self, request: messages.ModelReadyRequest, context: object) -> messages.ModelReadyResponse:  # noqa: N802
        found = self.networks.get(request.name)
        wanted = request.version in {"", "1"}
        return messages.ModelReadyResponse(ready=found is not None and found.ready and wanted)

    def ModelMetadata(self, request: messages.ModelMetadataRequest, context: object) -> messages.ModelMetadataResponse:  # noqa: N802
        found = self.networks[request.name]
        tensor = messages.ModelMetadataResponse.TensorMetadata
        inputs, outputs = (
            [tensor(name=name, datatype=_datatype(spec.dtype), shape=spec.shape) for name, spec in specs.items()]
            for specs in (found.inputs, found.outputs)
        )
        return messages.ModelMetadataResponse(name=request.name, versions=["1"], inputs=inputs, outputs=outputs)

    def ModelInfer(  # noqa: N802
        self, request: messages.ModelInferRequest, context: grpc.ServicerContext
    ) -> messages.ModelInferResponse:
        with self._lock:
            self.runs += 1
            self._working.append(context)
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return self._infer(request, context)
        finally:
            with self._lock:
                self._working.remove(context)

    @property
    def under_way(self) -> int:
        """Requests that are being worked on, without those that were taken back, whether that was noticed or not."""
        return sum(context.is_active() for context in tuple(self._working))

    def _infer(self, request: messages.ModelInferRequest, context: grpc.ServicerContext) -> messages.ModelInferResponse:
        network = self.networks[request.model_name]
        feeds = {}
        for stated, raw in zip(request.inputs, request.raw_input_contents, strict=True):
            feeds[stated.name] = np.frombuffer(raw, triton_to_np_dtype(stated.datatype)).reshape(stated.shape)
        network.seen = feeds
        began = time.monotonic()
        # Asked anew each time, so that a test can let go of what is under way.
        while time.monotonic() - began < network.takes_s:
            if not context.is_active():
                self.cancelled += 1
                return messages.ModelInferResponse()
            time.sleep(0.002)
        try:
            results = network.work(feeds)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        answer = messages.ModelInferResponse(model_name=request.model_name)
        for name in (asked.name for asked in request.outputs):
            if name in results:
                tensor = results[name]
                answer.outputs.add(name=name, datatype=_datatype(str(tensor.dtype)), shape=tensor.shape)
                answer.raw_output_contents.append(tensor.tobytes())
        return answer


@contextmanager
def serving(kserve: Kserve, port: int = 0, credentials: grpc.ServerCredentials | None = None) -> Iterator[int]:
    """The port at which `kserve` answers."""
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(kserve, server)
        place = f"127.0.0.1:{port}"
        bound = server.add_insecure_port(place) if credentials is None else server.add_secure_port(place, credentials)
        server.start()
        try:
            yield bound
        finally:
            server.stop(None).wait()


def _datatype(dtype: str) -> str:
    return str(np_to_triton_dtype(np.dtype(dtype))) if dtype != "text" else "BYTES"
