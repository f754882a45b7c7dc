"""Whether photos show who is enrolled: told with what it is worth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.assemble import persona_library
from livecam.app.proving import Proof, prove
from livecam.app.wearers import enrolled_in
from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.core.persona import Basis
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces.enroll import Template
from livecam.vision.portrait.motion import Pose
from livecam.vision.recognise import Embedding
from tests.app.enrolling import Place, posed


class BySize:
    """Tells people apart by the size of their pictures."""

    told, same, other = "told by the size of the picture", 0.9, 0.5

    def __call__(self, image: Image, face: Face) -> Embedding:
        return np.array([1, 0] if image.shape[:2] == (480, 640) else [0, 1], np.float32)


def test_photos_of_the_enrolled_wearer_are_told_from_others(
    tmp_path: Path, mesh_models: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, monkeypatch, recogniser=False)
    config = place.config()
    with pytest.raises(ConsentRefused, match="Enrol first: livecam enroll"):
        prove(config, place.paths, "me")
    enrolled = enrolled_in(place.paths)
    enrolled.keep(Template("grace", BySize.told, np.array([[1, 0], [0.8, 0.6]], np.float32), ""))
    cv2.imwrite(str(tmp_path / "me.png"), posed(Pose()))
    persona_library(config, place.paths).add("me", [tmp_path / "me.png"], Basis.SELF)
    with pytest.raises(PersonaError, match="no persona 'eve'"):
        prove(config, place.paths, "eve")
    with pytest.raises(PersonaError, match=r"Nobody was enrolled while faces were told by its look.*livecam enroll"):
        prove(config, place.paths, "me")
    monkeypatch.setattr("livecam.app.proving.look_of", lambda *_: BySize())
    proof = prove(config, place.paths, "me")
    assert (proof.person, proof.scores, proof.holds, proof.weak) == ("grace", (1.0,), True, False)
    assert "1 of 1 photos could be compared with 'grace', told by the size" in proof.sentence
    assert "not who that is" in proof.sentence
    other = prove(config, place.paths, "nobody")
    assert not other.holds
    assert other.scores[0] == pytest.approx(0.6)


def test_every_photo_that_can_be_told_by_must_fit() -> None:
    nan = float("nan")
    for scores, holds in (((0.9, nan), True), ((0.9, 0.83), False), ((nan,), False), ((), False)):
        assert Proof("me", "", scores, 0.84, 0.68, weak=False).holds is holds
    weak = Proof("me", "", (0.9,), 0.84, 0.68, weak=True)
    assert not weak.holds
    assert "proves nothing" in weak.sentence
    assert "turned too far" in Proof("me", "", (nan,), 0.84, 0.68, weak=False).sentence
