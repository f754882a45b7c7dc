"""What ``livecam obs setup`` does in OBS: one source, and microphones as late as it. Twice does no more than once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from livecam.control.audio.names import SOURCE as DELAYED_MICROPHONE
from livecam.control.desk import Json
from livecam.control.obs.client import ObsClient, ObsError, ObsRefused
from livecam.output.obs import ObsSource

MOST_OFFSET_MS: Final = 20_000
"""The longest sync offset that OBS has."""

_NEEDED: Final = (
    "CreateInput", "CreateSceneItem", "GetInputAudioSyncOffset", "GetInputKindList", "GetInputList",
    "GetInputSettings", "GetSceneItemId", "GetSceneList", "GetSpecialInputs", "GetVideoSettings",
    "SetInputAudioSyncOffset", "SetInputSettings", "SetSceneItemTransform",
)  # fmt: skip
_NOT_FOUND: Final = 600
_MICROPHONES: Final = frozenset(
    {"pulse_input_capture", "alsa_input_capture", "wasapi_input_capture", "coreaudio_input_capture"}
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Attributes:
        source: What is to be shown.
        name: What the source is to be called.
        scene: Where; empty for the one that is shown now.
        offset_ms: How much later than livecam's pictures the microphones are to be; None leaves them alone.
        microphone: Name of the one that is meant; empty for all.
    """

    source: ObsSource
    name: str = "livecam"
    scene: str = ""
    offset_ms: float | None = None
    microphone: str = ""


class Setup:
    """Sets OBS up.

    Args:
        client: Connected.
        dry: Change nothing, and only say what would be done.
    """

    def __init__(self, client: ObsClient, dry: bool = False) -> None:
        self._client = client
        self._dry = dry
        self._scenes: list[str] = []
        self._said: list[str] = []

    def carry_out(self, wish: Wish) -> tuple[str, ...]:
        """Do what is wished, and say what was done, a sentence each.

        Raises:
            ObsError: It cannot be done; the sentence says what stands in the way.
        """
        self._said = []
        self._demand_able(wish.source)
        scene = self._scene(wish.scene)
        self._show(wish, scene)
        if wish.offset_ms is not None:
            self._delay(wish, round(wish.offset_ms))
        return tuple(self._said)

    def _demand_able(self, source: ObsSource) -> None:
        version = self._client.ask("GetVersion")
        known = version.get("availableRequests")
        absent = [name for name in _NEEDED if not (isinstance(known, Sequence) and name in known)]
        if absent:
            told = f"OBS {version.get('obsVersion')} with obs-websocket {version.get('obsWebSocketVersion')}"
            raise ObsError(f"{told} does not know {', '.join(absent)}.", "Update OBS.")
        if not source.kind:
            raise ObsError(f"obs-websocket cannot choose {source.title}.", "Enter it by hand: livecam obs")
        if source.kind not in _texts(self._client.ask("GetInputKindList", unversioned=True).get("inputKinds")):
            raise ObsError(
                f"This OBS has no sources of the kind {source.title} ({source.kind}).",
                "Name another way with --way: web needs nothing that any OBS lacks.",
            )

    def _scene(self, named: str) -> str:
        answer = self._client.ask("GetSceneList")
        self._scenes = [str(entry.get("sceneName")) for entry in _tables(answer.get("scenes"))]
        if not named:
            return str(answer.get("currentProgramSceneName"))
        if named not in self._scenes:
            there = ", ".join(map(repr, reversed(self._scenes)))
            raise ObsError(f"OBS has no scene {named!r}.", f"There are: {there}.")
        return named

    def _show(self, wish: Wish, scene: str) -> None:
        source, name = wish.source, wish.name
        found = [entry for entry in self._inputs() if entry.get("inputName") == name]
        if name in self._scenes:
            raise ObsError(f"OBS has a scene called {name!r}.", "Choose another name for the source with --name.")
        if not found:
            settings = dict(source.settings)
            self._do(
                f"add the source {name!r} ({source.title}) to the scene {scene!r}",
                "CreateInput", sceneName=scene, inputName=name, inputKind=source.kind, inputSettings=settings,
            )  # fmt: skip
            self._fit(scene, name)
            return
        if found[0].get("unversionedInputKind") != source.kind:
            raise ObsError(
                f"OBS has a source {name!r} already, of another kind ({found[0].get('unversionedInputKind')}).",
                "Remove it there, or choose another name with --name.",
            )
        self._renew(source, name)
        self._place(scene, name)

    def _renew(self, source: ObsSource, name: str) -> None:
        now = self._client.ask("GetInputSettings", inputName=name).get("inputSettings")
        now = now if isinstance(now, Mapping) else {}
        other = {key: value for key, value in source.settings.items() if now.get(key) != value}
        if other:
            # What is secret in them is not said.
            told = f"change {', '.join(sorted(other))} of the source {name!r}"
            self._do(told, "SetInputSettings", inputName=name, inputSettings=other, overlay=True)
        else:
            self._said.append(f"The source {name!r} is set up already.")

    def _place(self, scene: str, name: str) -> None:
        if self._item(scene, name) is not None:
            self._said.append(f"It is in the scene {scene!r} already.")
            return
        self._do(f"put it into the scene {scene!r}", "CreateSceneItem", sceneName=scene, sourceName=name)
        self._fit(scene, name)

    def _item(self, scene: str, name: str) -> int | None:
        try:
            item = self._client.ask("GetSceneItemId", sceneName=scene, sourceName=name).get("sceneItemId")
        except ObsRefused as refused:
            if refused.code != _NOT_FOUND:
                raise
            return None
        return item if isinstance(item, int) else None

    def _fit(self, scene: str, name: str) -> None:
        """Fill the canvas, once: what the user has moved since is left alone."""
        video = self._client.ask("GetVideoSettings")
        transform: dict[str, Json] = {
            "positionX": 0.0,
            "positionY": 0.0,
            "boundsType": "OBS_BOUNDS_SCALE_INNER",
            "boundsWidth": video.get("baseWidth"),
            "boundsHeight": video.get("baseHeight"),
        }
        told = f"fit it to the canvas of {video.get('baseWidth')}x{video.get('baseHeight')}"
        item = None if self._dry else self._item(scene, name)
        self._do(told, "SetSceneItemTransform", sceneName=scene, sceneItemId=item, sceneItemTransform=transform)

    def _delay(self, wish: Wish, offset_ms: int) -> None:
        wanted = min(max(offset_ms, 0), MOST_OFFSET_MS)
        microphones = self._microphones(wish.microphone)
        if not microphones:
            self._said.append("OBS has no microphone, so none is delayed.")
        for name in microphones:
            settings = self._client.ask("GetInputSettings", inputName=name).get("inputSettings")
            if isinstance(settings, Mapping) and settings.get("device_id") == DELAYED_MICROPHONE:
                self._said.append(f"{name!r} is livecam's own microphone, which is late already.")
                continue
            now = self._client.ask("GetInputAudioSyncOffset", inputName=name).get("inputAudioSyncOffset")
            if now == wanted:
                self._said.append(f"The sync offset of {name!r} is {wanted} ms already.")
                continue
            told = f"set the sync offset of {name!r} to {wanted} ms; it was {now} ms"
            self._do(told, "SetInputAudioSyncOffset", inputName=name, inputAudioSyncOffset=wanted)

    def _microphones(self, named: str) -> tuple[str, ...]:
        special = self._client.ask("GetSpecialInputs")
        found = [str(name) for key, name in special.items() if key.startswith("mic") and name]
        kinds = {str(entry.get("inputName")): entry.get("unversionedInputKind") for entry in self._inputs()}
        found += [name for name, kind in kinds.items() if kind in _MICROPHONES and name not in found]
        if not named:
            return tuple(found)
        if named not in kinds and named not in found:
            raise ObsError(
                f"OBS has no input {named!r}.", f"Microphones there: {', '.join(map(repr, found)) or 'none'}."
            )
        return (named,)

    def _inputs(self) -> list[Mapping[str, Json]]:
        return _tables(self._client.ask("GetInputList").get("inputs"))

    def _do(self, told: str, request: str, /, **data: Json) -> None:
        if not self._dry:
            self._client.ask(request, **data)
        self._said.append(f"{'Would ' if self._dry else 'Done: '}{told}.")


def _tables(value: Json) -> list[Mapping[str, Json]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _texts(value: Json) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []
