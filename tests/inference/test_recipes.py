"""Recipes: the ones that are shipped, and what is said about a wrong one."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.errors import ModelError
from livecam.inference import recipes as module
from livecam.inference import reference
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import MESH_ENGINE, load_recipe, recipe_names, recipes_folder
from livecam.inference.sections import Section

NAME = "face_landmark"
SOURCE_TREE = Path(__file__).parents[2] / "engines" / "embedded"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one recipe to spoil."""
    (tmp_path / f"{NAME}.toml").write_text((SOURCE_TREE / f"{NAME}.toml").read_text())
    return tmp_path


def spoil(folder: Path, old: str, new: str) -> None:
    path = folder / f"{NAME}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_mesh_engines_networks_are_there() -> None:
    assert set(MESH_ENGINE) < set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_sound(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.licence.name == "Apache-2.0"
    assert recipe.inputs["image"].colour == "bgr"
    assert all(expected.samples for expected in recipe.reference.values())


def test_a_recipe_that_is_not_there_names_the_others() -> None:
    with pytest.raises(ModelError, match=r"no recipe 'face_landmarks'.*face_landmark_with_attention"):
        load_recipe("face_landmarks")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tolerance =", "tolerence =", "the key 'tolerance' is missing"),
        ('task = "landmarks"', 'task = "landmarks"\ntemplat = "x"', "unknown key 'templat'.*Did you mean 'template'"),
        ("commercial = true", "commercial = true\nlimit = 'x'", r"\[licence\]: unknown key 'limit'.*'limits'"),
        ("commercial = true", 'commercial = "yes"', r"\[licence\]: 'commercial' must be true or false"),
        ("size = 1242398", 'size = "big"', r"\[\[files\]\] 1: 'size' must be a whole number"),
        ("size = 1242398", "size = true", "'size' must be a whole number"),
        ("tolerance = 0.01", 'tolerance = "low"', "'tolerance' must be a number"),
        ("shape = [468, 3]", 'shape = [468, "3"]', "'shape' must be a whole number"),
        ("shape = [468, 3]", "shape = 468", "'shape' must be a list"),
        ('task = "landmarks"', 'task = "landmark"', "'task' is 'landmark', must be one of detect, landmarks"),
        ('colour = "bgr"', 'colour = "grb"', "'colour' is 'grb'"),
        ('kind = "wheel"', 'kind = "wheels"', "'kind' is 'wheels'"),
        ("956eb1eb", "956EB1EB", "not a SHA-256"),
        ("[[origins]]", "[origins]", "'origins' must be a list"),
        ('name = "mesh" }', '"name" = "net" }', r"\[conversion\] and \[\[outputs\]\] do not agree about 'mesh'"),
        ("[reference.mesh]", "[reference.net]", r"\[reference\] and \[\[outputs\]\] do not agree about 'mesh'"),
        ('name = "face_landmark.tflite"', 'name = "../face_landmark.tflite"', "a plain file name"),
        ('name = "face_landmark"', 'name = "face"', "calls itself 'face'"),
        ('name = "face_landmark"', 'name = "face', "not valid TOML"),
    ],
)
def test_a_wrong_recipe_is_told_where_and_what(old: str, new: str, expected: str, folder: Path) -> None:
    spoil(folder, old, new)
    with pytest.raises(ModelError, match=expected) as raised:
        load_recipe(NAME, folder)
    assert f"{NAME}.toml" in str(raised.value)


def test_a_list_of_other_things_than_tables_is_refused() -> None:
    with pytest.raises(ModelError, match="'inputs' must be a table"):
        Section({"inputs": [1]}, "here").sections("inputs")
    with pytest.raises(ModelError, match="'licence' must be a table"):
        Section({"licence": 1}, "here").section("licence")


def test_an_error_inside_a_section_is_not_hidden_by_its_unknown_keys() -> None:
    with pytest.raises(KeyError), Section({"odd": 1}, "here"):
        raise KeyError


def test_recipes_come_from_the_source_tree_or_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipes_folder().name in {"engines", "_engines"}
    package = tmp_path / "livecam"
    monkeypatch.setattr(module, "files", lambda _: package)
    with pytest.raises(ModelError, match="missing beside"):
        recipes_folder()
    (tmp_path / "engines").mkdir()
    assert recipes_folder() == tmp_path / "engines"
    (package / "_engines").mkdir(parents=True)
    assert recipes_folder() == package / "_engines"


def test_the_card_is_the_same_everywhere() -> None:
    card = reference.card((1, 192, 192, 3))
    assert card.shape == (1, 192, 192, 3)
    assert card.dtype == np.uint8
    assert (int(card.sum()), card[0, 100, 50].tolist()) == (14100800, [194, 23, 108])


def test_recording_prints_what_the_recipe_holds(
    recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    reference.main([NAME, str(mesh_models[NAME])])
    printed = tomllib.loads(capsys.readouterr().out)["reference"]
    assert printed["mesh"]["mean"] == pytest.approx(recipes[NAME].reference["mesh"].mean, abs=0.01)
    assert set(printed) == set(recipes[NAME].outputs)
