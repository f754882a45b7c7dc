"""A client of obs-websocket, protocol 5 (github.com/obsproject/obs-websocket, docs/generated/protocol.md)."""

import hashlib
import json
import os
import time
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from livecam.config import ObsConfig
from livecam.control.desk import Json
from livecam.errors import ConfigError, LivecamError

PASSWORD_VARIABLE: Final = "OBS_WEBSOCKET_PASSWORD"
PROTOCOL: Final = 1
"""Version of the messages ("RPC version") that obs-websocket 5 speaks."""

SCENE_EVENTS: Final = 1 << 2
"""Of the events that may be subscribed to."""

_ANSWER_S: Final = 5.0
_LARGEST: Final = 1 << 22
_HELLO, _IDENTIFY, _IDENTIFIED, _EVENT, _REQUEST, _RESPONSE = 0, 1, 2, 5, 6, 7
_AUTHENTICATION_FAILED, _UNSUPPORTED_VERSION = 4009, 4010
_SWITCH_ON: Final = "Start OBS, and switch on Tools > WebSocket Server Settings > Enable WebSocket server."
_UPDATE: Final = "It needs OBS 28 or newer, and the port shown in Tools > WebSocket Server Settings."

_TELL_PASSWORD: Final = (
    "OBS shows it under Tools > WebSocket Server Settings > Show Connect Info. Write it into a file and name that by "
    f"--obs-password-file, or put it into {PASSWORD_VARIABLE}."
)


class ObsError(LivecamError):
    """OBS is not there, refuses, or does not speak as expected."""


class ObsAway(ObsError):
    """Nobody answers, or the connection has ended: it may come back."""


class ObsSilent(ObsAway):
    """It did not answer in time."""


class ObsLocked(ObsError):
    """OBS wants a password, or another one."""


class ObsRefused(ObsError):
    """OBS did not do what it was asked for.

    Args:
        request: Its name.
        code: Why, by the protocol; 600 is "not found".
        comment: Why, in OBS's words.
    """

    def __init__(self, request: str, code: int, comment: str) -> None:
        super().__init__(f"OBS refuses {request} ({code}): {comment.rstrip('.') or 'it gives no reason'}.")
        self.code = code


@dataclass(frozen=True, slots=True)
class ObsPlace:
    """Where OBS listens.

    Attributes:
        host: Name or address.
        port: Of obs-websocket.
        password: Empty for none.
    """

    host: str = "127.0.0.1"
    port: int = 4455
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def configured(config: ObsConfig, environment: Mapping[str, str] = os.environ) -> ObsPlace:
    """The place that the configuration names, with its password.

    Raises:
        ConfigError: The file of the password cannot be read.
    """
    password = environment.get(PASSWORD_VARIABLE, "")
    if config.password_file is not None:
        try:
            password = config.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file {config.password_file} of OBS's password cannot be read: {error}.") from None
    return ObsPlace(config.host, int(config.port), password)


def authentication(password: str, salt: str, challenge: str) -> str:
    """The answer to a challenge, by the protocol's "Creating an authentication string"."""
    secret = b64encode(hashlib.sha256((password + salt).encode()).digest())
    return b64encode(hashlib.sha256(secret + challenge.encode()).digest()).decode()


class ObsClient:
    """A connection, open until `close`. Used by one thread.

    Args:
        place: Where OBS listens.
        events: Kinds of events that are wanted.

    Raises:
        ObsAway: Nobody answers there.
        ObsLocked: The password is missing or wrong.
        ObsError: What answers is not obs-websocket 5.
    """

    def __init__(self, place: ObsPlace, events: int = 0) -> None:
        self._place = place
        self._number = 0
        self._events: deque[tuple[str, Mapping[str, Json]]] = deque(maxlen=256)
        self._open = ExitStack()
        try:
            self._socket = self._open.enter_context(
                connect(
                    f"ws://{place}",
                    subprotocols=[Subprotocol("obswebsocket.json")],
                    compression=None,
                    open_timeout=_ANSWER_S,
                    close_timeout=1.0,
                    max_size=_LARGEST,
                    # A proxy is for the world outside, never for OBS.
                    proxy=None,
                )
            )
        except OSError as error:
            reason = error.strerror or str(error) or "no answer in time"
            raise ObsAway(f"OBS does not answer at {place}: {reason}.", _SWITCH_ON) from None
        except (WebSocketException, ValueError):
            raise ObsError(f"What answers at {place} is not obs-websocket.", _UPDATE) from None
        try:
            self._identify(events)
        except ObsError:
            self.close()
            raise

    def ask(self, request: str, /, **data: Json) -> Mapping[str, Json]:
        """Ask OBS to do something, and what it answers.

        Raises:
            ObsRefused: It does not.
            ObsAway: It has gone.
        """
        self._number += 1
        number = str(self._number)
        self._send(_REQUEST, {"requestType": request, "requestId": number, "requestData": data})
        deadline = time.monotonic() + _ANSWER_S
        # Whoever talks of other things without an end is not listened to without an end.
        while (left_s := deadline - time.monotonic()) > 0:
            kind, answer = self._receive(left_s)
            if kind == _EVENT:
                self._keep(answer)
            elif kind == _RESPONSE and answer.get("requestId") == number:
                return _answered(request, answer)
        raise self._silence()

    def event(self, timeout_s: float) -> tuple[str, Mapping[str, Json]] | None:
        """The next event, its kind and data; None when there was none in time.

        Raises:
            ObsAway: OBS has gone.
        """
        deadline = time.monotonic() + timeout_s
        while not self._events:
            try:
                kind, data = self._receive(deadline - time.monotonic())
            except ObsSilent:
                return None
            if kind == _EVENT:
                self._keep(data)
            elif time.monotonic() > deadline:
                return None
        return self._events.popleft()

    def close(self) -> None:
        """Hang up. Idempotent."""
        with suppress(WebSocketException, OSError):
            self._open.close()

    def _identify(self, events: int) -> None:
        try:
            kind, hello = self._receive(_ANSWER_S)
        except ObsSilent:
            # The protocol before, of obs-websocket 4, waits for the client to begin.
            raise ObsError(f"What answers at {self._place} does not speak obs-websocket 5.", _UPDATE) from None
        if kind != _HELLO or not isinstance(hello.get("rpcVersion"), int):
            raise ObsError(f"What answers at {self._place} does not speak obs-websocket 5.", _UPDATE)
        said: dict[str, Json] = {"rpcVersion": PROTOCOL, "eventSubscriptions": events}
        wanted = hello.get("authentication")
        if isinstance(wanted, Mapping):
            if not self._place.password:
                raise ObsLocked(f"OBS at {self._place} wants a password.", _TELL_PASSWORD)
            said["authentication"] = authentication(
                self._place.password, str(wanted.get("salt", "")), str(wanted.get("challenge", ""))
            )
        self._send(_IDENTIFY, said)
        kind, _ = self._receive(_ANSWER_S)
        if kind != _IDENTIFIED:
            raise ObsError(f"What answers at {self._place} does not speak obs-websocket 5.", _UPDATE)

    def _keep(self, event: Mapping[str, Json]) -> None:
        data = event.get("eventData")
        self._events.append((str(event.get("eventType", "")), data if isinstance(data, Mapping) else {}))

    def _send(self, kind: int, data: Mapping[str, Json]) -> None:
        try:
            self._socket.send(json.dumps({"op": kind, "d": data}))
        except ConnectionClosed as closed:
            self._gone(closed)

    def _receive(self, timeout_s: float) -> tuple[int, Mapping[str, Json]]:
        """One message: its kind and data.

        Raises:
            ObsSilent: None came in time.
        """
        try:
            text = self._socket.recv(max(timeout_s, 0.0))
        except TimeoutError:
            raise self._silence() from None
        except ConnectionClosed as closed:
            self._gone(closed)
        try:
            message = json.loads(text)
            # An escape may stand for half a character, which can be neither shown nor sent on.
            json.dumps(message, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            message = None
        if not (isinstance(message, dict) and isinstance(message.get("d"), dict)):
            raise ObsError(f"What answers at {self._place} does not speak obs-websocket 5.", _UPDATE)
        kind = message.get("op")
        return kind if isinstance(kind, int) else -1, message["d"]

    def _silence(self) -> ObsSilent:
        return ObsSilent(f"OBS at {self._place} does not answer in time.", "It may hang: look at it.")

    def _gone(self, closed: ConnectionClosed) -> NoReturn:
        code = closed.rcvd.code if closed.rcvd else 0
        if code == _AUTHENTICATION_FAILED:
            raise ObsLocked(f"OBS at {self._place} refuses the password.", _TELL_PASSWORD) from None
        if code == _UNSUPPORTED_VERSION:
            raise ObsError(f"OBS at {self._place} speaks another version of obs-websocket.", _UPDATE) from None
        reason = f" ({closed.rcvd.reason})" if closed.rcvd and closed.rcvd.reason else ""
        raise ObsAway(f"OBS at {self._place} has ended the connection{reason}.", _SWITCH_ON) from None


def _answered(request: str, answer: Mapping[str, Json]) -> Mapping[str, Json]:
    status = answer.get("requestStatus")
    if not isinstance(status, Mapping):
        raise ObsRefused(request, 0, "it did not say whether it did it")
    if status.get("result") is not True:
        code = status.get("code")
        raise ObsRefused(request, code if isinstance(code, int) else 0, str(status.get("comment") or ""))
    data = answer.get("responseData")
    return data if isinstance(data, Mapping) else {}
