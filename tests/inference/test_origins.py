"""The ways to the package index, with a pip and an index of the test's own."""

import errno
import json
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from livecam.errors import DownloadFailed
from livecam.inference import origins
from livecam.inference.recipe import WheelOrigin

CONTENT = b"wheel" * 200_000
ORIGIN = WheelOrigin("mediapipe", "1.0", "3.12", "any", "mediapipe-1.0.whl", len(CONTENT), "0" * 64)
FAKE_PIP = """
import sys
if "--version" in sys.argv:
    print("pip {version} from nowhere")
    sys.exit()
print("Progress 10 of 40")
folder = sys.argv[sys.argv.index("-d") + 1]
{action}
"""
GIVE = f"open(folder + '/{ORIGIN.file}', 'wb').write(b'wheel' * 200_000); print('asked', *sys.argv)"


class Told:
    def __init__(self) -> None:
        self.updates: list[tuple[str, int, int]] = []

    def update(self, stage: str, done: int, total: int) -> None:
        self.updates.append((stage, done, total))


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in origins.INDEX_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def use_pip(monkeypatch: pytest.MonkeyPatch, folder: Path, action: str, version: str = "26.0") -> None:
    script = folder / "fake_pip.py"
    script.write_text(FAKE_PIP.format(action=action, version=version))
    monkeypatch.setattr(origins, "_pips", lambda: [[str(script)]])


def test_pip_brings_the_file_and_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, tmp_path, GIVE)
    told = Told()
    assert origins.fetch(ORIGIN, tmp_path, told).read_bytes() == CONTENT
    assert told.updates == [("fetching mediapipe", 10, 40)]


def test_pip_is_asked_for_exactly_the_pinned_wheel(tmp_path: Path) -> None:
    arguments = origins._pip_arguments(ORIGIN, str(tmp_path), can_count=True)
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "3.12", "any", "raw"} <= set(arguments)


@pytest.mark.parametrize(("version", "expected"), [("23.2.1", False), ("24.0", False), ("24.1", True), ("26.3", True)])
def test_old_pips_are_not_asked_for_numbers(
    version: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pip(monkeypatch, tmp_path, GIVE, version)
    assert origins._can_count(origins._pips()[0]) is expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("WARNING: Retrying after connection broken by X", "the index cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "another SHA-256"),
        ("ERROR: No matching distribution found.", "No matching distribution found"),
    ],
)
def test_the_reason_of_a_failure_is_told(
    output: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pip(monkeypatch, tmp_path, f"print({output!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(DownloadFailed, match=f"mediapipe-1.0.whl.*{expected}.*--from FILE"):
        origins.fetch(ORIGIN, tmp_path, Told())


def test_a_full_disk_under_pip_is_a_disk_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, tmp_path, "print('ERROR: [Errno 28] No space left on device'); sys.exit(1)")
    with pytest.raises(OSError, match="No space") as raised:
        origins.fetch(ORIGIN, tmp_path, Told())
    assert raised.value.errno == errno.ENOSPC


def test_a_pip_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(origins, "PIP_LIMIT_S", 0.5)
    with pytest.raises(DownloadFailed):
        origins.fetch(ORIGIN, tmp_path, Told())


def test_without_pip_and_index_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_pips", list)
    with pytest.raises(DownloadFailed, match="PIP_INDEX_URL"):
        origins.fetch(ORIGIN, tmp_path, Told())


def test_pip_comes_before_the_one_that_python_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert origins._pips() == [["-m", "pip"]]
    monkeypatch.setattr(origins, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    bundled = origins._pips()
    assert all(Path(program[0]).parent.suffix == ".whl" for program in bundled)
    monkeypatch.setattr(origins, "find_spec", lambda _: None)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: None)
    assert origins._pips() == []


class Index(BaseHTTPRequestHandler):
    """A package index of one file; `listing` and `body` are set by tests."""

    listing: object = {"files": [{"filename": ORIGIN.file, "url": "../files/it.whl"}]}
    body = CONTENT

    def do_GET(self) -> None:
        content = self.body if self.path.endswith(".whl") else json.dumps(self.listing).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Index]]:
    class Mine(Index):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setattr(origins, "_pips", list)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield Mine
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_an_index_is_read_without_pip(index: type[Index], tmp_path: Path) -> None:
    told = Told()
    assert origins.fetch(ORIGIN, tmp_path, told).read_bytes() == CONTENT
    assert told.updates[-1] == ("fetching mediapipe", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("listing", "body", "expected"),
    [
        ({"files": []}, CONTENT, "does not hold mediapipe-1.0.whl"),
        (Index.listing, CONTENT[:-1], "instead of"),
        (Index.listing, CONTENT * 3, "instead of"),
    ],
)
def test_an_index_that_gives_something_else_is_refused(
    listing: object, body: bytes, expected: str, index: type[Index], tmp_path: Path
) -> None:
    index.listing, index.body = listing, body
    with pytest.raises(DownloadFailed, match=expected):
        origins.fetch(ORIGIN, tmp_path, Told())
    assert not (tmp_path / ORIGIN.file).exists()


def test_an_index_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_pips", list)
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(DownloadFailed, match="the index could not be read"):
        origins.fetch(replace(ORIGIN, package="other"), tmp_path, Told())
