"""The panel against who has the cookie and sends nonsense, and against who has not and wants it to stop answering."""

import contextlib
import http.client
import json
import logging
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.web.conftest import browser, served
from tests.control.web.served import Served
from tests.fuzz.bounds import bounded, some
from tests.patience import wait_longer

__all__ = ["browser", "served"]

DEEP = b"[" * 8000
LONG = b"9" * 5000
BODIES = {
    "lists in lists": DEEP,
    "objects in objects": b'{"line":' * 2000,
    "a number without an end": b'{"line": ' + LONG + b"}",
    "more than any number": b'{"line": 1e999, "blend": 1e999, "favourite": -1e999}',
    "no number": b'{"blend": NaN, "line": NaN}',
    "a huge share": b'{"blend": ' + LONG + b"}",
    "half a character": b'{"line": "\\ud800", "name": "\\udc00", "basis": "\\ud83d"}',
    "half a name": b'{"\\ud800": 1}',
    "twice": b'{"line": "panic", "line": "resume"}',
    "no text": b'{"line": ["status"], "key": {}}',
    "no object": b'"status"',
    "not UTF-8": b"\xff\xfe",
    "another form": b"line=status",
    "nothing": b"",
    "too much": b" " * 100_000,
    "a path": b'{"name": "../../x", "drafts": ["../../y"], "basis": "self"}',
    "many drafts": json.dumps({"name": "x", "drafts": ["a"] * 500, "basis": "self"}).encode(),
    "no drafts": b'{"name": "x", "drafts": [[]], "basis": "self"}',
    "bool as number": b'{"blend": true, "favourite": true}',
    "lists as words": b'{"preset": ["mesh"], "favourite": [1]}',
}
PATHS = [("POST", "/api/order"), ("POST", "/api/bank"), ("PATCH", "/api/bank/ann"), ("POST", "/api/bank/shot")]


@pytest.mark.parametrize("name", BODIES)
def test_no_body_is_a_traceback(name: str, browser: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), bounded():
        for method, path in PATHS:
            answer = browser.request(method, path, content=BODIES[name])
            assert answer.status_code in (200, 400, 404, 413, 422), (path, answer.text)
            assert isinstance(answer.json(), dict)
    assert "Traceback" not in caplog.text
    assert "Exception" not in caplog.text


@some(40)
@given(
    st.dictionaries(st.sampled_from(["line", "key", "name", "blend", "preset", "favourite"]), st.text() | st.floats())
)
def test_no_value_is_a_traceback(body: dict[str, object]) -> None:
    with _served().browser() as client:
        for method, path in PATHS[:3]:
            assert client.request(method, path, content=json.dumps(body).encode()).status_code < 500


_KEPT: list[Served] = []


def _served() -> Served:
    """One for all examples: fixtures of a function are not made anew for each."""
    if not _KEPT:
        _KEPT.append(Served())
    return _KEPT[0]


@pytest.fixture(scope="module", autouse=True)
def _unhurried_and_ended() -> object:
    with pytest.MonkeyPatch.context() as patch:
        wait_longer(patch, ["livecam.output.local_server._START_S"])
        yield
    while _KEPT:
        _KEPT.pop().server.stop()


NAMES = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fguard.py",
    "..%5cguard.py",
    "....//guard.py",
    "page.html%00",
    "page.html%0a",
    "PAGE.HTML",
    "%00",
    "%ff",
    "ann%ed%a0%80",
    "con",
    ".",
    "x" * 3000,
    "guard.py",
    "/etc/passwd",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_outside(name: str, served: Served, browser: httpx.Client) -> None:
    """Sent as it stands: a browser would tidy it up first."""
    cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    for method, path in (
        ("GET", f"/page/{name}"),
        ("GET", f"/api/bank/{name}/thumbnail.jpg"),
        ("DELETE", f"/api/bank/{name}"),
        ("DELETE", f"/api/bank/{name}/consent"),
        ("PUT", f"/api/bank/{name}/consent"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(served.base).port or 0, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Cookie", cookie)
        connection.putheader("X-Livecam", "1")
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status in (400, 404, 405, 422)
        assert b"root:" not in answer.read()
        connection.close()


RAW = {
    "zeros": bytes(1000),
    "headers without an end": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000,
    "a long address": b"GET /" + b"a" * 1_000_000,
    "a length beyond lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + LONG + b"\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a chunk beyond memory": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_request_is_cut_off(name: str, served: Served) -> None:
    port = urlsplit(served.base).port or 0
    silent = contextlib.suppress(OSError)
    with bounded(), socket.create_connection(("127.0.0.1", port), timeout=60) as connection, silent:
        connection.sendall(RAW[name])
        answer = connection.recv(200)
        assert not answer or answer.startswith(b"HTTP/1.1 4")
    with served.browser() as client:
        assert client.get("/api/words").status_code == 200


def test_who_connects_and_says_nothing_keeps_nobody_out(served: Served) -> None:
    """Found: every user of the machine may connect, and a hundred silent connections shut the panel for its owner."""
    port = urlsplit(served.base).port or 0
    with contextlib.ExitStack() as stack, bounded():
        for _ in range(200):
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            with contextlib.suppress(OSError):
                silent.sendall(b"GET / HT")
        with served.browser() as client:
            assert client.post("/api/order", json={"line": "panic"}).json()["ok"]
            assert len(served.server._server._uvicorn.server_state.connections) < 100  # type: ignore[union-attr]
            assert client.post("/api/order", json={"line": "resume"}).json()["ok"]
