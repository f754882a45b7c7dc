"""The doctor says plainly what is checked, and fails where what is configured cannot be used."""

import os
from pathlib import Path

import pytest

from livecam.config import Resolved, load
from livecam.doctor.finding import Finding, Status
from livecam.doctor.real import ThisMachine
from livecam.doctor.safety import check_safety
from tests.app.judging import AGE, NUDITY, shelf


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shelf(tmp_path_factory.mktemp("networks"))


def found(networks: Path, cache: Path | None = None, **values: str) -> Finding:
    named = {f"safety.{name}": value for name, value in values.items()}
    base = {"models.cache": str(cache or networks / "models"), "models.recipes": str(networks / "recipes")}
    resolved: Resolved = load(base | named, Path(os.devnull), {})
    (finding,) = check_safety(ThisMachine(resolved), resolved)
    return finding


def test_without_networks_it_is_said_that_nothing_is_checked(networks: Path) -> None:
    finding = found(networks)
    assert finding.status is Status.INFO
    assert finding.finding.startswith("Nothing is checked for nudity, and no photo for the age")
    assert "docs/safety.md" in finding.next_step


def test_one_of_two_is_told_with_what_it_leaves_open(networks: Path) -> None:
    nudity, age = found(networks, nudity=NUDITY), found(networks, minors=AGE, minors_age="21")
    assert nudity.status is age.status is Status.OK
    assert nudity.finding.endswith(f"by {NUDITY}. No photo is checked for the age of who it shows.")
    told = f"Nothing is checked for nudity. Faces on photos that {AGE} judges to be under 21 are refused."
    assert age.finding == told
    assert "docs/safety.md" in nudity.next_step
    assert found(networks, nudity=NUDITY, minors=AGE).next_step == ""


def test_what_is_configured_and_absent_keeps_the_run_from_working(networks: Path, tmp_path: Path) -> None:
    finding = found(networks, tmp_path, nudity=NUDITY)
    assert finding.status is Status.FAIL
    assert finding.finding.startswith("The content check that is configured cannot be made, so nothing is sent or")
    assert finding.next_step == f"Run: livecam models pull {NUDITY}"
    assert found(networks, nudity=AGE).status is Status.FAIL
    assert found(networks, nudity="nobodys").status is Status.FAIL
