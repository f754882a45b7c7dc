"""The protocol, spoken with a server; and servers that speak otherwise."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("websockets", reason="the extra obs is not installed")

from livecam.config import ObsConfig
from livecam.control.obs import client as client_module
from livecam.control.obs.client import (
    PASSWORD_VARIABLE,
    SCENE_EVENTS,
    ObsAway,
    ObsClient,
    ObsError,
    ObsLocked,
    ObsPlace,
    ObsRefused,
    authentication,
    configured,
)
from livecam.errors import ConfigError
from tests.control.obs.fake_obs import FakeObs


@contextmanager
def connected(obs: FakeObs, events: int = 0) -> Iterator[ObsClient]:
    with obs.running():
        client = ObsClient(obs.place, events)
        try:
            yield client
        finally:
            client.close()
            client.close()


def test_the_answer_to_the_challenge_is_that_of_the_protocol() -> None:
    # The example of obs-websocket's own documentation.
    salt, challenge = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=", "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
    assert authentication("supersecretpassword", salt, challenge) == "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


@pytest.mark.parametrize("password", ["", "geheim"])
def test_it_asks_and_is_answered(password: str) -> None:
    obs = FakeObs(password)
    with connected(obs) as client:
        assert client.ask("GetVersion")["obsVersion"] == "29.0.2"
        assert client.ask("GetInputSettings", inputName="Mic/Aux")["inputSettings"] == {"device_id": "default"}
        assert obs.subscribed == [0]


def test_events_are_kept_while_an_answer_is_awaited() -> None:
    with connected(FakeObs(manners="chatty"), SCENE_EVENTS) as client:
        assert client.ask("GetVersion")["obsVersion"] == "29.0.2"
        assert client.event(60.0) == ("CurrentProgramSceneChanged", {"sceneName": "before GetVersion"})
        assert client.event(0.0) is None


def test_a_refusal_says_what_was_refused() -> None:
    with connected(FakeObs()) as client:
        with pytest.raises(
            ObsRefused, match=r"OBS refuses GetInputSettings \(600\): No source was found by that name\.$"
        ) as at:
            client.ask("GetInputSettings", inputName="nobody")
        assert at.value.code == 600
        with pytest.raises(ObsRefused, match="Sing"):
            client.ask("Sing")


def test_an_answer_without_a_status_is_no_success() -> None:
    with connected(FakeObs(manners="odd")) as client, pytest.raises(ObsRefused, match="did not say"):
        client.ask("GetVersion")


@pytest.mark.parametrize(
    ("manners", "kind", "said"),
    [
        ("silent", ObsError, "does not speak obs-websocket 5.*28 or newer"),
        ("garbled", ObsError, "does not speak obs-websocket 5"),
        ("newer", ObsError, "another version"),
    ],
)
def test_what_speaks_otherwise_is_told(
    manners: str, kind: type[ObsError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    identify = ObsClient._identify

    def hurried(client: ObsClient, events: int) -> None:
        """Only what comes after the handshake, which takes what it takes."""
        monkeypatch.setattr(client_module, "_ANSWER_S", 0.2)
        identify(client, events)

    if manners == "silent":
        monkeypatch.setattr(ObsClient, "_identify", hurried)
    with FakeObs(manners=manners).running() as obs, pytest.raises(kind, match=said):
        ObsClient(obs.place)


def test_a_request_that_is_not_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(FakeObs(manners="deaf")) as client:
        monkeypatch.setattr(client_module, "_ANSWER_S", 0.1)
        with pytest.raises(ObsAway, match="does not answer in time"):
            client.ask("GetVersion")


@pytest.mark.parametrize(("given", "said"), [("", "wants a password"), ("falsch", "refuses the password")])
def test_the_password_is_asked_for(given: str, said: str) -> None:
    with FakeObs("geheim").running() as obs, pytest.raises(ObsLocked, match=f"{said}.*Show Connect Info"):
        ObsClient(ObsPlace(obs.place.host, obs.place.port, given))


def test_nobody_there_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with pytest.raises(ObsAway, match=rf"does not answer at 127\.0\.0\.1:{port}: .* switch on Tools"):
        ObsClient(ObsPlace("127.0.0.1", port))
    with pytest.raises(ObsAway, match=r"does not answer at no\.host\.invalid"):
        ObsClient(ObsPlace("no.host.invalid", port))


def test_another_server_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ObsError, match="is not obs-websocket"):
            ObsClient(ObsPlace("127.0.0.1", int(server.getsockname()[1])))
        thread.join(60)


def test_an_obs_that_ends_is_noticed() -> None:
    obs = FakeObs()
    with connected(obs) as client:
        client.ask("GetVersion")
        obs.hang_up()
        with pytest.raises(ObsAway, match=r"ended the connection \(Server stopping\.\)"):
            client.event(60.0)
        with pytest.raises(ObsAway, match="ended the connection"):
            client.ask("GetVersion")


def test_the_password_comes_from_a_file_or_a_variable_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("ge heim\n")
    variable = {PASSWORD_VARIABLE: "other"}
    place = configured(ObsConfig(host="::1", port=4444.0, password_file=file), variable)
    assert place == ObsPlace("::1", 4444, "ge heim")
    assert "heim" not in repr(place)
    assert str(place) == "[::1]:4444"
    assert configured(ObsConfig(), variable).password == "other"
    assert configured(ObsConfig(), {}).password == ""
    with pytest.raises(ConfigError, match=r"absent of OBS's password cannot be read"):
        configured(ObsConfig(password_file=tmp_path / "absent"), {})
