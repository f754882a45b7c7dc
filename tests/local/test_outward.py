"""To whom livecam speaks: the modules that can open connections are named, and nobody is told of what is run here."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]

OUTWARD: Final = {
    "livecam/inference/web.py": "models pull",
    "livecam/inference/download.py": "models pull",
    "livecam/inference/origins.py": "the first fetch of the embedded networks",
    "livecam/inference/remote_link.py": "--provider remote",
    "livecam/capture/stream.py": "--source stream:",
    "livecam/output/stream_outlets.py": "--sink stream:",
    "livecam/control/obs/client.py": "OBS",
    "livecam/app/obs_ways.py": "OBS",
    "livecam/output/local_server.py": "preview and panel, listening on the loopback address",
    "livecam/cli/panel_command.py": "opens the panel in the browser",
    "livecam/bench/readers/web.py": "livecam bench latency, reading the own preview",
}
"""Modules that can speak with another program over a network, and what for; docs/threat-model.md lists the same."""

_CLIENTS: Final = {
    "aiohttp",
    "ftplib",
    "grpc",
    "http.client",
    "http.server",
    "httpx",
    "imaplib",
    "nntplib",
    "poplib",
    "requests",
    "smtplib",
    "ssl",
    "telnetlib",
    "tritonclient",
    "urllib.request",
    "urllib3",
    "webbrowser",
    "websockets",
    "xmlrpc",
}


def _imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _is_client(name: str) -> bool:
    return any(name == client or name.startswith(f"{client}.") for client in _CLIENTS)


def _makes_internet_sockets(tree: ast.Module) -> bool:
    """Whether a socket is made that is none of the file system's, or an address of the network is opened by FFmpeg."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("socket.create_connection", "socket.create_server", "asyncio.open_connection"):
            return True
        if called == "socket.socket" and not (node.args and ast.unparse(node.args[0]) == "socket.AF_UNIX"):
            return True
    return False


def _speaks(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # That OBS's package is there is looked for by importing it; what speaks through it is control/obs.
    names = _imported(tree) - ({"websockets"} if path.name == "obs.py" and path.parent.name == "app" else set())
    names -= {"http.client.HTTPException"} if "urllib.request" not in str(names) else set()
    return any(map(_is_client, names)) or _makes_internet_sockets(tree)


def test_nobody_but_the_named_modules_can_open_a_connection() -> None:
    modules = [path for path in (ROOT / "livecam").rglob("*.py") if _mentions(path)]
    found = {path.relative_to(ROOT).as_posix() for path in modules if _speaks(path)}
    # What FFmpeg is given as an address is the source that the user named, and nothing else opens one.
    assert found | {"livecam/capture/stream.py"} == set(OUTWARD)


def _mentions(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "socket" in text or "asyncio.open" in text or any(client.partition(".")[0] in text for client in _CLIENTS)


def test_the_threat_model_names_them_all() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    assert [name for name in OUTWARD if f"`{name}`" not in text] == []


LOADING = """
import os, sys
assert "onnxruntime" not in sys.modules
from pathlib import Path
from livecam.inference.session import open_session
from onnx import TensorProto, helper
ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", ports[:1], ports[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
open_session(model.SerializeToString(), Path("probe"), "cpu", 1)
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the system collects events, in a place of its own")
def test_the_runtime_of_the_networks_keeps_nothing_to_tell_its_maker(tmp_path: Path) -> None:
    """Found by running without a network: ONNX Runtime 1.29 and later look for their maker's server from the start."""
    inherited = {name: value for name, value in os.environ.items() if name not in _SILENCING}
    environment = inherited | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", LOADING], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    assert [str(path) for path in tmp_path.rglob("*") if "icrosoft" in str(path)] == []


_SILENCING: Final = {"ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "XDG_CACHE_HOME"}
"""What keeps the runtime from it besides livecam."""


def test_whatever_imports_livecam_is_silent_before_the_runtime_is_there() -> None:
    """The variable counts only where it is set before the first import, so it is set by the outermost package."""
    assert "ORT_DISABLE_TELEMETRY" in (ROOT / "livecam" / "__init__.py").read_text(encoding="utf-8")
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
