"""Downloads from servers of every manner."""

import errno
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPMessage
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.inference import download as download_module
from livecam.inference import web
from livecam.inference.download import LARGEST, Partial, Patience, Wanted, download
from livecam.inference.progress import Silent
from livecam.inference.web import Unusable
from tests.inference.models import content
from tests.inference.servers import (
    Handler,
    Manner,
    Site,
    announcing,
    cut,
    honest,
    ignoring_ranges,
    leading_to,
    packed,
    refusing_ranges,
    running,
    status,
    without_length,
    wrong_part,
)

DATA = content()
KNOWN = Wanted("net", frozenset([len(DATA)]))
UNKNOWN = Wanted("net", frozenset())
QUICK = Patience(tries=3, waits_s=(0.001,), stall_s=60.0)
HASTY = Patience(tries=2, waits_s=(0.001,), stall_s=1.0)


class Told:
    def __init__(self) -> None:
        self.updates: list[tuple[str, int, int]] = []

    def update(self, stage: str, done: int, total: int) -> None:
        self.updates.append((stage, done, total))


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def site(server: Site) -> Site:
    server.files.clear()
    server.asked.clear()
    return server


@pytest.fixture
def partial(tmp_path: Path) -> Partial:
    return Partial(tmp_path / "net.partial")


def fetch(url: str, partial: Partial, wanted: Wanted = KNOWN, patience: Patience = QUICK) -> bool:
    return download(url, partial, wanted, Silent(), patience)


def test_a_file_is_fetched_and_progress_told(site: Site, partial: Partial) -> None:
    told = Told()
    assert download(site.serve("/f", DATA), partial, KNOWN, told, QUICK) is False
    assert partial.path.read_bytes() == DATA
    assert partial.path.stat().st_mode & 0o077 == 0
    assert told.updates[-1] == ("fetching net", len(DATA), len(DATA))


@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_line_that_is_cut_anywhere_is_picked_up(cuts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    partial = Partial(tmp_path_factory.mktemp("cut") / "f")
    with running() as site:
        url = site.serve("/f", DATA, *(cut(after) for after in cuts), honest)
        fetch(url, partial, patience=Patience(tries=9, waits_s=(0.0,)))
        ranges = site.ranges
    assert partial.path.read_bytes() == DATA
    starts = [int(wanted[6:-1]) if wanted else 0 for wanted in ranges]
    assert starts == sorted(starts)
    assert starts[-1] == min(sum(cuts[: len(starts) - 1]), len(DATA))


def test_a_later_call_goes_on_and_says_so(site: Site, partial: Partial) -> None:
    url = site.serve("/f", DATA, cut(1000), status(404))
    with pytest.raises(Unusable, match="not there"):
        fetch(url, partial)
    assert partial.length == 1000
    site.serve("/f", DATA)
    assert fetch(url, partial) is True
    assert partial.path.read_bytes() == DATA
    assert site.ranges[-1] == "bytes=1000-"


def test_what_is_whole_is_not_asked_for_again(site: Site, partial: Partial) -> None:
    url = site.serve("/f", DATA, without_length)
    fetch(url, partial)
    assert fetch(url, partial) is True
    assert len(site.asked) == 1


@pytest.mark.parametrize("manner", [ignoring_ranges(len(DATA)), refusing_ranges, wrong_part])
def test_where_the_rest_is_not_given_it_starts_over(site: Site, partial: Partial, manner: Manner) -> None:
    fetch(site.serve("/f", DATA, cut(1000), manner), partial)
    assert partial.path.read_bytes() == DATA
    assert site.ranges[:2] == ["", "bytes=1000-"]


def test_another_version_is_never_joined_to_what_is_here(site: Site, partial: Partial) -> None:
    url = site.serve("/f", content(1), cut(1000), status(404))
    with pytest.raises(Unusable):
        fetch(url, partial)
    site.serve("/f", DATA)
    fetch(url, partial)
    assert partial.path.read_bytes() == DATA


def test_a_changed_file_given_as_the_rest_is_noticed(site: Site, partial: Partial) -> None:
    def careless(handler: Handler, data: bytes) -> None:
        handler.begin(206, ETag='"new"', Content_Range=f"bytes 1000-{len(data) - 1}/{len(data)}")

    fetch(site.serve("/f", DATA, cut(1000), careless, honest), partial)
    assert partial.path.read_bytes() == DATA
    assert site.ranges == ["", "bytes=1000-", ""]


def test_without_a_validator_it_starts_over(site: Site, partial: Partial) -> None:
    # The announced length is too long, so that the first answer is a cut line.
    with pytest.raises(Unusable, match="cut after"):
        fetch(site.serve("/f", DATA, announcing(len(DATA) + 1)), partial, UNKNOWN)
    assert set(site.ranges) == {""}
    assert len(site.asked) > 1


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1, 10 * LARGEST])
def test_another_length_than_the_known_one_is_refused_at_once(site: Site, partial: Partial, length: int) -> None:
    with pytest.raises(Unusable, match="bytes, not 40,000"):
        fetch(site.serve("/f", DATA, announcing(length)), partial)
    assert partial.length == 0
    assert len(site.asked) == 1


def test_a_size_bomb_is_stopped(site: Site, partial: Partial, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unusable, match="more than 1,000 bytes"):
        fetch(site.serve("/f", DATA, without_length), partial, Wanted("net", frozenset([1000])))
    assert partial.length == 0
    monkeypatch.setattr(download_module, "LARGEST", 2000)
    with pytest.raises(Unusable, match="more than 2,000 bytes"):
        fetch(site.serve("/f", DATA, without_length), partial, UNKNOWN)
    with pytest.raises(Unusable, match="more than the 2,000 that a network can have"):
        fetch(site.serve("/f", DATA), partial, UNKNOWN)
    assert partial.length == 0


def test_what_was_begun_is_deleted_when_the_server_turns_out_to_hold_another_file(site: Site, partial: Partial) -> None:
    with pytest.raises(Unusable, match="bytes, not 40,000"):
        fetch(site.serve("/f", DATA, cut(1000), announcing(500)), partial)
    assert partial.length == 0
    assert len(site.asked) == 2


def test_the_end_is_known_by_the_size_where_no_length_is_told(site: Site, partial: Partial) -> None:
    def shorter(handler: Handler, data: bytes) -> None:
        without_length(handler, data[:-1])

    fetch(site.serve("/f", DATA, shorter, without_length), partial)
    assert partial.path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("code", "asked", "told"), [(404, 1, "not there"), (403, 1, "refused"), (410, 1, "any more"), (503, 3, "503")]
)
def test_what_may_pass_is_tried_again_and_what_will_not_is_not(
    site: Site, partial: Partial, code: int, asked: int, told: str
) -> None:
    with pytest.raises(Unusable, match=told):
        fetch(site.serve("/f", DATA, status(code)), partial)
    assert len(site.asked) == asked


def test_tries_are_bounded_even_if_each_brings_a_little(site: Site, partial: Partial) -> None:
    with pytest.raises(Unusable, match="cut after"):
        fetch(site.serve("/f", DATA, cut(1)), partial, patience=Patience(most=7, waits_s=(0.0,)))
    assert len(site.asked) == 7
    assert partial.length == 7


def given_up(url: str, partial: Partial, why: str, came: Callable[[int], bool]) -> bool:
    """Whether that is given up for `why` when so many bytes `came`; tried again where an end was kept from running."""
    for _ in range(10):
        partial.discard()
        with pytest.raises(Unusable) as caught:
            fetch(url, partial, patience=HASTY)
        if why in str(caught.value) and came(partial.length):
            return True
    return False


def test_a_silent_server_is_left(site: Site, partial: Partial) -> None:
    url = site.serve("/f", DATA, site.stalling(500))
    assert given_up(url, partial, "silent", lambda length: length == 500)


def test_a_dripping_server_is_left(site: Site, partial: Partial) -> None:
    url = site.serve("/f", DATA, site.dripping)
    assert given_up(url, partial, "too slow", lambda length: 0 < length < 100)


def test_packed_answers_are_refused(site: Site, partial: Partial) -> None:
    with pytest.raises(Unusable, match="packs"):
        fetch(site.serve("/f", DATA, packed), partial)


def test_redirects_are_followed_with_the_range(site: Site, partial: Partial) -> None:
    url = site.serve("/f", b"", leading_to("/real"))
    site.serve("/real", DATA, cut(1000), honest)
    fetch(url, partial)
    assert partial.path.read_bytes() == DATA
    assert ("/real", "bytes=1000-") in site.asked


@pytest.mark.parametrize(
    "url", ["http://example.org/f", "ftp://127.0.0.1/f", "file:///etc/passwd", "http://127.0.0.1.example.org/f"]
)
def test_only_https_is_spoken_beyond_this_machine(site: Site, partial: Partial, url: str) -> None:
    with pytest.raises(Unusable, match="https"):
        fetch(url, partial)
    with pytest.raises(Unusable, match=r"https|refused \(302\)"):
        fetch(site.serve("/f", b"", leading_to(url)), partial)
    assert partial.length == 0


def test_https_is_never_left_for_this_machine() -> None:
    request = urllib.request.Request("https://example.org/f")
    with pytest.raises(Unusable, match="not https"):
        web._Redirects().redirect_request(request, BytesIO(), 302, "", HTTPMessage(), "http://127.0.0.1/f")


@pytest.mark.parametrize("url", ["https://", "https://[", "https://a b/", "nothing", "http://localhost:port/"])
def test_addresses_that_are_none(partial: Partial, url: str) -> None:
    with pytest.raises(Unusable):
        fetch(url, partial)


def test_a_machine_without_a_network_gives_up_at_once(partial: Partial, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def nowhere(request: urllib.request.Request, data: object = None, timeout: float = 0) -> IO[bytes]:
        calls.append(request.full_url)
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(web, "_opener", lambda _: SimpleNamespace(open=nowhere))
    with pytest.raises(Unusable, match="is there a network") as caught:
        fetch("https://example.org/f", partial)
    assert caught.value.unreachable
    assert len(calls) == 1


def test_a_refused_connection_is_tried_again(partial: Partial) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unusable, match="refused"):
            fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/f", partial)


def test_a_full_disk_is_seen_before_the_download(site: Site, partial: Partial, monkeypatch: pytest.MonkeyPatch) -> None:
    url = site.serve("/f", DATA, cut(1000), status(404))
    with pytest.raises(Unusable):
        fetch(url, partial)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=38_000))
    site.serve("/f", DATA)
    with pytest.raises(OSError, match="No space") as caught:
        fetch(url, partial)
    assert caught.value.errno == errno.ENOSPC
    assert partial.length == 1000


def test_a_damaged_note_starts_over(site: Site, partial: Partial) -> None:
    partial.path.write_bytes(b"x" * 1000)
    partial.path.with_name("net.partial.json").write_text("{}")
    fetch(site.serve("/f", DATA), partial)
    assert partial.path.read_bytes() == DATA
