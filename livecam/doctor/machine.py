"""What the doctor asks of a machine. Tests answer instead of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from livecam.capture.devices import CameraInfo
from livecam.inference.backends import Facts
from livecam.inference.tuned import Tuned
from livecam.output.outputs import OutputInfo
from livecam.output.pipewire_setup import PipeWireSetup


@dataclass(frozen=True, slots=True)
class Network:
    """A network livecam needs.

    Attributes:
        name: Of its recipe.
        present: Whether it is on this machine and verified.
        detail: Where it is, or what is wrong with it.
        archive: The file that it would be fetched in; several networks may share one.
        archive_mb: Size of that file; 0 when this machine has no way to fetch it.
    """

    name: str
    present: bool
    detail: str
    archive: str = ""
    archive_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Plans:
    """What was compiled.

    Attributes:
        folder: Where.
        count: Of files.
        size: Of all, bytes.
        budget: That they may have, bytes.
        unsound: Files that must not be used, by name, and why.
    """

    folder: Path
    count: int = 0
    size: int = 0
    budget: int = 0
    unsound: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """The monotonic clock.

    Attributes:
        source: What the system counts with.
        resolution_s: Smallest step, s.
        monotonic: Whether it never goes back.
    """

    source: str
    resolution_s: float
    monotonic: bool


class Machine(Protocol):
    """Answers, without changing anything but what a probe file needs."""

    @property
    def system(self) -> str:
        """``Linux``, ``Darwin`` or ``Windows``."""
        ...

    @property
    def distribution(self) -> str:
        """``ID`` and ``ID_LIKE`` of os-release, such as ``ubuntu debian``; empty elsewhere."""
        ...

    @property
    def python(self) -> tuple[int, int, int]:
        """Version."""
        ...

    def package(self, name: str) -> str:
        """Version of an installed distribution; empty when it is not installed."""
        ...

    def opencv(self) -> str:
        """Version and camera backends of the OpenCV build.

        Raises:
            ImportError: It does not load.
        """
        ...

    def facts(self) -> Facts:
        """What it has for networks. Answers are remembered."""
        ...

    def plans(self) -> Plans:
        """What was compiled.

        Raises:
            EngineError: The folder is not this user's alone, or cannot be read.
        """
        ...

    def tuned(self) -> Tuned:
        """What was measured to be the quickest."""
        ...

    def clock(self) -> Tick:
        """The monotonic clock."""
        ...

    def cameras(self) -> Sequence[CameraInfo]:
        """Cameras that can be read from, virtual ones among them."""
        ...

    def outputs(self) -> tuple[OutputInfo, ...]:
        """Virtual cameras that can be written to."""
        ...

    def pipewire(self) -> PipeWireSetup:
        """What of a PipeWire camera is there. Linux only."""
        ...

    def read(self, path: Path) -> str:
        """Text of a small file; empty when it is not there."""
        ...

    def exists(self, path: Path) -> bool:
        """Whether there is something at `path`."""
        ...

    def refusal(self, folder: Path) -> str:
        """Why nothing can be written into `folder`, made if it has to be; empty when something can."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """Free space at `folder`, or at the nearest folder above that exists."""
        ...

    def networks(self) -> Sequence[Network]:
        """The networks the embedded swap needs.

        Raises:
            ImportError: What checks them does not load.
        """
        ...

    def preset_networks(self) -> Sequence[Network]:
        """The published networks that the configured preset needs; none for the mesh swap.

        Raises:
            LivecamError: A recipe cannot be used.
        """
        ...
