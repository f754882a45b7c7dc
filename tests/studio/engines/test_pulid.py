"""PuLID: the published file's names and shapes, and that it calculates what diffusers' copy of it calculates."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402
from diffusers.models.transformers.consisid_transformer_3d import (  # noqa: E402
    LocalFacialExtractor,
    PerceiverCrossAttention,
)

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.perceiver import CrossAttention  # noqa: E402
from livecam.studio.engines.published import read, write  # noqa: E402
from livecam.studio.engines.pulid import IDFormer, empty_pulid, places, pulid_of  # noqa: E402
from livecam.studio.engines.tiny_models import DOUBLE, SINGLE, WIDTH, tiny_adapters  # noqa: E402

PATH = Path("pulid_flux_v0.9.1.safetensors")


def published() -> dict[str, torch.Tensor]:
    """Every key of the real file with its shape, from ToTheBeginning/PuLID, pulid/encoders_transformer.py."""
    made: dict[str, tuple[int, ...]] = {"pulid_encoder.latents": (1, 32, 1024), "pulid_encoder.proj_out": (1024, 2048)}
    names = [*(f"mapping_{index}" for index in range(5)), "id_embedding_mapping"]
    for name in names:
        before, after = (1280, 5120) if name.startswith("id") else (1024, 1024)
        for index, shape in ((0, (1024, before)), (3, (1024, 1024)), (6, (after, 1024))):
            made[f"pulid_encoder.{name}.{index}.weight"], made[f"pulid_encoder.{name}.{index}.bias"] = shape, shape[:1]
        for index in (1, 4):
            made[f"pulid_encoder.{name}.{index}.weight"] = made[f"pulid_encoder.{name}.{index}.bias"] = (1024,)
    for index in range(10):
        made |= attention(f"pulid_encoder.layers.{index}.0.", 1024, 1024, 1024)
        forward = f"pulid_encoder.layers.{index}.1."
        made |= {f"{forward}0.weight": (1024,), f"{forward}0.bias": (1024,)}
        made |= {f"{forward}1.weight": (4096, 1024), f"{forward}3.weight": (1024, 4096)}
    for index in range(20):
        made |= attention(f"pulid_ca.{index}.", 3072, 2048, 2048)
    return {key: torch.empty(shape, device="meta") for key, shape in made.items()}


def attention(name: str, width: int, context: int, inside: int) -> dict[str, tuple[int, ...]]:
    return {
        **{f"{name}norm1.{part}": (context,) for part in ("weight", "bias")},
        **{f"{name}norm2.{part}": (width,) for part in ("weight", "bias")},
        f"{name}to_q.weight": (inside, width),
        f"{name}to_kv.weight": (inside * 2, context),
        f"{name}to_out.weight": (width, inside),
    }


def test_the_published_file_fits_key_by_key() -> None:
    found = pulid_of(published(), PATH, 3072, 19, 38)
    assert len(found.pulid_encoder.state_dict()) == 172
    assert sum(part.numel() for part in found.pulid_encoder.parameters()) == pytest.approx(0.1514e9, rel=1e-3)
    assert sum(part.numel() for part in found.pulid_ca.parameters()) == pytest.approx(0.42e9, rel=2e-3)
    assert (found.pulid_encoder.layers[0][0].heads, found.pulid_ca[0].heads) == (16, 16)


def test_where_it_goes_in() -> None:
    double, single = places(19, 38)
    assert double == (0, 2, 4, 6, 8, 10, 12, 14, 16, 18)
    assert single == (0, 4, 8, 12, 16, 20, 24, 28, 32, 36)


@torch.no_grad()
def test_the_encoder_is_diffusers_copy_to_the_last_bit() -> None:
    torch.manual_seed(0)
    oracle = LocalFacialExtractor(id_dim=96, vit_dim=64, heads=2, output_dim=48, depth=5).eval()
    mine = IDFormer(96, 64, 64, 5, 2, 32, 48).eval()
    mine.load_state_dict(oracle.state_dict())
    vector, maps = torch.randn(2, 96), [torch.randn(2, 7, 64) for _ in range(5)]
    assert torch.equal(mine(vector, maps), oracle(vector, maps))


@torch.no_grad()
def test_the_cross_attention_is_diffusers_copy_to_the_last_bit() -> None:
    torch.manual_seed(0)
    oracle = PerceiverCrossAttention(dim=96, dim_head=128, heads=2, kv_dim=64).eval()
    mine = CrossAttention(96, 64, 2, 128).eval()
    mine.load_state_dict(oracle.state_dict())
    tokens, hidden = torch.randn(2, 32, 64), torch.randn(2, 50, 96)
    assert torch.equal(mine(tokens, hidden), oracle(tokens, hidden))


def test_the_full_size_is_diffusers_copy_by_name_and_shape() -> None:
    with torch.device("meta"):
        oracle = LocalFacialExtractor()
    mine = empty_pulid(published(), PATH).pulid_encoder.state_dict()
    assert {key: part.shape for key, part in mine.items()} == {
        key: part.shape for key, part in oracle.state_dict().items()
    }


def test_written_and_read_it_is_the_same(tmp_path: Path) -> None:
    made, path = tiny_adapters().pulid, tmp_path / "pulid.safetensors"
    assert made is not None
    write(path, made.state_dict())
    again = pulid_of(read(path), path, WIDTH, DOUBLE, SINGLE)
    assert not again.training
    assert not any(part.requires_grad for part in again.parameters())
    assert all(torch.equal(part, again.state_dict()[key]) for key, part in made.state_dict().items())


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("pulid_ca.7.norm2.bias", None, "lacks the key 'pulid_ca.7.norm2.bias'"),
        ("pulid_encoder.latents", None, "has no key 'latents'"),
        ("pulid_encoder.mapping_2.0.weight", (1024, 1000), r"shape \(1024, 1000\); it should be \(1024, 1024\)"),
        ("pulid_ca.0.to_q.weight", (3072,), "2 dimensions"),
        ("pulid_ca.3.to_v.weight", (2, 2), "no place for: 'pulid_ca.3.to_v.weight'"),
    ],
)
def test_what_does_not_fit_is_a_sentence_with_file_and_key(key: str, shape: tuple[int, ...] | None, said: str) -> None:
    tensors = published()
    if shape is None:
        del tensors[key]
    else:
        tensors[key] = torch.empty(shape, device="meta")
    with pytest.raises(StudioError, match=said) as told:
        pulid_of(tensors, PATH, 3072, 19, 38)
    assert PATH.name in str(told.value)


def test_one_for_another_base_is_refused() -> None:
    with pytest.raises(StudioError, match="for another base"):
        pulid_of(published(), PATH, 3072, 8, 24)
