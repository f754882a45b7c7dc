"""Which ways there are into OBS, with secrets only where they are known to fit."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from livecam.app.obs_ways import ways
from livecam.config import Config, Paths, load
from livecam.output.obs import ObsSource

SECRET = "s" * 40


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "picture-token").write_text(SECRET)
    return Paths(tmp_path / "livecam.toml", tmp_path, tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Answers to who knows the secret; its port."""
    monkeypatch.setattr("livecam.app.obs_ways._ASK_S", 60.0)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            known = parse_qs(parts.query).get("token") == [SECRET] and parts.path in ("/status", "/picture")
            self.send_response(200 if known else 403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join(60)


def configured(**values: str) -> Config:
    base = {"panel.port": "1", "output.sinks": "null"}
    return load(base | {name.replace("__", "."): value for name, value in values.items()}, Path("/dev/null"), {}).config


def told(found: tuple[ObsSource, ...]) -> list[tuple[str, str, str]]:
    places = ("Input", "URL", "Device")
    return [(each.way, each.kind, next(value for name, value in each.fields if name in places)) for each in found]


def test_the_sinks_of_a_run_least_delay_first(paths: Paths) -> None:
    sinks = ["stream:udp://127.0.0.1:5000", "null", "v4l2:/dev/video9 (livecam): it is away: wait."]
    found = told(ways(configured(), paths, sinks))
    assert [(way, place) for way, _, place in found] == [
        ("camera", "/dev/video9"),
        ("stream", "udp://127.0.0.1:5000"),
    ]


def test_a_preview_that_takes_the_kept_secret_can_be_set_up(paths: Paths, server: int) -> None:
    found = told(ways(configured(), paths, [f"web:http://127.0.0.1:{server}/"]))
    address = f"http://127.0.0.1:{server}/stream.mjpg?token={SECRET}"
    assert found == [("web", "ffmpeg_source", address), ("browser", "browser_source", address)]


def test_one_that_does_not_is_left_to_the_user(paths: Paths, server: int) -> None:
    (paths.data / "picture-token").write_text("t" * 40)
    found = ways(configured(), paths, [f"web:http://127.0.0.1:{server}/ (port 80 is taken)"])
    assert told(found)[0] == ("web", "", f"http://127.0.0.1:{server}/stream.mjpg?token=...")
    assert "livecam prints the whole address" in found[0].note


def test_the_panel_is_found_by_the_configuration_or_by_its_answer(paths: Paths, server: int) -> None:
    wanted = told(ways(configured(panel__enabled="on", panel__port="8770"), paths, []))
    assert wanted[1] == ("browser", "browser_source", f"http://127.0.0.1:8770/picture?token={SECRET}")
    found = told(ways(configured(panel__port=str(server)), paths, []))
    assert found[0] == ("web", "ffmpeg_source", f"http://127.0.0.1:{server}/picture.mjpg?token={SECRET}")
    assert ways(configured(), paths, []) == ()


def test_without_a_run_the_configuration_tells(paths: Paths) -> None:
    config = configured(output__sinks="web:8765;stream:tcp://127.0.0.1:5001?bitrate=3;record:x.mp4;web")
    assert told(ways(config, paths, None)) == [
        ("web", "", "http://127.0.0.1:8765/stream.mjpg?token=..."),
        ("browser", "", "http://127.0.0.1:8765/stream.mjpg?token=..."),
        ("stream", "ffmpeg_source", "tcp://127.0.0.1:5001"),
    ]
