"""IP-Adapter tokens on FLUX.1: both layouts, and that our hook adds what diffusers' own processor adds."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.hooks import Clock, IdentityHooks, TokensHook  # noqa: E402
from livecam.studio.engines.tiny_models import DOUBLE, WIDTH, tiny_adapters, tiny_transformer  # noqa: E402
from livecam.studio.engines.tokens import FaceTokens, as_xlabs, renamed, tokens_of  # noqa: E402
from tests.studio.engines.test_hooks import inputs  # noqa: E402

PATH = Path("ip_adapter.safetensors")


def published(vector: int) -> dict[str, torch.Tensor]:
    """XLabs' keys and shapes, from XLabs-AI/x-flux, src/flux/modules/layers.py and xflux_pipeline.py."""
    made: dict[str, tuple[int, ...]] = {
        "ip_adapter_proj_model.proj.weight": (16384, vector),
        "ip_adapter_proj_model.proj.bias": (16384,),
        "ip_adapter_proj_model.norm.weight": (4096,),
        "ip_adapter_proj_model.norm.bias": (4096,),
    }
    for index in range(19):
        name = f"double_blocks.{index}.processor.ip_adapter_double_stream"
        for part in ("k", "v"):
            made |= {f"{name}_{part}_proj.weight": (3072, 4096), f"{name}_{part}_proj.bias": (3072,)}
    return {key: torch.empty(shape, device="meta") for key, shape in made.items()}


@pytest.mark.parametrize("vector", [512, 768])
def test_the_published_file_fits_key_by_key(vector: int) -> None:
    found = tokens_of(published(vector), PATH, 3072, 4096, 19)
    assert found.vector == vector
    assert sum(part.numel() for part in found.ip_adapter.parameters()) == pytest.approx(0.478e9, rel=2e-3)
    assert as_xlabs(found.state_dict()).keys() == published(vector).keys()


def test_diffusers_own_names_fit_too() -> None:
    tensors = {key.replace("ip_adapter.", "ip_adapter.", 1): part for key, part in renamed(published(512)).items()}
    assert tokens_of(tensors, PATH, 3072, 4096, 19).vector == 512


def test_a_long_projection_makes_16_tokens() -> None:
    with torch.device("meta"):
        assert FaceTokens(512, 65536, 64, 1).image_proj.count == 16
        assert FaceTokens(512, 16384, 64, 1).image_proj.count == 4


@torch.no_grad()
@pytest.mark.parametrize("views", [1, 3])
def test_the_hook_is_diffusers_processor_bit_for_bit(views: int) -> None:
    made = tiny_adapters().tokens
    assert made is not None
    vectors = torch.nn.functional.normalize(torch.randn(1, views, 512), dim=-1)
    mine, oracle = tiny_transformer(), tiny_transformer()
    state = made.state_dict()
    oracle._load_ip_adapter_weights(
        [
            {
                "image_proj": {k.removeprefix("image_proj."): v for k, v in state.items() if k.startswith("image")},
                "ip_adapter": {k.removeprefix("ip_adapter."): v for k, v in state.items() if k.startswith("ip_")},
            }
        ]
    )
    for processor in oracle.attn_processors.values():
        processor.scale = [0.7]
    given = inputs() | {"joint_attention_kwargs": {"ip_adapter_image_embeds": [vectors]}}
    with IdentityHooks(mine, [TokensHook(made.ip_adapter, made.image_proj(vectors), 0.7)], Clock(4, 0)):
        found = mine(**inputs())[0]
    assert torch.equal(found, oracle(**given)[0])
    assert not torch.equal(found, tiny_transformer()(**inputs())[0])


def test_one_for_another_base_is_refused() -> None:
    with pytest.raises(StudioError, match=r"19 blocks of .3072, 4096., where 3 of .32, 32. fit"):
        tokens_of(published(512), PATH, WIDTH, WIDTH, DOUBLE)
    tensors = published(512)
    del tensors["double_blocks.4.processor.ip_adapter_double_stream_v_proj.bias"]
    with pytest.raises(StudioError, match=r"ip_adapter.safetensors lacks the key 'ip_adapter.4.to_v_ip.bias'"):
        tokens_of(tensors, PATH, 3072, 4096, 19)
