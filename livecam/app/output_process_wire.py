"""What main process and output process say to each other, and where they meet: a socket in a folder of their user.

A message is one short line. With ``attach`` goes the file descriptor of the shared segment. That a connection ended is
how each side learns of the other's death: the kernel closes it, whatever killed the process.
"""

import fcntl
import hashlib
import json
import mmap
import os
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from livecam.core.frame import Size
from livecam.core.shared_segment import segment_bytes
from livecam.errors import ConfigError, SinkLost

ATTACH: Final = b"attach\n"
"""Take this segment; answered by ``attached PID NOW_NS``, ``busy PID`` or ``refused WHY``."""
END: Final = b"end\n"
"""From the attached main process: slate last, then end."""
RETIRE: Final = b"retire\n"
"""From any other: end if you are alone; else answered by ``busy PID``."""
READY: Final = "ready"

LONGEST: Final = 256
_LONGEST_PLAN: Final = 1 << 16
_POLL_S: Final = 0.02
_LOCK_S: Final = 20.0
_PF_EXITING: Final = 0x4


@dataclass(frozen=True, slots=True)
class Plan:
    """What an output process is told when it starts.

    Attributes:
        address: Where it listens.
        sinks: Specs.
        width: Of every picture, px.
        height: Of every picture, px.
        fps: Pictures a second.
        token: Secret of sinks that serve.
        log_level: The least that is logged.
        log_file: Where to; empty for nowhere.
    """

    address: str
    sinks: tuple[str, ...]
    width: int
    height: int
    fps: float
    token: str
    log_level: str
    log_file: str

    @property
    def size(self) -> Size:
        """Of every picture."""
        return Size(self.width, self.height)

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Plan":
        """Read what `to_text` wrote.

        Raises:
            ConfigError: It is something else.
        """
        try:
            values = json.loads(text)
            plan = cls(**{**values, "sinks": tuple(values["sinks"])})
            plan._check()
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise ConfigError(f"The output process was given no plan it understands: {error}.") from None
        return plan

    def _check(self) -> None:
        if Size.parse(str(self.size)) != self.size or not self.fps > 0:
            raise ValueError("a size or rate is out of range")
        texts = (self.address, *self.sinks, self.token, self.log_level, self.log_file)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a text is none")


def read_plan() -> Plan:
    """The plan on standard input.

    Raises:
        ConfigError: It is none.
    """
    return Plan.from_text(sys.stdin.read(_LONGEST_PLAN))


def key_of(sinks: Sequence[str], size: Size, fps: float) -> str:
    """What an output process is found by: its sinks as written, its size and rate; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps([*sinks, str(size), fps]).encode()).hexdigest()[:16]


def meeting_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for sockets, made if it is not there, open to this user alone.

    Raises:
        ConfigError: It belongs to somebody else, or others may enter it.
    """
    base = environment.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "livecam" if base else Path(tempfile.gettempdir()) / f"livecam-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"The folder {folder} for the output process cannot be made: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{folder} must be a folder that belongs to you and that nobody else may enter.",
            f"Remove it, or run: chmod 700 {folder}",
        )
    return folder


def new_memory(size: Size) -> tuple[int, mmap.mmap]:
    """Zeroed memory for a segment, without a name and gone with its last user; the descriptor and a mapping of it."""
    length = segment_bytes(size)
    if sys.platform == "linux":
        handle = os.memfd_create("livecam", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(handle, length)
        # Nobody can cut it short under the other side, which would die of it.
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
        os.ftruncate(handle, length)
    return handle, mmap.mmap(handle, length)


def map_memory(handle: int, size: Size) -> mmap.mmap:
    """A mapping of a segment that another process made.

    Raises:
        ValueError: It has another size, or belongs to somebody else.
    """
    found = os.fstat(handle)
    if found.st_size != segment_bytes(size) or found.st_uid != os.getuid():
        raise ValueError("The segment has another size, or another owner.")
    return mmap.mmap(handle, found.st_size)


@contextmanager
def settled(folder: Path) -> Iterator[None]:
    """Within the context, no other main process looks for, starts or takes over an output process.

    Raises:
        SinkLost: Another one has been at it for very long.
    """
    handle = os.open(folder / "output.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_S
    try:
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise SinkLost(f"Another livecam has held {folder / 'output.lock'} for {_LOCK_S:.0f} s.")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listen(address: str) -> socket.socket:
    """A socket at `address` for this user alone.

    Raises:
        ConfigError: The address cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(address)
        os.chmod(address, 0o600)
        listener.listen(8)
    except OSError as error:
        listener.close()
        raise ConfigError(f"The output process cannot listen at {address}: {error}.") from None
    return listener


def dial(address: Path, timeout_s: float) -> socket.socket | None:
    """A connection to the output process at `address`; None when there is none. A dead one's socket is removed."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(address))
    except OSError as error:
        connection.close()
        if isinstance(error, ConnectionRefusedError):
            address.unlink(missing_ok=True)
        return None
    return connection


def peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other side, as the kernel knows them; (0, own user) where it is not asked."""
    if sys.platform != "linux":
        return 0, os.getuid()
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid), int(uid)


def is_dying(pid: int) -> bool:
    """Whether a process has begun to end, where the system tells.

    A killed process closes its connections only after it gave back its memory, which takes 0.1 s or more for a large
    one; that it is ending is known at once.
    """
    if sys.platform != "linux" or not pid:
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[0] in "ZX" or bool(int(fields[6]) & _PF_EXITING)


def hear(connection: socket.socket) -> bytes:
    """What the other side said; empty when it is gone."""
    try:
        return connection.recv(LONGEST)
    except OSError:
        return b""
