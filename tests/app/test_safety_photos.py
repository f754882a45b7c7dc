"""Photos of personas are checked when they are added, and when a persona is worn."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.bank import face_bank
from livecam.app.safety_networks import safety_networks
from livecam.app.safety_photos import KEY, Passed, PhotoGuard, photo_guard
from livecam.config import Config, defaults
from livecam.core.frame import Image, Points
from livecam.core.persona import Basis
from livecam.errors import ConfigError, PersonaError, PhotoRefused, WeightsMissing
from livecam.faces.library import built_in_photo
from tests.app.judging import AGE, NUDITY, configured, places, shelf


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelf(tmp_path_factory.mktemp("networks"))


def plain(value: int) -> Image:
    return np.full((200, 200, 3), value, np.uint8)


def face() -> Points:
    """478 points whose oval fills the middle of a photo."""
    points = np.zeros((478, 3), np.float32)
    angles = np.linspace(0, 2 * np.pi, 478)
    points[:, 0], points[:, 1] = 100 + 40 * np.cos(angles), 100 + 55 * np.sin(angles)
    return points


def guard(config: Config, folder: Path, points: Points | None) -> PhotoGuard:
    return PhotoGuard(safety_networks(config, places(folder)), lambda _: (points, 1))


def test_a_photo_that_shows_nudity_is_refused_and_named(networks: Path, tmp_path: Path) -> None:
    checks = guard(configured(networks, safety__nudity=NUDITY), tmp_path, None)
    assert checks.prepare([plain(10), plain(20)], ["a.jpg", "b.jpg"]) == Passed()
    with pytest.raises(PhotoRefused, match=r"b\.jpg is refused: the content check saw nudity: nudenet_320n 0\.9"):
        checks.prepare([plain(10), plain(230)], ["a.jpg", "b.jpg"])


def test_a_face_judged_to_be_too_young_refuses_all_photos(networks: Path, tmp_path: Path) -> None:
    checks = guard(configured(networks, safety__minors=AGE), tmp_path, face())
    assert checks.prepare([plain(50)], ["a.jpg"]) == Passed()
    with pytest.raises(PersonaError, match=r"b\.jpg is refused: .* judged to be 12, and nobody under 18") as told:
        checks.prepare([plain(50), plain(30)], ["a.jpg", "b.jpg"])
    assert not isinstance(told.value, PhotoRefused), "a refused photo would be left out, and the rest be taken"
    stricter = guard(configured(networks, safety__minors=AGE, safety__minors_age="25"), tmp_path, face())
    with pytest.raises(PersonaError, match="nobody under 25"):
        stricter.prepare([plain(50)], ["a.jpg"])


@pytest.mark.parametrize("points", [None, np.full((478, 3), np.nan, np.float32)])
def test_a_face_that_is_not_found_has_no_age_that_would_do(
    points: Points | None, networks: Path, tmp_path: Path
) -> None:
    with pytest.raises(PhotoRefused, match="no face was found whose age"):
        guard(configured(networks, safety__minors=AGE), tmp_path, points).prepare([plain(200)], ["a.jpg"])


def test_the_built_in_drawing_needs_no_judge(networks: Path, tmp_path: Path) -> None:
    drawn = cv2.imdecode(np.frombuffer(built_in_photo(), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    image = np.asarray(drawn, np.uint8)
    checks = guard(configured(networks, safety__nudity=NUDITY, safety__minors=AGE), tmp_path, None)
    assert checks.prepare([image], ["nobody"]) == Passed()
    with pytest.raises(PhotoRefused):
        checks.prepare([image[::-1].copy()], ["upside down"])


def test_what_is_configured_and_absent_lets_nothing_pass_not_even_what_had(networks: Path, tmp_path: Path) -> None:
    checks = guard(configured(networks, tmp_path, safety__nudity=NUDITY), tmp_path, None)
    with pytest.raises(WeightsMissing, match=f"models pull {NUDITY}"):
        checks.prepare([plain(10)], ["a.jpg"])
    with pytest.raises(WeightsMissing, match=f"models pull {NUDITY}"):
        _ = checks.version
    with pytest.raises(ConfigError, match="--minors names nudenet_320n"):
        guard(configured(networks, safety__minors=NUDITY), tmp_path, None).prepare([plain(10)], ["a.jpg"])


def test_other_networks_and_limits_are_other_checks(networks: Path, tmp_path: Path) -> None:
    def version(**values: str) -> str:
        return guard(configured(networks, **values), tmp_path, None).version

    usual = {"safety__nudity": NUDITY, "safety__minors": AGE}
    versions = {
        version(safety__nudity=NUDITY),
        version(**usual),
        version(**usual, safety__minors_age="25"),
        version(**usual, safety__nudity_limit="0.3"),
    }
    assert len(versions) == 4
    assert version(**usual) == version(**usual, safety__every_s="2")


def test_what_is_kept_says_that_they_passed_and_nothing_else(networks: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    Passed().save(file)
    checks = guard(configured(networks, safety__nudity=NUDITY), tmp_path, None)
    assert checks.load(io.BytesIO(file.getvalue())) == Passed()
    for other in (b"", b"refused", file.getvalue() + b"!"):
        with pytest.raises(ValueError, match="does not say"):
            checks.load(io.BytesIO(other))


def test_without_networks_nothing_is_checked(tmp_path: Path) -> None:
    assert photo_guard(defaults().config, places(tmp_path), lambda: lambda _: (None, 0)) == {}


def test_a_bank_refuses_and_a_persona_from_before_is_checked_when_it_is_worn(
    networks: Path, tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    config = configured(networks, safety__nudity=NUDITY)
    near = next(iter(mesh_models.values())).parent.parent
    for name in near.iterdir():
        target = networks / "models" / name.name
        if not target.exists() and not name.name.startswith("."):
            target.symlink_to(name)
    paths = places(tmp_path)
    image = cv2.imdecode(np.frombuffer(built_in_photo(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    # One level brighter: no longer the drawing that comes with livecam.
    photo = np.asarray(cv2.add(image, np.full_like(image, 2)), np.uint8)
    strict = face_bank(config, paths)
    draft = strict.draft_image(photo)
    with pytest.raises(PhotoRefused, match="saw nudity"):
        strict.add("ann", [draft.id], Basis.SYNTHETIC)
    unchecked = face_bank(replace(config, safety=defaults().config.safety), paths)
    unchecked.add("ann", [unchecked.draft_image(photo).id], Basis.SYNTHETIC)
    assert [card.name for card in strict.cards()] == ["nobody", "ann"]
    from livecam.app.assemble import persona_library

    with pytest.raises(PhotoRefused, match="saw nudity"):
        persona_library(config, paths).load("ann")
    lenient = configured(networks, safety__nudity=NUDITY, safety__nudity_limit="2")
    worn = persona_library(lenient, paths).load("ann")
    assert worn.identity[KEY] == Passed()
    assert "mesh" in worn.identity
