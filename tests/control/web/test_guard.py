"""Who is answered by the panel, and who is not."""

import http.client
import socket
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from livecam.control.web import panel_server
from livecam.control.web.keys import Keys
from livecam.control.web.panel_server import PanelServer
from livecam.errors import ConfigError
from livecam.output import local_server
from tests.control.web.pretend import PretendPanel
from tests.control.web.served import Served
from tests.patience import UNHURRIED_S

get, post, request = (partial(ask, verify=False, timeout=UNHURRIED_S) for ask in (httpx.get, httpx.post, httpx.request))
"""Without a look at certificates, which takes longer than all else here."""

READING = [
    "/",
    "/page/page.html",
    "/picture",
    "/picture.css",
    "/picture.js",
    "/picture.mjpg",
    "/api/events",
    "/api/words",
    "/api/bank",
    "/api/bank/ann/thumbnail.jpg",
    "/api/preview/input.mjpg",
    "/api/preview/output.mjpg",
    "/api/cameras",
    "/api/outputs",
    "/api/doctor",
    "/api/presets",
    "/nothing",
]
CHANGING = [
    ("POST", "/api/order"),
    ("POST", "/api/bank"),
    ("POST", "/api/bank/drafts"),
    ("POST", "/api/bank/shot"),
    ("DELETE", "/api/bank/ann"),
    ("DELETE", "/api/bank/ann/consent"),
    ("PUT", "/api/bank/ann/consent"),
    ("PATCH", "/api/bank/ann"),
]
STRICT = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(served: Served) -> None:
    answer = get(served.server.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert served.server._keys.token not in cookie


@pytest.mark.parametrize("path", READING)
def test_without_the_cookie_nothing_is_shown(served: Served, path: str) -> None:
    answer = get(served.base + path)
    assert answer.status_code == 401
    assert "livecam prints" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("token", ["", "wrong", "sécret"])
def test_a_wrong_token_opens_nothing(served: Served, token: str) -> None:
    answer = get(f"{served.base}/", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", ".", "abc", "abc.def", "{browser}.", "other{seal}"])
def test_a_made_up_cookie_opens_nothing(served: Served, browser: httpx.Client, cookie: str) -> None:
    name, value = next(iter(browser.cookies.items()))
    made = cookie.format(browser=value.partition(".")[0], seal=value[value.index(".") :])
    assert get(f"{served.base}/api/words", headers={"Cookie": f"{name}={made}"}).status_code == 401


def test_cookies_are_of_one_run_alone() -> None:
    mine, other = Keys(), Keys()
    assert mine.browser(mine.cookie())
    assert mine.cookie() != mine.cookie()
    assert not other.browser(mine.cookie())


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_changes_need_the_header(served: Served, browser: httpx.Client, method: str, path: str) -> None:
    del browser.headers["X-Livecam"]
    before = served.run.settings(), dict(served.run.bank.kept)
    answer = browser.request(method, path, content=b'{"line": "panic"}')
    assert answer.status_code == 403
    assert "X-Livecam" in answer.json()["said"]
    assert (served.run.settings(), served.run.bank.kept) == before


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_changes_need_the_cookie(served: Served, method: str, path: str) -> None:
    headers = {"X-Livecam": "1", "Origin": served.base}
    assert request(method, served.base + path, headers=headers, content=b"{}").status_code == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9", "null", "https://{host}"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/bank"), ("POST", "/api/order")])
def test_other_pages_are_refused(browser: httpx.Client, origin: str, method: str, path: str) -> None:
    headers = {"Origin": origin.format(host=browser.base_url.netloc.decode())}
    answer = browser.request(method, path, headers=headers, content=b"{}")
    assert answer.status_code == 403
    assert "Other pages" in answer.json()["said"]


@pytest.mark.parametrize(("site", "mode", "status"), [("cross-site", "no-cors", 403), ("same-origin", "cors", 200)])
def test_what_a_browser_says_of_the_page_counts(browser: httpx.Client, site: str, mode: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Origin": str(browser.base_url).rstrip("/")}
    assert browser.get("/api/words", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("127.0.0.1", 421),
        ("localhost:9", 421),
        ("[::1]:{port}", 421),
        ("evil.example:{port}", 421),
        ("127.0.0.1:{port}.evil.example", 421),
        ("", 421),
    ],
)
def test_only_names_of_this_machine_with_the_port_are_answered(
    served: Served, browser: httpx.Client, host: str, status: int
) -> None:
    port = urlsplit(served.base).port or 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=UNHURRIED_S)
    connection.putrequest("GET", "/api/words", skip_host=True)
    connection.putheader("Host", host.format(port=port))
    connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in browser.cookies.items()))
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


@pytest.mark.parametrize("path", ["/", "/api/words", "/nothing", "/api/bank/ann/thumbnail.jpg"])
def test_every_answer_carries_the_strict_headers(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert STRICT.items() <= dict(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_pictures_token_opens_the_output_and_nothing_else(served: Served) -> None:
    query = "?" + urlsplit(served.server.picture_url).query
    assert get(served.base + "/picture" + query).status_code == 200
    assert get(served.base + "/picture.js" + query).status_code == 200
    for path in ("/", "/api/words", "/api/bank", "/api/preview/input.mjpg", "/api/preview/output.mjpg"):
        assert get(served.base + path + query).status_code in (401, 403)
    headers = {"X-Livecam": "1"}
    assert post(served.base + "/api/order" + query, headers=headers, content=b"{}").status_code == 401
    assert post(served.base + "/picture" + query, headers=headers).status_code == 401
    assert get(served.base + "/picture?token=" + served.server._keys.token).status_code == 401


def test_the_pictures_page_carries_its_token_on_but_no_markup(served: Served) -> None:
    page = get(served.server.picture_url).text
    assert served.server._keys.picture in page
    with served.browser() as browser:
        assert '"><b>' not in browser.get("/picture", params={"token": '"><b>'}).text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without setting it up")
def test_it_listens_on_loopback_only(served: Served) -> None:
    other = socket.socket()
    # Another address of this machine is still free at that port, so nobody listens on all of them.
    other.bind(("127.0.0.2", urlsplit(served.base).port or 0))
    other.close()


def test_a_taken_port_means_the_next_one_and_no_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    port = holder.getsockname()[1]
    server = PanelServer(PretendPanel(), port)
    server.start()
    assert urlsplit(server.url).port != port
    server.stop()
    monkeypatch.setattr(local_server, "PORTS_TRIED", 1)
    monkeypatch.setattr(panel_server, "PORTS_TRIED", 1)
    with pytest.raises(ConfigError, match="--panel-port"):
        PanelServer(PretendPanel(), port).start()
    holder.close()


def test_the_page_folder_has_what_the_page_names() -> None:
    folder = Path(panel_server.__file__).parent / "page"
    assert (folder / "page.html").is_file()
