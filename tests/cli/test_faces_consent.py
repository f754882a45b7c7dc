"""``livecam faces consent`` and ``erase``: what is said is what is kept, and a receipt of what is not."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app.proving import Proof
from livecam.cli import faces_commands, faces_erase, root
from livecam.config import Config, Paths
from livecam.faces.library import PersonaLibrary
from tests.faces.doubles import FakePreparer, photo


def call(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(root, ["faces", *map(str, arguments)], input=text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIVECAM_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").touch()
    monkeypatch.setattr(faces_commands, "fetch_missing", lambda *_: None)
    monkeypatch.setattr("livecam.cli.models_commands.fetch_missing", lambda *_: None)

    def library(_: Config, paths: Paths) -> PersonaLibrary:
        return PersonaLibrary(paths.personas, {"mesh": FakePreparer()}, paths.prepared)

    monkeypatch.setattr("livecam.app.persona_library", library)
    return tmp_path


def shown(name: str = "ann") -> dict[str, object]:
    described: dict[str, object] = json.loads(call("consent", name, "--json").stdout)
    return described


def events(folder: Path) -> list[tuple[str, str]]:
    text = "".join(path.read_text() for path in sorted((folder / "data" / "audit").glob("*.jsonl")))
    return [(line["event"], line["persona"]) for line in map(json.loads, text.splitlines()) if "persona" in line]


def test_a_consent_is_shown_widened_taken_back_and_given_again(folder: Path) -> None:
    added = call("add", "ann", photo(folder), "--consent", "written", "--subject", "Ann", "--expires", "2099-01-01")
    assert "It may be worn for live." in added.stdout, added.output
    assert shown() == {
        "name": "ann",
        "consent": "written",
        "subject": "Ann",
        "scope": ["live"],
        "recorded": shown()["recorded"],
        "expires": "2099-01-01T00:00:00.000+00:00",
        "proven": False,
        "revoked": "",
        "holds": True,
        "problem": "",
    }
    assert "scope:     live\n" in call("consent", "ann", "--renew", "--scope", "live").stdout
    wider = call("consent", "ann", "--renew", "--scope", "live,still", "--expires", "never", "--subject", "Ann E.")
    assert "scope:     live, still\n" in wider.stdout
    assert "expires:   never\n" in wider.stdout
    assert "holds:     yes\n" in wider.stdout
    revoked = call("consent", "ann", "--revoke")
    assert revoked.exit_code == 0
    assert "holds:     no\n" in revoked.stdout
    assert "was taken back on" in revoked.stdout
    assert call("consent", "ann", "--revoke").exit_code == 0
    assert "was taken back" in call("list").stdout
    assert shown()["holds"] is False
    call("consent", "ann", "--renew")
    assert (shown()["holds"], shown()["scope"], shown()["subject"]) == (True, ["live", "still"], "Ann E.")
    assert events(folder) == [
        ("consent-added", "ann"),
        *[("consent-renewed", "ann")] * 2,
        ("consent-revoked", "ann"),
        ("consent-renewed", "ann"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("consent", "eve"), 1, "no persona 'eve'"),
        (("consent", "eve", "--revoke"), 1, "no persona 'eve'"),
        (("consent", "../x", "--renew"), 1, "cannot be a persona's name"),
        (("consent", "nobody", "--revoke"), 1, "nobody has to consent"),
        (("consent", "nobody", "--renew"), 1, "nobody has to consent"),
        (("consent", "nobody", "--prove"), 1, "nobody has to consent"),
        (("consent", "ann", "--renew", "--revoke"), 2, "three things"),
        (("consent", "ann", "--scope", "live"), 2, "--renew"),
        (("consent", "ann", "--renew", "--scope", "film"), 2, "--scope takes"),
        (("consent", "ann", "--renew", "--expires", "1999-01-01"), 2, "lies in the past"),
        (("consent", "ann", "--renew", "--basis", "unstated"), 2, "unstated"),
        (("consent", "ann", "--prove"), 1, "only that it is your own face"),
        (("erase", "eve", "--yes"), 1, "no persona 'eve'"),
        (("erase", "nobody", "--yes"), 1, "cannot be erased"),
        (("erase", "ann"), 2, "here is no terminal to ask at. Say --yes to do it."),
        (("erase", "ann", "--receipt", "/none/there/x.json"), 2, "cannot be written"),
        (("add", "bob", "x.png", "--consent", "self", "--scope", ","), 2, "--scope takes"),
    ],
)
def test_what_makes_no_sense_is_told(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    call("add", "ann", photo(folder), "--consent", "written")
    result = call(*arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.output


def test_nobody_has_a_consent_that_always_holds(folder: Path) -> None:
    assert "consent:   synthetic\n" in call("consent", "nobody").stdout
    assert shown("nobody")["holds"] is True


def test_a_forged_record_is_not_believed_and_nothing_of_it_is_taken_over(folder: Path) -> None:
    call("add", "ann", photo(folder), "--consent", "licensed")
    path = folder / "data" / "personas" / "ann" / "consent.json"
    path.write_text(path.read_text().replace('"live"', '"live",\n"recording"'))
    for arguments in (("consent", "ann"), ("consent", "ann", "--revoke")):
        result = call(*arguments)
        assert (result.exit_code, "changed after it was signed" in result.stderr) == (1, True)
    blind = call("consent", "ann", "--renew")
    assert "--basis self|written|licensed|synthetic" in blind.stderr
    assert call("consent", "ann", "--renew", "--basis", "licensed").exit_code == 0
    assert shown()["scope"] == ["live"]


def test_proving_says_what_it_is_worth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("add", "me", photo(folder), "--consent", "self")
    nobody = call("consent", "me", "--prove")
    assert "Enrol first: livecam enroll" in nobody.stderr
    proofs = [
        Proof("me", "told by its look", (0.7, float("nan")), 0.84, 0.68, weak=True),
        Proof("me", "told by its look", (float("nan"),), 0.84, 0.68, weak=True),
        Proof("me", "recognised by sface", (0.6, 0.5), 0.4, 0.3, weak=False),
    ]
    monkeypatch.setattr("livecam.app.proving.prove", lambda *_: proofs[0])
    for told in ("1 of 2 photos could be compared with 'me', told by its look: 0.70 at least", "turned too far"):
        refused = call("consent", "me", "--prove")
        assert refused.exit_code == 1
        assert told in refused.stderr
        assert shown("me")["proven"] is False
        proofs.pop(0)
    proven = call("consent", "me", "--prove")
    assert "a look-alike passes" in proven.stderr
    assert "proven:    yes\n" in proven.stdout
    call("consent", "me", "--renew", "--scope", "live")
    assert shown("me")["proven"] is True
    call("consent", "me", "--renew", "--basis", "written")
    assert shown("me")["proven"] is False, "it was proven that it is one's own"
    assert not np.isnan(proofs[0].scores).any()


def test_erasing_leaves_nothing_and_gives_a_receipt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_FACE_PERSONA", "ann")
    source = photo(folder)
    call("add", "ann", source, "--consent", "self")
    call("favourite", "ann", "3")
    call("set", "ann", "--blend", "0.5")
    personas = folder / "data" / "personas"
    (personas / ".ann-abcd_123" / "photos").mkdir(parents=True)
    (personas / ".ann-abcd_123" / "photos" / "01.png.sealed").write_bytes(b"begun")
    call("add", "ann-lee", photo(folder, "lee.png", value=9), "--consent", "self")
    before = {str(path) for path in personas.rglob("*") if path.is_file() and "ann-lee" not in str(path)}
    done = call("erase", "ann", "--yes", "--receipt", folder / "receipt.json")
    assert done.exit_code == 0, done.output
    assert {path.name for path in personas.iterdir()} == {"ann-lee"}
    receipt = json.loads((folder / "receipt.json").read_text())
    assert {gone["file"] for gone in receipt["files"]} == before
    assert receipt["photos"] == [hashlib.sha256(source.read_bytes()).hexdigest()]
    assert receipt["favourite"] is True
    assert datetime.fromisoformat(receipt["erased"]).tzinfo == UTC
    assert f"Erased 'ann': {len(before)} files" in done.stdout
    assert "not overwritten" in done.stdout
    assert "the configuration still names ann" in done.stderr
    assert "ann" not in call("favourite").stdout
    assert ("persona-erased", "ann") in events(folder)
    call("remove", "ann-lee", "--yes")
    assert events(folder)[-1] == ("persona-removed", "ann-lee")
    call("add", "ann-lee", photo(folder, "lee.png", value=9), "--consent", "self")
    assert call("erase", "ann-lee", "--receipt", folder / "receipt.json").exit_code == 2, "it is there already"


def test_erasing_is_asked_for_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("add", "ann", photo(folder), "--consent", "self")

    class Terminal:
        class stdin:  # noqa: N801 - stands for an attribute
            isatty = staticmethod(lambda: True)

    monkeypatch.setattr(faces_erase, "sys", Terminal)
    asked = call("erase", "ann", text="n\n")
    assert asked.exit_code == 1
    assert asked.stdout.count("This cannot be undone.") == 1
    assert "ann" in call("list").stdout
    assert call("erase", "ann", text="y\n").exit_code == 0
    assert "ann" not in call("list").stdout
