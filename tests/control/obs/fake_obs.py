"""An OBS that exists only in words, behind a real server that speaks protocol 5 of obs-websocket."""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from livecam.control.desk import Json
from livecam.control.obs.client import ObsPlace
from tests.patience import free_port

SALT, CHALLENGE = "c2FsdA==", "Y2hhbGxlbmdl"
REQUESTS = [
    "GetVersion",
    "GetInputKindList",
    "GetSceneList",
    "GetCurrentProgramScene",
    "GetInputList",
    "GetInputSettings",
    "SetInputSettings",
    "CreateInput",
    "GetSceneItemId",
    "CreateSceneItem",
    "SetSceneItemTransform",
    "GetVideoSettings",
    "GetSpecialInputs",
    "GetInputAudioSyncOffset",
    "SetInputAudioSyncOffset",
]
KINDS = ["ffmpeg_source", "v4l2_input", "browser_source", "pulse_input_capture"]

Table = dict[str, Json]


class Refusal(Exception):
    """A request that OBS does not follow."""

    def __init__(self, code: int, comment: str) -> None:
        super().__init__(comment)
        self.code = code


class FakeObs:
    """Scenes, inputs, and one way to misbehave.

    Args:
        password: Empty for none.
        manners: ``good``; ``silent`` says no hello, ``garbled`` says no JSON, ``newer`` refuses version 1, ``deaf``
            answers no request, ``odd`` answers without a status, ``chatty`` sends events before each answer.
    """

    def __init__(self, password: str = "", manners: str = "good") -> None:
        self.password = password
        self.manners = manners
        self.requests = list(REQUESTS)
        self.kinds = list(KINDS)
        self.scene = "Talk"
        self.scenes: dict[str, list[str]] = {"Pause": [], "Talk": ["Mic/Aux"]}
        self.inputs: dict[str, tuple[str, Table]] = {"Mic/Aux": ("pulse_input_capture", {"device_id": "default"})}
        self.special: Table = {"desktop1": None, "mic1": "Mic/Aux", "mic2": None}
        self.offsets: dict[str, int] = {}
        self.transforms: list[Table] = []
        self.asked: list[str] = []
        self.subscribed: list[int] = []
        self.connections: list[ServerConnection] = []
        self.place = ObsPlace()

    @contextmanager
    def running(self) -> Iterator["FakeObs"]:
        protocol = [Subprotocol("obswebsocket.json")]
        port = self.place.port if self.place.port != 4455 else free_port(socket.SOCK_STREAM)
        with serve(
            self._serve, "127.0.0.1", port, subprotocols=protocol, compression=None, close_timeout=0.2
        ) as server:
            self.place = ObsPlace("127.0.0.1", int(server.socket.getsockname()[1]), self.password)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                self.hang_up()
                thread.join(60)

    def hang_up(self) -> None:
        """As when OBS ends."""
        while self.connections:
            self.connections.pop().close(1001, "Server stopping.")

    def switch(self, scene: str) -> None:
        """The user shows another scene."""
        self.scene = scene
        self._tell("CurrentProgramSceneChanged", {"sceneName": scene})

    def settle(self) -> None:
        """Wait until all that was told has come."""
        for connection in self.connections:
            assert connection.ping().wait(60)

    def changed(self) -> list[str]:
        """The requests that change something."""
        return [name for name in self.asked if not name.startswith("Get")]

    def _tell(self, kind: str, data: Table) -> None:
        for connection in self.connections:
            connection.send(json.dumps({"op": 5, "d": {"eventType": kind, "eventIntent": 4, "eventData": data}}))

    def _serve(self, connection: ServerConnection) -> None:
        try:
            if self._welcome(connection):
                self.connections.append(connection)
                for text in connection:
                    self._answer(connection, json.loads(text)["d"])
        except ConnectionClosed:
            pass

    def _welcome(self, connection: ServerConnection) -> bool:
        if self.manners == "silent":
            connection.recv()
            return False
        if self.manners == "garbled":
            connection.send("hello")
            return False
        hello: Table = {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
        if self.password:
            hello["authentication"] = {"challenge": CHALLENGE, "salt": SALT}
        connection.send(json.dumps({"op": 0, "d": hello}))
        said = json.loads(connection.recv())
        assert said["op"] == 1
        if self.manners == "newer" or said["d"]["rpcVersion"] != 1:
            connection.close(4010, "Unsupported RPC version.")
            return False
        if self.password and said["d"].get("authentication") != self._key():
            connection.close(4009, "Authentication failed.")
            return False
        self.subscribed.append(said["d"]["eventSubscriptions"])
        connection.send(json.dumps({"op": 2, "d": {"negotiatedRpcVersion": 1}}))
        return True

    def _key(self) -> str:
        secret = base64.b64encode(hashlib.sha256(f"{self.password}{SALT}".encode()).digest()).decode()
        return base64.b64encode(hashlib.sha256(f"{secret}{CHALLENGE}".encode()).digest()).decode()

    def _answer(self, connection: ServerConnection, request: Table) -> None:
        name, data = str(request["requestType"]), cast(Table, request["requestData"])
        self.asked.append(name)
        if self.manners == "deaf":
            return
        answer: Table = {"requestType": name, "requestId": request["requestId"]}
        if self.manners == "chatty":
            self._tell("CurrentProgramSceneChanged", {"sceneName": f"before {name}"})
            connection.send(json.dumps({"op": 7, "d": {"requestId": "other", "requestStatus": {"result": True}}}))
        try:
            answer["responseData"] = getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), self._unknown)(
                data
            )
            answer["requestStatus"] = {"result": True, "code": 100}
        except Refusal as refusal:
            answer["requestStatus"] = {"result": False, "code": refusal.code, "comment": str(refusal)}
        if self.manners == "odd":
            del answer["requestStatus"]
        connection.send(json.dumps({"op": 7, "d": answer}))

    def _unknown(self, _: Table) -> Table:
        raise Refusal(204, "Your request type is not valid.")

    def _get_version(self, _: Table) -> Table:
        return {"obsVersion": "29.0.2", "obsWebSocketVersion": "5.1.0", "availableRequests": self.requests}

    def _get_input_kind_list(self, data: Table) -> Table:
        assert data == {"unversioned": True}
        return {"inputKinds": self.kinds}

    def _get_scene_list(self, _: Table) -> Table:
        return {"currentProgramSceneName": self.scene, "scenes": [{"sceneName": name} for name in self.scenes]}

    def _get_current_program_scene(self, _: Table) -> Table:
        return {"currentProgramSceneName": self.scene}

    def _get_input_list(self, _: Table) -> Table:
        inputs: list[Json] = [{"inputName": n, "unversionedInputKind": kind} for n, (kind, _) in self.inputs.items()]
        return {"inputs": inputs}

    def _get_input_settings(self, data: Table) -> Table:
        return {"inputSettings": self._input(data)[1], "inputKind": self._input(data)[0]}

    def _set_input_settings(self, data: Table) -> Table:
        assert data["overlay"] is True
        self._input(data)[1].update(cast(Table, data["inputSettings"]))
        return {}

    def _create_input(self, data: Table) -> Table:
        name = str(data["inputName"])
        if name in self.inputs:
            raise Refusal(601, "A source already exists by that input name.")
        self.inputs[name] = (str(data["inputKind"]), cast(Table, data["inputSettings"]))
        self.scenes[str(data["sceneName"])].append(name)
        return {"sceneItemId": 7}

    def _get_scene_item_id(self, data: Table) -> Table:
        if data["sourceName"] not in self.scenes[str(data["sceneName"])]:
            raise Refusal(600, "No scene items were found in the specified scene by that name or offset.")
        return {"sceneItemId": 7}

    def _create_scene_item(self, data: Table) -> Table:
        self.scenes[str(data["sceneName"])].append(str(data["sourceName"]))
        return {"sceneItemId": 7}

    def _set_scene_item_transform(self, data: Table) -> Table:
        assert data["sceneItemId"] == 7
        self.transforms.append(cast(Table, data["sceneItemTransform"]))
        return {}

    def _get_video_settings(self, _: Table) -> Table:
        return {"baseWidth": 1920, "baseHeight": 1080}

    def _get_special_inputs(self, _: Table) -> Table:
        return self.special

    def _get_input_audio_sync_offset(self, data: Table) -> Table:
        self._input(data)
        return {"inputAudioSyncOffset": self.offsets.get(str(data["inputName"]), 0)}

    def _set_input_audio_sync_offset(self, data: Table) -> Table:
        offset = data["inputAudioSyncOffset"]
        assert isinstance(offset, int)
        self.offsets[str(data["inputName"])] = offset
        return {}

    def _input(self, data: Table) -> tuple[str, Table]:
        found = self.inputs.get(str(data["inputName"]))
        if found is None:
            raise Refusal(600, "No source was found by that name.")
        return found
