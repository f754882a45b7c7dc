"""Everything worth knowing of a machine with an NVIDIA card, in one go: ``python -m benchmarks.gpu_probe``.

It fetches nothing. What it needs beside livecam is installed there, or was carried there as wheels in a folder
(``--wheels DIR``), which it unpacks for itself. Every stage is a process of its own with a limit of its own, so that a
crash or a refusal in one leaves the others. It writes one JSON file, dated, and prints one table.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import RESULTS, machine
from benchmarks.gpu import report
from benchmarks.gpu.cards import Rig

if TYPE_CHECKING:
    from benchmarks.gpu.subjects import Shelf
    from livecam.core.device import Device, DeviceEngine
    from livecam.inference.model import Model
    from livecam.inference.toolkits import Toolkit

STAGES = {"env": 60, "copies": 45, "kernels": 60, "networks": 150, "chain": 150}
"""Each stage with its limit, s; together less than eight minutes."""

_KNOWN = "known.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the stages, or one of them where ``--stage`` says so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_probe", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the result is written")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels to be used besides what is installed")
    parser.add_argument("--stages", default=",".join(STAGES), help="which of them, separated by commas")
    parser.add_argument("--divisor", type=int, default=1, help="what the widths of the networks are divided by")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each thing is measured")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stage:
        return _one(options.stage, options.folder, options.divisor, options.seconds)
    with tempfile.TemporaryDirectory(prefix="gpu-probe-") as folder:
        return _all(options, Path(folder))


def _all(options: argparse.Namespace, folder: Path) -> int:
    environment = dict(os.environ)
    if options.wheels is not None:
        site = _unpacked(options.wheels, folder / "site")
        environment["PYTHONPATH"] = os.pathsep.join([str(site), environment.get("PYTHONPATH", "")])
    results: dict[str, object] = {}
    for stage in options.stages.split(","):
        command = [sys.executable, "-m", "benchmarks.gpu_probe", "--stage", stage, "--folder", str(folder)]
        command += ["--divisor", str(options.divisor), "--seconds", str(options.seconds)]
        results[stage] = _child(command, STAGES[stage], environment, folder)
        # Later stages make floors of what earlier ones measured.
        (folder / _KNOWN).write_text(json.dumps(results, default=str), encoding="utf-8")
        print("\n".join(report.lines({stage: results[stage]})), flush=True)
    bars = report.bars(results)
    for bar in bars:
        print(f"  {bar}")
    now = datetime.now(UTC)
    told = {
        "name": "gpu_probe",
        "date": now.isoformat(timespec="seconds"),
        "divisor": options.divisor,
        "machine": machine(),
        "bars": [{"what": bar.what, "limit": bar.limit, "measured": bar.measured, "met": bar.met} for bar in bars],
        "details": results,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"gpu_probe-{now:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(told, indent=2, default=str) + "\n", encoding="utf-8")
    print(f"written: {path}")
    if not bars:
        print("No card was measured: none of the goals could be judged.")
    return 0 if bars and all(bar.met for bar in bars) else 1


def _child(command: list[str], limit_s: float, environment: Mapping[str, str], folder: Path) -> object:
    """What a stage found, or why it found nothing."""
    began = time.monotonic()
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            command, env=dict(environment), timeout=limit_s, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return {"problem": f"took longer than {limit_s} s"}
    if not answer.exists():
        words = (done.stderr or done.stdout).strip().splitlines()
        return {"problem": f"ended with {done.returncode}: {words[-1] if words else 'no words'}"}
    found: dict[str, object] = json.loads(answer.read_text(encoding="utf-8"))
    return {**found, "took_s": round(time.monotonic() - began, 1)}


def _unpacked(wheels: Path, site: Path) -> Path:
    """The content of every wheel in a folder, as an installer would lay it out."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


def _one(stage: str, folder: Path, divisor: int, seconds: float) -> int:
    """Run one stage in this process and leave its answer in `folder`."""
    known = json.loads((folder / _KNOWN).read_text(encoding="utf-8")) if (folder / _KNOWN).exists() else {}
    measures: Mapping[str, Callable[[], object]] = {
        "env": environment_of,
        "copies": lambda: _copies(seconds),
        "kernels": lambda: _kernels(known),
        "networks": lambda: _networks(folder, divisor, seconds, known),
        "chain": lambda: _chain(folder, divisor, seconds),
    }
    (folder / "answer.json").write_text(json.dumps(measures[stage](), default=str), encoding="utf-8")
    return 0


def environment_of() -> dict[str, object]:
    """What is here: system, card, packages, backends and why they are taken or not."""
    from livecam.inference.backends import survey
    from livecam.inference.this_computer import ThisComputer

    facts = ThisComputer()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "card": str(facts.card()),
        "backends": {str(verdict.backend): f"{verdict.outlook}: {verdict.reason}" for verdict in survey(facts)},
    }


def _rig() -> Rig:
    from livecam.canvas.kernels.library import KernelLibrary
    from livecam.inference.cuda_device import CudaDevice

    return Rig(CudaDevice, KernelLibrary)


def _copies(seconds: float) -> object:
    from benchmarks.gpu import copies

    return copies.measure(_rig(), seconds)


def _kernels(known: Mapping[str, object]) -> object:
    from benchmarks.gpu import kernels

    return kernels.measure(_rig(), _bandwidth(known))


def _networks(folder: Path, divisor: int, seconds: float, known: Mapping[str, object]) -> object:
    from benchmarks.gpu import networks
    from benchmarks.gpu.subjects import NETWORKS, Shelf
    from livecam.inference.cuda_device import CudaDevice
    from livecam.inference.toolkits import Toolkit, toolkits

    device, shelf = CudaDevice(), Shelf(folder, divisor)
    ways: dict[str, Callable[[str], networks.Way]] = {
        "onnx runtime, cuda": networks.through_memory(lambda name: shelf.on_onnx_runtime(name, "cuda")),
        "onnx runtime, cuda graph": networks.onnx_with_graph(shelf),
    }
    for flavour, kit in toolkits().items():
        if isinstance(kit, Toolkit):
            ways[str(flavour)] = networks.on_card(device, _compiler(shelf, kit, device))
    return networks.measure(shelf, NETWORKS, ways, device.card(), _bandwidth(known), seconds)


def _compiler(shelf: "Shelf", kit: "Toolkit", device: "Device") -> "Callable[[str], DeviceEngine]":
    return lambda name: shelf.compiled(name, kit, device)


def _loader(shelf: "Shelf", kit: "Toolkit") -> "Callable[[Device], Callable[[Model, int], DeviceEngine]]":
    return lambda device: lambda model, batch: shelf.compiled(model.name, kit, device)


def _chain(folder: Path, divisor: int, seconds: float) -> object:
    from benchmarks.gpu import chain
    from benchmarks.gpu.subjects import Shelf
    from livecam.errors import LivecamError
    from livecam.inference.toolkits import Toolkit, toolkits

    shelf, effort, found = Shelf(folder, divisor), chain.Effort(seconds), dict[str, object]()
    kits = [kit for kit in toolkits().values() if isinstance(kit, Toolkit)]
    problems = []
    for kit in kits:
        try:
            measured = chain.on_card(_rig(), _loader(shelf, kit), effort)
            found["on the card"] = {"with": f"{kit.flavour} {kit.version}", **measured}
            break
        except LivecamError as error:
            problems.append(str(error))
    else:
        found["on the card"] = {"problem": "; ".join(problems) or "no TensorRT is installed"}
    try:
        found["onnx runtime"] = chain.through_memory(
            lambda model, batch: shelf.on_onnx_runtime(model.name, "cuda"), effort
        )
    except LivecamError as error:
        found["onnx runtime"] = {"problem": str(error)}
    return found


def _bandwidth(known: Mapping[str, object]) -> float:
    """GB/s on the card, as the copies measured it; 0 where they did not."""
    copies = known.get("copies")
    measured = copies.get("on the card") if isinstance(copies, Mapping) else None
    return float(measured["gb_per_s"]) if isinstance(measured, Mapping) else 0.0


if __name__ == "__main__":
    sys.exit(main())
