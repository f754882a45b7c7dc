"""``livecam policy``: for users who wonder, and for administrators who write one."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli import root
from livecam.config import policy_file


def livecam(*words: object) -> Result:
    return CliRunner().invoke(root, [*map(str, words)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the policy of this machine, which this user may write."""
    path = tmp_path / "policy.toml"
    monkeypatch.setattr(policy_file, "place", lambda: path)
    monkeypatch.setattr(policy_file, "_ADMINISTRATOR", os.getuid())
    monkeypatch.setattr(policy_file.installed, "__defaults__", (None, 0))
    return path


def test_without_a_policy_nothing_is_locked(here: Path) -> None:
    shown = livecam("policy", "show")
    assert f"There is no policy: {here} does not exist, and nothing is locked." in shown.output
    assert json.loads(livecam("policy", "show", "--json").output) == {"place": None, "digest": "", "locked": {}}


def test_what_is_locked_is_shown_with_its_place(here: Path) -> None:
    here.write_text("[label]\nrequired = true\n[audit]\nkeep_days = 30\n[personas]\nallowed = ['ann', 'bob']\n")
    shown = livecam("policy", "show")
    assert shown.exit_code == 0, shown.output
    assert f"Locked by {here}" in shown.output
    assert "label.required\ttrue\npersonas.allowed\tann, bob\naudit.keep_days\t30\n" in shown.output
    assert json.loads(livecam("policy", "show", "--json").output)["locked"]["label.required"] == "true"
    told = livecam("config", "show", "--no-label").output
    assert f"label.shown\ttrue\tpolicy {here}" in told
    here.write_text("")
    assert "leaves everything open" in livecam("policy", "show").output


def test_the_doctor_tells_it(here: Path) -> None:
    here.write_text("[personas]\nallowed = ['ann']\n")
    told = json.loads(livecam("doctor", "--json").output)["checks"]
    (policy,) = [check for check in told if check["check"] == "policy"]
    assert policy["status"] == "fail"
    here.write_text("[persona]\n")
    told = json.loads(livecam("doctor", "--json").output)["checks"]
    (policy,) = [check for check in told if check["check"] == "policy"]
    assert (policy["status"], policy["next_step"]) == ("fail", "Did you mean 'personas'?")


def test_a_policy_that_is_wrong_stops_a_run(here: Path) -> None:
    here.write_text("[label]\nrequired = 'yes'\n")
    found = livecam("run", "--source", "synthetic", "--sink", "null", "--seconds", "1", "--no-tty")
    assert found.exit_code == 2
    assert "label.required in the policy" in found.output


def test_a_file_is_checked_before_it_is_installed(here: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[passthrough]\nallowed = false\n")
    checked = livecam("policy", "check", file)
    assert checked.exit_code == 0
    assert "passthrough.allowed\tfalse" in checked.output
    assert f"Install it as {here}" in checked.output
    file.write_text("[passthrough]\nalowed = false\n")
    assert "Did you mean 'passthrough.allowed'" in livecam("policy", "check", file).output
    file.write_bytes(b"#" * ((1 << 20) + 1))
    assert "larger than 1 MiB" in livecam("policy", "check", file).output
    assert "cannot be read" in livecam("policy", "check", tmp_path / "none").output
