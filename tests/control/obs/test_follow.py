"""Scenes that choose the persona, through an OBS that comes and goes."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

pytest.importorskip("websockets", reason="the extra obs is not installed")

from livecam.app.beside import scenes_of
from livecam.app.obs import demand_client
from livecam.config import Config, ObsConfig
from livecam.control.desk import Desk
from livecam.control.obs import follow
from livecam.control.obs.client import ObsPlace
from livecam.control.obs.follow import SceneFollower
from livecam.errors import ExtraMissing
from tests.control.obs.fake_obs import FakeObs
from tests.control.pretend import PretendPort

SCENES = {"Talk": "ann", "Game": "bob"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "WAITS_S", (0.02, 0.05))
    monkeypatch.setattr(follow, "_LOOK_S", 0.05)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def following(place: ObsPlace, wear: Callable[[str], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=SceneFollower(place, SCENES, wear).follow, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_the_persona_follows_the_scene() -> None:
    worn: list[str] = []
    with FakeObs("geheim").running() as obs, following(obs.place, worn.append):
        until(lambda: worn == ["ann"])
        obs.switch("Game")
        until(lambda: worn == ["ann", "bob"])
        obs.switch("Pause")
        obs.switch("Talk")
        until(lambda: worn == ["ann", "bob", "ann"])
        assert obs.subscribed == [1 << 2]


def test_of_changes_that_come_while_a_persona_is_made_ready_the_last_counts() -> None:
    worn: list[str] = []
    ready = threading.Event()

    def wear(name: str) -> None:
        worn.append(name)
        assert ready.wait(60)

    with FakeObs().running() as obs, following(obs.place, wear):
        until(lambda: worn == ["ann"])
        for scene in ("Game", "Talk", "Game", "Talk", "Game"):
            obs.switch(scene)
        obs.settle()
        ready.set()
        until(lambda: len(worn) == 2)
        time.sleep(0.2)
    assert worn == ["ann", "bob"]


def test_obs_may_come_and_go_and_a_persona_chosen_meanwhile_stays(caplog: pytest.LogCaptureFixture) -> None:
    worn: list[str] = []
    obs = FakeObs()
    with obs.running():
        place = obs.place
    with following(place, worn.append):
        until(lambda: "not followed. OBS does not answer" in caplog.text)
        time.sleep(0.2)
        assert caplog.text.count("does not answer") == 1
        with obs.running():
            until(lambda: worn == ["ann"])
        until(lambda: "ended the connection" in caplog.text or caplog.text.count("does not answer") == 2)
        with obs.running():
            until(lambda: len(obs.subscribed) == 2 and bool(obs.connections))
            obs.switch("Game")
            until(lambda: worn == ["ann", "bob"])
    assert worn == ["ann", "bob"]


def test_in_a_run_it_orders_through_the_desk(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = PretendPort()
    with FakeObs().running() as obs:
        config = ObsConfig(connect=True, port=float(obs.place.port), scenes=(("Talk", "ann"), ("Game", "eve")))
        part = scenes_of(replace(Config(), obs=config), Desk(port))
        part.start()
        until(lambda: port.settings().persona == "ann")
        obs.switch("Game")
        until(lambda: "There is no persona 'eve'." in caplog.text)
        part.stop()
        part.stop()
    assert port.settings().persona == "ann"


def test_without_the_package_it_is_told_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'livecam\[obs\]'"):
        demand_client()
    part = scenes_of(replace(Config(), obs=ObsConfig(connect=True)), Desk(PretendPort()))
    part.start()
    until(lambda: "The scenes of OBS are not followed. The connection to OBS needs" in caplog.text)
    part.stop()
