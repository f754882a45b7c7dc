"""What the control panel shows of the machine: cameras, outputs, the doctor, presets."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from livecam.config import Config, Paths
from livecam.config.presets import PRESETS, PresetName
from livecam.control.desk import Json
from livecam.errors import LivecamError

_DOCTOR_S: Final = 60.0


class Around:
    """What is on this machine. Everything may take long."""

    def __init__(self, config: Config, paths: Paths, doctor_flags: Sequence[str]) -> None:
        self.config = config
        self.paths = paths
        self._doctor_flags = tuple(doctor_flags)

    def cameras(self) -> Sequence[Mapping[str, Json]]:
        """Cameras, and the drawn face that needs none."""
        from livecam.capture.devices import list_cameras

        found: list[Mapping[str, Json]] = [
            {
                "spec": f"camera:{camera.stable or camera.path or camera.index}",
                "name": camera.name,
                "detail": camera.problem or ("made by software" if camera.virtual else camera.path),
            }
            for camera in list_cameras()
        ]
        return [*found, {"spec": "synthetic", "name": "Demo face", "detail": "drawn, needs no camera"}]

    def available(self) -> Sequence[Json]:
        """Where pictures could be sent besides."""
        from livecam.output.devices import list_outputs, pipewire_output

        pipewire = pipewire_output()
        devices = [(f"virtualcam:{output.device}", output) for output in list_outputs()]
        found = [*devices, *([("pipewire", pipewire)] if pipewire is not None else [])]
        return [
            {"spec": spec, "name": output.label, "detail": f"{output.problem} {output.next_step}".strip()}
            for spec, output in found
        ]

    def doctor(self) -> Sequence[Mapping[str, Json]]:
        """What ``livecam doctor`` says, in a process of its own: it imports and tries much, and frames may not wait."""
        command = [*_gently(), sys.executable, "-m", "livecam", "doctor", "--json", *self._doctor_flags]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_DOCTOR_S, check=False, stdin=subprocess.DEVNULL
            )
            checks = json.loads(done.stdout)["checks"]
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, RecursionError):
            raise LivecamError("livecam doctor gave no answer.", "Run it in a terminal: livecam doctor") from None
        return [
            {
                "area": check["check"],
                "level": check["status"],
                "said": check["finding"],
                "next": check["next_step"],
            }
            for check in checks
        ]

    def presets(self) -> Sequence[Mapping[str, Json]]:
        """Every preset, with what it lacks."""
        return [
            {
                "name": str(name),
                "summary": preset.summary,
                "ready": not (missing := self._missing(name)),
                "missing": missing,
                "cost": preset.cost,
            }
            for name, preset in PRESETS.items()
        ]

    def _missing(self, name: PresetName) -> list[str]:
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.chain import networks_of
        from livecam.inference.store import Presence, presence

        folders = catalogue_folders(self.paths.recipes, self.config.models.recipes)
        cache = self.config.models.cache or self.paths.models
        try:
            models = networks_of(replace(self.config.neural, preset=name).chain, folders).values()
        except LivecamError as error:
            # A folder of recipes need not have those of every preset.
            return [error.what.removesuffix(".")]
        return [model.name for model in models if presence(model, cache) is not Presence.PRESENT]


def _gently() -> tuple[str, ...]:
    """What makes a command give way to the run, where there is such a thing."""
    nice = shutil.which("nice") if sys.platform != "win32" else None
    return (nice, "-n", "10") if nice else ()
