"""Where a stream goes: ``udp://HOST:PORT`` and ``tcp://HOST:PORT``, this machine unless another is written out."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from livecam.core.spec import Spec
from livecam.errors import ConfigError

DEFAULT_MEGABITS: Final = 8.0
_EXAMPLE = "Write something like stream:udp://127.0.0.1:5000 or stream:tcp://127.0.0.1:5001."
_RELAY = (
    "Use stream:tcp://127.0.0.1:5001, and let an ffmpeg that has it pass the stream on: "
    "ffmpeg -fflags nobuffer -i tcp://127.0.0.1:5001 -c copy -f mpegts 'srt://127.0.0.1:5010?mode=listener'"
)
_SCHEMES = ("udp", "tcp")
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """One address.

    Attributes:
        scheme: ``udp``: pictures are sent there. ``tcp``: readers connect there.
        host: IP address.
        port: 1..65535; 0 for tcp takes a free one.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://" + (f"[{self.host}]" if ":" in self.host else self.host) + f":{self.port}"

    @property
    def leaves_machine(self) -> bool:
        """Whether others than this machine's programs can see the pictures."""
        return not ip_address(self.host).is_loopback


def parse_addresses(spec: Spec) -> tuple[tuple[StreamAddress, ...], float]:
    """Read ``stream:ADDRESS,ADDRESS?bitrate=8``: the addresses, and the most Mbit/s.

    Raises:
        ConfigError: There is none, one cannot be sent to, or a parameter is unknown or out of range.
    """
    target, _, query = spec.target.partition("?")
    params = Spec("stream", target, dict(parse_qsl(query, keep_blank_values=True)), spec.text)
    params.known("bitrate")
    megabits = params.number("bitrate", DEFAULT_MEGABITS)
    if not 0.5 <= megabits <= 100:
        raise ConfigError(f"bitrate={megabits:g} in {spec.text!r} must lie in 0.5..100 Mbit/s.")
    addresses = tuple(_address(part.strip(), spec.text) for part in target.split(","))
    _demand_different(addresses, spec.text)
    return addresses, megabits


def _address(text: str, whole: str) -> StreamAddress:
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"{text!r} in {whole!r} has no usable host and port.", _EXAMPLE) from None
    if scheme == "srt":
        raise ConfigError(f"{text!r} in {whole!r}: the FFmpeg inside PyAV's wheels has no SRT.", _RELAY)
    if scheme not in _SCHEMES or port is None or parts.path or parts.query or "@" in parts.netloc:
        raise ConfigError(f"{text!r} in {whole!r} is no udp:// or tcp:// address with a port.", _EXAMPLE)
    if port == 0 and scheme == "udp":
        raise ConfigError(f"{text!r} in {whole!r} must name a port in 1..65535.", _EXAMPLE)
    return StreamAddress(scheme, str(_single(host or _LOOPBACK, whole)), port)


def _single(host: str, whole: str) -> IPv4Address | IPv6Address:
    """The one machine that `host` means. Names are not looked up: where a face goes must stand in the configuration."""
    try:
        found = ip_address(_LOOPBACK if host == "localhost" else host)
    except ValueError:
        raise ConfigError(f"{host!r} in {whole!r} is no IP address; names are not looked up.", _EXAMPLE) from None
    if found.is_unspecified or found.is_multicast or found == IPv4Address("255.255.255.255"):
        raise ConfigError(
            f"{whole!r} would reach more than one machine.", "Write the address of the one that is meant."
        )
    return found


def _demand_different(addresses: Sequence[StreamAddress], whole: str) -> None:
    if len(set(addresses)) < len(addresses):
        raise ConfigError(f"{whole!r} names an address twice.")
