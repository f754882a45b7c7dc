"""What the panel says of a consent is what is kept."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livecam.app.panel_bank import PanelBank
from livecam.app.taps import CameraTap
from livecam.config import Paths, load
from livecam.control.web.port import Naming
from livecam.core.persona import Basis, Scope
from livecam.errors import LivecamError
from livecam.faces.consent_terms import Terms


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
