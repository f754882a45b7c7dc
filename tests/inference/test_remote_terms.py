"""Addresses of servers: how they are written, and where crops of a face may go without TLS."""

import ipaddress
import socket
from pathlib import Path

import pytest

from livecam.errors import ConfigError, EngineError
from livecam.inference.remote_terms import Address, is_near, parse_address, target_of

FAR = "203.0.113.9"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names mean; numbers mean themselves."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        try:
            numbers = known[host] if host in known else [str(ipaddress.ip_address(host))]
        except ValueError as error:
            raise socket.gaierror(-2, "Name or service not known") from error
        return [(0, 0, 0, "", (number, port)) for number in numbers]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_an_address_is_read() -> None:
    assert parse_address("grpc://127.0.0.1:8001") == Address("127.0.0.1", 8001, False)
    assert parse_address("grpcs://gpu.example.org") == Address("gpu.example.org", 8001, True)
    everything = parse_address("grpcs://gpu.example.org:9000?ca=/etc/own.pem&prefix=studio-&version=2")
    assert everything == Address("gpu.example.org", 9000, True, Path("/etc/own.pem"), False, "studio-", "2")
    assert parse_address(f"grpc://{FAR}?insecure=true").insecure
    assert str(parse_address("grpc://[fd00::5]:9000")) == "grpc://[fd00::5]:9000"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("127.0.0.1:8001", "is written grpcs://HOST:PORT"),
        ("http://127.0.0.1:8000", "is written grpcs://HOST:PORT"),
        ("grpc://", "is written grpcs://HOST:PORT"),
        ("grpc://host:port", "cannot be used"),
        ("grpc://host:99999", "cannot be used"),
        ("grpc://host/swap", "cannot be used"),
        ("grpc://me@host", "cannot be used"),
        ("grpc://host?insecur=true", "Did you mean 'insecure'"),
        ("grpc://host?colour=red", "There are ca, insecure"),
        ("grpc://host?insecure=yes", "must be true or false"),
        ("grpc://host?ca=own.pem", "'ca' is for grpcs"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_address(text)


@pytest.mark.parametrize(
    ("number", "near"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("192.168.0.7", True),
        ("169.254.1.1", True),
        ("::1", True),
        ("fd12::1", True),
        ("fe80::1", True),
        ("::ffff:192.168.0.7", True),
        (FAR, False),
        ("172.32.0.1", False),
        ("100.64.0.1", False),
        ("2001:db8::1", False),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", False),
    ],
)
def test_near_is_this_machine_and_private_networks(number: str, near: bool) -> None:
    assert is_near(ipaddress.ip_address(number)) is near


def test_without_tls_crops_of_a_face_do_not_leave_the_private_network(names: dict[str, list[str]]) -> None:
    names["studio"] = ["192.168.0.7", FAR]
    for host in (FAR, "studio"):
        with pytest.raises(ConfigError, match=r"without TLS.*crops of the face.*insecure=true"):
            target_of(parse_address(f"grpc://{host}:8001"))


def test_who_says_insecure_or_uses_tls_may_go_anywhere(names: dict[str, list[str]]) -> None:
    names["studio"] = [FAR]
    assert target_of(parse_address("grpc://studio:8001?insecure=true")) == "studio:8001"
    assert target_of(parse_address("grpcs://studio:8001")) == "studio:8001"


def test_a_name_without_tls_is_looked_up_once_and_for_all(names: dict[str, list[str]]) -> None:
    names |= {"gpu": ["192.168.0.7"], "six": ["fd00::5"]}
    assert target_of(parse_address("grpc://gpu:8001")) == "ipv4:192.168.0.7:8001"
    assert target_of(parse_address("grpc://six:8001")) == "ipv6:[fd00::5]:8001"


def test_a_name_that_is_not_known_is_told(names: dict[str, list[str]]) -> None:
    assert not names
    with pytest.raises(EngineError, match="'nowhere' is not known here"):
        target_of(parse_address("grpc://nowhere:8001"))
