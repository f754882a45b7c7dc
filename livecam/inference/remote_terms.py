"""What is settled before a server of the KServe v2 protocol is spoken to: where it is, and what may go there.

A crop of the wearer's face leaves this machine with every frame. So a connection without TLS is refused unless it stays
on this machine or in a private network, or the user has said that it may not.
"""

import difflib
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlsplit

from livecam.errors import ConfigError, EngineError

DEFAULT_PORT: Final = 8001
"""Triton's own for gRPC."""

_FORM: Final = "It is written grpcs://HOST:PORT, or grpc://HOST:PORT within a private network."
_OPTIONS: Final = ("ca", "insecure", "prefix", "version")
_TRUE: Final = {"true": True, "false": False}
# RFC 1122, 1918, 3927, 4193, 4291. Written out, since `is_private` means something else from one Python to another.
_NEAR: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)

_IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and what its networks are called there.

    Attributes:
        host: Name or number.
        port: Of gRPC.
        tls: Whether what is sent can be read by the two ends alone.
        ca: Certificates (PEM) that are trusted instead of the well-known ones; None for those.
        insecure: The user knows that crops of the face go out readable for everybody on the way.
        prefix: Of the networks' names on the server.
        version: Of every network; "" for what the server takes by itself.
    """

    host: str
    port: int
    tls: bool
    ca: Path | None = None
    insecure: bool = False
    prefix: str = ""
    version: str = ""

    def __str__(self) -> str:
        """As in sentences: the server alone."""
        return f"grpc{'s' if self.tls else ''}://{self.joined}"

    @property
    def joined(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a server may take.

    Attributes:
        deadline_s: For one run; the frame is withheld after that.
        load_s: For each question while a network is loaded, its first run above all.
    """

    deadline_s: float = 0.1
    load_s: float = 10.0


class RemoteRefused(EngineError):
    """The server answered that it does not do what it was asked; asking again would change nothing."""


def parse_address(text: str) -> Address:
    """The server that `text` names: ``grpcs://host:port``, and after a ``?`` any of ``ca insecure prefix version``.

    Raises:
        ConfigError: It cannot be read so.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ConfigError(f"The server '{text}' cannot be used: {error}.", _FORM) from error
    if parts.scheme not in {"grpc", "grpcs"} or not parts.hostname or parts.path.strip("/") or parts.username:
        raise ConfigError(f"The server '{text}' cannot be used.", _FORM)
    options, tls = _options(text, parts), parts.scheme == "grpcs"
    insecure = options.get("insecure", "false").lower()
    if insecure not in _TRUE:
        raise ConfigError(f"The server '{text}' cannot be used: 'insecure' must be true or false, not '{insecure}'.")
    if "ca" in options and not tls:
        raise ConfigError(f"The server '{text}' cannot be used: 'ca' is for grpcs:// alone.")
    ca = Path(options["ca"]).expanduser() if "ca" in options else None
    named = {key: options.get(key, "") for key in ("prefix", "version")}
    return Address(parts.hostname, port, tls, ca, _TRUE[insecure], **named)


def target_of(address: Address) -> str:
    """What gRPC connects to.

    Without TLS the name is looked up here, once, and the number is what is connected to: a name that pointed to a
    private address must not lead somewhere else later.

    Raises:
        EngineError: The name is not known.
        ConfigError: Crops of the face would go out readable for everybody on the way.
    """
    if address.tls or address.insecure:
        return address.joined
    found = _numbers(address)
    far = [number for number in found if not is_near(number)]
    if far:
        raise ConfigError(
            f"The server {address} is outside this machine and its private network ({far[0]}), and without TLS "
            "everybody on the way could see the crops of the face that go there.",
            "Write grpcs:// (TLS), or append ?insecure=true to the address if the way is safe by other means.",
        )
    return f"ipv{found[0].version}:{f'[{found[0]}]' if found[0].version == 6 else found[0]}:{address.port}"


def is_near(number: _IpAddress) -> bool:
    """Whether it is this machine, or in a private network."""
    plain = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped else number
    return any(plain.version == network.version and plain in network for network in _NEAR)


def _numbers(address: Address) -> list[_IpAddress]:
    """Every number of the host."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EngineError(f"The server's name '{address.host}' is not known here: {error}.") from error
    # A link-local one has its interface behind a percent sign, which stays.
    return [ipaddress.ip_address(str(entry[4][0])) for entry in found]


def _options(text: str, parts: SplitResult) -> Mapping[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key in options:
        if key not in _OPTIONS:
            near = difflib.get_close_matches(key, _OPTIONS, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(_OPTIONS)}."
            raise ConfigError(f"The server '{text}' cannot be used: there is no option '{key}'.", hint)
    return options
