"""The stream of events: what it says, how much waits for whom, and that nothing is looked at for nobody."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from livecam.control.web.log_lines import LINES
from livecam.control.web.news import News, Reader
from livecam.control.web.seats import EVENTS, Seats
from livecam.core.settings import SetBlend
from tests.control.web.pretend import PretendPanel
from tests.control.web.served import Served, wait_until
from tests.patience import UNHURRIED_S, wait_longer


@contextmanager
def events(browser: httpx.Client) -> Iterator[Iterator[tuple[str, dict[str, object]]]]:
    """Name and data of each event, as they come."""

    def read(answer: httpx.Response) -> Iterator[tuple[str, dict[str, object]]]:
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    with browser.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield read(answer)


def test_a_new_page_is_told_at_once_how_things_stand(fresh: Served) -> None:
    for number in range(3):
        _log(fresh, f"line {number}")
    with fresh.browser() as browser, events(browser) as told:
        first = [next(told) for _ in range(7)]
    assert [name for name, _ in first] == ["now", "status", "figures", "preview", "log", "log", "log"]
    assert first[0][1]["persona"] == "nobody"
    assert first[1][1]["state"] == "live"
    assert first[2][1]["fps"] == 30.0
    assert first[3][1] == {"input": 0, "output": 0, "picture": 0}
    assert first[4][1]["text"] == "line 0"


def test_what_changes_is_told(fresh: Served) -> None:
    with fresh.browser() as browser, fresh.browser() as other, events(browser) as told:
        next(told)
        other.post("/api/order", json={"line": "blend 0.25"})
        assert _awaited(told, "now")["blend"] == 0.25
        _log(fresh, "something happened")
        assert _awaited(told, "log", "text")["text"] == "something happened"
        assert other.patch("/api/bank/ann", json={"blend": 0.5}).status_code == 200
        assert _awaited(told, "bank") == {}
        fresh.run.bank.changes += 1
        assert _awaited(told, "bank") == {}
        with other.stream("GET", "/api/preview/output.mjpg"):
            assert _awaited(told, "preview")["output"] == 1
        assert _awaited(told, "preview")["output"] == 0


def test_status_and_figures_come_at_their_rates(fresh: Served) -> None:
    started = time.monotonic()
    with fresh.browser() as browser, events(browser) as told:
        names: list[str] = []
        for name, _ in told:
            names.append(name)
            if names.count("figures") == 3:
                break
        took_s = time.monotonic() - started
    # Twice when the page comes, then every half and every whole second. Who is held up is told less often, never more.
    assert took_s > 0.9
    assert 3 <= names.count("status") <= 2 * took_s + 3


def test_two_pages_are_told_the_same(fresh: Served) -> None:
    with (
        fresh.browser() as browser,
        fresh.browser() as other,
        events(browser) as told,
        events(other) as told_too,
    ):
        next(told), next(told_too)
        fresh.run.port.submit(SetBlend(0.125))
        assert _awaited(told, "now")["blend"] == _awaited(told_too, "now")["blend"] == 0.125


def test_nothing_is_looked_at_while_no_page_is_open(fresh: Served) -> None:
    with fresh.browser() as browser, events(browser) as told:
        next(told)
    wait_until(lambda: _is_quiet(fresh), "It looks on although nobody reads.")


def _is_quiet(served: Served) -> bool:
    before = served.run.reads
    time.sleep(0.3)
    return served.run.reads == before


def test_one_page_too_many_sends_the_oldest_away(fresh: Served) -> None:
    with fresh.browser() as browser, fresh.browser() as stranger, ExitStack() as stack:
        elsewhere, *told = [stack.enter_context(events(one)) for one in (stranger, *[browser] * (EVENTS + 1))]
        # The stream ends, and says why, so that the page does not take its place back.
        assert [name for name, _ in told[0]][-1] == "away"
        for others in (elsewhere, *told[1:]):
            fresh.run.port.submit(SetBlend(0.5))
            assert _awaited(others, "now")


def test_a_page_that_stopped_reading_waits_for_little(fresh: Served) -> None:
    """Its connection is full at some time; then the newest of each kind waits, and nobody else waits."""
    with fresh.browser() as browser:
        stalled = socket.create_connection(("127.0.0.1", urlsplit(fresh.base).port or 0))
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        request = f"GET /api/events HTTP/1.1\r\nHost: {urlsplit(fresh.base).netloc}\r\nCookie: {cookie}\r\n\r\n"
        stalled.sendall(request.encode())
        for number in range(40):
            for line in range(50):
                _log(fresh, f"{number} {line} " + "x" * 900)
            time.sleep(0.01)
        started = time.monotonic()
        assert browser.post("/api/order", json={"line": "panic"}).json()["ok"]
        assert time.monotonic() - started < 30
        with events(browser) as told:
            assert next(told)[0] == "now"
        stalled.close()


def test_what_waits_is_the_newest_of_each_kind_and_few_lines() -> None:
    async def run() -> bytes:
        reader = Reader()
        for number in range(1000):
            reader.put("now", f"now {number}\n".encode())
            reader.put("status", f"status {number}\n".encode())
            reader.put("log", f"log {number}\n".encode())
        return await reader.take()

    lines = asyncio.run(run()).decode().splitlines()
    assert lines[:2] == ["now 999", "status 999"]
    assert lines[2:] == [f"log {number}" for number in range(1000 - LINES, 1000)]


def test_no_line_of_the_log_is_told_twice_or_lost() -> None:
    """One that is logged between the greeting and the next look comes with that look."""

    async def run() -> list[str]:
        panel = PretendPanel()
        news = News(panel, dict)
        _log_to(panel, "before")
        with news.reading() as first:
            _log_to(panel, "between")
            with news.reading() as second:
                news._look(1)
                return [_lines(await reader.take()) for reader in (first, second)]

    assert asyncio.run(run()) == ["before between", "before between"]


def test_seats_of_all_browsers_are_few() -> None:
    seats = Seats(2)
    taken = [seats.taken(f"browser {number // 2}") for number in range(30)]
    overs = [seat.__enter__() for seat in taken]
    assert [over.is_set() for over in overs] == [True] * 6 + [False] * 24
    for seat in taken:
        seat.__exit__(None, None, None)
    assert seats._taken == []


def test_started_again_it_has_the_same_address_and_lets_the_same_browsers_in(
    fresh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is cut off who takes longer to end.
    wait_longer(monkeypatch, ("livecam.output.local_server._FAREWELL_S",))
    assert fresh.server._server is not None
    fresh.server._server._uvicorn.config.timeout_graceful_shutdown = round(UNHURRIED_S)
    with fresh.browser() as browser:
        with events(browser) as told, fresh.showing(), browser.stream("GET", "/api/preview/output.mjpg") as images:
            next(told)
            chunks = images.iter_bytes()
            next(chunks)
            before = fresh.server.url
            fresh.server.stop()
            # Both streams have an orderly end; a broken one would raise here.
            assert "away" not in [name for name, _ in told]
            list(chunks)
        fresh.server.start()
        assert fresh.server.url == before
        with events(browser) as told, fresh.showing(), browser.stream("GET", "/api/preview/output.mjpg") as images:
            assert next(told)[0] == "now"
            assert next(images.iter_bytes())


def test_stopping_takes_no_time_although_somebody_reads(fresh: Served) -> None:
    took_s: list[float] = []
    with fresh.browser() as browser:
        # The best of three, since others use the machine.
        while not took_s or (min(took_s) >= 1.5 and len(took_s) < 3):
            fresh.server.stop()
            fresh.server.start()
            with events(browser) as told:
                next(told)
                started = time.monotonic()
                fresh.server.stop()
                took_s.append(time.monotonic() - started)
        fresh.server.stop()
    assert min(took_s) < 1.5


def _awaited(told: Iterator[tuple[str, dict[str, object]]], name: str, *_: str) -> dict[str, object]:
    deadline = time.monotonic() + 60
    for found, data in told:
        if found == name:
            return data
        assert time.monotonic() < deadline, f"No {name} came."
    raise AssertionError("The stream ended.")


def _log(served: Served, text: str) -> None:
    _log_to(served.run, text)


def _log_to(panel: PretendPanel, text: str) -> None:
    panel.log.handle(logging.LogRecord("livecam", logging.INFO, "", 0, text, None, None))


def _lines(told: bytes) -> str:
    data = [line.removeprefix("data: ") for line in told.decode().splitlines() if line.startswith("data: ")]
    return " ".join(json.loads(one)["text"] for one in data if "text" in json.loads(one))
