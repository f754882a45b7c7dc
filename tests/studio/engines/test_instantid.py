"""InstantID and FaceID: the published layouts at full size, and what a hook adds."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from diffusers import ControlNetModel, UNet2DConditionModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.instantid import (  # noqa: E402
    FaceProjection,
    adapter_of,
    empty_layers,
    resampler_from,
    tokens_of,
)
from livecam.studio.engines.resampler import Resampler  # noqa: E402
from livecam.studio.engines.sdxl_tiny import write_tiny  # noqa: E402
from livecam.studio.engines.unet_hooks import attentions, on_unet  # noqa: E402
from livecam.studio.terms import Likeness  # noqa: E402

SDXL = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "use_linear_projection": True,
}
"""stabilityai/stable-diffusion-xl-base-1.0, unet/config.json."""


@pytest.fixture(scope="module")
def full() -> UNet2DConditionModel:
    with torch.device("meta"):
        return UNet2DConditionModel(**SDXL)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdxl")
    write_tiny(folder)
    return folder


@pytest.fixture(scope="module")
def unet(tiny: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(tiny / "base" / "unet").eval()


def likeness(seed: int) -> Likeness:
    vectors = np.random.default_rng(seed).normal(size=(2, 512)).astype(np.float32)
    return Likeness(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), (), ())


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.usefixtures("unset")
def test_the_bases_published_sizes(full: UNet2DConditionModel) -> None:
    with torch.device("meta"):
        net = ControlNetModel.from_unet(full, load_weights_from_unet=False)
    assert (count(full), count(net)) == (2_567_463_684, 1_251_014_160)
    assert len(attentions(full)) == 140


def test_instantids_published_keys_and_shapes(full: UNet2DConditionModel) -> None:
    """InstantX/InstantID: ip-adapter.bin."""
    keys = {key: tuple(value.shape) for key, value in empty_layers(full, 0).state_dict().items()}
    assert list(keys)[:3] == ["1.to_k_ip.weight", "1.to_v_ip.weight", "3.to_k_ip.weight"]
    assert len(keys) == 2 * 70
    assert keys["1.to_k_ip.weight"] == (640, 2048)
    assert keys["139.to_v_ip.weight"] == (1280, 2048)
    with torch.device("meta"):
        resampler = Resampler(512, 16, 2048, 1280, 4, 20)
    shapes = {key: tuple(value.shape) for key, value in resampler.state_dict().items()}
    assert shapes["latents"] == (1, 16, 1280)
    assert shapes["proj_in.weight"] == (1280, 512)
    assert shapes["layers.3.0.to_kv.weight"] == (2560, 1280)
    assert shapes["layers.3.1.1.weight"] == (5120, 1280)
    assert shapes["proj_out.weight"] == (2048, 1280)
    assert shapes["norm_out.bias"] == (2048,)


def test_faceids_published_keys_and_shapes(full: UNet2DConditionModel) -> None:
    """h94/IP-Adapter-FaceID: ip-adapter-faceid_sdxl.bin."""
    keys = {key: tuple(value.shape) for key, value in empty_layers(full, 128).state_dict().items()}
    assert len(keys) == 140 * 8 + 70 * 2
    assert keys["0.to_q_lora.down.weight"] == (128, 640)
    assert keys["0.to_k_lora.up.weight"] == (640, 128)
    assert keys["1.to_k_lora.down.weight"] == (128, 2048)
    assert keys["1.to_out_lora.up.weight"] == (640, 128)
    assert keys["139.to_v_ip.weight"] == (1280, 2048)
    with torch.device("meta"):
        projection = FaceProjection(512, 1024, 4, 2048)
    assert {key: tuple(value.shape) for key, value in projection.state_dict().items()} == {
        "proj.0.weight": (1024, 512),
        "proj.0.bias": (1024,),
        "proj.2.weight": (8192, 1024),
        "proj.2.bias": (8192,),
        "norm.weight": (2048,),
        "norm.bias": (2048,),
    }


def test_both_are_told_apart_by_their_keys(tiny: Path, unet: UNet2DConditionModel) -> None:
    instantid, faceid = (adapter_of(tiny / f"{name}.safetensors", unet) for name in ("instantid", "faceid"))
    assert (type(instantid.projection), instantid.rank, len(instantid.low)) == (Resampler, 0, 0)
    assert (type(faceid.projection), faceid.rank, len(faceid.low)) == (FaceProjection, 2, 4 * len(attentions(unet)))
    assert tokens_of(instantid.projection, likeness(1)).shape == (2, 16, 32)
    assert tokens_of(faceid.projection, likeness(1)).shape == (2, 4, 32)


def test_instantid_sees_the_vector_at_its_own_length(tiny: Path) -> None:
    resampler = resampler_from(tiny / "instantid.safetensors")
    seen: list[float] = []
    resampler.register_forward_pre_hook(lambda _module, given: seen.extend(given[0].norm(dim=-1).flatten().tolist()))
    tokens_of(resampler, likeness(1))
    assert seen == [0, pytest.approx(512**0.5)]


@pytest.mark.parametrize("name", ["instantid", "faceid"])
def test_the_published_formula(tiny: Path, unet: UNet2DConditionModel, name: str) -> None:
    """IP-Adapter's own processors, as their authors wrote the sum down, give the same numbers."""
    adapter = adapter_of(tiny / f"{name}.safetensors", unet)
    tokens = tokens_of(adapter.projection, likeness(1))
    attention, layer = attentions(unet)[1], adapter.layers["1"]
    hidden, text = torch.randn(2, 9, attention.to_q.in_features), torch.randn(2, 5, 32)

    def changed(part: str, given: Tensor) -> Tensor:
        linear = attention.to_out[0] if part == "to_out" else getattr(attention, part)
        low = getattr(layer, f"{part}_lora", None)
        return linear(given) + (low(given) if low is not None else 0)

    def looked(key: Tensor, value: Tensor) -> Tensor:
        query = attention.head_to_batch_dim(changed("to_q", hidden))
        weights = attention.get_attention_scores(query, attention.head_to_batch_dim(key), None)
        return attention.batch_to_head_dim(torch.bmm(weights, attention.head_to_batch_dim(value)))

    with torch.no_grad():
        stock = attention(hidden, encoder_hidden_states=text)
        own = looked(layer.to_k_ip(tokens), layer.to_v_ip(tokens))
        expected = changed("to_out", looked(changed("to_k", text), changed("to_v", text)) + 0.7 * own)
        with on_unet(adapter.hang(unet, tokens, 0.7, torch.empty(0))):
            found = attention(hidden, encoder_hidden_states=text)
        assert torch.allclose(found, expected, atol=1e-5)
        assert not torch.allclose(found, stock, atol=1e-2)
        assert torch.equal(attention(hidden, encoder_hidden_states=text), stock)


def broken(tiny: Path, path: Path, key: str, value: Tensor | None) -> Path:
    """InstantID's file with `key` replaced, or taken away."""
    tensors = load_file(tiny / "instantid.safetensors")
    tensors.pop(key, None)
    save_file(tensors if value is None else {**tensors, key: value}, path)
    return path


@pytest.mark.parametrize(
    ("key", "shape", "says"),
    [
        ("ip_adapter.3.to_v_ip.weight", None, r"lacks the key '3\.to_v_ip\.weight'"),
        ("ip_adapter.3.to_v_ip.weight", (2, 2), r"'3\.to_v_ip\.weight' in .* has the shape \(2, 2\)"),
        ("ip_adapter.99.to_v_ip.weight", (2, 2), r"no place for: '99\.to_v_ip\.weight'"),
        ("image_proj.proj_in.bias", (3,), r"'proj_in\.bias' in .* has the shape \(3,\)"),
        ("image_proj.latents", None, r"has no key 'proj\.0\.weight'"),
    ],
)
def test_a_wrong_key_or_shape_is_named_with_its_file(
    tiny: Path, unet: UNet2DConditionModel, tmp_path: Path, key: str, shape: tuple[int, ...] | None, says: str
) -> None:
    path = broken(tiny, tmp_path / "mine.safetensors", key, None if shape is None else torch.zeros(shape))
    with pytest.raises(StudioError, match=says) as told:
        adapter_of(path, unet)
    assert "mine.safetensors" in str(told.value)


def test_other_adapters_are_refused_by_name(tmp_path: Path, tiny: Path, unet: UNet2DConditionModel) -> None:
    plus = tmp_path / "plus.safetensors"
    save_file({"image_proj.perceiver_resampler.proj_in.weight": torch.zeros(2, 2)}, plus)
    with pytest.raises(StudioError, match="FaceID Plus"):
        adapter_of(plus, unet)
    save_file({f"image_proj.{key}": value for key, value in Resampler(512, 4, 16, 64, 1, 1).state_dict().items()}, plus)
    with pytest.raises(StudioError, match="tokens of width 16; this base takes 32"):
        adapter_of(plus, unet)
    with pytest.raises(StudioError, match="not a safetensors file"):
        adapter_of(tmp_path / "ip-adapter.bin", unet)
