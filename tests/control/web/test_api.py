"""What the panel answers."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from livecam.control.grammar import LONGEST, WORDS
from livecam.control.web import bodies, crew
from livecam.control.web.port import Renewal
from tests.control.web.served import Served


def test_the_page_and_its_files(browser: httpx.Client) -> None:
    page = browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert browser.get("/page/page.html").content == page.content
    assert browser.get("/page/page.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "..%2fport.py",
        "%2e%2e%2fport.py",
        "..%5cport.py",
        ".hidden.js",
        "page.py",
        "page.html%00.css",
        "x",
    ],
)
def test_no_other_file_is_served(browser: httpx.Client, name: str) -> None:
    assert browser.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/page/../port.py", "/../guard.py", "/page//etc/passwd"])
def test_no_path_leads_out(served: Served, browser: httpx.Client, path: str) -> None:
    request = browser.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert browser.send(request).status_code == 404


def test_orders_are_followed_and_answered(served: Served, browser: httpx.Client) -> None:
    answer = browser.post("/api/order", json={"line": "blend 0.4", "key": "blend"})
    assert answer.status_code == 200
    assert answer.json()["ok"]
    assert answer.json()["now"]["blend"] == 0.4
    assert served.run.settings().blend == 0.4
    refused = browser.post("/api/order", json={"line": "blnd 0.4"}).json()
    assert not refused["ok"]
    assert "blend" in refused["said"]
    assert browser.post("/api/order", json={"line": "persona ann"}).json()["now"]["persona"] == "ann"
    assert browser.post("/api/order", json={"line": "persona eve"}).json()["ok"] is False


def test_a_line_may_be_as_long_as_on_the_socket(browser: httpx.Client) -> None:
    line = "blend 0.4".ljust(LONGEST)
    assert browser.post("/api/order", json={"line": line}).json()["ok"]
    assert browser.post("/api/order", json={"line": f"{line} "}).status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"key": "a"}', b'{"line": 3}', b'{"line": "panic", "key": 1}', b"[" * 9000]
)
def test_orders_that_cannot_be_read(served: Served, browser: httpx.Client, body: bytes) -> None:
    revision = served.run.settings().revision
    answer = browser.post("/api/order", content=body)
    assert answer.status_code == 400
    assert answer.json()["ok"] is False
    assert served.run.settings().revision == revision


def test_what_is_too_large_is_refused_while_it_comes(
    served: Served, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PHOTO", 3000)
    assert browser.post("/api/bank/drafts", content=b"x" * 3000).status_code == 200
    assert browser.post("/api/bank/drafts", content=b"x" * 3001).status_code == 413
    # In pieces, so that nothing says beforehand how much will come.
    pieces = browser.post("/api/bank/drafts", content=(b"x" * 1000 for _ in range(5)))
    assert pieces.status_code == 413
    assert "too large" in pieces.json()["said"]
    assert browser.post("/api/order", content=b" " * (bodies.SMALL + 1)).status_code == 413
    assert len(served.run.bank.drafts) == 1


def test_a_slow_upload_holds_up_nobody(served: Served, browser: httpx.Client) -> None:
    served.run.bank.free.clear()
    served.run.looking.clear()
    with ThreadPoolExecutor() as pool:
        begun = [pool.submit(_asked, browser, "/api/bank/drafts", b"a photo") for _ in range(4)]
        begun += [pool.submit(_asked, browser, f"/api/{what}") for what in ("doctor", "cameras", "doctor")]
        try:
            time.sleep(0.1)
            started = time.monotonic()
            assert browser.post("/api/order", json={"line": "panic"}).json()["now"]["panic"]
            assert browser.post("/api/order", json={"line": "resume"}).json()["ok"]
            assert time.monotonic() - started < 30.0
            assert not any(one.done() for one in begun)
        finally:
            served.run.bank.free.set()
            served.run.looking.set()
        assert [one.result() for one in begun] == [200] * 7


def _asked(browser: httpx.Client, path: str, content: bytes | None = None) -> int:
    """The status of the answer on a connection of its own."""
    method = "GET" if content is None else "POST"
    headers, cookies = {"X-Livecam": "1"}, dict(browser.cookies)
    with httpx.Client(base_url=browser.base_url, headers=headers, cookies=cookies, timeout=120, verify=False) as client:
        return client.request(method, path, content=content).status_code


def test_words_are_those_of_the_grammar(browser: httpx.Client) -> None:
    words = browser.get("/api/words").json()
    assert [word["word"] for word in words] == list(WORDS)
    assert all(word["summary"] for word in words)


@pytest.mark.parametrize(
    ("path", "key"), [("cameras", "spec"), ("doctor", "area"), ("presets", "ready"), ("bank", "name")]
)
def test_lists(browser: httpx.Client, path: str, key: str) -> None:
    assert key in browser.get(f"/api/{path}").json()[0]


def test_outputs(browser: httpx.Client) -> None:
    outputs = browser.get("/api/outputs").json()
    assert outputs["outputs"][0]["open"] is True
    assert outputs["available"] == []


def test_a_persona_comes_changes_and_goes(fresh: Served) -> None:
    with fresh.browser() as browser:
        draft = browser.post("/api/bank/drafts", params={"filename": "eve.jpg"}, content=b"a photo").json()
        shot = browser.post("/api/bank/shot").json()
        assert fresh.run.bank.drafts == [b"a photo", b"a frame"]
        named = {"name": "eve", "drafts": [draft["draft"], shot["draft"]], "basis": "self", "subject": "Eve"}
        assert browser.post("/api/bank", json=named).json() == {"ok": True, "said": "Added eve."}
        again = browser.post("/api/bank", json=named)
        assert again.status_code == 422
        assert "already" in again.json()["said"]
        assert browser.post("/api/bank", json=named | {"replace": True}).status_code == 200
        assert browser.patch("/api/bank/eve", json={"favourite": 3, "blend": None}).json()["ok"]
        assert fresh.run.bank.kept["eve"]["favourite"] == 3
        assert browser.delete("/api/bank/eve/consent").json()["said"] == "The consent for eve is taken back."
        assert [card["name"] for card in browser.get("/api/bank").json() if "revoked" in card] == ["eve"]
        assert browser.delete("/api/bank/bob/consent").status_code == 422
        anew = {"basis": "written", "subject": "Eve", "scope": ["live", "still"], "expires": "2031-05-06"}
        assert browser.put("/api/bank/eve/consent", json=anew).json()["said"] == "The consent for eve is renewed."
        assert browser.put("/api/bank/eve/consent", json={}).status_code == 200
        assert browser.put("/api/bank/bob/consent", json={}).status_code == 422
        assert fresh.run.bank.renewed == [Renewal("written", "Eve", ("live", "still"), "2031-05-06"), Renewal()]
        assert browser.delete("/api/bank/eve").json()["said"] == "Removed eve."
        assert browser.delete("/api/bank/eve").status_code == 422
        refused = browser.post("/api/bank/drafts", params={"filename": "b.jpg"}, content=b"")
        assert refused.status_code == 422
        assert "b.jpg" in refused.json()["said"]


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"name": "eve", "drafts": [], "basis": "self"},
        {"name": "eve", "drafts": "1", "basis": "self"},
        {"name": "eve", "drafts": [1], "basis": "self"},
        {"name": "eve", "drafts": ["1"] * 21, "basis": "self"},
        {"name": "eve", "drafts": ["1"]},
        {"name": "eve", "drafts": ["1"], "basis": "self", "replace": "yes"},
        {"name": "eve", "drafts": ["1"], "basis": "self", "scope": "live"},
        {"name": "eve", "drafts": ["1"], "basis": "self", "scope": ["live", "film"]},
        {"name": "eve", "drafts": ["1"], "basis": "self", "scope": [{}]},
        {"name": "eve", "drafts": ["1"], "basis": "self", "expires": 30},
        {"name": "eve", "drafts": ["1"], "basis": "self", "expires": "x" * 11},
        {"name": "../eve", "drafts": ["1"], "basis": "self"},
    ],
)
def test_a_persona_that_is_not_told_well_is_not_made(
    served: Served, browser: httpx.Client, named: dict[str, object]
) -> None:
    assert browser.post("/api/bank", json=named).status_code in (400, 422)
    assert set(served.run.bank.kept) == {"nobody", "ann"}


@pytest.mark.parametrize(
    "said",
    [
        {"basis": 7},
        {"subject": "x" * 201},
        {"scope": []},
        {"scope": ["film"]},
        {"scope": "live"},
        {"expires": 30},
        {"expires": "x" * 11},
        {"proven": True},
    ],
)
def test_a_renewal_that_is_none_is_refused(fresh: Served, said: dict[str, object]) -> None:
    with fresh.browser() as browser:
        assert browser.put("/api/bank/ann/consent", json=said).status_code == 400
    assert fresh.run.bank.renewed == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "bob"},
        {"favourite": 0},
        {"favourite": 2.5},
        {"favourite": True},
        {"preset": "none"},
        {"blend": "1"},
        {"shape": 1.2},
        {"colour": -0.1},
    ],
)
def test_a_change_that_cannot_be(served: Served, browser: httpx.Client, change: dict[str, object]) -> None:
    assert browser.patch("/api/bank/ann", json=change).status_code == 400
    assert served.run.bank.kept["ann"] == {}


@pytest.mark.parametrize("name", ["a..b", "%2e%2e", "..%2f..%2fetc", "a%00", "-", "con", "x" * 41])
def test_names_that_are_none(browser: httpx.Client, name: str) -> None:
    assert browser.get(f"/api/bank/{name}/thumbnail.jpg").status_code in (404, 422)
    assert browser.delete(f"/api/bank/{name}").status_code in (404, 405, 422)


def test_thumbnails(browser: httpx.Client) -> None:
    image = browser.get("/api/bank/ann/thumbnail.jpg")
    assert image.headers["content-type"] == "image/jpeg"
    assert image.content.startswith(b"\xff\xd8")
    assert browser.get("/api/bank/eve/thumbnail.jpg").status_code == 404


def test_small_answers_are_sent_at_once(browser: httpx.Client) -> None:
    """Without TCP_NODELAY each would wait 40 ms for the other side's acknowledgement."""
    browser.get("/api/words")
    took_s = []
    for line in ("hold", "release") * 10:
        started = time.monotonic()
        browser.post("/api/order", json={"line": line})
        took_s.append(time.monotonic() - started)
    # The least, since others use the machine: it would be 40 ms for each of them.
    assert min(took_s) < 0.03


def test_too_much_to_do_is_said(browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "MOST", 0)
    answer = browser.get("/api/doctor")
    assert answer.status_code == 503
    assert "too much" in answer.json()["said"]
    assert browser.post("/api/order", json={"line": "panic"}).json()["now"]["panic"]
