"""A ``pactl`` that keeps its modules in a file: run as a program by what is tested."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_DESCRIBED = (
    "Source #{number}\n\tState: IDLE\n\tName: {name}\n\tDescription: {title}\n\tMonitor of Sink: {of}\n"
    "\tProperties:\n\t\tName: no\n"
)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A time in which nobody else touches the file."""
    import fcntl  # which Windows lacks

    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class FakePactl:
    """The file that it lives by.

    Attributes:
        path: ``state.json``: keys ``modules`` (number, kind, arguments), ``said`` (every call), ``default``,
            ``sources`` (name, title, sink it is a monitor of), ``broken`` (what it says instead of an answer).
    """

    path: Path

    def read(self) -> dict[str, object]:
        with locked(self.path):
            return dict(json.loads(self.path.read_text()))

    def set(self, **values: object) -> None:
        with locked(self.path):
            self.path.write_text(json.dumps(json.loads(self.path.read_text()) | values))

    def modules(self) -> list[list[str]]:
        found = self.read()["modules"]
        assert isinstance(found, list)
        return found

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.modules()]

    def latencies(self) -> list[str]:
        """Of the loopbacks that were ever loaded, ms."""
        said = self.read()["said"]
        assert isinstance(said, list)
        return [word.partition("=")[2] for call in said for word in call if word.startswith("latency_msec=")]


def install(folder: Path) -> FakePactl:
    """Put it into `folder`, which is to be the PATH."""
    fake = FakePactl(folder / "state.json")
    fake.path.write_text(
        json.dumps(
            {
                "modules": [["1", "module-rt", "{\n  nice = 1\n}"]],
                "said": [],
                "number": 536870912,
                "default": "usb",
                "sources": [["speaker.monitor", "Monitor of Speaker", "speaker"], ["usb", "USB Headset", "n/a"]],
                "broken": "",
            }
        )
    )
    program = folder / "pactl"
    program.write_text(f"#!{sys.executable} -ES\n{Path(__file__).read_text()}\nmain(Path({str(fake.path)!r}))\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return fake


def main(path: Path) -> None:
    """Answer one call."""
    with locked(path):
        state, call = json.loads(path.read_text()), sys.argv[1:]
        if state["broken"]:
            sys.exit(state["broken"])
        state["said"].append(call)
        print(answered(state, call))
        path.write_text(json.dumps(state))


def answered(state: dict, call: list[str]) -> str:  # type: ignore[type-arg]
    if call == ["info"]:
        return f"Server String: x\nDefault Sink: s\nDefault Source: {state['default']}"
    if call == ["list", "sources"]:
        entries = enumerate(state["sources"])
        return "\n".join(_DESCRIBED.format(number=n, name=name, title=title, of=of) for n, (name, title, of) in entries)
    if call == ["list", "short", "modules"]:
        return "\n".join("\t".join([*module, ""]) for module in state["modules"])
    if call[0] == "unload-module":
        if call[1] not in [number for number, _, _ in state["modules"]]:
            sys.exit("Failure: No such entity")
        state["modules"] = [module for module in state["modules"] if module[0] != call[1]]
        return ""
    assert call[0] == "load-module"
    if call[1] in state.get("refused", []):
        sys.exit("Failure: Module initialization failed")
    state["number"] += 1
    state["modules"].append([str(state["number"]), call[1], " ".join(call[2:])])
    return str(state["number"])
