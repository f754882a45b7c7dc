"""Whom the studio may show, and how it sees faces, with the embedded networks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.app.safety_photos import KEY
from livecam.app.stills import Stills, open_stills, opening
from livecam.config import Policy
from livecam.core.frame import Image, Points
from livecam.core.persona import Basis, Scope
from livecam.errors import ConfigError, ConsentRefused, PersonaError, PhotoRefused
from livecam.faces.consents import Change, Consents
from livecam.faces.renewing import renew
from tests.app.stills.opened import configured, on_grey, opened, persona, places, still


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Iterator[Stills]:
    stills = opened(tmp_path_factory.mktemp("nobody"))
    yield stills
    stills.close()


def test_the_built_in_persona_has_a_likeness(nobody: Stills) -> None:
    likeness = nobody.likeness("nobody")
    assert (likeness.vectors.shape, len(likeness.photos), len(likeness.fives)) == ((1, 512), 1, 1)
    assert float(np.linalg.norm(likeness.vectors[0])) == pytest.approx(1, abs=1e-5)
    height, width = likeness.photos[0].shape[:2]
    assert ((likeness.fives[0] > 0) & (likeness.fives[0] < [width, height])).all()
    assert likeness.regions == ()


def test_a_parser_says_what_of_the_photos_is_face_and_hair(nobody: Stills, monkeypatch: pytest.MonkeyPatch) -> None:
    def upper(photo: Image, five: Points) -> Image:
        mask: Image = np.zeros(photo.shape[:2], np.uint8)
        mask[: round(float(five[2, 1]))] = 255
        return mask

    monkeypatch.setattr(nobody.faces, "looks", upper)
    likeness = nobody.likeness("nobody")
    (mask,) = likeness.regions
    assert mask.shape == likeness.photos[0].shape[:2]
    assert mask[0].all()
    assert not mask[-1].any()


def test_all_faces_are_found_largest_first_and_little_ones_in_large_pictures(nobody: Stills) -> None:
    faces = nobody.faces
    two = faces.find(on_grey((40, 60, 200), (300, 20, 320), width=640, height=400))
    assert len(two) == 2
    assert two[0].box.centre[0] > 320 > two[1].box.centre[0]
    assert two[0].landmarks.points.shape == (478, 2)
    assert len({face.track_id for face in two}) == 2
    assert faces.find(on_grey(width=640, height=400)) == ()
    (small,) = faces.find(on_grey((1500, 900, 120), width=2400, height=1350))
    assert small.box.centre == pytest.approx((1560, 960), abs=20)


def test_the_region_is_the_face_and_hands_are_looked_for(nobody: Stills) -> None:
    crop = on_grey((28, 28, 200), width=256, height=256)
    (face,) = nobody.faces.find(crop)
    mask = nobody.faces.region(crop, face)
    x, y = (round(float(value)) for value in face.landmarks.five[2])
    assert mask[y, x] == 255
    assert not mask[:20].any()
    assert 0.05 < (mask > 0).mean() < 0.4


@pytest.mark.usefixtures("mesh_models")
class TestConsent:
    """Whom the studio may not show."""

    def test_it_must_cover_pictures(self, tmp_path: Path) -> None:
        stills = opened(tmp_path)
        persona(tmp_path, "ann", frozenset({Scope.LIVE, Scope.RECORDING}))
        with pytest.raises(ConsentRefused, match=r"not for snapshots and pictures.*--scope"):
            stills.likeness("ann")
        root = places(tmp_path).personas
        renew(root, "ann", Change(scope=frozenset({Scope.STILL})), Consents(root))
        assert stills.likeness("ann").vectors.shape == (1, 512)

    def test_it_must_hold(self, tmp_path: Path) -> None:
        stills, root = opened(tmp_path), places(tmp_path).personas
        persona(tmp_path, "ann")
        Consents(root).revoke("ann")
        with pytest.raises(ConsentRefused, match="taken back"):
            stills.likeness("ann")
        persona(tmp_path, "bob")
        (root / "bob" / "consent.json").unlink()
        with pytest.raises(PersonaError):
            stills.likeness("bob")
        with pytest.raises(PersonaError, match="no persona"):
            stills.likeness("carl")

    def test_the_policy_is_asked(self, tmp_path: Path) -> None:
        persona(tmp_path, "ann")
        with pytest.raises(PersonaError, match="forbids the persona 'ann'"):
            opened(tmp_path, Policy(personas=("bob",))).likeness("ann")
        with pytest.raises(PersonaError, match="consent is 'written'"):
            opened(tmp_path, Policy(bases=(str(Basis.SELF),))).likeness("ann")
        for closed in (Policy(recordings=False), Policy(outputs=("virtualcam", "swap"))):
            with pytest.raises(ConfigError, match="policy forbids"):
                opened(tmp_path, closed)

    def test_photos_are_checked_where_that_is_configured(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Refusing:
            version = "1"

            def prepare(self, images: object, names: object) -> None:
                raise PhotoRefused("photo 1 is refused: the content check saw nudity.", "Use another photo.")

            def load(self, file: object) -> None:
                raise AssertionError("nothing has passed yet")

        persona(tmp_path, "ann")
        monkeypatch.setattr(opening, "photo_guard", lambda *_: {KEY: Refusing()})
        with pytest.raises(PhotoRefused, match="saw nudity"):
            opened(tmp_path).likeness("ann")

    def test_photos_without_a_face_make_no_likeness(self, tmp_path: Path) -> None:
        persona(tmp_path, "wall", image=still(200, 200))
        with pytest.raises(PersonaError, match=r"No face was found in the photos of 'wall'.*faces add wall"):
            opened(tmp_path).likeness("wall")


def test_a_policy_that_cannot_be_read_lets_nothing_begin(tmp_path: Path) -> None:
    def broken() -> Policy:
        raise ConfigError("The policy cannot be read.")

    with pytest.raises(ConfigError, match="cannot be read"):
        open_stills(configured(), places(tmp_path), read_policy=broken)
