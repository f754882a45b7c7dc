"""How many programs are linked to a PipeWire camera, as ``pw-dump --monitor`` tells while it happens."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Final

_NODE: Final = "PipeWire:Interface:Node"
_LINK: Final = "PipeWire:Interface:Link"
_END_S: Final = 0.5

COMMAND: Final = ("pw-dump", "--monitor", "--no-colors")


class LinkCounter(threading.Thread):
    """Keeps count of the links of one node in a thread that reads what a child process tells; costs next to nothing.

    Args:
        node: Name of the node.
        environment: Of the child.
        command: Tells of every object of the session, and then of every change.
    """

    def __init__(self, node: str, environment: Mapping[str, str], command: Sequence[str] = COMMAND) -> None:
        super().__init__(name="livecam-links", daemon=True)
        self._environment = environment
        self._command = command
        self._graph = Graph(node)
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        """Links now; None before the first telling, and once nothing is told any more. Any thread."""
        return self._count

    def run(self) -> None:
        """Start the child and follow it to its end."""
        with self._lock:
            if self._ended:
                return
            try:
                self._child = _started(self._command, self._environment)
            except OSError:
                # It is in a package of its own on some systems. Nobody can tell then.
                return
        assert self._child.stdout is not None
        try:
            self._follow(self._child.stdout)
        finally:
            self._count = None

    def end(self) -> None:
        """End the child and wait for the thread. Idempotent."""
        with self._lock:
            self._ended = True
            child = self._child
        if child is not None:
            child.kill()
            child.wait()
        if self.is_alive():
            self.join(_END_S)

    def _follow(self, told: IO[str]) -> None:
        lines: list[str] = []
        for line in told:
            lines.append(line)
            if line.rstrip() != "]":
                continue
            try:
                self._graph.update(json.loads("".join(lines)))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                # Of another version than any that was tried: nothing can be known.
                return
            lines.clear()
            self._count = self._graph.links


class Graph:
    """The links of one node, from what is told of all objects.

    Args:
        node: Name of the node.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._nodes: set[int] = set()
        self._links: dict[int, int] = {}

    @property
    def links(self) -> int:
        """How many links begin at it."""
        return sum(source in self._nodes for source in self._links.values())

    def update(self, objects: Iterable[Mapping[str, object]]) -> None:
        """Take note of `objects`: new ones, changed ones, and those without ``info``, which are gone.

        Raises:
            KeyError, TypeError: They are not what is expected.
        """
        for one in objects:
            number, info = one["id"], one.get("info")
            if not isinstance(number, int):
                raise TypeError(f"{number!r} is no object's number")
            if not isinstance(info, Mapping):
                self._nodes.discard(number)
                self._links.pop(number, None)
            elif one.get("type") == _LINK:
                self._links[number] = info["output-node-id"]
            elif one.get("type") == _NODE and (info.get("props") or {}).get("node.name") == self._node:
                self._nodes.add(number)


def _started(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    guard = shutil.which("setpriv")
    return subprocess.Popen(
        [guard, "--pdeathsig", "KILL", "--", *command] if guard else command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )
