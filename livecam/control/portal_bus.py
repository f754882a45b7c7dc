"""A connection to the session's D-Bus, as much of it as the portal of hotkeys takes. The package jeepney is needed."""

import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final, Protocol, TypeAlias

PORTAL: Final = "org.freedesktop.portal.Desktop"
"""Its name at the bus."""

OBJECT: Final = "/org/freedesktop/portal/desktop"
DAEMON: Final = "org.freedesktop.DBus"
"""The bus itself, by name and interface."""

_REPLY_S: Final = 3.0

Value: TypeAlias = "str | int | bool | tuple[str, Value] | list[Value] | dict[str, Value] | tuple[Value, ...]"


class _Header(Protocol):
    message_type: int
    fields: Mapping[int, str | int]


class Message(Protocol):
    """As jeepney has it."""

    header: _Header
    body: tuple[Value, ...]


class _Connection(Protocol):
    unique_name: str
    outgoing_serial: Iterator[int]

    def send(self, message: Message, serial: int | None = None) -> None: ...

    def receive(self, *, timeout: float | None = None) -> Message: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class Bus:
    """A connection to the session's bus. One thread, but for `interrupt`.

    Raises:
        OSError: There is none.
    """

    def __init__(self) -> None:
        self._jeepney = import_module("jeepney")
        threads = import_module("jeepney.io.threading")
        fields = self._jeepney.HeaderFields
        self._member, self._path = int(fields.member), int(fields.path)
        self._interface, self._answered = int(fields.interface), int(fields.reply_serial)
        self._stopped: type[Exception] = threads.ReceiveStopped
        self._over = False
        try:
            self._connection: _Connection = threads.open_dbus_connection("SESSION")
        except (LookupError, ValueError, RuntimeError, StopIteration) as error:  # no address, or one that leads nowhere
            raise OSError(f"the session has no bus ({error})") from None

    def token(self, number: int) -> tuple[str, str]:
        """A token, and the path of the request that is made with it."""
        token = f"livecam{number}"
        sender = self._connection.unique_name.removeprefix(":").replace(".", "_")
        return token, f"{OBJECT}/request/{sender}/{token}"

    def call(
        self,
        interface: str,
        member: str,
        signature: str,
        body: tuple[Value, ...],
        path: str = OBJECT,
        bus: str = PORTAL,
    ) -> tuple[Value, ...]:
        """What the method answers.

        Raises:
            OSError: It answers with an error, or not in time.
        """
        address = self._jeepney.DBusAddress(path, bus_name=bus, interface=interface)
        serial = next(self._connection.outgoing_serial)
        self._connection.send(self._jeepney.new_method_call(address, member, signature, body), serial=serial)
        end_s = time.monotonic() + _REPLY_S
        while not self._over and (left_s := end_s - time.monotonic()) > 0:
            message = self.receive(left_s)
            if message is not None and message.header.fields.get(self._answered) == serial:
                if message.header.message_type == self._jeepney.MessageType.error:
                    raise OSError(f"{member}: {message.body[0] if message.body else 'refused'}")
                return message.body
        raise TimeoutError(f"{member} is not answered")

    def listen(self, **rule: str) -> None:
        """Receive such signals too.

        Raises:
            OSError: The bus does not let it.
        """
        text = ",".join(f"{name}='{value}'" for name, value in {"type": "signal", **rule}.items())
        self.call(DAEMON, "AddMatch", "s", (text,), "/org/freedesktop/DBus", DAEMON)

    def receive(self, timeout_s: float) -> Message | None:
        """The next message; None when none came, or `interrupt` was called.

        Raises:
            OSError: The connection is lost.
        """
        try:
            return self._connection.receive(timeout=timeout_s)
        except (TimeoutError, self._stopped):
            return None

    def signal(self, message: Message) -> tuple[str, str, str]:
        """Interface, member and path."""
        fields = message.header.fields
        return str(fields.get(self._interface)), str(fields.get(self._member)), str(fields.get(self._path))

    def interrupt(self) -> None:
        """Have a `receive` or a `call` return, and all that come. Any thread."""
        self._over = True
        self._connection.interrupt()

    def close(self) -> None:
        """Disconnect, which ends the session too."""
        self._connection.close()
