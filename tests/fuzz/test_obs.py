"""What answers in OBS's place: a program on this machine, or on another where one is named."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from livecam.control.obs import client as obs_client
from livecam.control.obs.client import ObsClient, ObsError, ObsPlace, ObsSilent
from tests.fuzz.bounds import assert_sentence, bounded
from tests.patience import UNHURRIED_S, wait_longer

HELLO = json.dumps({"op": 0, "d": {"rpcVersion": 1}})
IDENTIFIED = json.dumps({"op": 2, "d": {}})
Manners = Callable[[ServerConnection], None]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, ["livecam.control.obs.client._ANSWER_S"])


@contextmanager
def playing(manners: Manners) -> Iterator[ObsPlace]:
    """A server that behaves so."""

    def handle(connection: ServerConnection) -> None:
        try:
            manners(connection)
        except ConnectionClosed:
            return

    subprotocols = [Subprotocol("obswebsocket.json")]
    with serve(handle, "127.0.0.1", 0, subprotocols=subprotocols, compression=None, close_timeout=0.1) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield ObsPlace("127.0.0.1", int(server.socket.getsockname()[1]), "secret")
        server.shutdown()
        thread.join(60)


def says(*texts: str | bytes) -> Manners:
    def manners(connection: ServerConnection) -> None:
        for text in texts:
            connection.send(text)
        connection.recv(UNHURRIED_S)

    return manners


HELLOS: dict[str, str | bytes] = {
    "lists in lists": "[" * 100_000,
    "a number without an end": "1" * 5000,
    "bytes": b"\xff\xfe\0",
    "half a character as salt": '{"op":0,"d":{"rpcVersion":1,"authentication":{"salt":"\\ud800","challenge":"x"}}}',
    "a list as salt": '{"op":7,"d":{"rpcVersion":1,"authentication":{"salt":[],"challenge":{}}}}',
    "no version": '{"op":0,"d":{"rpcVersion":"1"}}',
    "no number": '{"op":[],"d":{"rpcVersion":1}}',
    "null": "null",
    "nothing": "",
}


@pytest.mark.parametrize("name", HELLOS)
def test_a_strange_welcome_is_a_sentence(name: str) -> None:
    with playing(says(HELLOS[name])) as place, bounded(), pytest.raises(ObsError) as caught:
        ObsClient(place)
    assert_sentence(caught.value)


ANSWERS = {
    "no status": {"op": 7, "d": {"requestId": "1"}},
    "a list as status": {"op": 7, "d": {"requestId": "1", "requestStatus": []}},
    "an odd refusal": {"op": 7, "d": {"requestId": "1", "requestStatus": {"code": [], "comment": {}}}},
    "half a character": {"op": 7, "d": {"requestId": "1", "requestStatus": {"comment": "\ud800"}}},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_strange_answer_is_a_sentence(name: str) -> None:
    def manners(connection: ServerConnection) -> None:
        connection.send(HELLO)
        connection.recv(UNHURRIED_S)
        connection.send(IDENTIFIED)
        connection.recv(UNHURRIED_S)
        connection.send(json.dumps(ANSWERS[name]))
        connection.recv(UNHURRIED_S)

    with playing(manners) as place, bounded():
        client = ObsClient(place)
        with pytest.raises(ObsError) as caught:
            client.ask("GetSceneList")
        assert_sentence(caught.value)
        client.close()


def test_who_talks_of_other_things_for_ever_is_not_listened_to_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found: as long as something came, the deadline for an answer was never looked at."""
    over, until = threading.Event(), time.monotonic() + UNHURRIED_S

    def manners(connection: ServerConnection) -> None:
        connection.send(HELLO)
        connection.recv(60)
        connection.send(IDENTIFIED)
        while not over.is_set() and time.monotonic() < until:
            connection.send('{"op": 9, "d": {}}')

    with playing(manners) as place:
        client = ObsClient(place)
        monkeypatch.setattr(obs_client, "_ANSWER_S", 0.1)
        began = time.monotonic()
        with pytest.raises(ObsSilent):
            client.ask("GetSceneList")
        assert client.event(0.05) is None
        assert time.monotonic() - began < 30
        over.set()
        client.close()
