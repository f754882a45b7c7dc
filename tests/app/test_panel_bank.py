"""What the panel says of a consent is what is kept."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livecam.app.panel_bank import PanelBank, _shown
from livecam.app.taps import CameraTap
from livecam.config import Paths, load
from livecam.control.web.port import Naming, Renewal
from livecam.core.persona import Basis, Scope
from livecam.errors import LivecamError, PersonaError
from livecam.faces.bank import FaceBank
from livecam.faces.consent_terms import Terms
from livecam.faces.consents import Consents
from livecam.faces.favourites import Favourites
from livecam.faces.library import PersonaLibrary
from livecam.faces.quality import PhotoJudge
from tests.faces.doubles import FakePreparer, photo


class Bank:
    """Remembers on what terms personas were added."""

    def __init__(self) -> None:
        self.terms: list[Terms] = []

    def add_on(self, terms: Terms, name: str, drafts: Sequence[str], *, replace: bool) -> str:
        self.terms.append(terms)
        return f"Added {name}."


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    made = Bank()
    monkeypatch.setattr("livecam.app.bank.face_bank", lambda *_: made)
    return made


def test_ground_use_and_end_are_those_of_the_dialog(bank: Bank, tmp_path: Path) -> None:
    config = load({}, Path(os.devnull), {}).config
    changed: list[str] = []
    panel = PanelBank(config, Paths(tmp_path, tmp_path, tmp_path), CameraTap(), lambda: "nobody", changed.append)
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    assert panel.add(Naming("ann", ("1",), "self", "", False)) == "Added ann."
    panel.add(Naming("ann", ("1",), "written", "Ann", True, ("live", "still"), day))
    assert bank.terms == [
        Terms(Basis.SELF),
        Terms(Basis.WRITTEN, "Ann", frozenset({Scope.LIVE, Scope.STILL}), f"{day}T00:00:00.000+00:00"),
    ]
    assert changed == ["ann", "ann"]
    for naming in (
        Naming("ann", ("1",), "", "", False),
        Naming("ann", ("1",), "because", "", False),
        Naming("ann", ("1",), "self", "", False, expires="1999-01-01"),
        Naming("ann", ("1",), "self", "", False, expires="soon"),
        Naming("ann", ("1",), "self", "", False, scope=("film",)),
    ):
        with pytest.raises(LivecamError):
            panel.add(naming)
    assert len(bank.terms) == 2


def test_a_consent_is_taken_back_without_a_network_and_written_down(tmp_path: Path) -> None:
    config = load({}, Path(os.devnull), {}).config
    paths = Paths(tmp_path, tmp_path, tmp_path)
    PersonaLibrary(paths.personas, {"mesh": FakePreparer()}, paths.prepared).add("ann", [photo(tmp_path)], Basis.SELF)
    changed: list[str] = []
    panel = PanelBank(config, paths, CameraTap(), lambda: "ann", changed.append)
    assert "taken back" in panel.revoke("ann")
    assert Consents(paths.personas).read("ann").revoked
    assert changed == [], "the run follows the record: an order to wear ann anew would be refused"
    (log,) = (tmp_path / "audit").glob("*.jsonl")
    assert '"event":"consent-revoked","persona":"ann"' in log.read_text()
    for name, told in (("nobody", "nobody has to consent"), ("eve", "cannot be read")):
        with pytest.raises(PersonaError, match=told):
            panel.revoke(name)


def test_a_consent_is_given_anew_without_a_network_and_written_down(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path)
    PersonaLibrary(paths.personas, {"mesh": FakePreparer()}, paths.prepared).add("ann", [photo(tmp_path)], Basis.SELF)
    changed: list[str] = []
    panel = PanelBank(load({}, Path(os.devnull), {}).config, paths, CameraTap(), lambda: "ann", changed.append)
    consents = Consents(paths.personas)
    panel.revoke("ann")
    assert panel.renew("ann", Renewal()) == "The consent for ann is renewed."
    assert consents.read("ann").revoked == ""
    panel.renew("ann", Renewal("written", "Ann", ("live",), "2999-01-01"))
    now = consents.read("ann")
    assert (now.basis, now.subject, now.scope) == (Basis.WRITTEN, "Ann", frozenset({Scope.LIVE}))
    assert now.expires.startswith("2999-01-01T00:00")
    panel.renew("ann", Renewal(expires="never"))
    assert consents.read("ann").expires == ""
    assert changed == [], "what is worn follows the record"
    (log,) = (tmp_path / "audit").glob("*.jsonl")
    assert log.read_text().count('"event":"consent-renewed","persona":"ann"') == 3
    before = consents.read("ann")
    for name, wrong in (
        ("nobody", Renewal()),
        ("eve", Renewal("self")),
        ("ann", Renewal("because")),
        ("ann", Renewal("unstated")),
        ("ann", Renewal(expires="1999-01-01")),
        ("ann", Renewal(subject="two\nlines")),
    ):
        with pytest.raises(LivecamError):
            panel.renew(name, wrong)
    assert consents.read("ann") == before


def test_what_was_taken_back_is_shown(tmp_path: Path) -> None:
    root = tmp_path / "personas"
    library = PersonaLibrary(root, {"mesh": FakePreparer()}, tmp_path / "prepared")
    library.add("ann", [photo(tmp_path)], Basis.SELF)
    bank = FaceBank(library, PhotoJudge(lambda _: (None, 0), strict=False), Favourites(tmp_path / "favourites.json"))
    assert [card.revoked for card in bank.cards()] == ["", ""]
    Consents(root).revoke("ann")
    _, ann = bank.cards()
    assert ann.revoked
    assert "was taken back" in ann.problem
    assert _shown(ann, "nobody")["revoked"] == ann.revoked
