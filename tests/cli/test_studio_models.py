"""``livecam studio models``, ``register``, ``convert`` and ``forget``: what users see."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli import studio_models
from livecam.cli.studio_models import convert, forget, models, register
from livecam.config import Paths
from livecam.errors import ConfigError, StudioError
from livecam.studio import convert as converting
from livecam.studio import published
from livecam.studio.backends import CAPS
from livecam.studio.layouts import BASE
from livecam.studio.locks import lock_path, read_lock
from livecam.studio.terms import Slot
from tests.studio.model_files import FREELY, SMALL, small_parts, write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """FLUX.1 is small here; what to register for it."""
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": SMALL})
    given = small_parts(tmp_path / "models")
    slots = [f"--{slot}={given[slot]}" for slot in (Slot.ATTENTION, Slot.LANDMARKS)]
    return ["flux1", f"--base={given[BASE]}", *slots, f"--extra=eva={given['eva']}"]


def call(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(register, arguments, input=answer)


def test_terms_are_shown_and_files_locked(flags: list[str]) -> None:
    result = call(*flags, "--accept-licence")
    assert result.exit_code == 0, result.output
    assert "Commercial use: NOT allowed\nLimits: Research only." in result.output
    assert "Registered flux1: base, attention, landmarks, eva (0.0 MB)." in result.output
    lock = read_lock("flux1", Paths.find())
    assert lock is not None
    assert lock.how == "--accept-licence"


def test_where_nobody_can_be_asked_the_flag_is_named(flags: list[str]) -> None:
    result = call(*flags)
    assert isinstance(result.exception, ConfigError)
    assert "add --accept-licence" in str(result.exception)
    assert read_lock("flux1", Paths.find()) is None


@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_terminal_the_user_is_asked(flags: list[str], monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(studio_models, "can_ask", lambda: True)
    result = call(*flags, answer=f"{answer}\n")
    lock = read_lock("flux1", Paths.find())
    if answer == "y":
        assert lock is not None
        assert lock.how == "asked"
    else:
        assert isinstance(result.exception, StudioError)
        assert lock is None


def test_free_licences_are_only_shown(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": FREELY})
    assert call(*flags).exit_code == 0
    lock = read_lock("flux1", Paths.find())
    assert lock is not None
    assert lock.how == "shown"


@pytest.mark.parametrize("extra", ["eva", "=x", "eva=", "eva=a.safetensors"])
def test_an_extra_needs_a_name_and_a_file_once(flags: list[str], extra: str) -> None:
    result = call(*flags, "--extra", extra)
    assert result.exit_code == 2
    assert "NAME=FILE" in result.output


def test_a_wrong_file_is_a_sentence(flags: list[str], tmp_path: Path) -> None:
    result = call(*flags[:2], f"--attention={write(tmp_path / 'pulid.bin', b'pickle')}", "--accept-licence")
    assert isinstance(result.exception, StudioError)
    assert "livecam studio convert" in str(result.exception)


def test_backends_are_told_with_licence_source_and_what_is_missing() -> None:
    result = CliRunner().invoke(models)
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    for expected in (
        "klein4b: FLUX.2 [klein] 4B; the default",
        "FLUX.2 [klein] 4B (Apache-2.0); black-forest-labs/FLUX.2-klein-4B; 16.0 GB at 16 bit",
        "tokens no public weights. It looks at up to four photos",
        "NOT for commercial use",
        "guozinan/PuLID, pulid_flux_v0.9.1.safetensors; 1.1 GB at 16 bit; needs eva",
        "made for the vectors of antelopev2",
        "not registered. See: livecam studio register flux1 --base FOLDER",
        "tiny: random weights",
        "It needs no weights",
        "Nothing is fetched",
    ):
        assert expected in told


def test_what_is_registered_is_told_and_what_is_wrong_with_it(flags: list[str], tmp_path: Path) -> None:
    call(*flags, "--accept-licence")
    told = CliRunner().invoke(models, ["--verify"])
    assert told.exit_code == 0, told.output
    assert f"Registered: {tmp_path / 'models' / 'eva.safetensors'}\n" in told.output
    (tmp_path / "models" / "eva.safetensors").unlink()
    told = CliRunner().invoke(models)
    assert told.exit_code == 1
    assert "cannot be used." in told.output


def test_reading_all_finds_what_looks_the_same(flags: list[str], tmp_path: Path) -> None:
    call(*flags, "--accept-licence")
    path = tmp_path / "models" / "eva.safetensors"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert CliRunner().invoke(models).exit_code == 0
    told = CliRunner().invoke(models, ["--verify", "--json"])
    assert told.exit_code == 1
    assert "is not what was registered" in told.output


def test_machines_are_told_all_of_it(flags: list[str]) -> None:
    call(*flags, "--accept-licence")
    rows = {row["name"]: row for row in json.loads(CliRunner().invoke(models, ["--json"]).stdout)}
    assert rows.keys() == CAPS.keys()
    assert rows["flux1"]["ready"]
    assert rows["flux1"]["registered"].keys() == {"base", "attention", "landmarks", "eva"}
    assert rows["flux1"]["without_public_weights"] == {"tokens": "There is another adapter."}
    assert [part["needs"] for part in rows["flux1"]["parts"] if part["name"] == "attention"] == [["eva"]]
    assert rows["tiny"]["ready"]


def test_it_is_forgotten_and_the_files_stay(flags: list[str], tmp_path: Path) -> None:
    call(*flags, "--accept-licence")
    assert "Forgot flux1; its files were left alone." in CliRunner().invoke(forget, ["flux1"]).output
    assert not lock_path("flux1", Paths.find()).exists()
    assert (tmp_path / "models" / "eva.safetensors").exists()
    assert "Nothing was registered for flux1." in CliRunner().invoke(forget, ["flux1"]).output
    assert isinstance(CliRunner().invoke(forget, ["none"]).exception, StudioError)


@pytest.mark.parametrize(("given", "target"), [((), "eva.safetensors"), (("there.safetensors",), "there.safetensors")])
@pytest.mark.parametrize("alone", [True, False])
def test_a_pickle_is_converted_beside_itself_or_where_told(
    monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], target: str, alone: bool
) -> None:
    def made(source: Path, to: Path, _: object) -> converting.Converted:
        assert (source, to) == (Path("eva.pt"), Path(target))
        return converting.Converted(to, 3, 2_000_000, alone)

    monkeypatch.setattr(converting, "convert", made)
    result = CliRunner().invoke(convert, ["eva.pt", *given])
    assert f"Wrote {target}: 3 tensors, 2.0 MB." in result.output
    assert ("did not let the reading process give up the network" in result.output) is not alone
