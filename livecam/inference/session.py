"""Sessions of ONNX Runtime on one provider, which is chosen by name and checked; there is no silent fallback."""

import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from livecam.errors import EngineError
from livecam.inference import plugin

PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": plugin.NAME,
}
"""ONNX Runtime's own name of each provider, by ours.

Its TensorRT provider is not among them: it is built against TensorRT 10, while `tensorrt` installs 11, and it compiles
without a word for minutes in the first run. `livecam.inference.tensorrt` talks to TensorRT itself.
"""

FAILURES: Final = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
    ValueError,
)
"""What ONNX Runtime raises."""

_QUIET: Final = 3
"""Log level: errors only. What a user must know is raised."""
_SILENT: Final = 4
"""Log level: what ends the process."""
_NOT_LOADED: Final = re.compile(r"^Failed to load (.+?): ", re.MULTILINE)
_CUDA_LIBRARIES: Final = "Install them: pip install 'onnxruntime-gpu[cuda,cudnn]'"
_INSTALL: Final = {
    # Both packages write the same folder: the one for the processor has to go, and the other to be written again.
    "cuda": "Install it: pip install 'livecam[cuda]' && pip uninstall -y onnxruntime && "
    "pip install --force-reinstall --no-deps onnxruntime-gpu. "
}


def open_session(source: str | bytes, path: Path, provider: str, threads: int) -> onnxruntime.InferenceSession:
    """A session with ONNX Runtime's defaults, which were measured, and threads that do not spin on the loops' cores.

    Against full optimisation, the extended level takes 1.3 to 2.5 times as long (detectors, FaceMesh); memory arena
    and patterns make no difference.

    Args:
        source: The network's file, or its content.
        path: Of the file; what lies beside it may be read.
        provider: A key of `PROVIDERS`.
        threads: Within an operator.

    Raises:
        EngineError: The provider is not to be had here, or the network cannot be loaded on it.
        ExtraMissing: The provider is a plugin that is not installed.
    """
    # On Windows it is not the variable of livecam/__init__.py that counts, and events go by the system's own way.
    onnxruntime.disable_telemetry_events()
    own_name = _available(provider)
    lacking = _cuda_lacks() if provider == "cuda" else ()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    options.log_severity_level = _QUIET
    if provider == "openvino":
        plugin.add_openvino(options, threads)
    # A plugin was given to the options as a device; naming it here would have it passed over.
    named = None if _is_plugin(provider) else [own_name]
    try:
        # Unless forbidden, a failure, even in the middle of a call, has it go on on the processor.
        session = onnxruntime.InferenceSession(source, options, providers=named, enable_fallback=0)
    except FAILURES as error:
        raise EngineError(f"The network {path.name} cannot be loaded on {provider}: {first_line(error)}.") from error
    if session.get_providers()[0] != own_name:
        raise _passed_over(path.name, provider, lacking)
    return session


def first_line(error: BaseException) -> str:
    """What `error` says first, without the full stop."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")


def _is_plugin(provider: str) -> bool:
    return PROVIDERS[provider] == plugin.NAME


def _available(provider: str) -> str:
    """ONNX Runtime's name of `provider`.

    Raises:
        EngineError: There is none of that name, or it is neither built in nor a plugin.
    """
    if provider not in PROVIDERS:
        raise EngineError(f"There is no provider '{provider}'.", f"Providers: {', '.join(PROVIDERS)}.")
    here = onnxruntime.get_available_providers()
    if PROVIDERS[provider] not in here and not _is_plugin(provider):
        names = ", ".join(name for name, own in PROVIDERS.items() if own in here)
        raise EngineError(
            f"This ONNX Runtime was built without {provider}; it has {names}.",
            f"{_INSTALL.get(provider, '')}Or choose cpu.",
        )
    return PROVIDERS[provider]


def _passed_over(name: str, provider: str, lacking: Sequence[str]) -> EngineError:
    """ONNX Runtime has taken another provider, which it does without a word."""
    what = f"The network {name} was to run on {provider}, but ONNX Runtime could not start it here and took another"
    if lacking:
        return EngineError(f"{what}: {', '.join(lacking)} cannot be loaded.", _CUDA_LIBRARIES)
    return EngineError(f"{what}.", "Its libraries or driver are missing or too old. Or choose another provider.")


def _cuda_lacks() -> tuple[str, ...]:
    """Have CUDA's libraries found where pip puts them, which is on no search path; the names of those that are not."""
    # It tells on the terminal, past every log, what is told here in a sentence.
    onnxruntime.set_default_logger_severity(_SILENT)
    preload = vars(onnxruntime).get("preload_dlls")
    if preload is None:
        return ()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        preload()
    return tuple(Path(name).name for name in _NOT_LOADED.findall(said.getvalue()))
