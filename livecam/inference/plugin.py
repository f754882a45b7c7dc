"""OpenVINO for ONNX Runtime: Intel's plugin, a package of its own beside any ONNX Runtime from 1.23 on.

Named among the providers of a session, a plugin's provider is passed over without a word; it has to be given as a
device. So nothing here goes by that name.
"""

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from livecam.errors import ExtraMissing

NAME: Final = "OpenVINOExecutionProvider"
"""ONNX Runtime's name of the provider."""

_MODULE: Final = "onnxruntime_ep_openvino"
_INSTALL: Final = "Install it: pip install 'livecam[openvino]'"
_DEVICE: Final = "CPU"


def add_openvino(options: onnxruntime.SessionOptions, threads: int) -> None:
    """Have a session run on the processor by OpenVINO.

    No precision is asked for: OpenVINO then takes bfloat16 where the processor has units for it, else 32 bit. IEEE
    half precision is never asked for; on a processor it was slower than 32 bit (110 against 55 ms, scrfd_2.5g).

    Args:
        options: Of the session.
        threads: Within an operator. They are not tied to cores, which the loops need too.

    Raises:
        ExtraMissing: The plugin is not installed, or does not load here.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(threads),
        "ENABLE_CPU_PINNING": "NO",
    }
    devices = [device for device in _devices() if device.ep_metadata.get("ov_device") == _DEVICE]
    if not devices:
        raise ExtraMissing("OpenVINO finds no processor here that it runs on.", "Choose another provider.")
    options.add_provider_for_devices(devices[:1], {"load_config": json.dumps({_DEVICE: settings})})


def _devices() -> Sequence[onnxruntime.OrtEpDevice]:
    """What OpenVINO can run on; the plugin is registered with ONNX Runtime the first time.

    Raises:
        ExtraMissing: As `add_openvino`.
    """
    if not vars(onnxruntime).get("register_execution_provider_library"):
        raise ExtraMissing(f"ONNX Runtime {onnxruntime.__version__} takes no plugins; 1.23 or later does.", _INSTALL)
    found = _listed()
    if found:
        return found
    try:
        library = vars(import_module(_MODULE))["get_library_path"]()
        onnxruntime.register_execution_provider_library(NAME, library)
    except ModuleNotFoundError as error:
        raise ExtraMissing("OpenVINO's plugin for ONNX Runtime is not installed.", _INSTALL) from error
    except (ImportError, OSError, KeyError, native.Fail, RuntimeError) as error:
        reason = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise ExtraMissing(f"OpenVINO's plugin for ONNX Runtime does not load here: {reason}.", _INSTALL) from error
    return _listed()


def _listed() -> list[onnxruntime.OrtEpDevice]:
    return [device for device in onnxruntime.get_ep_devices() if device.ep_name == NAME]
