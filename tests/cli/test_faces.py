"""``livecam faces``: quality shown, own settings, and number keys."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli import faces_commands, root
from livecam.config import Config, Paths
from livecam.core.persona import Basis
from livecam.faces.library import PersonaLibrary
from livecam.faces.quality import PhotoJudge
from tests.faces.doubles import FakePreparer, Finder, encoded


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["faces", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos of ann: one from the front, one turned, one of two people; the library judges them."""
    finder = Finder()
    (tmp_path / "photos").mkdir()
    for name, data in (("a", finder.drawn(yaw=25)), ("b", finder.drawn()), ("c", finder.drawn(yaw=5, faces=2))):
        (tmp_path / "photos" / f"{name}.png").write_bytes(data)
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIVECAM_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").touch()
    monkeypatch.setattr(faces_commands, "fetch_missing", lambda *_: None)

    def judged(_: Config, paths: Paths) -> PersonaLibrary:
        return PersonaLibrary(paths.personas, {"mesh": FakePreparer()}, paths.prepared, judge=PhotoJudge(finder))

    monkeypatch.setattr("livecam.app.persona_library", judged)
    return tmp_path


def test_a_folder_is_added_and_its_quality_shown(folder: Path) -> None:
    result = call("add", "ann", folder / "photos", "--consent", "self")
    assert result.exit_code == 0, result.output
    assert "c.png: 2 faces were found" in result.stderr
    assert "Added 'ann', made from 2 photos." in result.stdout
    first, second = (line for line in result.stdout.splitlines() if line.startswith("photo"))
    assert "% good; face 220 px tall" in first
    assert "turned +0°" in first
    assert "turned +25°" in second
    assert "one side will smear" in result.stdout
    shown = call("show", "ann").stdout
    assert first in shown
    assert "worn:      as all others are" in shown


def test_own_settings_are_set_and_taken_back(folder: Path) -> None:
    call("add", "ann", folder / "photos", "--consent", "self")
    assert call("set", "ann", "--blend", "0.6", "--preset", "fast").stdout == (
        "ann is worn with preset fast, blend 0.6.\n"
    )
    assert call("set", "ann", "--preset", "usual", "--colour", "0").stdout == "ann is worn with blend 0.6, colour 0.\n"
    described = json.loads(call("show", "ann", "--json").stdout)
    assert described["worn_as"] == {"preset": None, "blend": 0.6, "colour": 0.0, "shape": None}
    assert [round(one["yaw"]) for one in described["quality"]] == [0, 25]
    assert json.loads(call("list", "--json").stdout)[1] == described
    (folder / "data" / "personas" / "ann" / "worn.json").write_text("{")
    assert "worn.json cannot be used" in call("show", "ann").stdout
    assert json.loads(call("list", "--json").stdout)[1]["worn_as"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("set", "nobody", "--blend", "0.9"), 1, "lies in 0..0.85"),
        (("set", "nobody", "--blend", "x"), 2, "--blend takes a number"),
        (("set", "nobody", "--preset", "x"), 2, "Known: mesh"),
        (("set", "eve", "--blend", "0.5"), 1, "no persona 'eve'"),
        (("favourite", "nobody"), 2, "On which key"),
        (("favourite", "nobody", "x"), 2, "a digit from 1 to 9"),
        (("favourite", "nobody", "0"), 1, "from 1 to 9"),
        (("favourite", "eve", "1"), 1, "no persona 'eve'"),
    ],
)
def test_what_makes_no_sense_is_told(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = call(*arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr


def test_favourites(folder: Path) -> None:
    assert call("favourite").stdout == "No persona is on a number key.\n"
    call("add", "ann", folder / "photos", "--consent", "self")
    assert call("favourite", "ann", "3").stdout == "ann is on 3.\n"
    assert call("favourite", "nobody", "1").stdout == "nobody is on 1.\n"
    assert call("favourite").stdout == "key\tpersona\n1\tnobody\n3\tann\n"
    assert "key:       3" in call("show", "ann").stdout
    assert call("favourite", "nobody", "none").stdout == "nobody is on no key.\n"
    assert call("remove", "ann", "--yes").exit_code == 0
    assert call("favourite").stdout == "No persona is on a number key.\n"


def test_nothing_is_said_of_photos_that_nobody_looked_at(folder: Path) -> None:
    library = PersonaLibrary(folder / "data" / "personas", {}, folder / "cache")
    (folder / "old.png").write_bytes(encoded())
    library.add("old", [folder / "old.png"], Basis.SELF)
    assert "photo 01" not in call("show", "old").stdout
    assert json.loads(call("show", "old", "--json").stdout)["quality"] == []
