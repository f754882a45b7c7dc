"""The desktop's portal of hotkeys, and a session bus of its own: real messages, a pretended desktop."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

jeepney, threads = import_module("jeepney"), import_module("jeepney.io.threading")

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""

NAME, OBJECT = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"


@contextmanager
def session_bus(folder: Path) -> Iterator[str]:
    """Its address."""
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(folder=folder))
    command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bus:
        assert bus.stdout is not None
        yield bus.stdout.readline().strip()
        bus.terminate()


class PretendPortal:
    """Binds what it is asked to, and tells what a test presses.

    Attributes:
        code: What requests are answered with: 0 done, 1 the user said no, 2 otherwise.
        nameless: It serves nobody whom it cannot name, and knows nobody.
        answers: Cleared, requests are left without an answer: the user is being asked.
        asked: Members that were called, in order.
        bound: Identifier and details of each shortcut.
    """

    def __init__(self, serves: str = SHORTCUTS) -> None:
        self.code = 0
        self.nameless = False
        self.answers = threading.Event()
        self.answers.set()
        self.asked: list[str] = []
        self.bound: dict[str, dict[str, Any]] = {}
        self.session = ""
        self.client = ""
        self._serves = serves
        self._bus = threads.open_dbus_connection("SESSION")
        self._bus.send(jeepney.message_bus.RequestName(NAME), serial=next(self._bus.outgoing_serial))
        while self._bus.receive(timeout=60).header.message_type is not jeepney.MessageType.method_return:
            pass
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the bus."""
        self._bus.interrupt()
        self._thread.join(60)
        self._bus.close()

    def tell(self, member: str, identifier: str, session: str = "") -> None:
        """``Activated`` or ``Deactivated``."""
        self.emit(SHORTCUTS, member, "osta{sv}", (session or self.session, identifier, 1, {}))

    def emit(self, interface: str, member: str, signature: str, body: tuple[Any, ...], path: str = OBJECT) -> None:
        """A signal, to whoever listens."""
        signal = jeepney.new_signal(jeepney.DBusAddress(path, NAME, interface), member, signature, body)
        self._bus.send(signal, serial=next(self._bus.outgoing_serial))

    def _serve(self) -> None:
        while True:
            try:
                message = self._bus.receive()
            except threads.ReceiveStopped:
                return
            if message.header.message_type is jeepney.MessageType.method_call:
                self._answer(message)

    def _answer(self, message: Any) -> None:
        fields, body = message.header.fields, message.body
        member, self.client = fields[jeepney.HeaderFields.member], fields[jeepney.HeaderFields.sender]
        self.asked.append(member)
        if member == "Get" and body[0] == self._serves:
            self._bus.send(jeepney.new_method_return(message, "v", (("u", 2),)))
        elif member == "CreateSession" and self.nameless:
            refusal = "org.freedesktop.portal.Error.NotAllowed"
            self._bus.send(jeepney.new_error(message, refusal, "s", ("An app id is required",)))
        elif member in ("CreateSession", "BindShortcuts") and self._serves == SHORTCUTS:
            self._request(message, member, body)
        else:
            self._bus.send(
                jeepney.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", ("No such thing",))
            )

    def _request(self, message: Any, member: str, body: tuple[Any, ...]) -> None:
        sender = self.client.removeprefix(":").replace(".", "_")
        request = f"{OBJECT}/request/{sender}/{body[-1]['handle_token'][1]}"
        results: dict[str, Any] = {}
        if member == "CreateSession":
            self.session = f"{OBJECT}/session/{sender}/{body[-1]['session_handle_token'][1]}"
            results["session_handle"] = ("s", self.session)
        else:
            told = [(name, {**about, "trigger_description": ("s", f"Key of {name}")}) for name, about in body[1]]
            results["shortcuts"] = ("a(sa{sv})", told)
        self._bus.send(jeepney.new_method_return(message, "o", (request,)))
        if self.answers.is_set():
            self.emit("org.freedesktop.portal.Request", "Response", "ua{sv}", (self.code, results), request)
        if member == "BindShortcuts":
            # Last: who sees it may press a key, of which nobody is told before this answer.
            self.bound = dict(body[1])
