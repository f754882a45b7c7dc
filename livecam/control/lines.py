"""The control socket's lines, whatever carries them: a line in, a line of JSON out, each client in a thread of its own.

So it answers while all else hangs, and no client keeps another one out.
"""

import json
import logging
import threading
import time
from _thread import start_new_thread
from collections.abc import Iterator
from typing import Final, Protocol

from livecam.control.desk import Answer, Desk
from livecam.control.grammar import LONGEST, Ask, NotUnderstood, parse

log = logging.getLogger(__name__)

CLIENTS: Final = 16
"""As many are served at once; one more, and whoever was silent longest has to go, so that a panic always gets in."""

WATCHERS: Final = 8
WATCH_S: Final = 0.5
"""Between two lines of a watch."""

IDLE_S: Final = 60.0
LONGEST_BYTES: Final = 4 * LONGEST
JOIN_S: Final = 1.0
_BEGIN_S: Final = 0.5
_HERE_S: Final = 1.0


class Wire(Protocol):
    """One connection. The thread of its client, but for `cut`."""

    def receive(self) -> bytes | None:
        """What came, waited for a moment; empty for nothing yet, None when the other side has gone.

        Raises:
            OSError, EOFError: It is broken.
        """
        ...

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: The other side has gone, or does not take it in time.
        """
        ...

    def cut(self) -> None:
        """Have the other calls return soon, where they would not by themselves. Any thread; never raises."""
        ...

    def close(self) -> None:
        """Free it. Never raises."""
        ...


class Client:
    """One connection, for as long as it lasts, and the thread that serves it.

    Args:
        wire: Owned from here on.
        crowd: Those of the same server.

    Attributes:
        heard_s: When it last said a line, monotonic.
        watching: It is told the status again and again.
        idle_s: It may be silent for so long.
    """

    def __init__(self, wire: Wire, crowd: "Crowd") -> None:
        self._turn = threading.Lock()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self.heard_s = time.monotonic()
        self.watching = False
        self.idle_s = IDLE_S
        self._over = False
        self._wire = wire
        self._crowd = crowd

    def begin(self) -> bool:
        """Serve in a thread of its own; False where there is none to be had, and nobody serves.

        `threading.Thread` would wait for ever for a thread that finds no memory to begin with.
        """
        try:
            start_new_thread(self._serve_apart, ())
        except RuntimeError:
            return not self._turn.acquire(blocking=False)
        return self._begun.wait(_BEGIN_S) or not self._turn.acquire(blocking=False)

    def _serve_apart(self) -> None:
        if self._turn.acquire(blocking=False):
            self._begun.set()
            self.serve()

    def join(self, timeout_s: float) -> None:
        """Wait for its end."""
        self._ended.wait(timeout_s)

    def serve(self) -> None:
        """Answer line by line until the other side goes, is silent too long, or is not worth waiting for."""
        try:
            for line in self._lines():
                self.heard_s = time.monotonic()
                self._answer(line)
        except (OSError, EOFError):
            pass  # It has gone, or was told to.
        finally:
            self._wire.close()
            self._crowd.forget(self)
            self._ended.set()

    def end(self) -> None:
        """Be over in a moment. Any thread."""
        self._over = True
        self._wire.cut()

    def _lines(self) -> Iterator[bytes]:
        buffer = bytearray()
        while time.monotonic() - self.heard_s < self.idle_s and not (self._over or self._crowd.stopping.is_set()):
            end = buffer.find(b"\n")
            if 0 <= end <= LONGEST_BYTES:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                yield line
            elif len(buffer) > LONGEST_BYTES:
                self._send(self._crowd.desk.refusal("The line is too long."))
                return
            else:
                received = self._wire.receive()
                if received is None:
                    return
                buffer += received

    def _answer(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._send(self._crowd.desk.refusal("The line is not UTF-8 text."))
            return
        if _is_watch(text):
            self._watch()
        else:
            self._send(self._crowd.desk.follow(text))

    def _watch(self) -> None:
        if not self._crowd.may_watch(self):
            self._send(self._crowd.desk.refusal(f"{WATCHERS} are watching already."))
            return
        # Nothing more is read from a watcher: it goes by closing.
        while not self._crowd.stopping.is_set():
            self._send(self._crowd.desk.follow(Ask.STATUS.value))
            self._crowd.stopping.wait(WATCH_S)

    def _send(self, answer: Answer) -> None:
        self._wire.send(json.dumps(answer.json(), ensure_ascii=False).encode() + b"\n")


def _is_watch(text: str) -> bool:
    try:
        return parse(text) is Ask.WATCH
    except NotUnderstood:
        return False


class Crowd:
    """All clients of one server. Any thread.

    Args:
        desk: Follows their orders.

    Attributes:
        desk: The same.
        stopping: Set when it is over.
        clients: Those that are served now; replaced, never changed.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.stopping = threading.Event()
        self.clients: tuple[Client, ...] = ()
        self._lock = threading.Lock()

    def admit(self, wire: Wire) -> None:
        """Serve who is at the other end of `wire`; where there are too many, who was silent longest has to go."""
        client = Client(wire, self)
        with self._lock:
            idle = [other for other in self.clients if not other.watching]
            over = len(self.clients) >= CLIENTS and idle
            gone = min(idle, key=lambda other: other.heard_s) if over else None
            self.clients = (*(other for other in self.clients if other is not gone), client)
        if gone is not None:
            gone.end()
        if not client.begin():
            # What it has to say may be a panic, so that it is served in this thread; but not for long.
            log.warning("No thread can be started; an order is followed all the same.")
            self.forget(client)
            client.idle_s = _HERE_S
            client.serve()

    def may_watch(self, client: Client) -> bool:
        """Whether `client` may, which then counts as one that does."""
        with self._lock:
            if client not in self.clients:
                return False
            client.watching = sum(other.watching for other in self.clients) < WATCHERS
            return client.watching

    def forget(self, client: Client) -> None:
        """A client's thread ends."""
        with self._lock:
            self.clients = tuple(other for other in self.clients if other is not client)

    def end(self) -> None:
        """Cut every connection, and wait for the threads a moment."""
        clients = self.clients
        for client in clients:
            client.end()
        for client in clients:
            client.join(JOIN_S)
