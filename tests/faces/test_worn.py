"""A persona's own settings, and the number keys."""

import stat
from pathlib import Path

import pytest

from livecam.config import PresetName
from livecam.errors import ConfigError, PersonaError
from livecam.faces.favourites import Favourites, path_of
from livecam.faces.worn import FILE, USUAL, WornAs, copy_worn, keep_worn, read_worn, write_whole

OWN = WornAs(PresetName.FAST, 0.6, 0.4, 0.3)


def test_settings_come_back(tmp_path: Path) -> None:
    assert read_worn(tmp_path / "ann") == USUAL
    for worn in (OWN, USUAL, WornAs(blend=0.0)):
        keep_worn(tmp_path / "ann", worn)
        assert read_worn(tmp_path / "ann") == worn
    path = tmp_path / "ann" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [FILE]


@pytest.mark.parametrize(("key", "value"), [("blend", 0.9), ("colour", 1.1), ("shape", -0.1), ("shape", float("nan"))])
def test_numbers_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(PersonaError, match=rf"persona's {key} lies in 0"):
        WornAs(**{key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"size": 1}', '{"blend": "x"}', '{"blend": true}', '{"blend": 9}', '{"preset": "x"}', "[" * 9_000],
)
def test_forged_settings_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(PersonaError, match=r"worn\.json cannot be used"):
        read_worn(tmp_path)


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(PersonaError, match=r"worn\.json cannot be read: Is a directory"):
        read_worn(tmp_path)
    copy_worn(tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_disk_that_refuses_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_worn(tmp_path, OWN)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PersonaError, match=r"worn\.json cannot be written: No space left"):
        keep_worn(tmp_path, USUAL)
    assert read_worn(tmp_path) == OWN
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_favourites_are_kept_and_move(tmp_path: Path) -> None:
    favourites = Favourites(path_of(tmp_path))
    assert favourites.all() == {}
    favourites.set("ann", 3)
    favourites.set("bob", 1)
    assert list(favourites.all().items()) == [(1, "bob"), (3, "ann")]
    favourites.set("ann", 1)
    assert favourites.all() == {1: "ann"}
    favourites.set("ann", None)
    assert favourites.all() == {}
    with pytest.raises(PersonaError, match=r"No persona is on 4\. .*favourite NAME 4"):
        favourites.name_of(4)


def test_what_the_configuration_says_goes_before(tmp_path: Path) -> None:
    favourites = Favourites(path_of(tmp_path), [("1", "ann")])
    with pytest.raises(PersonaError, match="configuration puts 'ann' on 1"):
        favourites.set("ann", 2)
    with pytest.raises(PersonaError, match="configuration puts 'ann' on 1"):
        favourites.set("bob", 1)
    favourites.set("ann", 1)
    favourites.set("bob", 2)
    assert favourites.all() == {1: "ann", 2: "bob"}
    assert favourites.name_of(2) == "bob"
    Favourites(path_of(tmp_path)).set("eve", 1)
    assert favourites.all() == {1: "ann", 2: "bob"}


def test_who_is_removed_is_no_favourite(tmp_path: Path) -> None:
    favourites = Favourites(path_of(tmp_path))
    favourites.forget("ann")
    assert not path_of(tmp_path).exists()
    favourites.set("ann", 3)
    favourites.forget("ann")
    assert favourites.all() == {}


@pytest.mark.parametrize("number", [0, 10, -1])
def test_numbers_are_those_of_the_keys(tmp_path: Path, number: int) -> None:
    with pytest.raises(PersonaError, match="from 1 to 9"):
        Favourites(path_of(tmp_path)).set("ann", number)


@pytest.mark.parametrize("fixed", [[("0", "ann")], [("x", "ann")], [("1", "ann"), ("1", "bob")]])
def test_a_configuration_that_makes_no_sense(tmp_path: Path, fixed: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigError, match=r"\[bank\]\.favourites"):
        Favourites(path_of(tmp_path), fixed)


@pytest.mark.parametrize("text", ["", "[]", '{"10": "ann"}', '{"1": 2}', "[" * 3000])
def test_forged_favourites_are_refused(tmp_path: Path, text: str) -> None:
    write_whole(path_of(tmp_path), text)
    with pytest.raises(PersonaError, match=r"favourites\.json cannot be used"):
        Favourites(path_of(tmp_path)).all()


def test_favourites_that_cannot_be_read(tmp_path: Path) -> None:
    path_of(tmp_path).mkdir()
    with pytest.raises(PersonaError, match=r"favourites\.json cannot be read"):
        Favourites(path_of(tmp_path)).all()
