"""The panel on a run that exists only in words."""

import json
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import httpx
import numpy as np
import pytest

from livecam.app.keys import kept_secret
from livecam.app.outlets import FixedOutlets, Outlets
from livecam.app.panel import PanelPart
from livecam.app.panel_way import PanelWay
from livecam.app.taps import CameraTap, InputTap, OutputTap
from livecam.config import Config, Paths, load
from livecam.control.desk import Desk, Json
from livecam.core.frame import Frame
from livecam.core.seams import Processor, Sink
from livecam.core.settings import Settings
from livecam.core.spec import Spec
from livecam.errors import ConfigError, PersonaError
from livecam.faces.bank import Card
from livecam.faces.drafts import Draft
from livecam.faces.quality import UNKNOWN
from livecam.faces.worn import WornAs
from livecam.output.tee import SinkState
from tests.control.pretend import PretendPort
from tests.control.web.served import SHORT


class Listening:
    """Remembers what listens."""

    def __init__(self) -> None:
        self.sinks: list[Sink] = []

    def add(self, spec: Spec) -> str:
        raise NotImplementedError

    def remove(self, name: str) -> str:
        raise NotImplementedError

    def follow(self, specs: Sequence[Spec]) -> str:
        raise NotImplementedError

    def bring(self, sink: Sink, listens: bool) -> None:
        assert listens
        self.sinks.append(sink)

    def take(self, sink: Sink) -> None:
        self.sinks.remove(sink)


class Run:
    """A run."""

    def __init__(self, outlets: Outlets | None = None) -> None:
        self.listening = Listening()
        self.outlets: Outlets = outlets or self.listening
        self.port = PretendPort()
        self.forgotten: list[str] = []

    def forget(self, persona: str) -> None:
        self.forgotten.append(persona)

    def settings(self) -> Settings:
        return self.port.settings()

    def figures(self) -> Mapping[str, Json]:
        return {"fps": 30.0}

    def sinks(self) -> Sequence[SinkState]:
        return (SinkState("web:http://127.0.0.1:1/?token=secret", True, False, 1, 0, ""),)


class Bank:
    """A face bank that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def cards(self) -> tuple[Card, ...]:
        return (Card("nobody", True, 1, "", "", ("live",), "", "", "", "", 2, WornAs(blend=0.5), UNKNOWN),)

    def draft_image(self, image: object) -> Draft:
        self.told.append(image)
        return Draft("7", UNKNOWN, b"\xff\xd8")

    def worn_as(self, name: str) -> WornAs:
        return WornAs(blend=0.5, shape=0.25)

    def change(self, name: str, worn: WornAs) -> str:
        self.told.append(worn)
        return f"{name} is worn."

    def favourite(self, name: str, number: int | None) -> str:
        self.told.append(number)
        return f"{name} is on {number}."


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "livecam.toml", tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def config() -> Config:
    return load({"panel.port": "0"}, Path(os.devnull), {}).config


def _part(run: Run, config: Config, paths: Paths, camera: CameraTap | None = None) -> PanelPart:
    return PanelPart(run, Desk(run.port), run.port.status, camera or CameraTap(), config, paths)


@contextmanager
def _let_in(part: PanelPart) -> Iterator[httpx.Client]:
    """A browser while the panel is there."""
    part.start()
    base, headers = part.url.split("/?")[0], {"X-Livecam": "1"}
    with httpx.Client(base_url=base, headers=headers, timeout=60, verify=False, limits=SHORT) as client:
        client.get(part.url)
        yield client
    part.stop()


def test_it_serves_the_run_and_leaves_nothing_behind(config: Config, paths: Paths) -> None:
    run = Run()
    part = _part(run, config, paths)
    assert part.url == ""
    handlers = len(logging.getLogger("livecam").handlers)
    with _let_in(part) as client:
        assert [type(sink) for sink in run.listening.sinks] == [OutputTap]
        assert client.post("/api/order", json={"line": "panic"}).json()["now"]["panic"]
        outputs = client.get("/api/outputs").json()
        assert outputs["outputs"][0]["open"] is True
        assert "secret" not in json.dumps(outputs)
        assert client.get("/api/cameras").json()[-1]["spec"] == "synthetic"
        presets = {preset["name"]: preset for preset in client.get("/api/presets").json()}
        assert presets["mesh"]["ready"]
        assert not presets["fast"]["ready"]
        assert "inswapper_128_fp16" in presets["fast"]["missing"]
    part.stop()
    assert run.listening.sinks == []
    assert len(logging.getLogger("livecam").handlers) == handlers


def test_it_is_known_whether_somebody_watches(config: Config, paths: Paths) -> None:
    part = _part(Run(), config, paths)
    assert not part.watched
    with _let_in(part) as client:
        assert not part.watched
        with client.stream("GET", "/api/preview/input.mjpg"):
            assert _soon(lambda: part.watched)
        assert _soon(lambda: not part.watched)


def _soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_the_pictures_address_outlives_the_run_and_the_panels_does_not(config: Config, paths: Paths) -> None:
    first, second = _part(Run(), config, paths), _part(Run(), config, paths)
    first.start()
    token, picture = first.url.partition("=")[2], first.picture_url.partition("=")[2]
    first.stop()
    second.start()
    assert second.picture_url.partition("=")[2] == picture
    assert second.url.partition("=")[2] != token
    second.stop()


def test_a_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    made = kept_secret(path)
    assert kept_secret(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("short")
    assert kept_secret(path) not in ("short", made)


def test_a_secret_that_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert kept_secret(tmp_path / "file" / "secret") == ""


def test_with_the_output_process_the_previews_of_the_output_are_refused(config: Config, paths: Paths) -> None:
    part = _part(Run(FixedOutlets()), config, paths)
    with _let_in(part) as client:
        answer = client.get("/api/preview/output.mjpg")
    assert answer.status_code == 409
    assert "output process" in answer.json()["said"]


def test_the_doctor_speaks_from_a_process_of_its_own(
    config: Config, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        check = {"check": "python", "status": "ok", "finding": "It is there.", "next_step": ""}
        return subprocess.CompletedProcess(command, 1, json.dumps({"ok": False, "checks": [check]}).encode())

    monkeypatch.setattr("livecam.app.panel_around.subprocess.run", run)
    run_ = Run()
    part = PanelPart(run_, Desk(run_.port), run_.port.status, CameraTap(), config, paths, ["--sink", "null"])
    with _let_in(part) as client:
        assert client.get("/api/doctor").json() == [
            {"area": "python", "level": "ok", "said": "It is there.", "next": ""}
        ]
        assert asked[0][-5:] == ["livecam", "doctor", "--json", "--sink", "null"]
        monkeypatch.setattr(
            "livecam.app.panel_around.subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 2, b"oops")
        )
        assert client.get("/api/doctor").status_code == 422


def test_personas_as_the_page_wants_them(config: Config, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    bank, camera, run = Bank(), CameraTap(), Run()
    monkeypatch.setattr("livecam.app.bank.face_bank", lambda *_: bank)
    panel_bank = _part(run, config, paths, camera)._port.bank
    (card,) = panel_bank.cards()
    assert (card["worn"], card["favourite"], card["blend"], card["preset"]) == (True, 2, 0.5, None)
    assert panel_bank.change("ann", {"favourite": None, "blend": None, "colour": 1, "preset": "fast"}) == (
        "ann is worn. ann is on None."
    )
    assert bank.told == [WornAs(preset="fast", colour=1.0, shape=0.25), None]  # type: ignore[arg-type]
    assert panel_bank.change("ann", {}) == "Nothing was to be changed."
    assert run.forgotten == ["ann"]
    revision = run.settings().revision
    panel_bank.change("nobody", {"blend": 0.1})
    # It is worn: what is worn is made anew.
    assert run.settings().revision == revision + 1
    with pytest.raises(PersonaError, match="being worn"):
        panel_bank.remove("nobody")
    mark = panel_bank.mark()
    paths.personas.mkdir(parents=True)
    assert panel_bank.mark() != mark


def test_a_shot_of_the_camera_becomes_a_draft(config: Config, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    bank, camera = Bank(), CameraTap()
    monkeypatch.setattr("livecam.app.bank.face_bank", lambda *_: bank)
    monkeypatch.setattr(camera, "shot", lambda: np.zeros((4, 4, 3), dtype=np.uint8))
    draft = _part(Run(), config, paths, camera)._port.bank.shot()
    assert draft["draft"] == "7"
    assert str(draft["thumbnail"]).startswith("data:image/jpeg;base64,")
    camera.look(Frame(np.zeros((4, 4, 3), dtype=np.uint8), 1, 1))


def test_presets_whose_recipes_are_not_there_are_only_not_ready(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    config = load({"panel.port": "0", "models.recipes": str(tmp_path / "recipes")}, Path(os.devnull), {}).config
    told = {str(one["name"]): one for one in _part(Run(), config, paths)._port.presets()}
    assert told["mesh"]["ready"] is True
    assert (told["fast"]["ready"], "There is no recipe" in str(told["fast"]["missing"])) == (False, True)


def test_a_run_that_wants_no_panel_has_none(config: Config, paths: Paths) -> None:
    way, run, processor = PanelWay(config, paths), Run(), cast(Processor, object())
    assert way.wrap(processor) is processor
    way.open(run, Desk(run.port), run.port.status)
    assert way.url == ""
    way.stop()


def test_a_run_that_wants_one_has_it(paths: Paths) -> None:
    config = load({"panel.port": "0", "panel.enabled": "true"}, Path(os.devnull), {}).config
    way, run = PanelWay(config, paths), Run()
    assert isinstance(way.wrap(cast(Processor, object())), InputTap)
    way.open(run, Desk(run.port), run.port.status)
    with httpx.Client(base_url=way.url.split("/?")[0], timeout=60, verify=False, limits=SHORT) as client:
        assert client.get("/").status_code == 401
        client.get(way.url)
        # The token is not told by the page.
        with client.stream("GET", "/api/events") as events:
            assert way.url.partition("=")[2] not in next(events.iter_text())
    way.stop()
    way.stop()
    assert (way.url, run.listening.sinks) == ("", [])


def test_a_panel_without_a_port_leaves_nothing_behind(
    config: Config, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, handlers = Run(), len(logging.getLogger("livecam").handlers)
    monkeypatch.setattr("livecam.control.web.panel_server.listen", lambda _: None)
    with pytest.raises(ConfigError, match="port"):
        _part(run, config, paths).start()
    assert run.listening.sinks == []
    assert len(logging.getLogger("livecam").handlers) == handlers
