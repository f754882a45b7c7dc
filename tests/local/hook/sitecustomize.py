"""Imported by every Python that starts with this folder on its path: writes down whom it wants to speak with.

An audit hook (PEP 578) hears of every connection, look-up and listening socket that Python makes, whatever library asks
for it, and cannot be taken off again. Processes that it starts inherit it.
"""

import os
import sys

_PLACE = os.environ.get("LIVECAM_HEARD")
_EVENTS = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendmsg",
        "socket.sendto",
        "http.client.connect",
        "urllib.Request",
        "ftplib.connect",
        "smtplib.connect",
        "webbrowser.open",
    }
)


def _told(event: str, arguments: tuple[object, ...]) -> str:
    # Of a socket the address alone says whom it is for: text or bytes name a file, a pair a computer.
    shown = [argument for argument in arguments if isinstance(argument, str | bytes | tuple | int)]
    return f"{os.getpid()} {event} {shown!r}\n"


if _PLACE:
    _OUT = os.open(_PLACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _hear(event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS:
            os.write(_OUT, _told(event, arguments).encode())

    sys.addaudithook(_hear)
