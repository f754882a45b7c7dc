"""OpenVINO's plugin: what is asked of ONNX Runtime, and, where it is installed, what comes out."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from livecam.bench import standins
from livecam.core.seams import Tensor
from livecam.errors import ConfigError, EngineError, ExtraMissing
from livecam.inference import onnx, plugin, session
from livecam.inference.agreement import LIMIT, Reference
from livecam.inference.onnx import OnnxEngine


@dataclass
class Device:
    """As ONNX Runtime lists them."""

    ep_name: str = plugin.NAME
    ep_metadata: dict[str, str] = field(default_factory=lambda: {"ov_device": "CPU"})


@dataclass
class Options:
    """What was asked of a session."""

    devices: list[Device] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def add_provider_for_devices(self, devices: list[Device], settings: dict[str, str]) -> None:
        self.devices, self.settings = devices, settings


@dataclass
class Runtime:
    """ONNX Runtime, in which the plugin finds `after` once it is registered."""

    after: list[Device]
    listed: list[Device] = field(default_factory=lambda: [Device("CPUExecutionProvider", {})])
    registered: list[tuple[str, str]] = field(default_factory=list)

    def register(self, name: str, library: str) -> None:
        self.registered.append((name, library))
        self.listed += self.after


class Package:
    """The plugin's package."""

    @staticmethod
    def get_library_path() -> str:
        return "/lib/plugin.so"


Pretend = Callable[..., Runtime]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    def made(*after: Device) -> Runtime:
        runtime = Runtime(list(after))
        monkeypatch.setattr(onnxruntime, "register_execution_provider_library", runtime.register, raising=False)
        monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: runtime.listed, raising=False)
        monkeypatch.setattr(plugin, "import_module", lambda _: Package)
        return runtime

    return made


def test_the_plugin_is_registered_once_and_asked_for_latency(pretend: Pretend) -> None:
    graphics, processor = Device(ep_metadata={"ov_device": "GPU"}), Device()
    runtime, options = pretend(graphics, processor), Options()
    plugin.add_openvino(options, 3)
    plugin.add_openvino(options, 3)
    assert runtime.registered == [(plugin.NAME, "/lib/plugin.so")]
    assert options.devices == [processor]
    (asked,) = json.loads(options.settings["load_config"]).items()
    assert asked[0] == "CPU"
    assert asked[1]["PERFORMANCE_HINT"] == "LATENCY"
    assert asked[1]["INFERENCE_NUM_THREADS"] == "3"


def test_half_precision_is_never_asked_of_a_processor(pretend: Pretend) -> None:
    pretend(Device())
    options = Options()
    plugin.add_openvino(options, 1)
    assert "f16" not in options.settings["load_config"].lower().replace("bf16", "")
    assert "PRECISION" not in options.settings["load_config"]


def test_a_plugin_that_is_not_installed_is_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_ep_devices", list, raising=False)
    monkeypatch.setattr(plugin, "_MODULE", "no_such_plugin")
    with pytest.raises(
        ExtraMissing, match=r"plugin .* is not installed\. Install it: pip install 'livecam\[openvino\]'"
    ):
        plugin.add_openvino(Options(), 1)
    with pytest.raises(ConfigError, match=r"livecam\[openvino\]"):
        onnx.require("openvino")
    assert "openvino" not in onnx.providers()


def test_a_plugin_that_does_not_load_says_why(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(Device())

    def refuse(*_: str) -> None:
        raise RuntimeError("libtbb.so.12: cannot open shared object file\nmore")

    monkeypatch.setattr(onnxruntime, "register_execution_provider_library", refuse, raising=False)
    with pytest.raises(ExtraMissing, match=r"does not load here: libtbb\.so\.12: cannot open shared object file\."):
        plugin.add_openvino(Options(), 1)


def test_a_computer_it_does_not_know_is_told(pretend: Pretend) -> None:
    pretend(Device(ep_metadata={"ov_device": "NPU"}))
    with pytest.raises(ExtraMissing, match="finds no processor"):
        plugin.add_openvino(Options(), 1)


def test_an_onnx_runtime_without_plugins_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(onnxruntime, "register_execution_provider_library", raising=False)
    with pytest.raises(ExtraMissing, match=r"takes no plugins; 1\.23 or later does"):
        plugin.add_openvino(Options(), 1)


def test_a_plugin_that_was_passed_over_is_no_silent_fallback(
    pretend: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime takes the processor's own way without a word when a plugin gets no part of the network."""
    pretend(Device())
    monkeypatch.setattr(plugin, "add_openvino", lambda *_: None)
    network = tmp_path / "network.onnx"
    standins.write("xseg_3", network, 16)
    with pytest.raises(EngineError, match="was to run on openvino"):
        session.open_session(str(network), network, "openvino", 1)


@pytest.mark.parametrize("name", ["scrfd_2.5g", "xseg_3"])
def test_openvino_gives_what_the_processor_gives(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime_ep_openvino", reason="the extra openvino is not installed")
    network = tmp_path / "network.onnx"
    standins.write(name, network, 4)
    exact, quick = OnnxEngine(network), OnnxEngine(network, "openvino")
    noise = np.random.default_rng(0)
    feeds: dict[str, Tensor] = {
        role: noise.random([n if n > 0 else 320 if axis > 1 else 1 for axis, n in enumerate(spec.shape)], np.float32)
        for role, spec in exact.inputs.items()
    }
    wanted = exact.run(feeds)
    assert max(Reference(feeds, wanted).errors(quick).values()) <= LIMIT
    assert quick.provider == "openvino"
