"""``livecam enroll``: from a recording to a sealed template, and what it refuses."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app import people, registry
from livecam.app.people import Told
from livecam.app.wearers import enrolled_in
from livecam.cli.root import root
from livecam.config import Config, Paths
from livecam.core.face import Face
from livecam.core.frame import Image, Size
from livecam.faces.enroll import Guide, Template
from livecam.inference import weights
from livecam.vision.look import EdgeLook
from tests.app.converting import TICKS, write_clip
from tests.app.enrolling import HEIGHT, WIDTH, posed, somebody_else, turning

SIZE = Size(WIDTH, HEIGHT)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files, but for the networks."""
    cache = weights.cache_folder()
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "LIVECAM_DATA", "LIVECAM_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("LIVECAM_MODELS_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["enroll", *arguments])


def recording(path: Path, frames: list[Image]) -> str:
    """The source of a file that shows `frames` as fast as they are read."""

    def draw(number: int, image: Image) -> None:
        image[:] = frames[number]

    clip = write_clip(path, [number * TICKS // 30 for number in range(len(frames))], draw, SIZE, sound="")
    return f"file:{clip}?pace=0&loop=0"


def keep(name: str = "ann") -> None:
    template = Template(name, EdgeLook.told, np.eye(7, 288, dtype=np.float32), "2026-01-02T00:00:00+00:00")
    enrolled_in(Paths.find()).keep(template)


def test_a_turn_of_the_head_is_an_enrolment(mesh_models: Mapping[str, Path], home: Path) -> None:
    from livecam.app import wearers

    result = called("ann", "--source", recording(home / "turn.mp4", turning()), "--seconds", "60")
    assert result.exit_code == 0, result.output
    assert "Enrolling 'ann': look into the camera" in result.output
    assert "Turn slowly to your" in result.output
    assert EdgeLook.told in result.output
    template = enrolled_in(Paths.find()).load("ann")
    assert len(template.views) >= 5
    assert wearers.anybody_enrolled(Paths.find())
    (sealed,) = (Paths.find().data / "wearers").iterdir()
    assert b"NUMPY" not in sealed.read_bytes()


def test_too_little_is_refused_and_nothing_is_kept(mesh_models: Mapping[str, Path], home: Path) -> None:
    result = called("--source", recording(home / "still.mp4", turning()[:2] * 3))
    assert result.exit_code != 0
    assert "Too little was seen" in result.output
    assert "turn the head" in result.output
    assert enrolled_in(Paths.find()).names() == ()


def test_two_people_are_told_to_be_two(mesh_models: Mapping[str, Path], home: Path) -> None:
    frame = posed_beside()
    result = called("--source", recording(home / "two.mp4", [frame] * 20))
    assert "only one person, please" in result.output
    assert result.exit_code != 0
    assert enrolled_in(Paths.find()).names() == ()


def posed_beside() -> Image:
    """Two drawn nobodies side by side."""
    from livecam.vision.portrait.motion import Pose

    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    frame[:, :320] = posed(Pose())[:, 160:480]
    frame[:, 320:] = somebody_else()[0][:, 80:400]
    return frame


def test_a_camera_that_is_not_there_is_a_sentence(mesh_models: Mapping[str, Path]) -> None:
    result = called("--source", "file:none.mp4")
    assert result.exit_code != 0
    assert "none.mp4" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["../me", "a b", ".me"])
def test_a_name_that_cannot_be_a_file_is_refused_before_anything_is_done(name: str) -> None:
    result = called(name, "--source", "file:none.mp4")
    assert result.exit_code != 0
    assert "cannot be" in result.output
    assert "none.mp4" not in result.output


def test_who_is_enrolled_is_listed() -> None:
    assert "Nobody is enrolled" in called("--list").output
    keep("ann")
    keep("bob")
    listed = called("--list").output
    assert "ann" in listed
    assert "7" in listed
    rows = json.loads(called("--list", "--json").output)
    assert [row["name"] for row in rows] == ["ann", "bob"]
    assert rows[0] == {"name": "ann", "views": 7, "told": EdgeLook.told, "made": "2026-01-02T00:00:00+00:00"}


def test_asking_who_is_enrolled_makes_nothing(home: Path) -> None:
    assert json.loads(called("--list", "--json").output) == []
    assert not (home / "home" / "vault.key").exists()


def test_whoever_is_forgotten_is_gone() -> None:
    keep("ann")
    assert "deleted" in called("ann", "--forget").output
    assert enrolled_in(Paths.find()).names() == ()
    again = called("ann", "--forget")
    assert again.exit_code != 0
    assert "Nobody is enrolled as 'ann'" in again.output


def test_a_break_keeps_nothing_and_frees_the_camera(
    mesh_models: Mapping[str, Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    real = registry.make_source

    def opened(*arguments: object) -> object:
        source = real(*arguments)  # type: ignore[arg-type]
        close = source.close
        source.close = lambda: (closed.append(True), close())[1]  # type: ignore[method-assign, func-returns-value]
        return source

    def broken(self: Guide, image: Image, faces: tuple[Face, ...]) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(people, "make_source", opened)
    monkeypatch.setattr(Guide, "take", broken)
    result = called("--source", recording(home / "turn.mp4", turning()[:3]))
    assert result.exit_code == 130
    assert closed
    assert enrolled_in(Paths.find()).names() == ()


def test_a_terminal_gets_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def enrolling(config: Config, paths: Paths, name: str, seconds: float, told: Callable[[Told], None]) -> Template:
        for progress in (0.1, 0.5, 0.5):
            told(Told("Turn slowly to your left.", progress, 5.0))
        return Template(name, "by plan", np.eye(5, dtype=np.float32), "")

    monkeypatch.setattr(people, "enroll", enrolling)
    monkeypatch.setattr("livecam.cli.enroll_command.fetch_missing", lambda _: None)
    assert called().output.count("Turn slowly to your left.") == 1
    monkeypatch.setattr("livecam.cli.enroll_command._is_live", lambda: True)
    shown = called("ann").output
    assert shown.count("\r") == 3
    assert " 50 %" in shown or "50%" in shown
    assert "Enrolled 'ann' from 5 views, by plan." in shown
