"""What has changed is followed, what cannot be is named, and nonsense changes nothing."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from livecam.app.reload import Reloader, reloading_on_hangup
from livecam.config import Config, load
from livecam.errors import ConfigError, LivecamError, SinkError


class File:
    """A configuration file, with one flag given besides."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "livecam.toml"
        self.path.write_text(text)

    def read(self) -> Config:
        return load({"face.steadiness": "0.9"}, self.path, {}).config


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path, "[face]\nshape = 0.3\nsteadiness = 0.1\n[output]\nsize = '640x480'\n")


def reloader(file: File, told: list[str]) -> Reloader:
    def follow(config: Config) -> str:
        told.append("face")
        return f"Shape {config.face.shape:g}."

    def refuse(config: Config) -> str:
        raise SinkError("That sink is not there.")

    return Reloader(file.read(), file.read, {"face": follow, "output.sinks": refuse, "face.hands": None})


def test_nothing_has_changed(file: File) -> None:
    told: list[str] = []
    assert reloader(file, told)() == "Nothing has changed."
    assert told == []


def test_what_changed_is_followed_once_and_the_rest_needs_a_restart(file: File) -> None:
    told: list[str] = []
    reload = reloader(file, told)
    file.path.write_text("[face]\nshape = 0.6\neyes = 'target'\nsteadiness = 0.2\nhands = false\n[run]\nseconds = 9\n")
    said = reload()
    assert said == "Shape 0.6. Restart to change output.size, face.hands, run.seconds."
    assert told == ["face"]
    assert reload.config.face.steadiness == 0.9, "a flag goes before the file"
    assert reload() == "Restart to change output.size, face.hands, run.seconds."
    assert told == ["face"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[face]\nshap = 0.3\n", r"livecam\.toml:2 has an unknown key 'shap'"),
        ("[face]\nshape = 3\n", r"livecam\.toml:2"),
        ("[face\n", "not valid TOML"),
    ],
)
def test_nonsense_leaves_the_old_one_in_force_and_names_the_line(file: File, text: str, told: str) -> None:
    reload = reloader(file, [])
    before = reload.config
    file.path.write_text(text)
    with pytest.raises(ConfigError, match=told) as caught:
        reload()
    assert str(caught.value).endswith("The old configuration stays in force.")
    assert reload.config == before


def test_what_fails_is_told_beside_what_was_followed_and_tried_again(file: File) -> None:
    told: list[str] = []
    reload = reloader(file, told)
    file.path.write_text("[face]\nshape = 0.6\n[output]\nsize = '640x480'\nsinks = ['null']\n")
    for expected in ("That sink is not there. Shape 0.6.", "That sink is not there."):
        with pytest.raises(LivecamError, match="not there") as caught:
            reload()
        assert str(caught.value) == expected
    assert told == ["face"]


def test_a_run_without_a_file_says_so() -> None:
    with pytest.raises(ConfigError, match="no configuration that could be read again"):
        Reloader(Config(), None, {})()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_hangup_reloads_and_a_closed_terminal_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reloaded, stop, before = threading.Event(), threading.Event(), signal.getsignal(signal.SIGHUP)
    with reloading_on_hangup(reloaded.set, stop):
        os.kill(os.getpid(), signal.SIGHUP)
        assert reloaded.wait(60)
        assert not stop.is_set()
    open_terminals = {0}
    monkeypatch.setattr(os, "isatty", lambda number: number in open_terminals)
    reloaded.clear()
    with reloading_on_hangup(reloaded.set, stop):
        os.kill(os.getpid(), signal.SIGHUP)
        assert reloaded.wait(60)
        open_terminals.clear()
        reloaded.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.wait(60)
    assert not reloaded.is_set()
    assert signal.getsignal(signal.SIGHUP) == before
