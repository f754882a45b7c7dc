"""A daemon and a keyboard that exist only in words."""

import threading
from collections.abc import Callable, Mapping, Sequence

from livecam.config.presets import PresetName
from livecam.control.desk import Json
from livecam.core.settings import Command, Reply, SetPersona, Settings, SettingsCell
from livecam.errors import PersonaError


class PretendPort:
    """A settings cell and a list of personas; `making` holds up whoever changes the persona; `done` are the deeds."""

    def __init__(self, names: Sequence[str] = ("nobody", "ann", "bob"), settings: Settings | None = None) -> None:
        self.cell = SettingsCell(settings or Settings(persona="nobody"))
        self.names = names
        self.done: list[str] = []
        self.making = threading.Event()
        self.making.set()
        self.seen: Mapping[str, Json] = {
            "state": "live",
            "fps": 30.0,
            "age_p95_ms": 40.0,
            "showing": "live",
            "note": "",
        }

    def submit(self, command: Command) -> Reply:
        if isinstance(command, SetPersona):
            assert self.making.wait(60)
            if command.name not in self.names:
                raise PersonaError(f"There is no persona {command.name!r}.")
        return self.cell.submit(command)

    def settings(self) -> Settings:
        return self.cell.current

    def personas(self) -> Sequence[str]:
        return self.names

    def status(self) -> Mapping[str, Json]:
        return self.seen

    def about(self) -> Mapping[str, Json]:
        return {}

    @property
    def deeds(self) -> "PretendPort":
        return self

    def panel(self) -> str:
        return "http://127.0.0.1:8770/?token=secret"

    def record(self, on: bool) -> str:
        self.done.append(f"record {on}")
        return "Recording to call.mp4." if on else "The recording is over: call.mp4."

    def snapshot(self) -> str:
        self.done.append("snapshot")
        return "Kept as snapshot.png."

    def reload(self) -> str:
        self.done.append("reload")
        return "Nothing has changed."

    def preset(self, name: PresetName) -> str:
        self.done.append(f"preset {name}")
        return f"Preset {name}."

    def favourite(self, number: int) -> str:
        if number >= len(self.names):
            raise PersonaError(f"No persona has the number {number}.")
        return self.names[number]

    def source(self, spec: str) -> str:
        self.done.append(f"source {spec}")
        return f"Frames come from {spec}."

    def sink(self, spec: str, on: bool) -> str:
        self.done.append(f"sink {spec} {on}")
        return f"Sent to {spec} too." if on else f"No more sent to {spec}."


class PretendKeys:
    """Keys that a test presses."""

    def __init__(self) -> None:
        self.on_key: Callable[[str, bool], None] = lambda key, down: None
        self.trouble = ""
        self.stopped = False

    def start(self, on_key: Callable[[str, bool], None]) -> None:
        self.on_key = on_key

    def problem(self) -> str:
        return self.trouble

    def stop(self) -> None:
        self.stopped = True

    def press(self, *keys: str) -> None:
        for key in keys:
            self.on_key(key, True)

    def release(self, *keys: str) -> None:
        for key in keys:
            self.on_key(key, False)
