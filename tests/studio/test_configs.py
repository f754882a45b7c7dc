"""Whether a folder is what a backend takes, and the sentence where it is not."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.errors import StudioError
from livecam.studio.configs import check_base, check_file, check_folder, read_json
from livecam.studio.folders import LARGEST_SMALL
from livecam.studio.terms import Slot
from tests.studio.model_files import (
    BASE_SHAPES,
    PULID_SHAPES,
    SMALL,
    safetensors,
    small_base,
    small_control,
    write,
)

TRANSFORMER = SMALL.components[0]
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return small_base(tmp_path / "base")


def edit(path: Path, **changes: object) -> None:
    write(path, {**json.loads(path.read_text()), **changes})


def refused(base: Path) -> str:
    with pytest.raises(StudioError) as told:
        check_base(SMALL, base)
    return str(told.value)


def test_a_base_as_published_is_taken(base: Path) -> None:
    check_base(SMALL, base)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "says 'StableDiffusionPipeline', and flux1 takes FluxPipeline"),
        ({"_class_name": ["pipeline", "Own"]}, "code of its own, which is never run"),
        ({"_class_name": None}, "says None"),
        ({"transformer": ["my_code", "FluxTransformer2DModel"]}, "wants ['my_code', 'FluxTransformer2DModel']"),
        ({"transformer": ["diffusers", "UNet2DConditionModel"]}, "it must be diffusers: FluxTransformer2DModel"),
        ({"text_encoder": ["transformers", "AutoModel"]}, "it must be transformers: CLIPTextModel"),
        ({"transformer": ["diffusers"]}, "it must be diffusers"),
        ({"safety_checker": ["own", "Checker"]}, "names a part 'safety_checker'"),
        ({"transformer": None}, "does not name transformer"),
        ({"auto_map": {"AutoModel": "own--code"}}, "asks for code of its own ('auto_map')"),
        ({"custom_pipelines": {"a": "b"}}, "asks for code of its own"),
    ],
)
def test_an_index_that_asks_for_something_else_is_refused(base: Path, changes: Mapping[str, object], told: str) -> None:
    edit(base / "model_index.json", **changes)
    assert told in refused(base)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("transformer/config.json", {"_class_name": "UNet2DConditionModel"}, "must say FluxTransformer2DModel"),
        ("transformer/config.json", {"quantization_config": {"bits": 4}}, "quantised"),
        ("text_encoder/config.json", {"auto_map": {"AutoModel": "x.Y"}}, "'auto_map'"),
        ("text_encoder/config.json", {"trust_remote_code": True}, "'trust_remote_code'"),
        ("text_encoder/config.json", {"attn_implementation": "somebody/attention"}, "'attn_implementation'"),
        ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["x.Y", None]}}, "'auto_map'"),
    ],
)
def test_a_configuration_that_asks_for_something_else_is_refused(
    base: Path, file: str, changes: Mapping[str, object], told: str
) -> None:
    edit(base / file, **changes)
    assert told in refused(base)
    assert file in refused(base)


def test_another_model_on_top_is_refused(base: Path) -> None:
    write(base / "text_encoder" / "adapter_config.json", {"base_model_name_or_path": "elsewhere"})
    assert "asks for another model" in refused(base)


@pytest.mark.parametrize("file", ["transformer/config.json", "tokenizer/tokenizer_config.json", "tokenizer/vocab.json"])
def test_a_file_that_is_missing_is_named(base: Path, file: str) -> None:
    (base / file).unlink()
    assert Path(file).name in refused(base)


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(StudioError, match="JSON"):
        read_json(write(tmp_path / "x.json", content))
    with pytest.raises(StudioError, match="cannot be read"):
        read_json(tmp_path / "none.json")
    os.truncate(tmp_path / "x.json", LARGEST_SMALL + 1)
    with pytest.raises(StudioError, match="JSON"):
        read_json(tmp_path / "x.json")


def test_the_wrong_model_is_told_by_its_shape(base: Path) -> None:
    write(base / "transformer" / WEIGHTS, safetensors({**BASE_SHAPES, "x_embedder.weight": (8, 2)}))
    assert "is not the small base: 'x_embedder.weight' is 8 x 2 and must be 4 x 2" in refused(base)


def test_missing_and_broken_weights_are_told(base: Path) -> None:
    write(base / "text_encoder" / "model.safetensors", b"version of something")
    assert "is not a sound safetensors file" in refused(base)
    (base / "text_encoder" / "model.safetensors").unlink()
    assert "has no model.safetensors" in refused(base)


def shards(folder: Path, *names: str) -> None:
    """The weights of the base in two files, under `names` in the index."""
    (folder / WEIGHTS).unlink()
    for (key, shape), name in zip(BASE_SHAPES.items(), names, strict=True):
        if "/" not in name and (folder / name).parent == folder:
            write(folder / name, safetensors({key: shape}))
    write(folder / f"{WEIGHTS}.index.json", {"weight_map": dict(zip(BASE_SHAPES, names, strict=True))})


def test_weights_in_several_files_are_one(base: Path) -> None:
    shards(base / "transformer", "model-1.safetensors", "model-2.safetensors")
    check_base(SMALL, base)
    (base / "transformer" / "model-2.safetensors").unlink()
    assert "has no model-2.safetensors, which" in refused(base)


@pytest.mark.parametrize(
    "name", ["../../other.safetensors", "/etc/x.safetensors", "a\\b.safetensors", "C:x.safetensors", ".x.safetensors",
             "x.bin", "a\n.safetensors"]
)  # fmt: skip
def test_an_index_leads_nowhere_else(base: Path, name: str) -> None:
    shards(base / "transformer", name, "model-2.safetensors")
    assert "is not a file beside it" in refused(base)


@pytest.mark.parametrize("parts", [None, [], {}])
def test_an_index_without_files_is_refused(base: Path, parts: object) -> None:
    write(base / "transformer" / f"{WEIGHTS}.index.json", {"weight_map": parts})
    assert "names no files" in refused(base)


def test_half_precision_alone_is_taken(base: Path) -> None:
    folder = base / "transformer"
    (folder / WEIGHTS).rename(folder / "diffusion_pytorch_model.fp16.safetensors")
    check_base(SMALL, base)
    write(folder / "other.safetensors", safetensors({"a": (1,)}))
    assert f"has no {WEIGHTS}" in refused(base)


def test_every_file_of_weights_has_to_be_sound(base: Path) -> None:
    write(base / "transformer" / "extra.safetensors", safetensors({"a": (4,)})[:-1])
    assert "extra.safetensors is not a sound" in refused(base)


def test_an_adapter_in_a_folder_is_checked_too(tmp_path: Path) -> None:
    folder = SMALL.parts[Slot.LANDMARKS].folder
    assert folder is not None
    assert check_folder(folder, small_control(tmp_path / "control")) == ()
    edit(tmp_path / "control" / "config.json", _class_name="ControlNetModel")
    with pytest.raises(StudioError, match="must say FluxControlNetModel"):
        check_folder(folder, tmp_path / "control")


def test_an_adapter_in_a_file_is_checked_and_says_what_it_needs(tmp_path: Path) -> None:
    forms = SMALL.parts[Slot.ATTENTION].forms
    path = write(tmp_path / "x.safetensors", safetensors(PULID_SHAPES))
    assert check_file(forms, path) == ("eva",)
    with pytest.raises(StudioError, match="is not the eyes: it has no key"):
        check_file(SMALL.parts["eva"].forms, path)
