"""Every module can be imported where it has to be: without a vendor's package, and on systems that are not Linux."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.timeout(660)

POSIX_MODULES = {
    "livecam.app.output_process",
    "livecam.bench.readers.pipewire",
    "livecam.capture.v4l2info",
    "livecam.control.server",
    "livecam.output.loopback",
    "livecam.output.v4l2",
}
"""Beginnings of the names of modules that speak with the kernel itself; nobody else may import them but inside a
function that runs where they work."""

VENDOR_DRIVERS = {"livecam.output.pyvcam": "pyvirtualcam"}
"""Modules whose vendor is an extra: without it, importing says so in one sentence."""

ENGINES = "livecam.studio.engines."
"""Beginnings of the names of modules that import torch at their top; all others import them inside functions alone."""

_PROBE = """
import importlib, pkgutil, platform, sys
# What stands beneath livecam is not under test, and looks at the real system while it is imported.
import asyncio, concurrent.futures, urllib.request
import multiprocessing, multiprocessing.shared_memory, multiprocessing.resource_tracker
import av, av.device, click, cv2, numpy, onnx, onnxruntime, platformdirs, psutil, rich.console, rich.live
import starlette.applications, starlette.requests, subprocess, tempfile, uvicorn, uvicorn.protocols.http.h11_impl
missing, system, skipped = sys.argv[1].split(","), sys.argv[2], tuple(sys.argv[3].split(",")) if sys.argv[3] else ()
import uvicorn.loops.asyncio, uvicorn.lifespan.off, types
import pyvirtualcam
import livecam
names = [found.name for found in pkgutil.walk_packages(livecam.__path__, "livecam.", onerror=lambda name: None)]
for name in [name for name in sys.modules if name.startswith("livecam.")]:
    del sys.modules[name]
for name in missing:
    for part in [part for part in sys.modules if part.startswith(name + ".")]:
        del sys.modules[part]
    sys.modules[name] = None
if system == "Windows":
    for name in ("msvcrt", "winreg"):
        sys.modules[name] = types.ModuleType(name)
if system:
    sys.platform = {"Windows": "win32", "Darwin": "darwin"}[system]
    platform.system = lambda: system
failed = []
for name in names:
    if name.startswith(skipped) or name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed.append(f"{name}: {type(error).__name__}: {error}")
brought = [name for name in sys.modules if name.startswith(skipped)]
print("\\n".join(failed + [f"{name} was imported" for name in brought]))
print(len(names))
"""


def probe(missing: set[str], system: str, skipped: set[str]) -> tuple[list[str], int]:
    """What could not be imported with the modules `missing`, and how many modules there are."""
    command = [sys.executable, "-c", _PROBE, ",".join(missing), system, ",".join({*skipped, ENGINES})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    *failed, count = done.stdout.splitlines()
    return [line for line in failed if line], int(count)


POSIX_ONLY = {"fcntl", "termios", "resource", "pwd", "grp", "pty", "tty", "syslog"}


@pytest.mark.parametrize(("system", "missing"), [("Windows", POSIX_ONLY), ("Darwin", {"winreg", "msvcrt"})])
def test_other_systems_can_import_everything_but_what_speaks_with_the_kernel(system: str, missing: set[str]) -> None:
    failed, count = probe(missing, system, POSIX_MODULES)
    assert failed == []
    assert count > 100


def test_without_extras_everything_is_importable_but_their_drivers() -> None:
    absent = {*VENDOR_DRIVERS.values(), "pynput", "gi", "torch", "tensorrt", "cupy"}
    failed, _ = probe(absent, "", set(VENDOR_DRIVERS))
    assert failed == []


@pytest.mark.parametrize(("module", "vendor"), VENDOR_DRIVERS.items())
def test_a_driver_without_its_vendor_names_the_extra(module: str, vendor: str) -> None:
    failed, _ = probe({vendor}, "", set())
    (line,) = failed
    assert line.startswith(f"{module}: ExtraMissing")
    assert "pip install 'livecam[" in line
