"""NVIDIA Triton as a process: started, stopped, killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from livecam.inference.triton_config import Platform

START_S = 180.0
_FACTS = """
import sys, sysconfig
print(sysconfig.get_path("purelib"), sysconfig.get_config_var("LIBDIR"), sys.base_prefix)
print("%d.%d" % sys.version_info[:2])
"""

# Triton's own ONNX Runtime backend is in no package; its Python backend runs the very file with ONNX Runtime. It reads
# how long it is to take, and notes how many requests it was given at a time.
_MODEL = """
import sys
sys.path.insert(0, {site!r})
import os, time
import numpy as np
import onnxruntime
import triton_python_backend_utils as triton

class TritonPythonModel:
    def initialize(self, arguments):
        folder = os.path.join(arguments["model_repository"], arguments["model_version"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = os.path.join(folder, "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.takes, self.seen = os.path.join(folder, "takes_s"), os.path.join(folder, "seen")

    def execute(self, requests):
        with open(self.seen, "a") as file:
            file.write("%d\\n" % len(requests))
        with open(self.takes) as file:
            time.sleep(float(file.read()))
        return [self.answer(request) for request in requests]

    def answer(self, request):
        feeds = {{name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs}}
        results = self.session.run(self.outputs, feeds)
        return triton.InferenceResponse([triton.Tensor(*result) for result in zip(self.outputs, results)])
"""


@dataclass(frozen=True, slots=True)
class _Facts:
    site: Path
    library: str
    base: str
    version: str


class Triton:
    """A server on a port of its own. The networks of `repository` must have been exported.

    Args:
        environment: Where it is installed.
        repository: Copied, and adapted to Triton's Python backend.
        log: What it prints.
    """

    def __init__(self, environment: Path, repository: Path, log: Path) -> None:
        python = environment / "bin" / "python"
        printed = subprocess.run([python, "-c", _FACTS], check=True, capture_output=True, text=True).stdout.split()
        self._facts = _Facts(Path(printed[0]), *printed[1:])
        self._python, self._log = python, log
        self._home = log.with_suffix(".home")
        self._repository = self._home / "repository"
        self._memory = f"livecam-test-{os.getpid()}-{id(self)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._install(repository)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def address(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    def __enter__(self) -> "Triton":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> float:
        """Start, and wait until it is ready; gives the moment at which it was seen to be, monotonic s."""
        site = self._facts.site
        server = site / "pytriton" / "tritonserver"
        command: list[str | Path] = [
            server / "bin" / "tritonserver",
            f"--model-repository={self._repository}",
            f"--backend-directory={self._home / 'backends'}",
            f"--backend-config=python,python-runtime={self._python}",
            f"--backend-config=python,shm-region-prefix-name={self._memory}",
            *("--grpc-address=127.0.0.1", f"--grpc-port={self.port}"),
            *("--allow-http=false", "--allow-metrics=false", "--exit-timeout-secs=2"),
        ]
        libraries = f"{site / 'nvidia_pytriton.libs'}:{self._facts.library}"
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries, "PYTHONHOME": self._facts.base}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._ready()

    def kill(self) -> None:
        """At once, with the processes it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        for left in Path("/dev/shm").glob(f"{self._memory}*"):
            left.unlink(missing_ok=True)

    def takes(self, name: str, seconds: float) -> None:
        """From now on, a run of the network `name` takes so long."""
        path = self._repository / name / "1" / "takes_s"
        fresh = path.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(path)

    def seen(self, name: str) -> list[int]:
        """How many requests were given to the network `name` at a time, since the last call."""
        path = self._repository / name / "1" / "seen"
        told = [int(line) for line in path.read_text().split()] if path.exists() else []
        path.unlink(missing_ok=True)
        return told

    def _install(self, repository: Path) -> None:
        server = self._facts.site / "pytriton" / "tritonserver"
        backend = self._home / "backends" / "python"
        backend.mkdir(parents=True)
        for folder in (server / "backends" / "python", server / "python_backend_stubs" / self._facts.version):
            for path in (path for path in folder.iterdir() if path.is_file()):
                (backend / path.name).symlink_to(path)
        shutil.copytree(repository, self._repository)
        for config in self._repository.glob("*/config.pbtxt"):
            text = config.read_text()
            assert f'platform: "{Platform.ONNX}"' in text
            config.write_text(text.replace(f'platform: "{Platform.ONNX}"', 'backend: "python"'))
            (config.parent / "1" / "model.py").write_text(_MODEL.format(site=str(self._facts.site)))
            self.takes(config.parent.name, 0.0)

    def _ready(self) -> float:
        assert self._process is not None
        at_once = [(f"grpc.{which}_reconnect_backoff_ms", 100) for which in ("initial", "min", "max")]
        client = InferenceServerClient(f"127.0.0.1:{self.port}", channel_args=at_once)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(InferenceServerException):
                if client.is_server_ready(client_timeout=1.0):
                    client.close()
                    return time.monotonic()
            assert self._process.poll() is None, f"Triton ended: {self._log.read_text()[-3000:]}"
            time.sleep(0.02)
        raise AssertionError(f"Triton did not start: {self._log.read_text()[-3000:]}")
