"""``livecam top``: what is shown of a running daemon."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from livecam.cli.root import root
from livecam.cli.top_command import rows
from livecam.control.desk import Desk, Json
from livecam.control.server import ControlServer
from livecam.errors import LivecamError
from tests.control.pretend import PretendPort

NOW = {"panic": False, "mode": "swap", "persona": "ann", "blend": 0.7, "shape": 0.5, "label": True}
STATUS = {
    "state": "degraded",
    "showing": "slate",
    "fps": 29.9,
    "age_p50_ms": 21.0,
    "age_p95_ms": 25.5,
    "dropped": 3,
    "provider": "cpu",
    "tier": "",
    "wearer": "weak rule",
    "sinks": ["record:a.mp4", "web: port taken"],
    "note": "The source is silent.",
    "figures": {"stages": {"track": {"p50": 3.5, "p95": 5.0}, "odd": None}},
}


def shown(**changes: object) -> dict[str, str]:
    return {name: value for name, value, _ in rows(json.dumps({"now": NOW, "status": STATUS, **changes}))}


def test_everything_that_matters_is_there() -> None:
    found = shown()
    assert found["persona"] == "ann"
    assert found["state"] == "degraded"
    assert found["age"] == "21.0 ms, 95 %: 25.5 ms"
    assert found["note"] == "The source is silent."
    assert found["  track"] == "  3.50 ms, 95 %:   5.00 ms"
    assert [value for name, value, _ in rows(json.dumps({"now": NOW, "status": STATUS})) if name == "sends to"] == [
        "record:a.mp4",
        "web: port taken",
    ]


def test_panic_passthrough_and_a_missing_label_are_loud() -> None:
    found = shown(now={**NOW, "panic": True, "mode": "passthrough", "label": False})
    assert found["PANIC"] == "the slate is shown"
    assert found["PASSTHROUGH"] == "your own face is sent"
    assert found["label"] == "off"


def test_before_the_first_status_it_is_starting() -> None:
    assert ("state", "starting", "bold") in rows(json.dumps({"now": NOW}))


def test_something_else_is_refused() -> None:
    with pytest.raises(LivecamError, match="no livecam of this version"):
        rows(json.dumps(["hello"]))


class Asked(PretendPort):
    """Counts how often its status is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def status(self) -> Mapping[str, Json]:
        self.times += 1
        return super().status()


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    port = Asked()
    server = ControlServer(Desk(port), tmp_path / "control")
    server.start()

    def end() -> None:
        # It is asked for a second time once the first answer has been given.
        while port.times < 3 and not over.wait(0.01):
            pass
        server.stop()

    over, ending = threading.Event(), threading.Thread(target=end)
    ending.start()
    yield tmp_path / "control"
    over.set()
    ending.join()
    server.stop()


def test_into_a_pipe_it_prints_lines_until_the_daemon_ends(socket_path: Path) -> None:
    result = CliRunner().invoke(root, ["top", "--socket", str(socket_path)])
    assert result.exit_code == 0, result.output
    assert result.output.count("\n") >= 1


def test_without_a_daemon_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(root, ["top", "--socket", str(tmp_path / "nobody")])
    assert result.exit_code == 1
    assert "No livecam listens at" in result.output
