"""Who is swapped in a run: whoever enrolled, nobody else, and nobody at all where that cannot be told."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.assemble import Assembly
from livecam.app.wearers import ANYBODY, anybody_enrolled, enrolled_in, look_of, wearers_of
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame, Image, Size
from livecam.core.seams import Processor
from livecam.core.settings import Others, Settings
from livecam.errors import ConfigError, PersonaError
from livecam.faces.enroll import Template
from livecam.vision.familiar import FamiliarFace
from livecam.vision.look import EdgeLook, RecognisedLook
from livecam.vision.portrait.motion import Motion
from livecam.vision.wearer import WearerLock
from tests.app.enrolling import HEIGHT, WIDTH, Place, posed, somebody_else


@pytest.fixture
def bare(tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where no recogniser is."""
    return Place(tmp_path, monkeypatch, recogniser=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Iterator[Place]:
    """Where one is, and the drawn wearer is enrolled."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Place(tmp_path_factory.mktemp("enrolled"), monkeypatch, recogniser=True)
        made.enrol()
        yield made


def template(name: str = "me", look: str = EdgeLook.told) -> Template:
    return Template(name, look, np.eye(3, 288, dtype=np.float32), "2026-01-02T00:00:00+00:00")


def test_where_nobody_is_enrolled_the_longest_followed_is_swapped(bare: Place) -> None:
    who = wearers_of(bare.config(), bare.paths)
    assert who is ANYBODY
    assert isinstance(who.make(), FamiliarFace)
    assert not (bare.folder / "data").exists(), "asking makes no key"


def test_everybody_enrolled_wears_what_the_table_says(bare: Place) -> None:
    for name in ("me", "you"):
        enrolled_in(bare.paths).keep(template(name))
    who = wearers_of(bare.config(people__worn="you=nobody"), bare.paths)
    assert who.people == {"me": "", "you": "nobody"}
    assert who.told == EdgeLook.told
    one, other = who.make(), who.make()
    assert isinstance(one, WearerLock)
    assert one is not other, "each has one thread"


def test_who_is_enrolled_is_read_once(bare: Place) -> None:
    enrolled_in(bare.paths).keep(template())
    who = wearers_of(bare.config(), bare.paths)
    enrolled_in(bare.paths).forget("me")
    assert isinstance(who.make(), WearerLock), "whoever is forgotten during a run does not make way for anybody"


def test_the_digest_tells_who(bare: Place) -> None:
    assert wearers_of(bare.config(), bare.paths).digest == ""
    enrolled_in(bare.paths).keep(template())
    one = wearers_of(bare.config(), bare.paths).digest
    enrolled_in(bare.paths).keep(replace(template(), views=np.eye(4, 288, dtype=np.float32)))
    assert one != wearers_of(bare.config(), bare.paths).digest


def test_a_persona_for_somebody_who_is_not_enrolled_is_refused(bare: Place) -> None:
    config = bare.config(people__worn="annie=nobody")
    with pytest.raises(ConfigError, match="livecam enroll annie"):
        wearers_of(config, bare.paths)
    enrolled_in(bare.paths).keep(template("anni"))
    with pytest.raises(ConfigError, match=r"'annie'.*anni\b"):
        wearers_of(config, bare.paths)


def test_another_recogniser_than_at_enrolment_is_refused(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled_in(bare.paths).keep(template())
    bare.add_recogniser(monkeypatch)
    with pytest.raises(PersonaError, match=r"now they are recognised by sface.*livecam enroll me"):
        wearers_of(bare.config(), bare.paths)


def test_an_enrolment_that_cannot_be_used_swaps_nobody(bare: Place) -> None:
    enrolled_in(bare.paths).keep(template())
    (bare.paths.data / "vault.key").write_bytes(bytes(32))
    with pytest.raises(PersonaError, match="another installation"):
        Assembly(bare.config(), bare.paths).make_processor()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_not_nobody(bare: Place) -> None:
    enrolled_in(bare.paths).keep(template())
    (bare.paths.data / "wearers").chmod(0)
    with pytest.raises(PersonaError, match="cannot be told who is enrolled"):
        anybody_enrolled(bare.paths)


def test_a_file_in_its_place_is_not_nobody(bare: Place) -> None:
    bare.paths.data.mkdir(parents=True)
    (bare.paths.data / "wearers").write_text("")
    with pytest.raises(PersonaError, match="cannot be told who is enrolled"):
        wearers_of(bare.config(), bare.paths)


def test_the_recogniser_is_used_where_it_is_and_a_stand_in_is_not(place: Place) -> None:
    config = place.config()
    assert isinstance(look_of(config, place.paths), RecognisedLook)
    recipe = place.folder / "recipes" / "sface.toml"
    planted = recipe.read_text()
    recipe.write_text(planted.replace("Planted", "STAND-IN"))
    try:
        assert isinstance(look_of(config, place.paths), EdgeLook)
    finally:
        recipe.write_text(planted)


def test_the_personas_of_people_are_made_ready(place: Place) -> None:
    with pytest.raises(PersonaError, match="ghost"):
        Assembly(place.config(people__worn="me=ghost"), place.paths).make_processor()
    assembly = Assembly(place.config(people__worn="me=nobody"), place.paths)
    assembly.make_processor()
    assert assembly.wearer == "recognised by sface"
    assert assembly.enrolment


def shown(processor: Processor, images: list[Image], settings: Settings) -> list[How | Withheld]:
    """What becomes of frames; a published one differs from the camera's about the face."""
    out, told = np.empty(Size(WIDTH, HEIGHT).picture_shape, np.uint8), []
    for number, image in enumerate(images):
        frame = Frame(image.copy(), number + 1, (number + 1) * NS_PER_S // 30)
        told.append(processor.process(frame, out, settings))
        if isinstance(told[-1], How):
            picture = cv2.cvtColor(out, cv2.COLOR_YUV2BGR_I420)
            centre = np.s_[190:270, 280:360]
            assert np.abs(picture[centre].astype(int) - image[centre]).mean() > 8, f"bare in frame {number}"
    return told


def test_whoever_enrolled_is_swapped_and_somebody_else_never_and_never_shown(place: Place) -> None:
    config, motion = place.config(), Motion(101)
    processor = Assembly(config, place.paths).make_processor()
    own = [posed(motion.at(n / 30), n) for n in range(25)]
    assert shown(processor, own, config.settings) == [How.SWAPPED] * 25
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    picture[:, 80:560] = somebody_else()[0]
    for others in Others:
        processor.reset()
        told = shown(processor, [picture] * 12, replace(config.settings, others=others))
        assert set(told) <= {Withheld.NO_WEARER, Withheld.NO_FACE}, others
        assert told[-1] is Withheld.NO_WEARER
