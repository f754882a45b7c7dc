"""Where the bytes of a stream leave: datagrams to one address, or connections that readers make. None ever waits."""

import errno
import logging
import socket
import sys
import time
from typing import Final, Protocol

from livecam.errors import SinkGone, SinkLost
from livecam.output.stream_address import StreamAddress

_LOG = logging.getLogger("livecam.output")

DATAGRAM: Final = 7 * 188
"""Bytes: whole packets of MPEG-TS that fit Ethernet's 1500, and what FFmpeg's readers take at a time."""

_BURST, _PAUSE_S = 24, 0.0005
# A reader's kernel keeps about 90 datagrams: a key picture sent without a pause would overflow it.
MOST_READERS: Final = 16
_SEND_BUFFER = 128 * 1024


class Outlet(Protocol):
    """Takes a stream in pieces. Used by one thread, after `open`."""

    address: StreamAddress

    def open(self) -> None:
        """Open.

        Raises:
            SinkGone: It can never be opened as configured.
            SinkLost: Not now.
        """
        ...

    def audience(self) -> int:
        """How many may be reading."""
        ...

    def waits_for_key(self) -> bool:
        """Whether somebody has just come and can begin with a key picture only."""
        ...

    def put(self, piece: bytes, is_key: bool) -> None:
        """Send one picture's bytes; `is_key` when a reader may begin with them.

        Raises:
            OSError: Nobody gets them any more.
        """
        ...

    def close(self) -> None:
        """Free. Idempotent."""
        ...


class UdpOutlet:
    """Sends datagrams, whether somebody listens or not.

    Args:
        address: Where to.

    Attributes:
        address: Where to.
        lost: How many pieces did not fit the sending queue.
    """

    def __init__(self, address: StreamAddress) -> None:
        self.address = address
        self.lost = 0
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """As `Outlet.open`."""
        sender = socket.socket(_family(self.address), socket.SOCK_DGRAM)
        try:
            # The system refuses a broadcast address here, since nothing permits one.
            sender.connect((self.address.host, self.address.port))
        except OSError as error:
            sender.close()
            raise _refusal(self.address, error) from error
        sender.setblocking(False)
        self._socket = sender

    def audience(self) -> int:
        """One, as far as can be known."""
        return 1

    def waits_for_key(self) -> bool:
        """Never: key pictures come every second."""
        return False

    def put(self, piece: bytes, is_key: bool) -> None:
        """As `Outlet.put`."""
        for number, start in enumerate(range(0, len(piece), DATAGRAM)):
            if number and number % _BURST == 0:
                time.sleep(_PAUSE_S)
            try:
                if self._socket is not None:
                    self._socket.send(piece[start : start + DATAGRAM])
            except ConnectionError:
                # The answer to an earlier datagram: nobody listens there at present.
                continue
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    raise
                self.lost += 1
                return

    def close(self) -> None:
        """As `Outlet.close`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class TcpOutlet:
    """Listens; every reader that connects gets the stream from the next key picture.

    Args:
        address: Where to listen; port 0 takes a free one, once.
        most_waiting: Bytes that may wait for one reader; one for whom more waits is dropped.

    Attributes:
        address: Where it listens.
        dropped: How many readers were too slow.
    """

    def __init__(self, address: StreamAddress, most_waiting: int) -> None:
        self.address = address
        self.dropped = 0
        self._most_waiting = most_waiting
        self._listener: socket.socket | None = None
        self._readers: list[_Reader] = []

    def open(self) -> None:
        """As `Outlet.open`."""
        listener = socket.socket(_family(self.address), socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                # On Windows this would share the port with whoever has it; elsewhere it skips the wait after a close.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.address.host, self.address.port))
            listener.listen(MOST_READERS)
        except OSError as error:
            listener.close()
            raise _refusal(self.address, error) from error
        listener.setblocking(False)
        self._listener = listener
        self.address = StreamAddress(self.address.scheme, self.address.host, int(listener.getsockname()[1]))

    def audience(self) -> int:
        """Readers that are connected, those who have just come among them."""
        while self._listener is not None:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # Nobody is waiting, or whoever was has gone again.
                break
            if len(self._readers) < MOST_READERS:
                self._readers.append(_Reader(connection))
            else:
                connection.close()
        return len(self._readers)

    def waits_for_key(self) -> bool:
        """Whether a reader has got nothing yet."""
        return any(not reader.began for reader in self._readers)

    def put(self, piece: bytes, is_key: bool) -> None:
        """As `Outlet.put`; never raises, since readers come and go."""
        for reader in tuple(self._readers):
            if not reader.take(piece, is_key):
                self._dismiss(reader, "left")
            elif reader.waiting > self._most_waiting:
                self.dropped += 1
                self._dismiss(reader, "is too slow and was dropped")

    def close(self) -> None:
        """As `Outlet.close`."""
        for reader in self._readers:
            reader.close()
        self._readers.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _dismiss(self, reader: "_Reader", why: str) -> None:
        _LOG.info("A reader of stream:%s %s.", self.address, why)
        self._readers.remove(reader)
        reader.close()


class _Reader:
    """One connection and what waits for it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Small, so that a reader who stalls finds little old waiting in the kernel.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._connection = connection
        self._backlog = bytearray()
        self.began = False

    @property
    def waiting(self) -> int:
        """Bytes that the connection has not taken."""
        return len(self._backlog)

    def take(self, piece: bytes, is_key: bool) -> bool:
        """Send `piece` behind what waits, as far as the connection takes it; False when the reader has left."""
        self.began = self.began or is_key
        if self.began:
            self._backlog += piece
        try:
            while self._backlog:
                del self._backlog[: self._connection.send(self._backlog)]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _family(address: StreamAddress) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET


def _refusal(address: StreamAddress, error: OSError) -> SinkGone | SinkLost:
    if error.errno == errno.EADDRINUSE:
        return SinkLost(f"Port {address.port} of stream:{address} is taken.", "Choose another port.")
    if error.errno == errno.EACCES:
        text = f"stream:{address} is not allowed: a broadcast address, or a port that needs more rights."
        return SinkGone(text, "Write the address of one machine, and a port above 1023.")
    if error.errno == errno.EADDRNOTAVAIL:
        return SinkGone(f"This machine does not have the address of stream:{address}.", "Write 127.0.0.1.")
    return SinkLost(f"stream:{address} cannot be opened: {error.strerror or error}.")
