"""A conversion needs the consent for what it makes, from its first frame to its last."""

from pathlib import Path

import numpy as np
import pytest

from livecam.app.consented import AgreedProcessor, Agreement
from livecam.core.frame import Frame
from livecam.core.ladder import Tier
from livecam.core.persona import Basis, Persona, Scope
from livecam.core.settings import Settings
from livecam.errors import ConsentRefused
from livecam.faces.consents import Change, Consents
from livecam.faces.library import PersonaLibrary
from livecam.faces.renewing import renew
from tests.app.converting import SIZE, Storing, converted, every, write_clip
from tests.faces.doubles import FakePreparer, photo


@pytest.fixture
def library(tmp_path: Path) -> PersonaLibrary:
    return PersonaLibrary(tmp_path / "data" / "personas", {"mesh": FakePreparer()}, tmp_path / "cache")


def test_what_a_file_needs_is_asked_when_the_persona_is_made_ready(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("ann", [photo(tmp_path)], Basis.WRITTEN)
    root, seen = tmp_path / "data" / "personas", []

    def permit(persona: Persona) -> None:
        seen.append(persona.name)

    film = Agreement(root, ["ann", "", "nobody"], Scope.RECORDING)
    with pytest.raises(ConsentRefused, match="not for recordings and videos"):
        film.permitting(permit)(library.load("ann"))
    still = Agreement(root, ["ann"], Scope.STILL)
    with pytest.raises(ConsentRefused, match="not for snapshots and pictures"):
        still.permitting(permit)(library.load("ann"))
    renew(root, "ann", Change(scope=frozenset({Scope.STILL})), Consents(root))
    still.permitting(permit)(library.load("ann"))
    assert seen == ["ann"] * 3, "the policy is asked too"
    still.demand()
    with pytest.raises(ConsentRefused, match="not for recordings"):
        film.demand()


def test_it_ends_where_the_consent_ends(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("me", [photo(tmp_path)], Basis.SELF)
    root, inner = tmp_path / "data" / "personas", Storing()
    agreed = AgreedProcessor(inner, Agreement(root, ["me"], Scope.RECORDING), every_s=0.0)
    frame = Frame(np.zeros(SIZE.image_shape, np.uint8), 1, 1)
    out, settings = np.zeros(SIZE.picture_shape, np.uint8), Settings()
    agreed.process(frame, out, settings)
    agreed.reset()
    agreed.adapt(Tier("all"))
    assert agreed.stages() == inner.stages()
    Consents(root).revoke("me")
    with pytest.raises(ConsentRefused, match="taken back"):
        agreed.process(frame, out, settings)
    assert len(inner.seen) == 1


def test_a_video_needs_another_consent_than_a_picture(tmp_path: Path) -> None:
    """The data folder is that of OUT; see `converted`."""
    library = PersonaLibrary(tmp_path / "personas", {"mesh": FakePreparer()}, tmp_path / "cache")
    library.add("ann", [photo(tmp_path)], Basis.WRITTEN, scope=frozenset({Scope.STILL}))
    clip, still = write_clip(tmp_path / "in.mp4", every(25, 5), sound=""), photo(tmp_path, "in.png", width=320)
    assert converted(still, tmp_path / "out.png", face__persona="ann").swapped == 1
    with pytest.raises(ConsentRefused, match=r"recordings and videos.*--scope recording,still"):
        converted(clip, tmp_path / "out.mp4", face__persona="ann")
    assert not (tmp_path / "out.mp4").exists()
