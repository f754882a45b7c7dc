"""Personas are made ready before they are asked for, the likeliest first."""

import threading
from collections.abc import Sequence
from pathlib import Path

from livecam.app.ahead import Ahead, ahead_of, likely_next
from livecam.app.wardrobe import weight_of
from livecam.config import Config, Paths
from livecam.core.persona import Basis, Consent, Persona
from livecam.errors import PersonaError
from livecam.faces.favourites import Favourites, path_of

WAIT_S = 60.0
READY = Persona("ready", {}, Consent(Basis.SELF, "", "", ()), "")
"""Whatever is made ready."""


class Prepared:
    """What was asked for, in order."""

    def __init__(self, stop_after: int) -> None:
        self.names: list[str] = []
        self.done = threading.Event()
        self._stop_after = stop_after

    def __call__(self, name: str) -> Persona:
        if name == "broken":
            raise PersonaError("damaged")
        if name != "worn":
            self.names.append(name)
        if len(self.names) == self._stop_after:
            self.done.set()
        return READY


def ahead(prepared: Prepared, likely: Sequence[str], most: int = 9) -> Ahead:
    return Ahead(prepared, lambda: likely, lambda: "worn", most_bytes=most * weight_of(READY), pause_s=0.001)


def test_the_likeliest_are_made_ready_and_what_fails_is_passed_over() -> None:
    prepared = Prepared(3)
    made = ahead(prepared, ["a", "broken", "b", "c", "d"], most=3)
    made.start()
    assert prepared.done.wait(WAIT_S)
    made.stop()
    made.stop()
    assert prepared.names == ["a", "b", "c"]


def test_another_one_worn_is_another_look() -> None:
    prepared, worn = Prepared(3), ["a"]
    made = Ahead(prepared, lambda: [f"after {worn[0]}"], lambda: worn[0], pause_s=0.001)
    made.start()
    while "after a" not in prepared.names:
        threading.Event().wait(0.001)
    worn[0] = "b"
    assert prepared.done.wait(WAIT_S)
    while "after b" not in prepared.names:
        threading.Event().wait(0.001)
    made.stop()
    assert prepared.names.count("after a") == 1


def test_whoever_serves_next_has_them_ready_too() -> None:
    prepared, served = Prepared(2), ["mesh"]
    made = Ahead(prepared, lambda: ["a"], lambda: "worn", served=lambda: served[0], pause_s=0.001)
    made.start()
    while "a" not in prepared.names:
        threading.Event().wait(0.001)
    served[0] = "fast"
    assert prepared.done.wait(WAIT_S)
    made.stop()


def test_a_switch_in_the_middle_begins_anew() -> None:
    worn, asked, ended = ["a"], list[str](), threading.Event()

    def prepare(name: str) -> Persona:
        asked.append(name)
        if name == "first":
            worn[0] = "b"
        if name == "last":
            ended.set()
        return READY

    made = Ahead(prepare, lambda: ["first", "second"] if worn[0] == "a" else ["last"], lambda: worn[0], pause_s=0.001)
    made.start()
    assert ended.wait(WAIT_S)
    made.stop()
    assert "second" not in asked


def test_what_cannot_be_told_is_asked_again_after_a_switch() -> None:
    prepared, worn, failed = Prepared(1), ["a"], threading.Event()

    def likely() -> Sequence[str]:
        if not failed.is_set():
            failed.set()
            raise PersonaError("unreadable")
        return ["c"]

    made = Ahead(prepared, likely, lambda: worn[0], pause_s=0.001)
    made.start()
    assert failed.wait(WAIT_S)
    worn[0] = "b"
    assert prepared.done.wait(WAIT_S)
    made.stop()


def test_nothing_is_done_before_the_first_is_ready() -> None:
    prepared, begun, looks = Prepared(1), threading.Event(), threading.Event()

    def ready() -> bool:
        looks.set()
        return begun.is_set()

    made = Ahead(prepared, lambda: ["a"], lambda: "worn", ready, pause_s=0.001)
    made.start()
    assert looks.wait(WAIT_S)
    assert prepared.names == []
    begun.set()
    assert prepared.done.wait(WAIT_S)
    made.stop()


def test_what_is_worn_is_never_what_makes_room() -> None:
    asked: list[str] = []
    ended = threading.Event()

    def prepare(name: str) -> Persona:
        asked.append(name)
        if len(asked) == 4:
            ended.set()
        return READY

    made = Ahead(prepare, lambda: ["a", "b"], lambda: "worn", pause_s=0.001)
    made.start()
    assert ended.wait(WAIT_S)
    made.stop()
    assert asked == ["a", "worn", "b", "worn"]


def test_it_ends_in_the_middle() -> None:
    prepared = Prepared(99)
    made = Ahead(prepared, lambda: ["a"] * 50, lambda: "worn", pause_s=60.0)
    made.start()
    made.stop()
    assert prepared.names == []


def test_those_of_the_library_and_the_favourites(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "none.toml", tmp_path, tmp_path / "cache")
    for name in ("ann", "bob", "eve", "max"):
        (paths.personas / name).mkdir(parents=True)
    Favourites(path_of(tmp_path)).set("eve", 1)
    asked: list[str] = []
    ended = threading.Event()

    def prepare(name: str) -> Persona:
        asked.append(name)
        if len(asked) == 6:
            ended.set()
        return READY

    made = ahead_of(Config(), paths, prepare, lambda: "ann")
    made.start()
    assert ended.wait(WAIT_S)
    made.stop()
    assert asked[::2] == ["bob", "nobody", "eve"]


def test_neighbours_then_favourites_then_by_distance() -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    assert likely_next(names, "c", ["f", "gone"]) == ["d", "b", "f", "e", "a"]
    assert likely_next(names, "a", []) == ["b", "f", "c", "e", "d"]
    assert likely_next(["a"], "a", ["a"]) == []
    assert likely_next(["a", "b"], "gone", []) == ["a", "b"]
