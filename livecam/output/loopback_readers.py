"""Who reads a v4l2loopback node, told by three things that have to be put together.

The count of openers that the kernel keeps for every module is exact, cheap and sees all users and containers, but is
one number for all nodes. `/proc` says who has which node open, but not of other users' programs, and costs a walk over
all processes. The driver's own event (0.13 and newer, not in Debian 12 or Ubuntu 22.04) counts who has begun to stream.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.seams import Clock
from livecam.output import loopback

PROC: Final = Path("/proc")
OPENERS: Final = Path("/sys/module/v4l2loopback/refcnt")

_LOOK_NS: Final = 50 * NS_PER_MS
_WALK_NS: Final = 3 * NS_PER_S
_BLIND_WALK_NS: Final = NS_PER_S


@dataclass(frozen=True, slots=True)
class Openers:
    """Descriptors of loopback nodes in the programs that can be looked into.

    Attributes:
        readers: Programs that can read the node asked about, this one left out.
        descriptors: Of any loopback node, in any of them.
    """

    readers: int
    descriptors: int


class LoopbackReaders:
    """Counts the programs that have one node open for reading. Any thread.

    Whoever has it open counts, whether pictures are fetched or not: a program that will fetch them in a moment is not
    to be kept waiting.

    Args:
        device: The node's path.
        clock: Where time comes from.
        proc: Where the system lists its processes.
        openers: Where the kernel says how often the module's nodes are open.
        sysfs: Where the system describes its video devices.
    """

    def __init__(
        self,
        device: str,
        clock: Clock | None = None,
        proc: Path = PROC,
        openers: Path = OPENERS,
        sysfs: Path = loopback.SYSFS,
    ) -> None:
        self._device = device
        self._clock = clock or MonotonicClock()
        self._proc, self._openers = proc, openers
        self._nodes = frozenset("/dev/" + name for name, _ in loopback.nodes(sysfs)) | {device}
        self._lock = threading.Lock()
        self._look_due_ns = self._walk_due_ns = 0
        self._seen: tuple[int | None, int] = (-1, 0)
        self._count: int | None = 0

    def count(self, streaming: int | None = None) -> int | None:
        """How many read it now, at most 50 ms old.

        Args:
            streaming: What the driver's event says; used where the kernel does not tell how often nodes are open,
                which is where the module is built in, or hidden from a container.
        """
        with self._lock:
            now_ns = self._clock.now_ns()
            if now_ns >= self._look_due_ns:
                self._look_due_ns = now_ns + _LOOK_NS
                self._look(now_ns, streaming)
            return self._count

    def _look(self, now_ns: int, streaming: int | None) -> None:
        openers = _number(self._openers)
        if openers is None and streaming is not None:
            self._count = streaming
            return
        # Our own camera may be a node of this driver: its closing and a reader's coming leave the number as it was.
        own = len(_held(self._proc / "self", self._nodes)) if openers is not None else 0
        if (openers, own) != self._seen or now_ns >= self._walk_due_ns:
            # One that left this node as another one came to the next changes nothing at all: hence the later walk.
            self._walk_due_ns = now_ns + (_BLIND_WALK_NS if openers is None else _WALK_NS)
            self._seen = (openers, own)
            self._count = self._counted(openers, own)

    def _counted(self, openers: int | None, own: int) -> int:
        if openers is None:
            return self._walk().readers
        others = openers - own
        if others <= 0 or len(self._nodes) == 1:
            return max(0, others)
        found = self._walk()
        # Openers that are nowhere to be seen are other users' programs, which may read this very node.
        return found.readers + max(0, openers - found.descriptors)

    def _walk(self) -> Openers:
        own, readers, descriptors = str(os.getpid()), 0, 0
        for process in self._proc.glob("[0-9]*"):
            held = _held(process, self._nodes)
            descriptors += len(held)
            if process.name != own and any(self._reads(process, *one) for one in held):
                readers += 1
        return Openers(readers, descriptors)

    def _reads(self, process: Path, descriptor: str, node: str) -> bool:
        return node == self._device and not loopback.is_write_only(process, descriptor)


def programs_reading(device: str, proc: Path = PROC) -> tuple[str, ...]:
    """Names of the programs that have `device` open for reading, as far as they can be looked into: this user's.

    It walks over all processes, which takes a few milliseconds.
    """
    found = set[str]()
    for process in proc.glob("[0-9]*"):
        held = _held(process, frozenset({device})) if process.name != str(os.getpid()) else []
        if any(not loopback.is_write_only(process, descriptor) for descriptor, _ in held):
            found.add(_name(process))
    return tuple(sorted(found))


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", errors="replace").strip() or "?"
    except OSError:
        return "?"


def _held(process: Path, nodes: frozenset[str]) -> list[tuple[str, str]]:
    """Descriptors of `nodes` that `process` has, and which node each is of."""
    return [(name, target) for name, target in _targets(process) if target in nodes]


def _targets(process: Path) -> Iterator[tuple[str, str]]:
    folder = f"{process}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        # Ended meanwhile, or another user's.
        return
    for name in names:
        try:
            yield name, os.readlink(f"{folder}/{name}")
        except OSError:
            # Closed meanwhile.
            continue


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
