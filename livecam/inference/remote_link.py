"""A connection to a server of the KServe v2 protocol that comes back by itself. It imports ``tritonclient``."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import InferenceServerException

from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import ConfigError, EngineError, ModelError
from livecam.inference.remote_terms import Address, RemoteRefused, Terms, target_of

log = logging.getLogger(__name__)

T = TypeVar("T")

DATATYPES: Final = {
    "FP32": "float32",
    "FP16": "float16",
    "FP64": "float64",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
"""NumPy's name of each type of the protocol that networks of ours have."""

TYPES: Final = {dtype: datatype for datatype, dtype in DATATYPES.items()}
"""The protocol's name of each NumPy type."""

PAUSES_S: Final = (0.0, 0.1, 0.2, 0.4)
"""How long nothing is asked after so many failures in a row; the last one goes on. One alone is a slow moment."""
SILENT_S: Final = 1.0
"""A connection that has only timed out for so long is given up: the other end may be gone without having said so."""

_FINAL: Final = {"INVALID_ARGUMENT", "UNIMPLEMENTED", "PERMISSION_DENIED", "UNAUTHENTICATED"}
_CHECK: Final = "Check models.remote and the server's log."
_MIB: Final = 1 << 20
_LARGEST: Final = 256 * _MIB
_OPTIONS: Final = (
    ("grpc.max_send_message_length", _LARGEST),
    ("grpc.max_receive_message_length", _LARGEST),
    # gRPC's own are 1 s to 120 s.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Else a new connection is the old one again.
    ("grpc.use_local_subchannel_pool", 1),
    # Crops go to the server that was named and to nobody else.
    ("grpc.enable_http_proxy", 0),
)


class Pauses:
    """How often a server that fails is asked."""

    def __init__(self) -> None:
        self._failures = 0
        self._until_ns = 0

    @property
    def failures(self) -> int:
        """In a row."""
        return self._failures

    def left_s(self, now_ns: int) -> float:
        """How long nothing is to be asked yet; 0 when something may be."""
        return max(0.0, (self._until_ns - now_ns) / 1e9)

    def failed(self, now_ns: int) -> None:
        """Something has failed."""
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._until_ns = now_ns + int(pause_s * 1e9)
        self._failures += 1

    def succeeded(self) -> None:
        """Something has not failed."""
        self._failures = self._until_ns = 0


class Link:
    """One connection, on which one request at a time is under way. Any thread may close it.

    A request that has timed out is cancelled by gRPC, which tells the server, before the call returns.

    Args:
        address: Of the server.
        terms: How long it may take.
        now_ns: Monotonic nanoseconds.

    Raises:
        ConfigError: It must not be connected to, or its certificates cannot be read.
        EngineError: Its name is not known.
    """

    def __init__(self, address: Address, terms: Terms, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.address, self.terms = address, terms
        self._now_ns = now_ns
        self._target = target_of(address)
        self._certificates = _readable(address.ca)
        self._under_way = threading.Lock()
        self._closed = threading.Event()
        self._pauses = Pauses()
        self._failure = ""
        self._client = self._connect()
        self._heard_ns = now_ns()

    def alive(self) -> None:
        """Make sure that the server answers.

        Raises:
            EngineError: It does not.
        """
        if not self._asked(lambda: self._client.is_server_live(client_timeout=self.terms.load_s)):
            raise EngineError(f"The server {self.address} says that it is not alive.")

    def specs(self, name: str) -> tuple[Mapping[str, TensorSpec], Mapping[str, TensorSpec]]:
        """Inputs and outputs that the server states for the network `name`; -1 where a dimension is free.

        Raises:
            EngineError: There is no server, or it does not serve that network now.
            ModelError: The network takes or gives something else than numbers.
        """
        self.alive()
        limit_s, version = self.terms.load_s, self.address.version
        if not self._asked(lambda: self._client.is_model_ready(name, version, client_timeout=limit_s)):
            told = f" in version {version}" if version else ""
            raise EngineError(
                f"The server {self.address} does not serve {name}{told}, or not yet.",
                "Give it the network: livecam engines export --triton FOLDER",
            )
        found = self._asked(lambda: self._client.get_model_metadata(name, version, client_timeout=limit_s))
        return _specs(found.inputs), _specs(found.outputs)

    def infer(self, name: str, feeds: Mapping[str, Tensor], wanted: Sequence[str], limit_s: float) -> dict[str, Tensor]:
        """The outputs `wanted` of the network `name`, run once within `limit_s`. They must not be written to.

        Raises:
            EngineError: It did not come back in time, failed, another request is still under way, or it is too early
                to ask again, which is told in the words of the failure before.
        """
        until_s = time.monotonic() + limit_s
        if not self._under_way.acquire(blocking=False):
            raise EngineError(f"A request to {self.address} is still under way.")
        try:
            self._refuse_early()
            sent, asked = [_sent(*item) for item in feeds.items()], [InferRequestedOutput(one) for one in wanted]
            left_s = until_s - time.monotonic()
            result = self._asked(
                lambda: self._client.infer(
                    name,
                    sent,
                    model_version=self.address.version,
                    outputs=asked,
                    client_timeout=left_s,
                )
            )
        finally:
            self._under_way.release()
        return {one: _received(result, one) for one in wanted}

    def close(self) -> None:
        """End the connection, and a request that is under way. Idempotent."""
        self._closed.set()
        self._client.close()

    def _refuse_early(self) -> None:
        now_ns = self._now_ns()
        if self._pauses.left_s(now_ns) > 0:
            # In the very words of the failure, so that whoever logs it can tell that it is the same one.
            raise EngineError(self._failure, _CHECK)
        if self._pauses.failures > 1 and now_ns - self._heard_ns > SILENT_S * 1e9:
            self._client.close()
            self._client, self._heard_ns = self._connect(), now_ns

    def _asked(self, ask: Callable[[], T]) -> T:
        """What `ask` gives.

        Raises:
            EngineError: It failed, or the connection is closed.
        """
        if self._closed.is_set():
            raise EngineError(f"The connection to {self.address} is closed.")
        try:
            answer = ask()
        except InferenceServerException as error:
            raise self._told(error) from error
        except ValueError as error:
            # gRPC says so of a connection that is closed meanwhile.
            raise EngineError(f"The connection to {self.address} is closed.") from error
        if self._pauses.failures > 1:
            log.info("The server %s answers again.", self.address)
        self._pauses.succeeded()
        self._heard_ns = self._now_ns()
        return answer

    def _told(self, error: InferenceServerException) -> EngineError:
        """`error` in a sentence, remembered for the pauses."""
        status, message = str(error.status()).rpartition(".")[2], _first_line(str(error.message()))
        now_ns = self._now_ns()
        self._pauses.failed(now_ns)
        match status:
            case "DEADLINE_EXCEEDED":
                what = f"The server {self.address} did not answer in time."
            case "UNAVAILABLE":
                self._heard_ns = now_ns
                what = f"The server {self.address} cannot be reached: {message}."
            case _:
                self._heard_ns = now_ns
                what = f"The server {self.address} refused: {message} ({status})."
                if status in _FINAL:
                    return RemoteRefused(what)
        self._failure = what
        if self._pauses.failures == 2:
            log.warning("%s It is asked again until it answers.", what)
        return EngineError(what, _CHECK)

    def _connect(self) -> InferenceServerClient:
        tls = {"ssl": True, "root_certificates": self._certificates} if self.address.tls else {}
        return InferenceServerClient(self._target, channel_args=list(_OPTIONS), **tls)


def _readable(ca: Path | None) -> str | None:
    """The path of the certificates, as tritonclient takes it."""
    if ca is None:
        return None
    try:
        ca.read_bytes()
    except OSError as error:
        raise ConfigError(f"The certificates {ca} cannot be read: {error.strerror}.", "Check models.remote.") from error
    return str(ca)


class _Stated:
    """What the protocol says of an input or output; for types alone."""

    name: str
    datatype: str
    shape: Sequence[int]


def _specs(stated: Sequence[_Stated]) -> dict[str, TensorSpec]:
    strange = [one for one in stated if one.datatype not in DATATYPES]
    if strange:
        raise ModelError(f"'{strange[0].name}' is of the type {strange[0].datatype}, which no network of livecam has.")
    return {one.name: TensorSpec(tuple(int(size) for size in one.shape), DATATYPES[one.datatype]) for one in stated}


def _sent(name: str, tensor: Tensor) -> InferInput:
    feed = InferInput(name, tensor.shape, TYPES[str(tensor.dtype)])
    return feed.set_data_from_numpy(tensor)


def _received(result: InferResult, name: str) -> Tensor:
    try:
        tensor: Tensor | None = result.as_numpy(name)
    except ValueError as error:
        raise EngineError(f"The server sent '{name}' cut short: {_first_line(str(error))}.") from error
    if tensor is None:
        raise EngineError(f"The server did not send '{name}'.")
    return tensor


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].rstrip(".")
