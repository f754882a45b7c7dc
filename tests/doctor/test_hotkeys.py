"""What the doctor says of hotkeys, with keyboards that are there only in words."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.config import Resolved, load
from livecam.control.chords import Chord
from livecam.control.hotkeys import Keys
from livecam.doctor.finding import Finding, Status
from livecam.doctor.hotkeys import examined
from livecam.errors import LivecamError
from tests.control.pretend import PretendKeys

F9 = '[hotkeys]\n"<f9>" = "next"\n'


def resolved(folder: Path, text: str = "") -> Resolved:
    path = folder / "livecam.toml"
    path.write_text(text, encoding="utf-8")
    return load({}, path, {})


def only(text: str, folder: Path, finds: "Finds", wished: bool = False, system: str = "Linux") -> Finding:
    (finding,) = examined(system, resolved(folder, text), finds, wished)
    return finding


class Finds:
    """Finds a keyboard, or does not."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.keys = PretendKeys()
        self.asked: Mapping[Chord, str] = {}

    def __call__(self, bound: Mapping[Chord, str]) -> Keys:
        self.asked = bound
        if self.problem:
            raise LivecamError(self.problem, "Use livecam ctl.")
        return self.keys


def test_hotkeys_that_can_be_heard_are_counted_and_the_desktop_is_let_go(tmp_path: Path) -> None:
    finds = Finds()
    told = only(F9, tmp_path, finds)
    assert (told.status, told.next_step) == (Status.OK, "")
    assert told.finding == f"{len(finds.asked)} can be heard with any window in front."
    assert "<f9>" in map(str, finds.asked)
    assert finds.keys.stopped


def test_a_mac_is_told_of_the_leave_that_is_needed(tmp_path: Path) -> None:
    assert "Accessibility" in only("", tmp_path, Finds(), system="Darwin").next_step


@pytest.mark.parametrize(
    ("text", "wished", "status"), [("", False, Status.INFO), ("", True, Status.WARN), (F9, False, Status.WARN)]
)
def test_why_there_are_none_is_a_warning_to_who_wanted_them(
    text: str, wished: bool, status: Status, tmp_path: Path
) -> None:
    told = only(text, tmp_path, Finds("There is no display."), wished)
    assert (told.status, told.finding, told.next_step) == (status, "There is no display.", "Use livecam ctl.")


def test_hotkeys_that_cannot_be_meant_keep_livecam_from_running(tmp_path: Path) -> None:
    told = only('[hotkeys]\n"<f9>" = "panik"\n', tmp_path, Finds())
    assert told.status is Status.FAIL
    assert "Did you mean 'panic'?" in f"{told.finding} {told.next_step}"


def test_hotkeys_that_are_off_are_off(tmp_path: Path) -> None:
    finds = Finds("There is no display.")
    assert only("[control]\nhotkeys = false\n", tmp_path, finds).finding == "They are turned off."
    assert not finds.asked
