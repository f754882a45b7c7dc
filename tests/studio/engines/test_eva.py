"""EVA02-CLIP-L's eyes: both published layouts, and the sizes of the full one."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")

import torch  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.eva import NAMES, Eva, angles, eva_of, turned  # noqa: E402

PATH = Path("eva.safetensors")


def published() -> dict[str, torch.Tensor]:
    """Every key of eva_clip's vision tower with its shape, from eva_vit_model.py with the L/14-336 configuration."""
    made: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, 1024),
        "pos_embed": (1, 577, 1024),
        "patch_embed.proj.weight": (1024, 3, 14, 14),
        "patch_embed.proj.bias": (1024,),
        "rope.freqs_cos": (576, 64),
        "rope.freqs_sin": (576, 64),
        "norm.weight": (1024,),
        "norm.bias": (1024,),
        "head.weight": (768, 1024),
        "head.bias": (768,),
    }
    for index in range(24):
        for name in ("norm1", "norm2", "attn.inner_attn_ln"):
            made |= {f"blocks.{index}.{name}.{part}": (1024,) for part in ("weight", "bias")}
        made |= {f"blocks.{index}.mlp.ffn_ln.{part}": (2730,) for part in ("weight", "bias")}
        for name in ("q_proj", "k_proj", "v_proj", "proj"):
            made[f"blocks.{index}.attn.{name}.weight"] = (1024, 1024)
        for name in ("q_bias", "v_bias", "proj.bias"):
            made[f"blocks.{index}.attn.{name}"] = (1024,)
        for name, shape in (("w1", (2730, 1024)), ("w2", (2730, 1024)), ("w3", (1024, 2730))):
            made |= {f"blocks.{index}.mlp.{name}.weight": shape, f"blocks.{index}.mlp.{name}.bias": shape[:1]}
        made |= {f"blocks.{index}.attn.rope.freqs_{part}": (576, 64) for part in ("cos", "sin")}
    return {key: torch.empty(shape, device="meta") for key, shape in made.items()}


def as_timm(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same under timm's names, as open_clip publishes it."""
    result = {}
    for key, value in tensors.items():
        if "rope" in key:
            continue
        for theirs, ours in NAMES:
            key = key.replace(ours, theirs)  # noqa: PLW2901 - one name after the other
        result[f"visual.trunk.{key}"] = value
    return result


def test_the_published_file_fits_key_by_key_in_both_layouts() -> None:
    inner = published()
    whole = {f"visual.{key}": value for key, value in inner.items()} | {"text.ln_final.bias": torch.empty(768)}
    for tensors in (inner, whole, as_timm(inner)):
        tower = eva_of(tensors, PATH)
        assert sum(part.numel() for part in tower.parameters()) == 304_432_832
        assert (tower.pixels, tower.seen) == (336, (4, 8, 12, 16, 20))
        assert tuple(tower.turn.shape) == (576, 64)


def small() -> Eva:
    torch.manual_seed(0)
    tower = Eva(4, 14, 128, 96, 6, 32).eval().requires_grad_(requires_grad=False)
    for part in tower.parameters():
        torch.nn.init.normal_(part, std=0.1)
    return tower


def test_both_layouts_see_the_same() -> None:
    tower, picture = small(), torch.randn(2, 3, 56, 56)
    vector, maps = tower(picture)
    assert tuple(vector.shape) == (2, 32)
    assert torch.allclose(vector.norm(dim=-1), torch.ones(2))
    assert [tuple(part.shape) for part in maps] == [(2, 17, 128)] * 5
    for tensors in (tower.state_dict(), as_timm(tower.state_dict())):
        other, others = eva_of(dict(tensors), PATH)(picture)
        assert torch.equal(other, vector)
        assert all(torch.equal(one, two) for one, two in zip(maps, others, strict=True))


def test_the_angles_of_eva_clip() -> None:
    """As VisionRotaryEmbeddingFast counts: 16 positions over 24 patches, rows first, each angle twice."""
    found = angles(24, 64)
    row, column = 5, 7
    at = found[row * 24 + column]
    for index in range(16):
        frequency = 10000 ** (-2 * index / 32)
        assert at[2 * index].item() == at[2 * index + 1].item() == pytest.approx(row / 24 * 16 * frequency)
        assert at[32 + 2 * index].item() == pytest.approx(column / 24 * 16 * frequency)


def test_turning_keeps_lengths_and_depends_on_distance_alone() -> None:
    turn = angles(4, 64)
    query, key = torch.randn(1, 1, 17, 64), torch.randn(1, 1, 17, 64)
    same = query[:, :, 1:2].expand(-1, -1, 16, -1)
    queries = turned(torch.cat((query[:, :, :1], same), dim=2), turn)
    keys = turned(torch.cat((key[:, :, :1], key[:, :, 1:2].expand(-1, -1, 16, -1)), dim=2), turn)
    assert torch.equal(queries[:, :, 0], query[:, :, 0])
    assert torch.allclose(queries[:, :, 1:].norm(dim=-1), same.norm(dim=-1), rtol=1e-5)
    scores = (queries @ keys.transpose(-2, -1))[0, 0, 1:, 1:]
    assert scores[0, 5].item() == pytest.approx(scores[5, 10].item(), rel=1e-4)


def test_what_does_not_fit_is_a_sentence() -> None:
    tensors = published()
    del tensors["blocks.23.mlp.ffn_ln.bias"]
    with pytest.raises(StudioError, match=r"eva.safetensors lacks the key 'blocks.23.mlp.ffn_ln.bias'"):
        eva_of(tensors, PATH)
    with pytest.raises(StudioError, match="It is empty"):
        eva_of({}, PATH)
