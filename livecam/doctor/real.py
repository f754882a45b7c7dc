"""The doctor's answers from the machine it runs on."""

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from livecam.capture.devices import CameraInfo, list_cameras
from livecam.config import Resolved
from livecam.doctor.machine import Network, Plans, Tick
from livecam.inference.backends import Facts
from livecam.inference.plans import PlanCache
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import EMBEDDED, load_recipe
from livecam.inference.this_computer import ThisComputer
from livecam.inference.tuned import Tuned, place_of, read_tuned, tuned_path
from livecam.output.devices import list_outputs
from livecam.output.outputs import OutputInfo
from livecam.output.pipewire_setup import PipeWireSetup, distribution, probe

_LARGEST_READ: Final = 65_536


class ThisMachine:
    """This machine. Devices are listed once, when they are first asked for.

    Args:
        resolved: Says where networks are kept.
    """

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._models = resolved.config.models.cache or resolved.paths.models
        self._facts = ThisComputer()

    @property
    def system(self) -> str:
        """``Linux``, ``Darwin`` or ``Windows``."""
        return platform.system()

    @property
    def distribution(self) -> str:
        """``ID`` and ``ID_LIKE`` of os-release."""
        return distribution()

    @property
    def python(self) -> tuple[int, int, int]:
        """Version."""
        return sys.version_info[:3]

    def package(self, name: str) -> str:
        """Version of an installed distribution, or nothing."""
        try:
            return version(name)
        except PackageNotFoundError:
            return ""

    def opencv(self) -> str:
        """Version and camera backends."""
        import cv2

        backends = [cv2.videoio_registry.getBackendName(one) for one in cv2.videoio_registry.getCameraBackends()]
        return f"{cv2.__version__}, camera backends: {', '.join(backends) or 'none'}"

    def facts(self) -> Facts:
        """Asked once."""
        return self._facts

    def plans(self) -> Plans:
        """By their headers; `livecam engines verify` reads them whole."""
        cache = PlanCache(self._resolved.paths.cache / "plans")
        entries = cache.entries()
        unsound = {entry.path.name: entry.reason for entry in entries if entry.reason}
        return Plans(cache.folder, len(entries), sum(entry.size for entry in entries), cache.budget, unsound)

    def tuned(self) -> Tuned:
        """If it holds for this computer."""
        return read_tuned(tuned_path(self._resolved.paths), place_of(self._facts))

    def clock(self) -> Tick:
        """As Python tells it; on Linux with the kernel's clock source."""
        info = time.get_clock_info("monotonic")
        source = self.read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")).strip()
        told = f"{info.implementation} ({source})" if source else info.implementation
        return Tick(told, info.resolution, info.monotonic)

    def cameras(self) -> Sequence[CameraInfo]:
        """All nodes that capture."""
        return self._cameras

    @cached_property
    def _cameras(self) -> tuple[CameraInfo, ...]:
        return list_cameras()

    def outputs(self) -> tuple[OutputInfo, ...]:
        """All virtual cameras."""
        return self._outputs

    @cached_property
    def _outputs(self) -> tuple[OutputInfo, ...]:
        return list_outputs()

    def pipewire(self) -> PipeWireSetup:
        """As GStreamer and the session's socket tell it."""
        return self._pipewire

    @cached_property
    def _pipewire(self) -> PipeWireSetup:
        return probe()

    def read(self, path: Path) -> str:
        """The first 64 KiB, or nothing."""
        try:
            with path.open(encoding="utf-8", errors="replace") as stream:
                return stream.read(_LARGEST_READ)
        except OSError:
            return ""

    def exists(self, path: Path) -> bool:
        """Whether there is something at `path`."""
        return path.exists()

    def refusal(self, folder: Path) -> str:
        """Tries it, with a file that is gone at once, in the folder or in what exists of it."""
        try:
            with tempfile.TemporaryFile(dir=_existing(folder)):
                return ""
        except OSError as error:
            return error.strerror or str(error)

    def free_bytes(self, folder: Path) -> int:
        """Free space for this user."""
        try:
            return shutil.disk_usage(_existing(folder)).free
        except OSError:
            return 0

    def networks(self) -> Sequence[Network]:
        """Those of the embedded swap."""
        return [self._network(load_recipe(name)) for name in EMBEDDED]

    def _network(self, recipe: Recipe) -> Network:
        from livecam.inference import origins, weights

        presence = weights.status(recipe, self._models)
        if presence is weights.Presence.PRESENT:
            return Network(recipe.name, True, f"verified in {self._models}")
        origin = recipe.origins[0]
        megabytes = origin.size / 1e6 if origins.ways() else 0.0
        return Network(recipe.name, False, str(presence), origin.file, megabytes)

    def preset_networks(self) -> Sequence[Network]:
        """Those of the preset, with what its swapper needs."""
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.chain import networks_of
        from livecam.inference.store import Presence, presence

        config = self._resolved.config
        folders = catalogue_folders(self._resolved.paths.recipes, config.models.recipes)
        found = [(model, presence(model, self._models)) for model in networks_of(config.neural.chain, folders).values()]
        return [
            Network(model.name, held is Presence.PRESENT, f"{held} in {self._models}", "", model.size / 1e6)
            for model, held in found
        ]


def _existing(folder: Path) -> Path:
    """The nearest that is there: `folder` or one above it."""
    absolute = Path(os.path.abspath(folder))
    return next((path for path in (absolute, *absolute.parents) if path.exists()), absolute)
