"""The bank of a configuration, over the embedded networks and the drawn nobody."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.bank import dressing, face_bank, favourites_of
from livecam.config import Config, Paths, load
from livecam.core.persona import Basis
from livecam.core.settings import SetBlend, SetShape, Settings
from livecam.errors import ConfigError, PersonaError, PhotoRefused
from livecam.faces.bank import FaceBank
from livecam.faces.library import built_in_photo
from livecam.faces.worn import USUAL, WornAs


def config_of(folder: Path, mesh_models: Mapping[str, Path], **values: str) -> Config:
    models = next(iter(mesh_models.values())).parent
    texts = {key.replace("__", "."): value for key, value in values.items()}
    return load({"models.cache": str(models), **texts}, folder / "none.toml", {}).config


@pytest.fixture
def bank(tmp_path: Path, mesh_models: Mapping[str, Path]) -> FaceBank:
    (tmp_path / "none.toml").touch()
    paths = Paths(tmp_path / "none.toml", tmp_path / "data", tmp_path / "cache")
    return face_bank(config_of(tmp_path, mesh_models), paths)


def nobody() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = cv2.imdecode(np.frombuffer(built_in_photo(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def test_a_shot_becomes_a_persona_that_is_shown(bank: FaceBank) -> None:
    card = bank.cards()[0]
    assert card.quality is not None
    assert card.quality.pixels == pytest.approx(334, abs=5)
    assert card.quality.advice == ()
    draft = bank.draft_image(nobody())
    assert draft.quality.mark > 0.6
    assert draft.advice == ()
    assert bank.add("me", [draft.id], Basis.SYNTHETIC) == "Added me, made from 1 photo."
    assert bank.cards()[1].quality == draft.quality
    assert bank.thumbnail("me") == draft.thumbnail


def test_the_wrong_photos_are_refused_in_a_sentence(bank: FaceBank) -> None:
    image = nobody()
    for wrong, told in (
        (np.zeros_like(image), "No face was found"),
        (np.hstack([image, image]), "2 faces were found"),
        (np.asarray(cv2.resize(image, (150, 150), interpolation=cv2.INTER_AREA), np.uint8), "px tall"),
    ):
        with pytest.raises(PhotoRefused, match=told):
            bank.draft_image(wrong)


def test_favourites_come_from_the_configuration_too(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    (tmp_path / "none.toml").touch()
    paths = Paths(tmp_path / "none.toml", tmp_path / "data", tmp_path / "cache")
    config = config_of(tmp_path, mesh_models)
    fixed = replace(config, bank=replace(config.bank, favourites=(("2", "ann"),)))
    assert favourites_of(fixed, paths).name_of(2) == "ann"
    with pytest.raises(PersonaError):
        favourites_of(config, paths).name_of(2)
    with pytest.raises(ConfigError):
        favourites_of(replace(config, bank=replace(config.bank, favourites=(("x", "ann"),))), paths)


def test_a_persona_brings_its_settings_and_takes_them_with_it() -> None:
    usual, own = Settings(blend=0.7, shape=0.5), WornAs(blend=0.2, shape=0.1)
    assert dressing(own, USUAL, usual) == (SetBlend(0.2), SetShape(0.1))
    assert dressing(USUAL, own, usual) == (SetBlend(0.7), SetShape(0.5))
    assert dressing(USUAL, USUAL, usual) == ()
    assert dressing(WornAs(shape=0.0), WornAs(blend=0.3), usual) == (SetBlend(0.7), SetShape(0.0))
