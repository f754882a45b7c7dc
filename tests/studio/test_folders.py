"""Which files may be read at all."""

import os
from pathlib import Path

import pytest

from livecam.errors import StudioError
from livecam.studio import folders
from livecam.studio.folders import PICKLES, PROGRAMS, folder_at, plain_file, plain_files
from tests.studio.model_files import small_base, write

FOLDERS, TOPS = ("transformer", "text_encoder", "tokenizer"), ("model_index.json",)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return small_base(tmp_path / "base")


def refused(base: Path) -> StudioError:
    with pytest.raises(StudioError) as told:
        plain_files(base, FOLDERS, TOPS)
    return told.value


def test_the_files_of_a_base_are_found_and_nothing_else(base: Path) -> None:
    write(base / "vae_1_0" / "diffusion_pytorch_model.safetensors", b"not read")
    write(base / "flux1-dev.safetensors", b"not read")
    assert plain_files(base, FOLDERS, TOPS) == (
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
    )


@pytest.mark.parametrize("suffix", sorted(PICKLES))
def test_a_pickle_is_refused_with_what_to_do(base: Path, suffix: str) -> None:
    write(base / "text_encoder" / f"pytorch_model{suffix.upper()}", b"program")
    assert "is a pickle" in refused(base).what
    assert refused(base).next_step == "Move it away: there is a .safetensors beside it."
    (base / "text_encoder" / "model.safetensors").unlink()
    assert "livecam studio convert" in refused(base).next_step


@pytest.mark.parametrize("suffix", sorted(PROGRAMS))
@pytest.mark.parametrize("place", ["", "transformer", "somewhere/else"])
def test_a_program_anywhere_is_refused(base: Path, suffix: str, place: str) -> None:
    write(base / place / f"pipeline{suffix}", b"program")
    assert "is a program" in refused(base).what


def test_what_has_no_place_is_named_all_in_one(base: Path) -> None:
    for name in ("model.onnx", "flax_model.msgpack", "picture.png", "tf_model.h5"):
        write(base / "text_encoder" / name, b"x")
    (base / "text_encoder" / "more").mkdir()
    told = refused(base)
    assert "text_encoder/flax_model.msgpack, text_encoder/model.onnx, text_encoder/more and 2 more" in told.what
    assert "*.safetensors" in told.next_step


def test_a_link_inside_the_folder_is_followed(base: Path) -> None:
    (base / "blobs").mkdir()
    target = base / "transformer" / "config.json"
    target.rename(base / "blobs" / "abc")
    target.symlink_to("../blobs/abc")
    assert "transformer/config.json" in plain_files(base, FOLDERS, TOPS)


@pytest.mark.parametrize("to", ["../../outside.json", "/etc/hostname", "../none"])
def test_a_link_that_leads_out_or_nowhere_is_refused(base: Path, to: str) -> None:
    write(base.parent / "outside.json", b"{}")
    target = base / "transformer" / "config.json"
    target.unlink()
    target.symlink_to(to)
    assert " is a link that leads " in refused(base).what


def test_a_folder_that_is_a_link_out_is_refused(base: Path) -> None:
    (base / "transformer").rename(base.parent / "elsewhere")
    (base / "transformer").symlink_to("../elsewhere")
    assert "leads out of its folder" in refused(base).what


def test_a_pipe_is_no_file(base: Path) -> None:
    (base / "transformer" / "config.json").unlink()
    os.mkfifo(base / "transformer" / "config.json")
    assert "is no plain file" in refused(base).what


def test_empty_and_absurdly_large_files_are_refused(base: Path) -> None:
    write(base / "transformer" / "config.json", b"")
    assert "is no plain file" in refused(base).what
    path = write(base / "transformer" / "config.json", b"{}")
    os.truncate(path, folders.LARGEST_SMALL + 1)
    assert "is no plain file" in refused(base).what


def test_a_missing_folder_is_named(base: Path) -> None:
    for path in (base / "tokenizer").iterdir():
        path.unlink()
    (base / "tokenizer").rmdir()
    assert "no folder tokenizer" in refused(base).what


def test_a_folder_of_far_too_many_files_is_not_looked_through(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_ENTRIES", 5)
    assert "more than 5 files" in refused(base).what


def test_hidden_folders_are_a_downloads_own(base: Path) -> None:
    write(base / ".git" / "hooks" / "pre-commit.py", b"program")
    assert plain_files(base, FOLDERS, TOPS)


def test_the_folder_itself(tmp_path: Path, base: Path) -> None:
    (tmp_path / "link").symlink_to("base")
    assert folder_at(tmp_path / "link") == base.resolve()
    with pytest.raises(StudioError, match="There is no folder"):
        folder_at(tmp_path / "none")
    with pytest.raises(StudioError, match="is no folder"):
        folder_at(base / "model_index.json")


def test_a_single_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.safetensors", b"x")
    monkeypatch.chdir(tmp_path)
    assert plain_file(Path("a.safetensors")) == tmp_path / "a.safetensors"
    for name, told in (
        ("a.bin", "is a pickle.* livecam studio convert"),
        ("a.py", "is a program"),
        ("a.gguf", "is not a .safetensors"),
    ):
        with pytest.raises(StudioError, match=told):
            plain_file(write(tmp_path / name, b"x"))
    with pytest.raises(StudioError, match="cannot be read"):
        plain_file(tmp_path / "none.safetensors")
