"""``livecam models``: what users see and are asked, with made-up networks from a local server."""

import json
import os
import shlex
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from livecam.cli import models_list, models_pull
from livecam.cli.models_shared import embedded_names, presets, told_size
from livecam.cli.root import root
from livecam.config import Paths
from livecam.config.presets import Preset
from livecam.inference import catalogue
from livecam.inference.catalogue import catalogue_folders, load_all
from livecam.inference.licences import answers, book_path
from livecam.inference.model import Model
from livecam.inference.recipes import recipe_names
from livecam.inference.store import model_path
from livecam.inference.web import Again
from tests.inference.models import FREE, content, digest, network, swapper
from tests.inference.servers import Site, running, status

Catalogue: TypeAlias = dict[str, Model]

SWAP, RECOGNISE, LOOSE = content(1), content(2), content(3)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def site(server: Site) -> Site:
    server.files.clear()
    server.asked.clear()
    return server


@pytest.fixture
def networks(site: Site, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue of four, and a preset: a swapper, what it needs, one of unknown digest, and one to be brought."""
    made = [
        swapper("swap", "recognise", "", SWAP, urls=[site.serve("/swap", SWAP)]),
        network("recognise", RECOGNISE, urls=[site.serve("/recognise", RECOGNISE)]),
        network("loose", urls=[site.serve("/loose", LOOSE)], licence=FREE),
        network("brought", content(4), licence=FREE),
    ]
    models = {model.name: model for model in made}
    known = {
        "small": Preset("The small one.", cost="little"),
        "big": Preset("The big one.", swapper="swap", cost="much"),
    }
    monkeypatch.setattr(catalogue, "load_all", lambda _: models)
    for module in (models_list, models_pull):
        monkeypatch.setattr(module, "presets", lambda: known)
    return models


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody can be asked."""
    monkeypatch.setattr(models_pull, "can_ask", lambda: True)


def call(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(root, ["models", *map(str, arguments)], input=text)


def cached(name: str) -> Path:
    return Paths.find().models / name / f"{name}.onnx"


def said() -> list[tuple[str, str, str]]:
    return [(entry.model, entry.answer, entry.how) for entry in answers(book_path(Paths.find().data))]


# list


@pytest.mark.usefixtures("networks")
def test_the_list_says_what_to_pull_at_what_size_and_under_what_licence() -> None:
    lines = call("list").output.splitlines()
    assert lines[0].split("\t") == ["name", "task", "size", "licence", "commercial", "status"]
    assert lines[1].split("\t") == ["swap", "swap", "0.0 MB", "research only", "no", "absent"]
    assert "brought\tconvert\t0.0 MB\tMIT\tyes\tbring it" in lines
    text = "\n".join(lines)
    assert "bring it: get the file yourself, then livecam models pull NAME --from DIR" in text
    assert "face_landmark_with_attention\tlandmarks" in text
    assert "big: The big one.\n  networks  swap, recognise\n" in text
    assert "licences  research only; commercial use not allowed\n  cost      much\n" in text
    assert "to fetch  0.1 MB: livecam models pull --preset big" in text
    assert "livecam models fetch" in text
    assert lines[-1] == f"Recipes of your own belong in {Paths.find().recipes}."


def test_the_list_can_be_read_and_copied_from_on_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the real catalogue: no name is broken in two, and no licence within a word."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    root.main(["models", "list"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    first = {line.split()[0] for line in lines if line and not line.startswith(" ")}
    assert load_all(catalogue_folders(None)).keys() | set(embedded_names()) <= first
    assert all(len(line) <= 80 for line in lines[:50])
    assert any("InsightFace" in line for line in lines)


def test_the_list_as_json_says_what_is_here(networks: Catalogue) -> None:
    call("pull", "swap", "--accept-licence")
    told = json.loads(call("list", "--json").output)
    rows = {row["name"]: row for row in told["networks"]}
    assert rows["swap"]["status"] == "present"
    assert rows["swap"]["needs"] == ["recognise"]
    assert rows["loose"]["status"] == "absent"
    assert rows["brought"]["fetched_by"] == "livecam models pull brought --from DIR"
    assert {preset["preset"]: preset["missing"] for preset in told["presets"]}["big"] == []
    assert {row["name"] for row in told["networks"] if not row["embedded"]} == networks.keys()


def test_commercial_use_counts_what_a_network_needs(networks: Catalogue) -> None:
    networks["swap"] = replace(networks["swap"], licence=FREE)
    assert "swap\tswap\t0.0 MB\tMIT\tno (its needs)\tabsent" in call("list").output


@pytest.mark.usefixtures("networks")
def test_the_list_can_be_narrowed() -> None:
    names = [line.split("\t")[0] for line in call("list", "--task", "swap").output.splitlines()]
    assert names == ["name", "swap"]
    wrong = call("list", "--task", "swop")
    assert (wrong.exit_code, "Did you mean 'swap'?" in wrong.stderr) == (2, True)


def test_sizes_are_told_as_disks_count_them() -> None:
    assert [told_size(size) for size in (232_589, 5_030_888, 554_253_681, 1_661_432_957)] == [
        "0.2 MB",
        "5.0 MB",
        "554 MB",
        "1,661 MB",
    ]


# pull


@pytest.mark.parametrize("arguments", [("swap",), ("--preset", "big")], ids=["by name", "by preset"])
def test_a_swapper_comes_with_what_it_needs(networks: Catalogue, arguments: tuple[str, ...]) -> None:
    result = call("pull", *arguments, "--accept-licence")
    assert result.exit_code == 0, result.output
    assert cached("swap").read_bytes() == SWAP
    assert cached("recognise").read_bytes() == RECOGNISE
    assert cached("swap") == model_path(networks["swap"], Paths.find().models)
    assert "To fetch: swap (0.0 MB), recognise (0.0 MB)." in result.output
    assert said() == [("swap", "accepted", "--accept-licence"), ("recognise", "accepted", "--accept-licence")]


@pytest.mark.usefixtures("networks")
def test_what_is_here_is_not_fetched_again(site: Site) -> None:
    call("pull", "swap", "--accept-licence")
    count = len(site.asked)
    assert call("pull", "swap").exit_code == 0
    assert len(site.asked) == count


def test_an_archive_is_not_kept_when_all_was_taken(networks: Catalogue, site: Site) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as held:
        held.writestr("inner.onnx", content(4))
    url = site.serve("/pack.zip", packed.getvalue())
    networks["brought"] = network("brought", content(4), urls=[f"{url}#inner.onnx"])
    assert call("pull", "brought", "--accept-licence").exit_code == 0
    assert cached("brought").exists()
    assert not list((Paths.find().models / ".archives").iterdir())


@pytest.mark.usefixtures("networks")
def test_without_a_terminal_the_licence_must_be_accepted_by_a_flag(site: Site) -> None:
    result = call("pull", "swap")
    assert result.exit_code == 2
    assert result.stderr == (
        "The licence of swap, recognise has not been accepted (research only), and nobody can be asked here. "
        "Read it with: livecam models licence swap. Then add --accept-licence.\n"
    )
    assert site.asked == []
    assert said() == []


@pytest.mark.usefixtures("networks", "terminal")
def test_the_licence_is_shown_and_asked_for_once() -> None:
    result = call("pull", "swap", text="y\n")
    assert result.exit_code == 0, result.output
    assert result.output.count("Do you accept these terms?") == 1
    assert "swap, recognise\nLicence: research only, granted by Somebody\nCommercial use: NOT allowed" in result.output
    assert said() == [("swap", "accepted", "asked"), ("recognise", "accepted", "asked")]
    assert call("remove", "swap").exit_code == 0
    again = call("pull", "swap")
    assert (again.exit_code, "accept" in again.output) == (0, False)


@pytest.mark.usefixtures("networks", "terminal")
@pytest.mark.parametrize(("text", "code"), [("n\n", 1), ("", 130)], ids=["no", "end of input"])
def test_without_a_yes_nothing_is_fetched(site: Site, text: str, code: int) -> None:
    result = call("pull", "swap", text=text)
    assert result.exit_code == code, result.output
    assert site.asked == []
    assert [answer for _, answer, _ in said()] == (["refused"] * 2 if code == 1 else [])


@pytest.mark.usefixtures("networks", "terminal")
def test_an_unknown_digest_is_shown_asked_for_and_pinned() -> None:
    result = call("pull", "loose", "--accept-licence", text="y\n")
    assert result.exit_code == 0, result.output
    assert digest(LOOSE) in result.output
    assert cached("loose").read_bytes() == LOOSE
    assert call("verify", "loose").exit_code == 0
    cached("loose").write_bytes(content(9))
    assert call("verify", "loose").exit_code == 1


@pytest.mark.usefixtures("networks", "terminal")
def test_an_unknown_digest_that_is_not_wanted_is_not_kept() -> None:
    result = call("pull", "loose", "--accept-licence", text="n\n")
    assert (result.exit_code, "loose was not kept" in result.stderr) == (1, True)
    assert not cached("loose").parent.exists()


@pytest.mark.usefixtures("networks")
def test_scripts_vouch_for_a_digest_by_a_flag() -> None:
    result = call("pull", "loose", "--accept-licence")
    assert result.exit_code == 1
    assert f"livecam models pull loose --sha256 {digest(LOOSE)}" in result.stderr
    assert call("pull", "loose", "--sha256", digest(LOOSE).upper()).exit_code == 0
    wrong = call("pull", "loose", "--sha256", "abc")
    assert (wrong.exit_code, "64 hexadecimal digits" in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("networks")
def test_one_that_fails_does_not_keep_the_others(site: Site) -> None:
    site.serve("/swap", b"", status(404))
    result = call("pull", "swap", "brought", "--accept-licence")
    assert result.exit_code == 1
    assert "swap could not be fetched. somebody (127.0.0.1" in result.stderr
    assert "it is not there (404)" in result.stderr
    assert "brought cannot be fetched: no origin of it is known." in result.stderr
    assert cached("recognise").exists()


@pytest.mark.usefixtures("networks")
def test_offline_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise Again("the name cannot be resolved; is there a network?", unreachable=True)

    monkeypatch.setattr("livecam.inference.web._opener", nowhere)
    result = call("pull", "swap", "--accept-licence")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("swap could not be fetched: the name cannot be resolved; is there a network?")


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Nothing was named to pull."),
        (("swop",), "There is no network 'swop'. Did you mean 'swap'?"),
        (("--preset", "bigg"), "There is no preset 'bigg'. Did you mean 'big'?"),
        (("--preset", "small"), "The preset small needs the embedded networks alone. Run: livecam models fetch"),
        (("face_landmark_with_attention",), "belongs to the embedded swap. Run: livecam models fetch"),
        (("zzzzzz",), "There is no network 'zzzzzz'. See: livecam models list"),
    ],
)
def test_what_cannot_be_pulled_is_a_sentence(arguments: tuple[str, ...], told: str) -> None:
    result = call("pull", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.usefixtures("networks")
def test_a_cache_that_cannot_be_written_is_a_sentence(home: Path) -> None:
    (home / "cache").write_text("")
    result = call("pull", "recognise", "--accept-licence")
    assert result.exit_code == 1
    assert "recognise cannot be kept in" in result.stderr
    assert "Make it writable or name another folder" in result.stderr


# pull --from


@pytest.fixture
def folder(home: Path) -> Path:
    path = home / "downloads" / "models"
    path.mkdir(parents=True)
    return path


@pytest.mark.usefixtures("networks")
def test_files_a_user_has_are_taken_by_digest(folder: Path, site: Site) -> None:
    (folder / "some name.bin").write_bytes(SWAP)
    (folder / "brought.onnx").write_bytes(content(4))
    (folder / "recognise.onnx").write_bytes(content(8))
    result = call("pull", "--from", folder.parent, "--accept-licence")
    assert result.exit_code == 0, result.output
    assert cached("swap").read_bytes() == SWAP
    assert cached("brought").exists()
    assert not cached("recognise").exists()
    assert f"Not taken: {folder / 'recognise.onnx'} is called like recognise" in result.stderr
    assert digest(content(8)) in result.stderr
    assert site.asked == []
    assert {model for model, *_ in said()} == {"swap", "brought"}


@pytest.mark.usefixtures("networks")
def test_what_is_named_must_be_there(folder: Path, site: Site) -> None:
    (folder / "x").write_bytes(SWAP)
    result = call("pull", "swap", "--from", folder, "--accept-licence")
    assert result.exit_code == 1
    assert cached("swap").exists()
    assert f"Not in {folder}: recognise. Without --from, they are fetched." in result.stderr
    assert site.asked == []


@pytest.mark.usefixtures("networks")
def test_a_folder_with_nothing_in_it_is_a_sentence(folder: Path) -> None:
    result = call("pull", "--from", folder)
    assert result.exit_code == 1
    assert f"None of the 0 files in {folder} is a network that is wanted." in result.stderr
    missing = call("pull", "--from", folder / "no")
    assert (missing.exit_code, "No such file or directory" in missing.stderr) == (1, True)


@pytest.mark.usefixtures("networks", "terminal")
def test_a_brought_file_of_unknown_digest_is_asked_for(folder: Path) -> None:
    (folder / "loose.onnx").write_bytes(LOOSE)
    result = call("pull", "loose", "--from", folder, text="y\ny\n")
    assert result.exit_code == 0, result.output
    assert digest(LOOSE) in result.output
    assert call("verify", "loose").exit_code == 0


@pytest.mark.usefixtures("networks")
def test_the_command_that_vouches_for_a_brought_file_works_as_it_is_told(folder: Path, site: Site) -> None:
    """Without --from it would be fetched, and some have no origin."""
    (folder / "loose.onnx").write_bytes(LOOSE)
    told = call("pull", "loose", "--from", folder, "--accept-licence")
    assert told.exit_code == 1
    _, _, command = told.stderr.partition("vouch for it: livecam models ")
    assert call(*shlex.split(command)).exit_code == 0
    assert cached("loose").exists()
    assert site.asked == []


# verify, remove, licence, lock


@pytest.mark.usefixtures("networks")
def test_verify_reads_the_file_itself() -> None:
    assert "There are no networks in" in call("verify").output
    call("pull", "swap", "--accept-licence")
    assert call("verify").exit_code == 0
    stamp = cached("swap").stat()
    cached("swap").write_bytes(SWAP[:-1] + b"!")
    os.utime(cached("swap"), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    result = call("verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {"name": "swap", "status": "corrupt"},
        {"name": "recognise", "status": "present"},
    ]
    assert call("verify", "recognise").exit_code == 0
    assert call("verify", "loose").exit_code == 1
    assert call("verify", "face_landmark_with_attention").exit_code == 1
    assert call("verify", "lose").exit_code == 2


@pytest.mark.usefixtures("networks")
def test_remove_takes_it_away() -> None:
    call("pull", "recognise", "--accept-licence")
    assert "Removed recognise." in call("remove", "recognise").output
    assert not cached("recognise").exists()
    assert "recognise is not in" in call("remove", "recognise").output
    assert call("remove", "..").exit_code == 2


@pytest.mark.usefixtures("networks")
def test_licence_shows_terms_and_whether_they_were_accepted() -> None:
    text = call("licence", "swap").output
    assert "Limits: No commercial use." in text
    assert "Full text: https://example.org/terms" in text
    assert "Accepted: not yet" in text
    assert "It needs recognise, which has terms of its own. See: livecam models licence recognise" in text
    call("pull", "swap", "--accept-licence")
    assert "(--accept-licence)" in call("licence", "swap").output
    assert "Apache-2.0" in call("licence", "face_landmark_with_attention").output
    assert call("licence", "swp").exit_code == 2


def test_lock_names_digest_and_licence_of_what_is_here(networks: Catalogue, home: Path) -> None:
    call("pull", "swap", "--accept-licence")
    result = call("lock", "-o", home / "lock.json")
    assert result.exit_code == 0, result.output
    held = json.loads((home / "lock.json").read_text())
    assert held == json.loads(call("lock", "--json").output)
    assert [(row["name"], row["sha256"], row["licence"]) for row in held["networks"]] == [
        ("swap", digest(SWAP), "research only"),
        ("recognise", digest(RECOGNISE), "research only"),
    ]
    assert held["networks"][0]["recipe"] == networks["swap"].digest
    assert held["networks"][0]["accepted"]
    assert digest(SWAP) in call("lock").output
    wrong = call("lock", "-o", home / "no" / "lock.json")
    assert (wrong.exit_code, "cannot be written" in wrong.stderr) == (1, True)
    cached("swap").write_bytes(b"damaged")
    damaged = call("lock", "--json")
    assert (damaged.exit_code, "swap is damaged and was left out" in damaged.stderr) == (1, True)


# the real catalogue


def test_presets_and_names_of_the_real_catalogue_fit_together() -> None:
    real = load_all(catalogue_folders(None))
    assert {name for preset in presets().values() for name in preset.networks} <= real.keys()
    # Both kinds share a cache folder, in which each has a folder of its name.
    assert not real.keys() & set(recipe_names())
    told = json.loads(call("list", "--json").output)
    assert len(told["networks"]) > 40
    assert all(preset["networks"] for preset in told["presets"])


def test_a_recipe_of_the_users_own_is_listed(home: Path) -> None:
    own = home / "data" / "recipes"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text((catalogue_folders(None)[0] / "xseg_1.toml").read_text().replace("xseg_1", "mine"))
    told = json.loads(call("list", "--json").output)
    assert "mine" in {row["name"] for row in told["networks"]}
