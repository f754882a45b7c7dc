"""Who a face is: 512 numbers by a recogniser, or by a stand-in that says so."""

from pathlib import Path

import numpy as np
import pytest

from livecam.app.stills import telling
from livecam.app.stills.telling import LENGTH, RecognisedTeller, StandInTeller, teller_of
from livecam.config import Provider
from livecam.core.frame import Image, Points
from livecam.errors import ContractError
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.store import Presence
from livecam.vision.recognise import Embedding
from livecam.vision.template import Template, points_of
from tests.app.stills.opened import still

FIVE = points_of(Template.ARCFACE_112_V2, 112)


class FakeRecogniser:
    def __init__(self, length: int) -> None:
        self._length = length

    def embed(self, image: Image, five: Points) -> Embedding:
        return np.arange(1, self._length + 1, dtype=np.float32)


@pytest.mark.parametrize("length", [128, 512])
def test_a_recogniser_fills_a_likeness_whatever_its_length(length: int) -> None:
    teller = RecognisedTeller(FakeRecogniser(length), "sface")  # type: ignore[arg-type]
    known = teller(still(), FIVE)
    assert known.shape == (LENGTH,)
    assert float(np.linalg.norm(known)) == pytest.approx(1, abs=1e-5)
    assert np.count_nonzero(known) == length
    assert (teller.told, teller.knows) == ("sface", True)


def test_the_stand_in_gives_the_same_for_the_same_and_another_for_another() -> None:
    teller, image = StandInTeller(), still()
    one, again, other = teller(image, FIVE), teller(image.copy(), FIVE), teller(255 - image, FIVE)
    assert one.shape == (LENGTH,)
    assert float(np.linalg.norm(one)) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(one, again)
    assert float(one @ other) < 0.0
    assert not teller.knows
    assert np.isfinite(teller(np.full((200, 200, 3), 7, np.uint8), FIVE)).all()
    with pytest.raises(ContractError, match="coincide"):
        teller(image, np.ones((5, 2), np.float32))


@pytest.mark.parametrize(
    ("here", "first", "told"),
    [
        ((), "", "stand-in"),
        (("sface",), "", "sface"),
        (("sface", "auraface"), "", "auraface"),
        (("sface", "auraface", "glintr100"), "glintr100", "glintr100"),
        (("sface", "auraface"), "glintr100", "auraface"),
    ],
)
def test_a_recogniser_that_fills_a_likeness_goes_before_a_shorter_one(
    here: tuple[str, ...], first: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("livecam.app.stills.telling", "livecam.inference.recognisers"):
        monkeypatch.setattr(
            f"{module}.presence", lambda model, _: Presence.PRESENT if model.name in here else Presence.ABSENT
        )
    monkeypatch.setattr(telling, "installed", lambda model, _: tmp_path / model.name)
    monkeypatch.setattr(telling, "load_model_engine", lambda *_: None)
    assert told in teller_of(tmp_path, catalogue_folders(None), Provider.CPU, first).told
